//! What openraft calls to reach the other replicas of a group.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendError, StreamAppendResult,
    TransferLeaderRequest, VoteRequest, VoteResponse,
};
use openraft::{AnyError, EmptyNode, OptionalSend, RPCTypes};
use tokio::sync::watch;

use super::acks::Acks;
use super::epoch;
use super::reverted::Repair;
use super::state_machine::Rows;
use super::types::{TypeConfig, Vote};
use super::{offer, wire};
use crate::env::Uptime;
use crate::peers::pb::frame::Body;
use crate::peers::{CallError, Peers, pb};
use crate::types::{GroupId, NodeId};

/// A follower that has not answered an append for this long is asked again. It is far longer than
/// an fdatasync on a busy disk; a broken connection is noticed sooner by the connection.
const APPEND_DEADLINE: Duration = Duration::from_secs(3);
/// Appends that may be under way to one follower of one group.
const APPENDS_IN_FLIGHT_MAX: usize = 16;
/// Pauses after a failure, up to the last.
const BACKOFF: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
];

type RpcError = RPCError<TypeConfig>;

/// Makes connections for one group.
pub(super) struct Network {
    pub(super) group: GroupId,
    pub(super) peers: Arc<Peers>,
    pub(super) acks: Arc<Acks>,
    pub(super) repair: Arc<Repair>,
    pub(super) uptime: Arc<dyn Uptime>,
    /// See [`super::Group::superseded`].
    pub(super) superseded: watch::Sender<u64>,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Connection;

    async fn new_client(&mut self, target: NodeId, _: &EmptyNode) -> Connection {
        Connection {
            group: self.group,
            target,
            peers: self.peers.clone(),
            acks: self.acks.clone(),
            repair: self.repair.clone(),
            uptime: self.uptime.clone(),
            superseded: self.superseded.clone(),
        }
    }
}

/// One group's way to one other replica.
pub(super) struct Connection {
    group: GroupId,
    target: NodeId,
    peers: Arc<Peers>,
    acks: Arc<Acks>,
    repair: Arc<Repair>,
    uptime: Arc<dyn Uptime>,
    superseded: watch::Sender<u64>,
}

impl Connection {
    fn call(
        &self,
        kind: RPCTypes,
        body: Body,
        deadline: Duration,
    ) -> impl Future<Output = Result<Body, RpcError>> + Send + use<> {
        let call = self
            .peers
            .link(self.target)
            .map(|link| link.call(self.group, body, deadline));
        let (me, target) = (self.peers.me(), self.target);
        let superseded = self.superseded.clone();
        async move {
            let Some(call) = call else {
                return Err(unreachable(&CallError::Unreachable(target)));
            };
            call.await.map_err(|error| match error {
                CallError::Timeout(_) => Timeout {
                    action: kind,
                    id: me,
                    target,
                    timeout: deadline,
                }
                .into(),
                CallError::Superseded(_, epoch) => {
                    epoch::note(&superseded, epoch);
                    unreachable(&error)
                }
                CallError::Unreachable(_) | CallError::Overloaded(_) | CallError::Failed(..) => {
                    unreachable(&error)
                }
            })
        }
    }

    fn append(
        &self,
        request: &AppendEntriesRequest<TypeConfig>,
        deadline: Duration,
    ) -> impl Future<Output = Result<StreamAppendResult<TypeConfig>, RpcError>> + Send + use<> {
        let (acks, target, term) = (self.acks.clone(), self.target, request.vote.leader_id.term);
        let sent = self.uptime.uptime();
        let call = self.call(
            RPCTypes::AppendEntries,
            Body::Append(wire::append_to(request)),
            deadline,
        );
        async move {
            let Body::AppendReply(reply) = call.await? else {
                return Err(misfit());
            };
            let reply = wire::append_reply_from(reply).map_err(|e| network(&e))?;
            if let Err(StreamAppendError::HigherVote(vote)) = &reply {
                same_epoch(vote, term)?;
            }
            // One that lacks what comes before accepts the leader, too.
            if !matches!(reply, Err(StreamAppendError::HigherVote(_))) {
                acks.record(term, target, sent);
            }
            Ok(reply)
        }
    }

    /// The same within a stream, whose answers come in the order of the requests.
    fn append_in_order(
        &self,
        request: &AppendEntriesRequest<TypeConfig>,
    ) -> impl Future<Output = Result<StreamAppendResult<TypeConfig>, RpcError>> + Send + use<> {
        let (acks, repair) = (self.acks.clone(), self.repair.clone());
        let (group, target, term) = (self.group, self.target, request.vote.leader_id.term);
        let reply = self.append(request, APPEND_DEADLINE);
        async move {
            let reply = reply.await?;
            match &reply {
                Ok(Some(last)) => acks.matches(term, target, last.index),
                Err(StreamAppendError::Conflict(at)) => {
                    if let Some(lost) = acks.lacks(term, target, at.index) {
                        repair.found(group, target, lost, at.index).await;
                    }
                }
                Ok(None) | Err(StreamAppendError::HigherVote(_)) => {}
            }
            Ok(reply)
        }
    }

    async fn ballot(
        &self,
        body: Body,
        asked: &Vote,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let Body::BallotReply(reply) = self.call(RPCTypes::Vote, body, option.hard_ttl()).await? else {
            return Err(misfit());
        };
        let reply = wire::ballot_reply_from(reply).map_err(|e| network(&e))?;
        same_epoch(&reply.vote, asked.leader_id.term)?;
        Ok(reply)
    }
}

impl RaftNetworkV2<TypeConfig> for Connection {
    type SnapshotData = Rows;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        let deadline = if request.entries.is_empty() {
            option.hard_ttl()
        } else {
            APPEND_DEADLINE
        };
        Ok(match self.append(&request, deadline).await? {
            Ok(_) => AppendEntriesResponse::Success,
            Err(StreamAppendError::Conflict(_)) => AppendEntriesResponse::Conflict,
            Err(StreamAppendError::HigherVote(vote)) => AppendEntriesResponse::HigherVote(vote),
        })
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<TypeConfig>, RpcError>>, RpcError>>
    where
        S: futures::Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            let this: &'s Connection = self;
            // `append_in_order` sends at once, so requests leave in order; replies are awaited in
            // order too.
            let replies = input
                .map(move |request| this.append_in_order(&request))
                .buffered(APPENDS_IN_FLIGHT_MAX)
                .scan(false, |ended, reply| {
                    let over = std::mem::replace(ended, !matches!(reply, Ok(Ok(_))));
                    futures::future::ready((!over).then_some(reply))
                });
            let replies: BoxStream<'s, _> = Box::pin(replies);
            Ok(replies)
        })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        self.ballot(Body::Vote(wire::ballot_to(&request)), &request.vote, option)
            .await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        self.ballot(Body::PreVote(wire::ballot_to(&request)), &request.vote, option)
            .await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: openraft::alias::SnapshotOf<TypeConfig, Rows>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let Rows::Live(replica) = &snapshot.snapshot else {
            let reason = AnyError::error("a state that was received is not passed on");
            return Err(StreamingError::Network(NetworkError::new(&reason)));
        };
        tokio::select! {
            // A cancelled transfer must stop even while the follower still asks.
            biased;
            closed = cancel => Err(StreamingError::Closed(closed)),
            taken = offer::offer(&self.peers, self.group, replica, self.target, &vote, snapshot.meta.last_log_id) => taken,
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<openraft::raft::TransferLeaderResponse<TypeConfig>, RpcError> {
        let body = Body::Transfer(wire::transfer_to(&request));
        match self
            .call(RPCTypes::TransferLeader, body, option.hard_ttl())
            .await?
        {
            Body::TransferReply(pb::TransferReply { accepted: true }) => Ok(Ok(())),
            Body::TransferReply(_) => Err(network(&AnyError::error("hand-over of leadership refused"))),
            _ => Err(misfit()),
        }
    }

    fn backoff(&self) -> Option<Backoff> {
        let last = BACKOFF[BACKOFF.len() - 1];
        Some(Backoff::new(BACKOFF.into_iter().chain(std::iter::repeat(last))))
    }
}

/// A replica that had nothing yet when it was asked may answer in another epoch. Its term must not be
/// adopted.
fn same_epoch(answered: &Vote, term: u64) -> Result<(), RpcError> {
    // Who has never voted answers in epoch 0, and with no term that counts.
    let theirs = answered.leader_id.term;
    match theirs == 0 || epoch::of_term(theirs) == epoch::of_term(term) {
        true => Ok(()),
        false => Err(misfit()),
    }
}

fn unreachable(error: &CallError) -> RpcError {
    Unreachable::new(error).into()
}

fn network(error: &(impl std::error::Error + 'static)) -> RpcError {
    NetworkError::new(error).into()
}

fn misfit() -> RpcError {
    network(&AnyError::error("the peer's reply does not fit the call"))
}
