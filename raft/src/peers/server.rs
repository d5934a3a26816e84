//! The serving side of the transport.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use rustc_hash::FxHashMap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Connected, TcpConnectInfo};
use tonic::{Request, Response, Status, Streaming};

use super::link::next_batch;
use super::pb::{self, Frame, Frames, frame::Body, peers_server::PeersServer};
use super::{MESSAGE_BYTES_MAX, Peers, level};
use crate::env::{self, BoxFuture, Listener};
use crate::group::{Group, epoch};
use crate::types::{GroupId, NodeId};

/// Pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Replies that may wait for the network on one stream.
const REPLIES_MAX: usize = 8192;

/// What the serving side asks of the node.
pub trait Inbound: Send + Sync + 'static {
    /// The replica of a group, if it is open here.
    fn group(&self, group: GroupId) -> Option<Arc<Group>>;
    /// A command that another node forwarded to the leader it believes this node to be. It is
    /// queued when this returns, so that commands keep their order.
    fn command(&self, group: GroupId, command: pb::Command) -> BoxFuture<'static, pb::CommandReply>;
    /// How many messages a queue partition has.
    fn counts(&self, group: GroupId) -> pb::CountsReply;
    /// How large the groups are that this node leads.
    fn sizes(&self, asked: pb::Sizes) -> pb::SizesReply;
    /// This node's clock, and whether it is full.
    fn node_state(&self) -> pb::NodeStateReply;
    /// A node introduces itself.
    fn hello(&self, hello: pb::HelloRequest) -> BoxFuture<'static, pb::HelloReply>;
}

/// Serves peers on `listener` until `stop`. Other gRPC services of the node may join it in `more`.
///
/// At `stop`, the streams of peers end, too. A stream that outlived it would keep this node's log in use,
/// and its other end would go on asking here when the node has long been back at another address.
///
/// # Errors
/// If serving ends for another reason than `stop`.
pub async fn serve(
    peers: Arc<Peers>,
    inbound: Arc<dyn Inbound>,
    listener: Box<dyn Listener>,
    more: tonic::service::Routes,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let service = Service {
        peers,
        inbound,
        stop: stop.clone(),
    };
    let service = PeersServer::new(service)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    tonic::transport::Server::builder()
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(8 << 20)
        .tcp_nodelay(true)
        .add_routes(more)
        .add_service(service)
        .serve_with_incoming_shutdown(incoming(listener), stop.cancelled_owned())
        .await
}

fn incoming(listener: Box<dyn Listener>) -> impl Stream<Item = io::Result<Connection>> {
    futures::stream::unfold(listener, |listener| async move {
        let next = listener.accept().await.map(|(stream, _)| Connection(stream));
        if next.is_err() {
            // Such as too many open files: trying again at once would only burn time.
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
        Some((next, listener))
    })
}

struct Service {
    peers: Arc<Peers>,
    inbound: Arc<dyn Inbound>,
    stop: CancellationToken,
}

impl Service {
    fn check_cluster(&self, theirs: &str) -> Result<(), Status> {
        let ours = self.peers.cluster();
        if ours.is_empty() || theirs != ours {
            return Err(Status::permission_denied(format!(
                "this node's cluster is '{ours}', not '{theirs}'"
            )));
        }
        Ok(())
    }

    /// Where a node was, another one may be now: what it says must not count as the word of the first.
    fn check_meant(&self, node: u64) -> Result<(), Status> {
        let me = self.peers.me();
        if node != me.0 {
            return Err(Status::permission_denied(format!(
                "this is node {me}, not node {node}"
            )));
        }
        Ok(())
    }

    fn open_group(&self, group: u64) -> Result<Arc<Group>, Status> {
        self.inbound
            .group(GroupId(group))
            .ok_or_else(|| Status::not_found(format!("{} is not open here", GroupId(group))))
    }
}

type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl pb::peers_server::Peers for Service {
    type ExchangeStream = BoxStream<Frames>;

    async fn exchange(
        &self,
        request: Request<Streaming<Frames>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let told = |name: &str| {
            let value = request.metadata().get(name);
            value.and_then(|value| value.to_str().ok()).unwrap_or("")
        };
        self.check_cluster(told("millrace-cluster"))?;
        self.check_meant(told("millrace-to").parse().unwrap_or(0))?;
        let caller = NodeId(told("millrace-node").parse().unwrap_or(0));
        level::check(
            caller,
            level::told(request.metadata()),
            self.peers.required_level(),
        )?;
        // A node that joins knows only the addresses of its seeds. If the leader is not a seed, the
        // node could not fetch the leader's state.
        let address = told("millrace-address");
        if caller.0 != 0 && caller != self.peers.me() && !address.is_empty() {
            self.peers.told_address(caller, address);
        }
        let (replies, outgoing) = mpsc::channel(REPLIES_MAX);
        let reading = read_frames(request.into_inner(), self.inbound.clone(), replies);
        let stop = self.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(reading).await });
        let state = (outgoing, self.stop.clone());
        let outgoing = futures::stream::unfold(state, |(mut queue, stop)| async move {
            let frames = stop.run_until_cancelled(next_batch(&mut queue)).await??;
            Some((Ok(frames), (queue, stop)))
        });
        let outgoing: Self::ExchangeStream = Box::pin(outgoing);
        let mut response = Response::new(outgoing);
        level::tell(response.metadata_mut(), self.peers.env().level);
        Ok(response)
    }

    async fn hello(&self, request: Request<pb::HelloRequest>) -> Result<Response<pb::HelloReply>, Status> {
        Ok(Response::new(self.inbound.hello(request.into_inner()).await))
    }

    async fn offer_snapshot(
        &self,
        request: Request<pb::SnapshotOffer>,
    ) -> Result<Response<pb::SnapshotTaken>, Status> {
        let offer = request.into_inner();
        self.check_cluster(&offer.cluster)?;
        self.check_meant(offer.to)?;
        let group = self.open_group(offer.group)?;
        group.take_offer(offer).await.map(Response::new)
    }

    async fn read_snapshot(
        &self,
        request: Request<pb::SnapshotRequest>,
    ) -> Result<Response<pb::SnapshotChunk>, Status> {
        let request = request.into_inner();
        self.check_cluster(&request.cluster)?;
        self.check_meant(request.to)?;
        let group = self.open_group(request.group)?;
        group.read_snapshot(&request).await.map(Response::new)
    }
}

/// Handles frames in order. Each is polled once here, which hands it to its group; what is not
/// finished by then waits in a task of its own, so that a slow call holds up no other.
async fn read_frames(mut frames: Streaming<Frames>, inbound: Arc<dyn Inbound>, replies: mpsc::Sender<Frame>) {
    let mut waiting = Waiting::default();
    while let Some(Ok(message)) = frames.next().await {
        for Frame { call, group, body } in message.frames {
            let Some(body) = body else { continue };
            if matches!(body, Body::Cancel(_)) {
                waiting.cancel(call);
                continue;
            }
            let may_wait = matches!(&body, Body::Command(command) if command.receive);
            // tokio would let a task that has done much wait even for what is ready, and later frames would overtake this one.
            let mut work = tokio::task::unconstrained(handle(inbound.as_ref(), GroupId(group), body));
            let reply = move |body| Frame {
                call,
                group,
                body: Some(body),
            };
            match futures::poll!(&mut work) {
                Poll::Ready(body) => {
                    if replies.send(reply(body)).await.is_err() {
                        return;
                    }
                }
                Poll::Pending => {
                    let replies = replies.clone();
                    let task = tokio::spawn(async move {
                        // If the stream is gone, so is the caller.
                        let _ = replies.send(reply(work.await)).await;
                    });
                    if may_wait {
                        waiting.add(call, task.abort_handle());
                    }
                }
            }
        }
    }
}

/// Receives that wait for a message on behalf of a stream's other end. They end with the stream.
#[derive(Default)]
struct Waiting {
    calls: FxHashMap<u64, AbortHandle>,
    /// At this many entries, those that have ended are looked for.
    sweep_at: usize,
}

impl Waiting {
    fn add(&mut self, call: u64, task: AbortHandle) {
        if self.calls.len() >= self.sweep_at {
            self.calls.retain(|_, task| !task.is_finished());
            self.sweep_at = self.calls.len() * 2 + 64;
        }
        self.calls.insert(call, task);
    }

    fn cancel(&mut self, call: u64) {
        if let Some(task) = self.calls.remove(&call) {
            task.abort();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.calls.values().for_each(AbortHandle::abort);
    }
}

fn handle(inbound: &dyn Inbound, id: GroupId, body: Body) -> BoxFuture<'static, Body> {
    let body = match body {
        Body::Command(command) => {
            return inbound.command(id, command).map(Body::CommandReply).boxed();
        }
        Body::Counts(_) => return std::future::ready(Body::CountsReply(inbound.counts(id))).boxed(),
        Body::Sizes(asked) => return std::future::ready(Body::SizesReply(inbound.sizes(asked))).boxed(),
        Body::NodeState(_) => {
            return std::future::ready(Body::NodeStateReply(inbound.node_state())).boxed();
        }
        other => other,
    };
    let Some(group) = inbound.group(id) else {
        return std::future::ready(failure(&io::Error::other(format!("{id} is not open here")))).boxed();
    };
    async move {
        let done = match body {
            Body::Append(append) => group.append(append).await,
            Body::Vote(ballot) => group.vote(ballot).await,
            Body::PreVote(ballot) => group.pre_vote(ballot).await,
            Body::Transfer(transfer) => group.transfer(transfer).await,
            Body::ReadIndex(_) => Ok(Body::ReadIndexReply(match group.read_index_by_lease().await {
                Ok(index) => pb::ReadIndexReply {
                    index: Some(index),
                    leader: 0,
                    applied: Some(group.progress().applied),
                },
                Err(_) => pb::ReadIndexReply {
                    index: None,
                    leader: group.leadership().leader.map_or(0, |n| n.0),
                    applied: Some(group.progress().applied),
                },
            })),
            _ => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this call is unknown here",
            )),
        };
        done.unwrap_or_else(|error| failure(&error))
    }
    .boxed()
}

fn failure(error: &io::Error) -> Body {
    Body::Failure(pb::Failure {
        reason: error.to_string(),
        epoch: epoch::superseding(error).unwrap_or(0),
    })
}

/// A connection as tonic wants it.
struct Connection(Box<dyn env::Stream>);

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        TcpConnectInfo {
            local_addr: None,
            remote_addr: None,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
