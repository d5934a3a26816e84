//! What operators do with a cluster: look at it, drain and remove nodes, say who is to lead. `service.rs` answers on the peer listener
//! of each node, `command.rs` is `millrace cluster`.

mod catalog;
pub mod command;
pub mod recover;
mod retry;
pub mod service;
mod verify;

/// The admin protocol (`proto/admin.proto`).
#[allow(missing_docs, unreachable_pub, clippy::all)] // It is documented where it is declared.
pub mod pb {
    tonic::include_proto!("millrace.admin.v1");
}
