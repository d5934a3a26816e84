//! The link to one other node: a task keeps a stream open and calls travel over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::Request;

use super::pb::{self, Frame, Frames, frame::Body, peers_client::PeersClient};
use super::{MESSAGE_BYTES_MAX, connect, level};
use crate::env::Env;
use crate::level::Level;
use crate::types::{GroupId, NodeId};

/// Calls that may wait for the writer; beyond them a call fails at once instead of growing memory.
const QUEUE_FRAMES_MAX: usize = 8192;
/// Frames that go into one message, unless [`BATCH_BYTES_MAX`] is reached before.
const BATCH_FRAMES_MAX: usize = 512;
/// Bytes of entries and commands after which a message is closed.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Waits between connection attempts: the first, doubled up to the last.
const RECONNECT_FIRST: Duration = Duration::from_millis(20);
const RECONNECT_LAST: Duration = Duration::from_millis(500);

/// Why a call has no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no connection, or it broke: the call may or may not have arrived.
    #[error("node {0} cannot be reached")]
    Unreachable(NodeId),
    /// No reply in time; the call may or may not have arrived.
    #[error("node {0} did not answer in time")]
    Timeout(NodeId),
    /// Too many calls are waiting to be sent. The call was not sent.
    #[error("too many calls wait for node {0}")]
    Overloaded(NodeId),
    /// The other node could not handle it.
    #[error("node {0} failed: {1}")]
    Failed(NodeId, String),
    /// The group goes on in this epoch, without the replica that asked.
    #[error("the group goes on in epoch {1}, says node {0}")]
    Superseded(NodeId, u64),
}

/// The two ends of a link.
pub(super) struct Ends {
    pub(super) me: NodeId,
    pub(super) cluster: String,
    /// Where this node is reached.
    pub(super) address: String,
    /// The other node.
    pub(super) node: NodeId,
    /// The level that it must know.
    pub(super) required: Arc<AtomicU32>,
}

/// A link to one node. Dropping it ends its task.
pub struct Link {
    node: NodeId,
    queue: mpsc::Sender<Frame>,
    shared: Arc<Shared>,
}

struct Shared {
    address: Mutex<String>,
    next_call: AtomicU64,
    connected: AtomicBool,
    /// The highest level that the node knows, as it said when the stream was opened.
    level: AtomicU32,
    pending: Mutex<FxHashMap<u64, oneshot::Sender<Body>>>,
    unanswered: Counters,
}

#[derive(Default)]
struct Counters {
    unreachable: AtomicU64,
    timeout: AtomicU64,
    overloaded: AtomicU64,
}

/// Calls to a node that had no reply, since this node started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// Without a connection, or with one that broke.
    pub unreachable: u64,
    /// Not in time.
    pub timeout: u64,
    /// Not sent, because too many waited.
    pub overloaded: u64,
}

impl Link {
    pub(super) fn start(env: Env, ends: Ends, address: String) -> Arc<Link> {
        let node = ends.node;
        let (queue, frames) = mpsc::channel(QUEUE_FRAMES_MAX);
        let shared = Arc::new(Shared {
            address: Mutex::new(address),
            next_call: AtomicU64::new(1),
            connected: AtomicBool::new(false),
            level: AtomicU32::new(0),
            pending: Mutex::default(),
            unanswered: Counters::default(),
        });
        tokio::spawn(keep_connected(env, ends, shared.clone(), frames));
        Arc::new(Link { node, queue, shared })
    }

    pub(super) fn set_address(&self, address: &str) {
        *self.shared.address.lock() = address.to_owned();
    }

    /// Whether a stream is open.
    pub fn is_connected(&self) -> bool {
        self.shared.connected.load(Ordering::Relaxed)
    }

    /// How many calls had no reply.
    pub fn unanswered(&self) -> Unanswered {
        let Counters {
            unreachable,
            timeout,
            overloaded,
        } = &self.shared.unanswered;
        Unanswered {
            unreachable: unreachable.load(Ordering::Relaxed),
            timeout: timeout.load(Ordering::Relaxed),
            overloaded: overloaded.load(Ordering::Relaxed),
        }
    }

    /// Sends a call now and gives a future of its reply. Calls are sent in the order of these calls.
    pub fn call(
        &self,
        group: GroupId,
        body: Body,
        deadline: Duration,
    ) -> impl Future<Output = Result<Body, CallError>> + Send + use<> {
        let node = self.node;
        // Whoever gives up waiting for a message must not be handed one.
        let cancel = matches!(&body, Body::Command(command) if command.receive).then(|| self.queue.clone());
        let started = self.start_call(group, body);
        let shared = self.shared.clone();
        async move {
            let (call, reply) = started.inspect_err(|error| shared.unanswered.count(error))?;
            let _given_up = GivenUp {
                call,
                shared: shared.clone(),
                cancel,
            };
            let answer = match tokio::time::timeout(deadline, reply).await {
                Ok(Ok(Body::Failure(pb::Failure { epoch: 0, reason }))) => {
                    Err(CallError::Failed(node, reason))
                }
                Ok(Ok(Body::Failure(failure))) => Err(CallError::Superseded(node, failure.epoch)),
                Ok(Ok(body)) => Ok(body),
                Ok(Err(_)) => Err(CallError::Unreachable(node)),
                Err(_) => Err(CallError::Timeout(node)),
            };
            answer.inspect_err(|error| shared.unanswered.count(error))
        }
    }

    fn start_call(&self, group: GroupId, body: Body) -> Result<(u64, oneshot::Receiver<Body>), CallError> {
        if !self.is_connected() {
            return Err(CallError::Unreachable(self.node));
        }
        let known = Level(self.shared.level.load(Ordering::Relaxed));
        if level::needed(&body) > known {
            let reason = format!("it knows levels up to {known}, and not this call");
            return Err(CallError::Failed(self.node, reason));
        }
        let call = self.shared.next_call.fetch_add(1, Ordering::Relaxed);
        let (reply_to, reply) = oneshot::channel();
        self.shared.pending.lock().insert(call, reply_to);
        let frame = Frame {
            call,
            group: group.0,
            body: Some(body),
        };
        if self.queue.try_send(frame).is_err() {
            self.shared.pending.lock().remove(&call);
            return Err(CallError::Overloaded(self.node));
        }
        Ok((call, reply))
    }
}

impl Counters {
    fn count(&self, error: &CallError) {
        let counter = match error {
            CallError::Unreachable(_) => &self.unreachable,
            CallError::Timeout(_) => &self.timeout,
            CallError::Overloaded(_) => &self.overloaded,
            // It was answered.
            CallError::Failed(..) | CallError::Superseded(..) => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A call that may end without its reply, because its caller is dropped or its time is up.
struct GivenUp {
    call: u64,
    shared: Arc<Shared>,
    cancel: Option<mpsc::Sender<Frame>>,
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        let unanswered = self.shared.pending.lock().remove(&self.call).is_some();
        if let Some(queue) = self.cancel.take().filter(|_| unanswered) {
            let frame = Frame {
                call: self.call,
                group: 0,
                body: Some(Body::Cancel(pb::Cancel {})),
            };
            // If the queue is full, the call ends by its own time.
            let _ = queue.try_send(frame);
        }
    }
}

/// Connects, exchanges frames until the stream breaks, fails what was pending, and begins again.
async fn keep_connected(env: Env, ends: Ends, shared: Arc<Shared>, frames: mpsc::Receiver<Frame>) {
    let frames = Arc::new(tokio::sync::Mutex::new(frames));
    let mut pause = RECONNECT_FIRST;
    loop {
        let address = shared.address.lock().clone();
        match exchange(&env, &ends, &address, &shared, &frames).await {
            Ok(()) => pause = RECONNECT_FIRST,
            Err(_) if shared.connected.load(Ordering::Relaxed) => pause = RECONNECT_FIRST,
            Err(error) => {
                tracing::debug!(node = %ends.node, %address, %error, "no stream to peer");
                pause = (pause * 2).min(RECONNECT_LAST);
            }
        }
        shared.connected.store(false, Ordering::Relaxed);
        // What was queued or unanswered fails now: its callers know whether to repeat it.
        let mut queue = frames.lock().await;
        while queue.try_recv().is_ok() {}
        if queue.is_closed() {
            return;
        }
        drop(queue);
        shared.pending.lock().clear();
        tokio::time::sleep(pause).await;
    }
}

async fn exchange(
    env: &Env,
    ends: &Ends,
    address: &str,
    shared: &Arc<Shared>,
    frames: &Arc<tokio::sync::Mutex<mpsc::Receiver<Frame>>>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let channel = connect(env.net.clone(), address).await?;
    let mut client = PeersClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    // Ends the request stream together with this function, so that the next stream gets the queue.
    let ended = CancellationToken::new();
    let _guard = ended.clone().drop_guard();
    let mut request = Request::new(outgoing(frames.clone(), ended));
    request
        .metadata_mut()
        .insert("millrace-cluster", ends.cluster.parse()?);
    request
        .metadata_mut()
        .insert("millrace-node", ends.me.0.to_string().parse()?);
    request
        .metadata_mut()
        .insert("millrace-to", ends.node.0.to_string().parse()?);
    request
        .metadata_mut()
        .insert("millrace-address", ends.address.parse()?);
    level::tell(request.metadata_mut(), env.level);
    let answer = client.exchange(request).await?;
    let known = level::told(answer.metadata());
    level::check(ends.node, known, Level(ends.required.load(Ordering::Relaxed)))?;
    shared.level.store(known.0, Ordering::Relaxed);
    let mut replies = answer.into_inner();
    shared.connected.store(true, Ordering::Relaxed);
    while let Some(message) = replies.next().await {
        let mut pending = shared.pending.lock();
        for Frame { call, body, .. } in message?.frames {
            if let (Some(reply_to), Some(body)) = (pending.remove(&call), body) {
                let _ = reply_to.send(body);
            }
        }
    }
    Ok(())
}

/// Frames as they come, those that wait together in one message.
fn outgoing(
    frames: Arc<tokio::sync::Mutex<mpsc::Receiver<Frame>>>,
    ended: CancellationToken,
) -> impl Stream<Item = Frames> {
    futures::stream::unfold((frames, ended), |(frames, ended)| async move {
        let mut queue = frames.lock().await;
        let batch = ended.run_until_cancelled(next_batch(&mut queue)).await??;
        drop(queue);
        Some((batch, (frames, ended)))
    })
}

/// Waits for a frame and takes what else is there, within the bounds of a message.
pub(super) async fn next_batch(queue: &mut mpsc::Receiver<Frame>) -> Option<Frames> {
    let first = queue.recv().await?;
    let mut bytes = weight(&first);
    let mut frames = vec![first];
    while frames.len() < BATCH_FRAMES_MAX && bytes < BATCH_BYTES_MAX {
        let Ok(frame) = queue.try_recv() else { break };
        bytes += weight(&frame);
        frames.push(frame);
    }
    Some(Frames { frames })
}

fn weight(frame: &Frame) -> usize {
    match &frame.body {
        Some(Body::Append(append)) => append.entries.iter().map(|e| e.len()).sum(),
        Some(Body::Command(command)) => command.command.len(),
        Some(Body::CommandReply(pb::CommandReply {
            reply: Some(pb::command_reply::Reply::Queue(bytes)),
            ..
        })) => bytes.len(),
        _ => 64,
    }
}
