//! What a node does because it runs in a Kubernetes pod, and only there: it asks the API server in which zone its machine is
//! (`zone.rs`), and, before it stops, whether its pod is to be gone for good (`leave.rs`).
//!
//! Each is one GET with the pod's service account. Nothing is watched, nothing is changed there, and no part of a
//! running node depends on an API server that answers.

use clap::Subcommand;
use raft::env::Env;

mod api;
mod leave;
mod scale;
mod spare;
mod zone;

pub use zone::find as find_zone;

/// What a pod may ask this binary to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Prepare for the end of this pod (`preStop`): if its StatefulSet has been scaled down, empty this node and take it out of
    /// the cluster; otherwise only wait until nobody sends it new clients.
    Leave(leave::Flags),
}

/// Does it.
///
/// # Errors
/// If this node should have left the cluster, and could not.
pub async fn run(env: &Env, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Leave(flags) => leave::run(env, flags).await,
    }
}
