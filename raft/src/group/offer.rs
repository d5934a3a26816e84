//! A leader offers its whole state to a follower that fell behind the purged log, which takes it in.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::errors::{NetworkError, StreamingError, Unreachable};
use openraft::raft::SnapshotResponse;
use openraft::{AnyError, Snapshot};
use tokio::time::Instant;
use tonic::Status;

use super::pull::{Pulled, Wanted, pull};
use super::replica::Replica;
use super::state_machine::Rows;
use super::types::{LogId, TypeConfig, Vote};
use super::{Group, wire};
use crate::level::{Level, TooNew};
use crate::machine::Machine;
use crate::peers::snapshot::Connection;
use crate::peers::{Peers, pb};
use crate::types::{GroupId, NodeId};

/// A node that was offered a state and asks for nothing for this long has gone.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Once it has everything, it installs it, which is writing what is left and loading everything.
const INSTALL_MAX: Duration = Duration::from_secs(600);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Offers a leader's state to a follower, and waits until it has installed it. If the way there breaks, and it is offered again soon, the follower
/// goes on where it was.
///
/// openraft goes on from the state that it was told of, `applied`. If the follower was sent a newer one, the log may have let go of what is
/// between the two. So it is asked to look again: it is told of the newer one then ([`Transfers::oldest`]), which the follower has already.
///
/// [`Transfers::oldest`]: super::transfers::Transfers::oldest
pub(super) async fn offer(
    peers: &Arc<Peers>,
    group: GroupId,
    replica: &Replica,
    to: NodeId,
    vote: &Vote,
    applied: Option<LogId>,
) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
    let unreachable = |status: Status| StreamingError::Unreachable(Unreachable::new(&status));
    let mut connection = Connection::to(peers, to).await.map_err(unreachable)?;
    let offer = connection.offer(pb::SnapshotOffer {
        group: group.0,
        cluster: peers.cluster(),
        vote: Some(wire::vote_to(vote)),
        to: to.0,
        applied: applied.map_or(0, |id| id.index),
        level: replica.read(Machine::level).0,
    });
    let taken = tokio::select! {
        // An answer counts even if it comes with the last moment.
        biased;
        taken = offer => taken.map_err(unreachable)?,
        () = silence(replica, to) => {
            let reason = "the node asks for nothing more of the state that it was offered";
            return Err(unreachable(Status::deadline_exceeded(reason)));
        }
    };
    let theirs = wire::vote_from(taken.vote)
        .map_err(|e| StreamingError::Network(NetworkError::new(&AnyError::new(&e))))?;
    let transfers = replica.transfers();
    let was_sent = transfers.to(to).is_some_and(|transfer| transfer.has_all());
    let oldest = transfers.oldest().filter(|_| was_sent);
    if theirs <= *vote && oldest.is_some_and(|oldest| oldest.last_log_id > applied) {
        return Err(unreachable(Status::aborted("a newer state was sent")));
    }
    Ok(SnapshotResponse::new(theirs))
}

/// Returns when a node has not asked for anything for too long.
async fn silence(replica: &Replica, to: NodeId) {
    let begun = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let transfer = replica.transfers().to(to);
        let patience = match &transfer {
            Some(transfer) if transfer.has_all() => INSTALL_MAX,
            _ => SILENCE_MAX,
        };
        let used = transfer.map_or(begun, |transfer| transfer.used());
        if used.max(begun).elapsed() > patience {
            return;
        }
    }
}

impl Group {
    /// Takes in the state that a leader offers, in place of this replica's.
    pub(crate) async fn take_offer(&self, offer: pb::SnapshotOffer) -> Result<pb::SnapshotTaken, Status> {
        let what = || format!("the state of {} that is offered", self.id);
        let is_known = TooNew::check(Level(offer.level), self.parts.env.level, what);
        is_known.map_err(|e| Status::failed_precondition(e.to_string()))?;
        let term = offer.vote.as_ref().map(|vote| vote.term);
        let other = |e: io::Error| Status::failed_precondition(e.to_string());
        self.check_epoch(term).map_err(other)?;
        let vote = wire::vote_from(offer.vote).map_err(|e| Status::invalid_argument(e.to_string()))?;
        let mine = self.promised();
        let has_it = *self.replica.applied().borrow() > offer.applied;
        if has_it || mine > vote {
            let vote = Some(wire::vote_to(&mine));
            return Ok(pb::SnapshotTaken { vote });
        }
        let from = vote.leader_id.voted_for;
        let pulled = async {
            let _slot = self.parts.pulls.slot(self.id, from).await?;
            pull(&self.parts, self.id, from, Wanted::Covering(offer.applied)).await
        };
        let pulled = self.closing.run_until_cancelled(pulled).await;
        let Pulled { header, hold } =
            pulled.ok_or_else(|| Status::aborted("the replica is being closed"))??;
        let malformed = |e: io::Error| Status::data_loss(e.to_string());
        let (meta, level) = wire::header_from(&header, self.parts.env.level).map_err(malformed)?;
        if meta
            .last_log_id
            .as_ref()
            .is_some_and(|last| *last.leader_id > vote.leader_id.term)
        {
            return Err(Status::aborted("there is a newer leader"));
        }
        if meta
            .last_log_id
            .as_ref()
            .is_none_or(|last| last.index < offer.applied)
        {
            return Err(Status::aborted("the state is older than what was offered"));
        }
        let snapshot = Snapshot {
            meta,
            snapshot: Rows::Staged(hold, level),
        };
        let taken = self.raft.install_full_snapshot(vote, snapshot).await;
        let taken = taken.map_err(|e| Status::failed_precondition(e.to_string()))?;
        // If it was not wanted any more, it is still there.
        if let Some(hold) = self.parts.pulls.hold(self.id)
            && hold.from.is_none()
        {
            let unstaged = self.parts.checkpointer.unstage(self.id).await;
            unstaged.map_err(|e| Status::internal(e.to_string()))?;
        }
        let vote = Some(wire::vote_to(&taken.vote));
        Ok(pb::SnapshotTaken { vote })
    }
}
