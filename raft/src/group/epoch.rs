//! Epochs: how a group that has lost its majority for good goes on without it.
//!
//! An operator chooses a survivor. Its log gets one more entry, which makes it the only member, in
//! the first term of a new epoch. From there on the group works as any other: the survivor elects
//! itself, and other replicas are added by ordinary changes of members. Nobody agreed to that
//! entry: whatever only the lost replicas knew is lost.
//!
//! The epoch is the upper half of the term, so that log, votes, states and messages all carry it,
//! and nothing else has to be kept. Ordinary elections count in the lower half.
//!
//! Replicas of the old epoch may come back. They are members of nothing any more, but do not know
//! it. A replica takes no message of another epoch than its own, and does not answer with its term
//! either: in Raft, who hears of a higher term adopts it, and could then win an election over those
//! that went on. What makes the old ones give up is the catalog, or, for the catalog's own group,
//! the first message to or from a replica of the new epoch: see [`Group::superseded`].

use std::io;

use openraft::EntryPayload;
use openraft::RaftLogReader;
use openraft::async_runtime::WatchReceiver;
use openraft::entry::RaftEntry;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use tokio::sync::watch;

use super::log::LogStore;
use super::open::{cut_contradiction, load};
use super::types::{Entry, LeaderId, LogId, Membership, Vote, log_id};
use super::{Group, Parts};
use crate::machine::MachineKind;
use crate::types::{GroupId, NodeId};

/// Where the epoch begins in a term.
const SHIFT: u32 = 32;

/// The epoch of a term. Groups begin with epoch 0.
pub fn of_term(term: u64) -> u64 {
    term >> SHIFT
}

fn first_term(epoch: u64) -> u64 {
    epoch << SHIFT
}

/// A message of another epoch.
#[derive(Debug, thiserror::Error)]
#[error("this replica of {group} is of epoch {own}, the message is of epoch {theirs}")]
struct OtherEpoch {
    group: GroupId,
    own: u64,
    theirs: u64,
}

/// The epoch in which the group goes on without the replica whose message met this error.
pub(crate) fn superseding(error: &io::Error) -> Option<u64> {
    let other: &OtherEpoch = error.get_ref()?.downcast_ref()?;
    (other.own > other.theirs).then_some(other.own)
}

/// A group goes on in this epoch: told to whoever waits for [`Group::superseded`].
pub(super) fn note(superseded: &watch::Sender<u64>, epoch: u64) {
    superseded.send_if_modified(|known| {
        let is_news = epoch > *known;
        *known = epoch.max(*known);
        is_news
    });
}

impl Group {
    /// Another node says in which epoch the group goes on.
    pub fn heard_of_epoch(&self, epoch: u64) {
        if self.epoch().is_some_and(|own| own < epoch) {
            note(&self.superseded, epoch);
        }
    }

    /// The epoch of this replica; none as long as it has nothing of the group.
    pub fn epoch(&self) -> Option<u64> {
        let (vote, last) = {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow_watched();
            (metrics.vote.leader_id.term, metrics.last_log_index)
        };
        let applied = self.replica.view(|s| s.applied.map(|id| *id.leader_id));
        let is_new = vote == 0 && last.is_none() && applied.is_none();
        let told = (!is_new).then(|| of_term(vote.max(applied.unwrap_or(0))));
        told.max(self.opened_in)
    }

    /// Refuses a message with a term of another epoch. Notes it if that is a later one.
    pub(super) fn check_epoch(&self, term: Option<u64>) -> io::Result<()> {
        let Some(theirs) = term.map(of_term) else {
            return Ok(());
        };
        // Nearly always so. The rest waits for the state's lock.
        if of_term(self.promised().leader_id.term) == theirs {
            return Ok(());
        }
        let Some(own) = self.epoch().filter(|own| *own != theirs) else {
            return Ok(());
        };
        if theirs > own {
            note(&self.superseded, theirs);
        }
        let group = self.id;
        Err(io::Error::other(OtherEpoch { group, own, theirs }))
    }

    /// Returns when another replica has said that the group goes on in a later epoch without this
    /// one, with that epoch.
    pub async fn superseded(&self) -> u64 {
        let mut superseded = self.superseded.subscribe();
        loop {
            let epoch = *superseded.borrow_and_update();
            if epoch > 0 {
                return epoch;
            }
            // The sender is this group's, and so it does not go before this future does.
            if superseded.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// What a node that is not running, or whose replica is closed, has of a group's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnDisk {
    /// Index of the last entry, and its term.
    pub last: (u64, u64),
    /// The term of the vote.
    pub vote: u64,
}

impl OnDisk {
    /// The term of the last entry or of the vote.
    pub fn term(&self) -> u64 {
        self.last.1.max(self.vote)
    }

    /// The epoch of the replica.
    pub fn epoch(&self) -> u64 {
        of_term(self.term())
    }

    /// Whether a beginning of this epoch was not cut short.
    fn has_begun(&self, epoch: u64) -> bool {
        of_term(self.last.1) >= epoch && of_term(self.vote) >= epoch
    }
}

/// What is on disk of a group's log; none if nothing is.
pub(crate) async fn on_disk(parts: &Parts, id: GroupId) -> io::Result<Option<OnDisk>> {
    let mut log = LogStore::new(parts.wal.group(id), parts.env.io.clone());
    let Some(last) = log.get_log_state().await?.last_log_id else {
        return Ok(None);
    };
    let vote = log.read_vote().await?.map_or(0, |vote| vote.leader_id.term);
    Ok(Some(OnDisk {
        last: (last.index, *last.leader_id),
        vote,
    }))
}

/// Has a closed replica begin an epoch as the only member of its group. Durable when it returns.
/// May be repeated. The state is loaded first: a replica that could not be opened must not go on
/// alone.
pub(crate) async fn begin(parts: &Parts, id: GroupId, kind: MachineKind, epoch: u64) -> io::Result<()> {
    let Some(had) = on_disk(parts, id).await? else {
        return Err(nothing(id, "no log"));
    };
    if had.has_begun(epoch) {
        return Ok(());
    }
    let me = parts.peers.me();
    let log = LogStore::new(parts.wal.group(id), parts.env.io.clone());
    let mut log = log.watched(parts.env.witness.clone());
    if of_term(had.last.1) < epoch {
        let applied = load(parts, id, kind).await.map_err(io::Error::other)?;
        let applied = applied.and_then(|replica| replica.view(|s| s.applied));
        let purged = log.last_purged_index();
        if purged.is_some_and(|purged| applied.is_none_or(|applied| applied.index < purged)) {
            return Err(nothing(id, "no state that its log goes on from"));
        }
        let mut last = had.last.0;
        if let Some(applied) = applied {
            cut_contradiction(&mut log, &applied)
                .await
                .map_err(io::Error::other)?;
            if applied.index > last {
                log.purge(applied).await?;
            }
            last = log
                .get_log_state()
                .await?
                .last_log_id
                .map_or(last, |last| last.index);
            last = last.max(applied.index);
        }
        log.blocking_append([only_member(me, epoch, last + 1)]).await?;
    }
    // After the entry: a log without it must not seem to be of the new epoch.
    save_first_vote(&mut log, me, epoch).await?;
    tracing::warn!(group = %id, epoch, from = had.last.0 + 1, "this replica goes on alone in a new epoch");
    Ok(())
}

/// Ends a beginning that was cut short between the entry and the vote. Says whether there was one.
pub(super) async fn finish(
    log: &mut LogStore,
    last: Option<&LogId>,
    vote: Option<&Vote>,
    me: NodeId,
) -> io::Result<bool> {
    let of_log = last.map_or(0, |last| of_term(*last.leader_id));
    let of_vote = vote.map_or(0, |vote| of_term(vote.leader_id.term));
    if of_log > of_vote {
        save_first_vote(log, me, of_log).await?;
    }
    Ok(of_log > of_vote)
}

async fn save_first_vote(log: &mut LogStore, me: NodeId, epoch: u64) -> io::Result<()> {
    let leader_id = LeaderId {
        term: first_term(epoch),
        voted_for: me,
    };
    let committed = false;
    log.save_vote(&Vote { leader_id, committed }).await
}

fn nothing(id: GroupId, what: &str) -> io::Error {
    let reason = format!("{id} has {what} here that it could go on from");
    io::Error::new(io::ErrorKind::NotFound, reason)
}

fn only_member(me: NodeId, epoch: u64, index: u64) -> Entry {
    let members = std::collections::BTreeSet::from([me]);
    let membership = Membership::new_with_defaults(vec![members.clone()], members);
    let id = log_id(first_term(epoch), index);
    Entry::new(id, EntryPayload::Membership(membership))
}
