//! What a replica has promised its leader outlasts a restart.
//!
//! Who answers a leader elects nobody else for one lease; leaders read their own state for as long.
//! openraft begins with no lease after a restart, so that a follower that comes back at once could
//! elect another leader while the old one still counts its last answer. Therefore a replica that
//! followed somebody neither votes nor campaigns for one lease after it was opened. Its leader may
//! go on and hand over to it meanwhile.

use std::time::Duration;

use openraft::raft::VoteRequest;
use tokio_util::sync::CancellationToken;

use super::types::TypeConfig;
use super::{Group, RaftHandle, Timing};
use crate::env::Env;

/// Lets a replica campaign only after one lease, and a random time: those that were restarted
/// together must not all campaign at the same moment.
pub(super) fn keep(raft: &RaftHandle, env: &Env, timing: Timing, closing: CancellationToken) {
    raft.runtime_config().elect(false);
    let jitter_ms = env.random.next_u64() % timing.election_min_ms.max(1);
    let pause = Duration::from_millis(timing.election_max_ms + jitter_ms);
    let raft = raft.clone();
    tokio::spawn(async move {
        let slept = closing.run_until_cancelled(tokio::time::sleep(pause)).await;
        if slept.is_some() {
            raft.runtime_config().elect(true);
        }
    });
}

impl Group {
    /// Whether a vote would break what this replica promised before it was restarted. The leader
    /// itself may ask for it, through the one to whom it hands over.
    pub(super) fn has_promised(&self, request: &VoteRequest<TypeConfig>) -> bool {
        let now = self.parts.env.uptime.uptime();
        !request.leadership_transfer && self.promised_until.is_some_and(|until| now < until)
    }
}
