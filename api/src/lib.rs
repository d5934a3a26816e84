//! What clients of Millrace see: wire protocols, operations with their inputs, outputs and limits,
//! errors, and who a request says it comes from. Pure: no I/O, no `async`, no clock.
//!
//! Protocols do not know operations, operations do not know protocols: a protocol is a serde format,
//! an operation is a pair of serde types. What one service spells differently in one protocol is
//! data, in the service's table ([`sqs::TABLE`]).

pub mod error;
pub mod protocol;
pub mod sigv4;
pub mod sqs;
