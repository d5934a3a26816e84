//! Opens a replica: from its checkpoint and its log, or, when the checkpoint is lost, from a
//! peer's state.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use openraft::storage::RaftLogStorage;
use openraft::{RaftLogReader, SnapshotPolicy};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::acks::Acks;
use super::birth::{self, Birth, Origin};
use super::epoch;
use super::log::LogStore;
use super::memory::Memory;
use super::network::Network;
use super::promise;
use super::proposer::{InFlight, Proposer};
use super::pull::{Wanted, pull};
use super::pulls::Pulls;
use super::replica::Replica;
use super::reverted::{Repair, Reversions};
use super::state_machine::{Installed, StateMachine};
use super::types::LogId;
use super::{Group, Prelude, wire};
use crate::env::Env;
use crate::machine::MachineKind;
use crate::peers::snapshot::SnapshotOptions;
use crate::peers::{Peers, Throttle};
use crate::planted::{Bug, planted};
use crate::quarantine::{Broken, Cause, Quarantine};
use crate::store::{Checkpointer, StoreError};
use crate::types::{GroupId, LogIndex, NodeId};
use crate::wal::Wal;
use crate::witness::Kept;

/// The times that Raft runs by, in milliseconds. A lost leader is replaced after `election_max`
/// plus a random share between `election_min` and `election_max`.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How often a leader shows that it is there.
    pub heartbeat_ms: u64,
    /// Shortest patience of a follower, beyond the leader's lease.
    pub election_min_ms: u64,
    /// Longest patience, and the leader's lease.
    pub election_max_ms: u64,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            heartbeat_ms: 150,
            election_min_ms: 300,
            election_max_ms: 600,
        }
    }
}

/// Why a replica cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The checkpoint store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint is of another version, or the log cannot be read.
    #[error("its files: {0}")]
    Files(#[from] io::Error),
    /// The checkpoint is lost and no peer gave its state by now. A replica without its state must
    /// neither serve nor vote, so it stays closed; try again later.
    #[error("the state of {0} is lost here, and no other replica could be asked for it yet")]
    NoState(GroupId),
    /// It was opened, or was to be, and its machine or its files could not cope with what is there.
    #[error("{}", .0.reason)]
    Broken(Broken),
    /// It is out of service. See [`crate::groups::Groups::retry`].
    #[error(transparent)]
    Quarantined(#[from] Quarantine),
    /// The log and the checkpoint do not fit.
    #[error("raft: {0}")]
    Raft(String),
}

/// What every group of a node is made with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) env: Env,
    pub(crate) wal: Wal,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) peers: Arc<Peers>,
    pub(crate) timing: Timing,
    /// See [`crate::store::LettersOptions`].
    pub(crate) front: u64,
    /// What all groups have in flight.
    pub(crate) in_flight: InFlight,
    /// What followers were found to have lost.
    pub(crate) reversions: Reversions,
    /// What all groups remember of answered calls.
    pub(crate) memory: Memory,
    /// The states that this node is taking in.
    pub(crate) pulls: Pulls,
    /// How states travel.
    pub(crate) snapshots: SnapshotOptions,
    /// What it may send of states.
    pub(crate) throttle: Arc<Throttle>,
}

/// Opens the replica of `id`. `replicas` are asked once for the state if the checkpoint is lost, or if this node has nothing and
/// joins the group. `replace` says that the checkpoint cannot be read: it is not looked at, and stays until another replica's
/// state has taken its place.
pub(crate) async fn open(
    parts: &Parts,
    id: GroupId,
    kind: MachineKind,
    replicas: &[NodeId],
    prelude: Option<Arc<Prelude>>,
    origin: &Origin,
    replace: bool,
) -> Result<Group, OpenError> {
    let mut log = LogStore::new(parts.wal.group(id), parts.env.io.clone()).watched(parts.env.witness.clone());
    let last = log.get_log_state().await?.last_log_id;
    let mut vote = log.read_vote().await?;
    if epoch::finish(&mut log, last.as_ref(), vote.as_ref(), parts.peers.me()).await? {
        vote = log.read_vote().await?;
    }
    let term = vote.map_or(0, |vote| vote.leader_id.term);
    let own = epoch::of_term(last.as_ref().map_or(term, |last| term.max(*last.leader_id)));
    let mut replica = match replace {
        true => None,
        false => load(parts, id, kind).await?,
    };
    if let Some((LogIndex(purged), _)) = log.wal().purged()
        && replica.as_ref().is_none_or(|r| *r.applied().borrow() <= purged)
    {
        tracing::info!(group = %id, purged, "the checkpoint is lost; asking the other replicas for the state");
        let wanted = Wanted::Covering(purged);
        let fetched = fetch(parts, id, kind, replicas, wanted, own).await?;
        replica = Some(fetched.ok_or(OpenError::NoState(id))?);
    }
    let is_new = last.is_none() && replica.is_none();
    if is_new && matches!(origin, Origin::Joins) {
        let fetched = fetch(parts, id, kind, replicas, Wanted::Latest, own).await?;
        replica = Some(fetched.ok_or(OpenError::NoState(id))?);
    }
    if let Some(applied) = replica.as_ref().and_then(|r| r.view(|s| s.applied)) {
        cut_contradiction(&mut log, &applied).await?;
    }
    // What openraft tells of itself comes a moment later.
    let opened_in = (last.is_some() || vote.is_some()).then_some(own);
    let newborn: Option<&Birth> = match origin {
        Origin::Founded(birth) if is_new => Some(birth),
        _ => None,
    };
    let replica = Arc::new(replica.unwrap_or_else(|| Replica::empty(kind)));
    if let Some(witness) = &parts.env.witness {
        let last = log.get_log_state().await?.last_log_id;
        let end = last.map_or(0, |last| last.index + 1);
        let kept = Kept {
            applied: *replica.applied().borrow(),
            end,
            term,
        };
        witness.opened(id, kept);
    }
    if let Some(birth) = newborn {
        birth::begin(&mut log, &birth.members).await?;
    }
    let machine = StateMachine {
        group: id,
        witness: parts.env.witness.clone(),
        replica: replica.clone(),
        checkpointer: parts.checkpointer.clone(),
        io: parts.env.io.clone(),
        installed: Installed::default(),
        front: parts.front,
        kind,
        level: parts.env.level,
    };
    let wal = log.wal().clone();
    let acks = Arc::<Acks>::default();
    let repair = Arc::new(Repair::new(parts.reversions.clone()));
    let superseded = watch::Sender::new(0);
    let network = Network {
        group: id,
        peers: parts.peers.clone(),
        acks: acks.clone(),
        repair: repair.clone(),
        uptime: parts.env.uptime.clone(),
        superseded: superseded.clone(),
    };
    let config = Arc::new(config(id, parts.timing).map_err(OpenError::Raft)?);
    let raft = openraft::Raft::new(parts.peers.me(), config, network, log, machine).await;
    // Entries that are known to be committed are applied before there is a task that could fail.
    let raft = raft.map_err(|e| match replica.broken() {
        Some(broken) => OpenError::Broken(broken.clone()),
        None => OpenError::Raft(e.to_string()),
    })?;
    repair.open(&raft);
    let proposer = Proposer::start(
        raft.clone(),
        replica.clone(),
        parts.env.clone(),
        prelude,
        parts.in_flight.clone(),
        parts.memory.clone(),
    );
    let lease = Duration::from_millis(parts.timing.election_max_ms);
    let closing = CancellationToken::new();
    // It followed another leader, perhaps just before it ended.
    let promised = vote.filter(|vote| vote.committed && vote.leader_id.voted_for != parts.peers.me());
    let promised_until = promised.map(|_| parts.env.uptime.uptime() + lease);
    if promised.is_some() {
        promise::keep(&raft, &parts.env, parts.timing, closing.clone());
    }
    let group = Group {
        id,
        kind,
        me: parts.peers.me(),
        lease,
        acks,
        repair,
        promised_until,
        given_up: AtomicU64::new(0),
        handed_over: Mutex::default(),
        raft,
        replica,
        log: wal,
        proposer,
        parts: parts.clone(),
        closing,
        superseded,
        opened_in,
    };
    if newborn.is_some_and(|birth| birth.first) {
        // If the replica has stopped since, others will be elected.
        let _ = group.campaign().await;
    }
    Ok(group)
}

fn config(id: GroupId, timing: Timing) -> Result<openraft::Config, String> {
    openraft::Config {
        cluster_name: id.to_string(),
        heartbeat_interval: timing.heartbeat_ms,
        election_timeout_min: timing.election_min_ms,
        election_timeout_max: timing.election_max_ms,
        // Ours decides when: `Groups` looks at the log's size.
        snapshot_policy: SnapshotPolicy::Never,
        // So is the purging (`space.rs`): openraft's own would step back behind ours.
        max_in_snapshot_log_to_keep: u64::MAX,
        // A follower gets a snapshot only when the log it needs is gone.
        replication_lag_threshold: u64::MAX / 4,
        max_payload_entries: 64,
        enable_pre_vote: Some(true),
        // A leader sends entries before they are on its own disk. One that lost power and went on in its
        // old term would fill the places of entries that followers have with others of the same term.
        enable_leader_restore: Some(planted(Bug::LeaderRestored)),
        ..Default::default()
    }
    .validate()
    .map_err(|e| e.to_string())
}

pub(super) async fn load(
    parts: &Parts,
    id: GroupId,
    kind: MachineKind,
) -> Result<Option<Replica>, OpenError> {
    let loaded = parts.checkpointer.load(id, kind).await;
    let loaded = loaded.map_err(|error| match unloadable(&error) {
        Some(cause) => OpenError::Broken(Broken {
            cause,
            index: None,
            reason: format!("the checkpoint cannot be loaded: {error}"),
        }),
        None => OpenError::Store(error),
    })?;
    let Some((header, machine)) = loaded else {
        return Ok(None);
    };
    let (meta, _) = wire::header_from(&header, parts.env.level)?;
    Ok(Some(Replica::with(machine, meta)))
}

/// What is wrong with the checkpoint of one group, if the others can do without it. A block of the disk that cannot be read may
/// look like a fault of the whole store: then writing the replacement fails, and that does end the node.
fn unloadable(error: &StoreError) -> Option<Cause> {
    match error {
        StoreError::Panicked(_) => Some(Cause::Entry),
        StoreError::Unreadable(_) | StoreError::Failed(_) => Some(Cause::Files),
        _ => None,
    }
}

/// Removes what the log has after its purged part if its entry at `applied` is another one. Then it
/// is the tail of a leader who lost: nothing of it was ever acknowledged, and all that is known to be
/// committed is in the state. Entries that continue the state stay: this replica promised to keep them.
pub(super) async fn cut_contradiction(log: &mut LogStore, applied: &LogId) -> Result<(), OpenError> {
    let there = log.try_get_log_entries(applied.index..applied.index + 1).await?;
    if there.first().is_some_and(|entry| entry.log_id != *applied) {
        let purged = log.wal().purged().map(|(last, _)| last);
        tracing::warn!(group = %log.wal().id(), %applied, "the log's tail contradicts the state and goes");
        log.cut_after(purged)?;
    }
    Ok(())
}

/// Asks each of `replicas` once for a state of this epoch or a later one, first the one that has
/// begun to give it.
async fn fetch(
    parts: &Parts,
    id: GroupId,
    kind: MachineKind,
    replicas: &[NodeId],
    wanted: Wanted,
    epoch: u64,
) -> Result<Option<Replica>, OpenError> {
    let begun_with = parts.pulls.begun_with(id);
    let first = replicas.iter().filter(|node| Some(**node) == begun_with);
    let others = replicas.iter().filter(|node| Some(**node) != begun_with);
    for node in first.chain(others).filter(|n| **n != parts.peers.me()) {
        let pulled = match pull(parts, id, *node, wanted).await {
            Ok(pulled) => pulled,
            Err(status) => {
                tracing::debug!(group = %id, %node, %status, "no state from this peer yet");
                continue;
            }
        };
        let (meta, level) = wire::header_from(&pulled.header, parts.env.level)?;
        let term = meta.last_log_id.map_or(0, |last| *last.leader_id);
        if epoch::of_term(term) < epoch {
            tracing::debug!(group = %id, %node, "this peer's state is of an earlier epoch");
            parts.pulls.forget(id).await;
            continue;
        }
        match parts
            .checkpointer
            .commit(id, wire::header_to(&meta, level), kind)
            .await
        {
            Ok(machine) => {
                tracing::info!(group = %id, %node, "the state was fetched");
                return Ok(Some(Replica::with(machine, meta)));
            }
            Err(
                error @ (StoreError::Unreadable(_)
                | StoreError::Panicked(_)
                | StoreError::NotStaged(_)
                | StoreError::Full(_)),
            ) => {
                tracing::warn!(group = %id, %node, %error, "the state that this peer gave cannot be used");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use openraft::EntryPayload;
    use openraft::entry::RaftEntry;
    use openraft::storage::RaftLogStorageExt;

    use super::super::types::{Entry, log_id};
    use super::*;
    use crate::wal::WalOptions;

    /// A log of terms from index 1 on, purged up to `purged`.
    async fn log(dir: &std::path::Path, terms: &[u64], purged: u64) -> LogStore {
        let env = Env::real().unwrap();
        let wal = Wal::open(&env, dir, WalOptions::default()).unwrap();
        let mut log = LogStore::new(wal.group(GroupId(1)), env.io);
        let entries = (1..)
            .zip(terms)
            .map(|(index, term)| Entry::new(log_id(*term, index), EntryPayload::Blank));
        log.blocking_append(entries.collect::<Vec<_>>()).await.unwrap();
        let last = log_id(terms[purged as usize - 1], purged);
        RaftLogStorage::purge(&mut log, last).await.unwrap();
        log
    }

    #[tokio::test]
    async fn only_a_tail_that_contradicts_the_state_goes() {
        let kept = [(log_id(1, 4), 3..7), (log_id(1, 6), 3..7), (log_id(3, 9), 3..7)];
        for (applied, range) in kept {
            let dir = tempfile::tempdir().unwrap();
            let mut log = log(dir.path(), &[1, 1, 1, 1, 1, 1], 2).await;
            cut_contradiction(&mut log, &applied).await.unwrap();
            assert_eq!(log.wal().range(), range, "{applied}");
        }
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path(), &[1, 1, 1, 2, 2, 2], 2).await;
        cut_contradiction(&mut log, &log_id(3, 5)).await.unwrap();
        assert!(log.wal().range().is_empty());
        assert_eq!(log.last_purged_index(), Some(2));
    }
}
