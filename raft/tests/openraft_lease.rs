//! Why leases are measured by a table of ours (`src/group/acks.rs`): openraft takes a late answer
//! to one request for an answer to later ones that ask for no more.
//!
//! A leader has two followers. The first answers an append at once; the second one's answer is held
//! up. So the entry is committed, and the leader tells both in an empty append, which nobody
//! answers. Then the late answer comes: openraft believes now that the second follower followed it
//! when the empty append left, which it may never have seen. Should this test fail, openraft has
//! changed, and the table may go.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use openraft::async_runtime::WatchReceiver;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, VoteRequest,
    VoteResponse,
};
use openraft::{AnyError, EmptyNode, Instant, OptionalSend, Raft, ServerState, TokioInstant};
use raft::env::Env;
use raft::group::entry::Vote;
use raft::group::log::LogStore;
use raft::group::types::{Payload, TypeConfig};
use raft::level::Level;
use raft::types::{GroupId, NodeId};
use raft::wal::{Wal, WalOptions};
use tokio::sync::watch;

#[path = "common/applied.rs"]
mod applied;

use applied::Applied;

/// A failed test ends instead of waiting for ever.
const PATIENCE: Duration = Duration::from_secs(30);

const LEADER: NodeId = NodeId(1);
const FOLLOWERS: [NodeId; 2] = [NodeId(2), NodeId(3)];

/// Everything is answered at once.
const CALM: u64 = 0;
/// From here on, a follower answers entries when the phase has its number, and nothing else.
const HELD_UP: u64 = 1;

/// The way to the followers, who do all that they are asked.
#[derive(Clone)]
struct Network {
    target: NodeId,
    phase: watch::Receiver<u64>,
    /// Appends since the phase of hold-ups began: to whom, and whether they had no entries.
    sent: watch::Sender<Vec<(NodeId, bool)>>,
}

type Failed = RPCError<TypeConfig>;

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Network;

    async fn new_client(&mut self, target: NodeId, _: &EmptyNode) -> Network {
        Network {
            target,
            ..self.clone()
        }
    }
}

impl Network {
    fn answer(
        &self,
        request: &AppendEntriesRequest<TypeConfig>,
    ) -> impl Future<Output = Result<StreamAppendResult<TypeConfig>, Failed>> + Send + use<> {
        let is_empty = request.entries.is_empty();
        let last = request.entries.last().map(|entry| entry.log_id);
        let matched = last.or(request.prev_log_id);
        let mut phase = self.phase.clone();
        let now = *phase.borrow();
        let answered_from = match now {
            CALM => CALM,
            _ if is_empty => u64::MAX,
            _ => self.target.0,
        };
        if answered_from != CALM {
            self.sent.send_modify(|sent| sent.push((self.target, is_empty)));
        }
        async move {
            let reached = phase.wait_for(|phase| *phase >= answered_from).await;
            let gone = |error| RPCError::Network(NetworkError::new(&error));
            reached.map(|_| Ok(matched)).map_err(gone)
        }
    }
}

impl RaftNetworkV2<TypeConfig> for Network {
    type SnapshotData = ();

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, Failed> {
        self.answer(&request)
            .await
            .map(|_| AppendEntriesResponse::Success)
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<TypeConfig>, Failed>>, Failed>>
    where
        S: futures::Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        let this = self.clone();
        let replies = input.map(move |request| this.answer(&request)).buffered(16);
        let replies: BoxStream<'s, _> = Box::pin(replies);
        Box::pin(std::future::ready(Ok(replies)))
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        _: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, Failed> {
        Ok(VoteResponse::new(request.vote, None, true))
    }

    async fn full_snapshot(
        &mut self,
        _: Vote,
        _: openraft::alias::SnapshotOf<TypeConfig, ()>,
        _: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let reason = AnyError::error("nobody needs a snapshot here");
        Err(StreamingError::Network(NetworkError::new(&reason)))
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

/// A leader that everybody follows.
async fn leader(dir: &std::path::Path, network: Network) -> Raft<TypeConfig, Applied> {
    let config = openraft::Config {
        // What is seen comes of replication alone.
        enable_heartbeat: false,
        enable_elect: false,
        ..Default::default()
    };
    let env = Env::real().unwrap();
    let wal = Wal::open(&env, dir, WalOptions::default()).unwrap();
    let log = LogStore::new(wal.group(GroupId(1)), env.io);
    let config = Arc::new(config.validate().unwrap());
    let raft = Raft::new(LEADER, config, network, log, Applied::default());
    let raft = raft.await.unwrap();
    let members = FOLLOWERS.into_iter().chain([LEADER]);
    let members: BTreeMap<_, _> = members.map(|node| (node, EmptyNode {})).collect();
    raft.initialize(members).await.unwrap();
    let wait = raft.wait(Some(PATIENCE));
    wait.state(ServerState::Leader, "elected").await.unwrap();
    wait.applied_index_at_least(Some(1), "the first entry of the term")
        .await
        .unwrap();
    raft
}

#[tokio::test]
async fn openraft_counts_a_late_answer_for_what_was_never_answered() {
    let dir = tempfile::tempdir().unwrap();
    let (phase, phases) = watch::channel(CALM);
    let (sent, mut all_sent) = watch::channel(Vec::new());
    let network = Network {
        target: LEADER,
        phase: phases,
        sent,
    };
    let raft = leader(dir.path(), network).await;

    phase.send_replace(HELD_UP);
    let writing = raft.clone();
    let write = tokio::spawn(async move {
        let payload = Payload {
            batch: Bytes::from_static(b"entry"),
            level: Level::ZERO,
        };
        // The machine of this test answers nobody.
        let _ = writing.client_write(payload).await;
    });
    let both = |sent: &Vec<_>| FOLLOWERS.iter().all(|node| sent.contains(&(*node, false)));
    in_time(all_sent.wait_for(both)).await.unwrap();
    // Nothing that is answered leaves from now on.
    let after_entries = TokioInstant::now();
    phase.send_replace(FOLLOWERS[0].0);
    let told = |sent: &Vec<_>| sent.contains(&(FOLLOWERS[1], true));
    in_time(all_sent.wait_for(told)).await.unwrap();
    phase.send_replace(FOLLOWERS[1].0);

    let mut metrics = raft.metrics();
    in_time(async {
        loop {
            let acked = metrics.borrow_watched().last_quorum_acked;
            if acked.is_some_and(|acked| acked.into_inner() >= after_entries) {
                return;
            }
            metrics.changed().await.unwrap();
        }
    })
    .await;
    write.abort();
    raft.shutdown().await.unwrap();
}
