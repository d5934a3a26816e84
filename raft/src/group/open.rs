//! Opens a replica: from its checkpoint and its log, or, when the checkpoint is lost, from a
//! peer's state.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::SnapshotPolicy;

use super::log::LogStore;
use super::network::Network;
use super::proposer::Proposer;
use super::replica::Replica;
use super::state_machine::StateMachine;
use super::{Group, Prelude, wire};
use crate::env::Env;
use crate::machine::{Delta, LoadError, Machine, MachineKind, Row, RowValue};
use crate::peers::{Peers, snapshot};
use crate::store::{Checkpointer, StoreError};
use crate::types::{GroupId, LogIndex, NodeId};
use crate::wal::Wal;

/// Pause between rounds of asking the peers for a lost state.
const FETCH_PAUSE: Duration = Duration::from_millis(250);

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
    /// The checkpoint is of another version.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] io::Error),
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
}

/// Opens the replica of `id`. `replicas` are asked for the state if the checkpoint is lost; that
/// waits until one of them answers, because a replica without its state must neither serve nor vote.
pub(crate) async fn open(
    parts: &Parts,
    id: GroupId,
    kind: MachineKind,
    replicas: &[NodeId],
    prelude: Option<Arc<Prelude>>,
) -> Result<Group, OpenError> {
    let log = LogStore::new(parts.wal.group(id));
    let mut replica = load(parts, id, kind).await?;
    if let Some((LogIndex(purged), _)) = log.wal().purged()
        && replica.as_ref().is_none_or(|r| *r.applied().borrow() <= purged)
    {
        tracing::warn!(group = %id, purged, "the checkpoint is lost; fetching the state from a peer");
        replica = Some(fetch(parts, id, kind, replicas, purged).await?);
    }
    let replica = Arc::new(replica.unwrap_or_else(|| Replica::empty(kind)));
    let machine = StateMachine {
        group: id,
        replica: replica.clone(),
        checkpointer: parts.checkpointer.clone(),
    };
    let network = Network {
        group: id,
        peers: parts.peers.clone(),
    };
    let config = Arc::new(config(id, parts.timing).map_err(OpenError::Raft)?);
    let raft = openraft::Raft::build(parts.peers.me(), config, network, log, machine)
        .await
        .map_err(|e| OpenError::Raft(e.to_string()))?;
    replica.set_running();
    raft.run();
    let proposer = Proposer::start(raft.clone(), replica.clone(), parts.env.clone(), prelude);
    let lease = Duration::from_millis(parts.timing.election_max_ms);
    Ok(Group {
        id,
        kind,
        me: parts.peers.me(),
        lease,
        raft,
        replica,
        proposer,
    })
}

fn config(id: GroupId, timing: Timing) -> Result<openraft::Config, String> {
    openraft::Config {
        cluster_name: id.to_string(),
        heartbeat_interval: timing.heartbeat_ms,
        election_timeout_min: timing.election_min_ms,
        election_timeout_max: timing.election_max_ms,
        // Ours decides when: `Groups` looks at the log's size.
        snapshot_policy: SnapshotPolicy::Never,
        // So is the purging: openraft's own would step back behind ours.
        max_in_snapshot_log_to_keep: u64::MAX,
        // A follower gets a snapshot only when the log it needs is gone.
        replication_lag_threshold: u64::MAX / 4,
        max_payload_entries: 64,
        enable_pre_vote: Some(true),
        ..Default::default()
    }
    .validate()
    .map_err(|e| e.to_string())
}

async fn load(parts: &Parts, id: GroupId, kind: MachineKind) -> Result<Option<Replica>, OpenError> {
    let Some(checkpoint) = parts.checkpointer.load(id).await? else {
        return Ok(None);
    };
    let meta = wire::header_from(&checkpoint.header)?;
    match Machine::load(kind, checkpoint.rows) {
        Ok(mut machine) => {
            machine.take_delta();
            Ok(Some(Replica::with(machine, meta)))
        }
        Err(LoadError(reason)) => {
            tracing::warn!(group = %id, reason, "the checkpoint cannot be used and is dropped");
            parts.checkpointer.forget(id).await?;
            Ok(None)
        }
    }
}

async fn fetch(
    parts: &Parts,
    id: GroupId,
    kind: MachineKind,
    replicas: &[NodeId],
    at_least: u64,
) -> Result<Replica, OpenError> {
    loop {
        for node in replicas.iter().filter(|n| **n != parts.peers.me()) {
            match snapshot::fetch(&parts.peers, *node, id, at_least).await {
                Ok((header, rows)) => {
                    let meta = wire::header_from(&header.header)?;
                    let Ok(mut machine) = Machine::load(kind, rows.iter().cloned()) else {
                        continue;
                    };
                    machine.take_delta();
                    let puts = rows
                        .into_iter()
                        .map(|(key, value)| Row {
                            key,
                            value: RowValue::Encoded(value),
                        })
                        .collect();
                    let delta = Delta {
                        clear: true,
                        puts,
                        deletes: Vec::new(),
                    };
                    parts
                        .checkpointer
                        .write(id, wire::header_to(&meta), delta)
                        .await?;
                    tracing::info!(group = %id, %node, "the state was fetched");
                    return Ok(Replica::with(machine, meta));
                }
                Err(status) => tracing::debug!(group = %id, %node, %status, "no state from this peer yet"),
            }
        }
        tokio::time::sleep(FETCH_PAUSE).await;
    }
}
