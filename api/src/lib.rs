//! What Millrace's clients see: wire protocols, operations' inputs and outputs, errors. Pure.
//!
//! A request takes this way through the crate, and a reply the same way back:
//!
//! ```text
//! protocol::recognise(head, body) -> Call { operation, framing, … }
//!   call.decode::<sqs::send_message::Input>()   protocol/{aws_json, query} -> sqs/<operation>: validated
//!   … the node does the work …
//! call.reply(&Output, request_id)               sqs/<operation> -> protocol/{aws_json, xml}
//! call.fail(&ApiError, request_id)
//! ```
//!
//! Protocols do not know operations and operations do not know protocols: what a service calls a
//! list on the query wire, or an error in either spelling, stands in the service's tables
//! ([`sqs::Operation`], [`sqs::errors`]). A new operation is its file and a line in its service's
//! table; a new service is a folder and a variant of [`protocol::Operation`].
//!
//! What is absent, on purpose: I/O, `async`, clocks, randomness, and any notion of nodes or groups
//! beyond the number inside a receipt handle. Signatures are parsed, not verified.

pub mod error;
pub mod protocol;
pub mod sigv4;
pub mod sqs;
pub mod types;
