//! A real openraft replica on what a crash has left, opened as `raft/src/group/open.rs` does it.

use std::sync::Arc;

use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::storage::RaftLogStorage;
use openraft::{Config, EmptyNode, OptionalSend, Raft, Snapshot, SnapshotPolicy};
use parking_lot::Mutex;
use raft::env::Env;
use raft::group::entry::{CommittedLeaderId, LogId, Vote, decode_log_id};
use raft::group::log::LogStore;
use raft::group::types::TypeConfig;
use raft::types::NodeId;
use raft::wal::GroupLog;

use crate::applied::Applied;

/// Opens the replica and ends it. Its state is the checkpoint that the purge was done behind.
/// Returns the last entry that it applied.
pub(crate) async fn start(log: GroupLog) -> Result<Option<LogId>, String> {
    let checkpoint = match log.purged() {
        Some((_, description)) => Some(decode_log_id(description).map_err(|e| e.to_string())?),
        None => None,
    };
    let machine = Applied {
        last: Arc::new(Mutex::new(checkpoint)),
        ..Applied::default()
    };
    let last = machine.last.clone();
    let config = Config {
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        enable_tick: false,
        enable_leader_restore: Some(false),
        ..Config::default()
    };
    let config = Arc::new(config.validate().map_err(|e| e.to_string())?);
    let mut store = LogStore::new(log, Env::real().map_err(|e| e.to_string())?.io);
    let committed = store.read_committed().await.map_err(|e| e.to_string())?;
    let raft = Raft::<TypeConfig, Applied>::new(NodeId(1), config, Nobody, store, machine)
        .await
        .map_err(|e| e.to_string())?;
    let applied = *last.lock();
    raft.shutdown().await.map_err(|e| e.to_string())?;
    if applied < committed {
        return Err(format!("applied {applied:?}, committed {committed:?}"));
    }
    Ok(applied)
}

/// A network on which nobody is there.
struct Nobody;

impl RaftNetworkFactory<TypeConfig> for Nobody {
    type Network = Nobody;

    async fn new_client(&mut self, _: NodeId, _: &EmptyNode) -> Nobody {
        Nobody
    }
}

fn unreachable() -> Unreachable<TypeConfig> {
    Unreachable::new(&openraft::AnyError::error("nobody is there"))
}

impl RaftNetworkV2<TypeConfig> for Nobody {
    type SnapshotData = ();

    async fn append_entries(
        &mut self,
        _: AppendEntriesRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(RPCError::Unreachable(unreachable()))
    }

    async fn vote(
        &mut self,
        _: VoteRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(RPCError::Unreachable(unreachable()))
    }

    async fn full_snapshot(
        &mut self,
        _: Vote,
        _: Snapshot<CommittedLeaderId, NodeId, EmptyNode, ()>,
        _: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        Err(StreamingError::Network(NetworkError::new(
            &openraft::AnyError::error("nobody is there"),
        )))
    }
}
