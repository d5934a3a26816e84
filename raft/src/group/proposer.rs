//! Gathers commands into batches. While a batch is on its way through the log, commands that
//! arrive wait for the next one; an idle group sends the first at once. There is no timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt};
use openraft::errors::{ClientWriteError, ForwardReason, RaftError};
use prost::Message;
use tokio::sync::{mpsc, oneshot};

use super::memory::Memory;
use super::replica::Replica;
use super::types::{Payload, Replies};
use super::{NotDone, Prelude, RaftHandle};
use crate::command::{Batch, Reply};
use crate::env::Env;
use crate::level::{Level, need};
use crate::machine::queue::UnreadReply;
use crate::planted::{Bug, planted};
use crate::types::Millis;

/// Commands that may wait; beyond them the group is busy.
const QUEUE_COMMANDS_MAX: usize = 4096;
/// Bounds of one batch. One command may exceed the bytes: then it travels alone.
const BATCH_COMMANDS_MAX: usize = 1024;
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Batches of a group in the log at a time. The second hides the way back of the first.
const BATCHES_IN_FLIGHT_MAX: usize = 2;
/// A group has a second batch in flight only if its node has fewer than these: where several groups have work, they hide each
/// other's ways, and fewer batches that are larger cost less.
const NODE_IN_FLIGHT_MAX: usize = 2;
/// Replies of a group that may wait for the disk; beyond them no further batch begins.
const UNREAD_MAX: usize = 4096;
/// Replies of one batch that are read at a time.
const READ_AT_ONCE: usize = 4;
/// A leader whose lease ran out while idle gets it back with one heartbeat. How often, and with
/// which pause, that is tried.
const LEASE_ATTEMPTS: u32 = 20;
const LEASE_PAUSE: Duration = Duration::from_millis(15);

/// How much a group's log has had to take in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Batches, since the replica was opened.
    pub batches: u64,
    /// Those of them that had no room for all the commands that were waiting.
    pub full: u64,
}

impl Load {
    /// What has come since an earlier look at the same replica; all of it if that was another one.
    pub fn since(&self, earlier: &Load) -> Load {
        let batches = self.batches.checked_sub(earlier.batches);
        let full = self.full.checked_sub(earlier.full);
        let since = batches.zip(full).map(|(batches, full)| Load { batches, full });
        since.unwrap_or(*self)
    }
}

/// How many batches the groups of a node have in flight, and what has gone through.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<OfNode>);

#[derive(Default)]
struct OfNode {
    in_flight: AtomicUsize,
    batches: AtomicU64,
    commands: AtomicU64,
    refused: AtomicU64,
}

/// What the groups of a node propose, all together, since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proposals {
    /// Batches that are on their way through the log.
    pub in_flight: usize,
    /// Batches so far.
    pub batches: u64,
    /// Commands in them.
    pub commands: u64,
    /// Commands that were refused because too many waited.
    pub refused: u64,
}

impl InFlight {
    fn count(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// Counts one more, until what is returned is dropped.
    fn begin(&self, commands: usize) -> Flight {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        self.0.batches.fetch_add(1, Ordering::Relaxed);
        self.0.commands.fetch_add(commands as u64, Ordering::Relaxed);
        Flight(self.0.clone())
    }

    fn refuse(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// What there was, for metrics.
    pub(crate) fn proposals(&self) -> Proposals {
        Proposals {
            in_flight: self.count(),
            batches: self.0.batches.load(Ordering::Relaxed),
            commands: self.0.commands.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
        }
    }
}

struct Flight(Arc<OfNode>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The entrance to a group's log.
#[derive(Clone)]
pub(super) struct Proposer {
    queue: mpsc::Sender<Proposal>,
    meter: Arc<Meter>,
    of_node: InFlight,
}

#[derive(Default)]
struct Meter {
    batches: AtomicU64,
    full: AtomicU64,
}

struct Proposal {
    command: Bytes,
    reply_to: oneshot::Sender<Result<Reply, NotDone>>,
}

impl Proposer {
    pub(super) fn start(
        raft: RaftHandle,
        replica: Arc<Replica>,
        env: Env,
        prelude: Option<Arc<Prelude>>,
        of_node: InFlight,
        memory: Memory,
    ) -> Proposer {
        let (queue, proposals) = mpsc::channel(QUEUE_COMMANDS_MAX);
        let meter = Arc::<Meter>::default();
        let gatherer = Gatherer {
            raft,
            replica,
            env,
            prelude,
            meter: meter.clone(),
            of_node: of_node.clone(),
            memory,
        };
        tokio::spawn(gatherer.run(proposals));
        Proposer {
            queue,
            meter,
            of_node,
        }
    }

    /// What the log has taken in.
    pub(super) fn load(&self) -> Load {
        Load {
            batches: self.meter.batches.load(Ordering::Relaxed),
            full: self.meter.full.load(Ordering::Relaxed),
        }
    }

    /// Commands that wait for a batch.
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Queues a command now and gives a future of its reply.
    pub(super) fn propose(
        &self,
        command: Bytes,
    ) -> impl Future<Output = Result<Reply, NotDone>> + Send + use<> {
        let (reply_to, reply) = oneshot::channel();
        let queued = self.queue.try_send(Proposal { command, reply_to });
        if matches!(queued, Err(mpsc::error::TrySendError::Full(_))) {
            self.of_node.refuse();
        }
        async move {
            match queued {
                Ok(()) => reply.await.unwrap_or(Err(NotDone::Stopped)),
                Err(mpsc::error::TrySendError::Full(_)) => Err(NotDone::Busy),
                Err(mpsc::error::TrySendError::Closed(_)) => Err(NotDone::Stopped),
            }
        }
    }
}

struct Gatherer {
    raft: RaftHandle,
    replica: Arc<Replica>,
    env: Env,
    prelude: Option<Arc<Prelude>>,
    meter: Arc<Meter>,
    of_node: InFlight,
    memory: Memory,
}

type ReplyTo = oneshot::Sender<Result<Reply, NotDone>>;
type Waiting = Vec<ReplyTo>;

/// Replies that lack what is in files, and who waits for them.
type Unread = Vec<(ReplyTo, Box<UnreadReply>)>;

impl Gatherer {
    async fn run(self, mut proposals: mpsc::Receiver<Proposal>) {
        let mut in_flight = FuturesUnordered::new();
        // Apart from those in flight: a slow disk must not keep the next batches from the log.
        let mut reading = FuturesUnordered::new();
        let mut unread = 0;
        loop {
            tokio::select! {
                // Finished batches first: their callers have waited longest.
                biased;
                Some(rest) = in_flight.next(), if !in_flight.is_empty() => {
                    let rest: Unread = rest;
                    if !rest.is_empty() {
                        unread += rest.len();
                        reading.push(self.complete(rest));
                    }
                }
                Some(read) = reading.next(), if !reading.is_empty() => unread -= read,
                first = proposals.recv(), if self.may_begin(in_flight.len(), unread) => {
                    let Some(first) = first else { break };
                    let Some(now) = self.env.clock.stamp() else {
                        // Another node may know the time, and lead.
                        let _ = first.reply_to.send(Err(NotDone::NotLeader(None)));
                        continue;
                    };
                    let (batch, level, waiting) = self.gather(now, first, &mut proposals);
                    // Empty if all that came was refused.
                    if !batch.commands.is_empty() {
                        in_flight.push(self.write(batch, level, waiting));
                    }
                }
            }
        }
        while let Some(rest) = in_flight.next().await {
            reading.push(self.complete(rest));
        }
        while reading.next().await.is_some() {}
    }

    fn may_begin(&self, own: usize, unread: usize) -> bool {
        if unread >= UNREAD_MAX {
            return false;
        }
        own == 0 || (own < BATCHES_IN_FLIGHT_MAX && self.of_node.count() < NODE_IN_FLIGHT_MAX)
    }

    fn gather(
        &self,
        agreed: Millis,
        first: Proposal,
        proposals: &mut mpsc::Receiver<Proposal>,
    ) -> (Batch, Level, Waiting) {
        let mut commands = Vec::with_capacity(16);
        let mut waiting = Waiting::with_capacity(16);
        let (now, kind, mut level, prelude, remembered) = self.replica.read(|machine| {
            let prelude = self.prelude.as_ref().map(|prelude| prelude(machine));
            let remembered = machine.remembered().bytes;
            (
                self.replica.time(machine, agreed, &self.env),
                machine.kind(),
                machine.level(),
                prelude.unwrap_or_default(),
                remembered,
            )
        });
        let remember_bytes = match level {
            Level::ZERO => 0,
            _ => self.memory.share(remembered),
        };
        for command in prelude {
            // What this node may not propose, a later leader will.
            if let Some(then) = need(kind, &command).then(level, self.env.level) {
                level = then;
                commands.push(command);
            }
        }
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(Proposal { command, reply_to }) = next {
            match need(kind, &command).then(level, self.env.level) {
                Some(then) => {
                    level = then;
                    bytes += command.len();
                    commands.push(command);
                    waiting.push(reply_to);
                }
                // Replicas of that level would not understand it.
                None => drop(reply_to.send(Ok(Reply::Unintelligible))),
            }
            let full = bytes >= BATCH_BYTES_MAX || waiting.len() >= BATCH_COMMANDS_MAX;
            next = if full { None } else { proposals.try_recv().ok() };
        }
        self.meter.batches.fetch_add(1, Ordering::Relaxed);
        if !proposals.is_empty() {
            self.meter.full.fetch_add(1, Ordering::Relaxed);
        }
        let batch = Batch {
            now_ms: now.0,
            seed: self.env.random.next_u64(),
            commands,
            remember_bytes,
        };
        let stamped = if planted(Bug::LevelTooEarly) {
            Level::ZERO
        } else {
            level
        };
        (batch, stamped, waiting)
    }

    /// Answers what can be answered at once, and gives back the rest.
    async fn write(&self, batch: Batch, level: Level, waiting: Waiting) -> Unread {
        let flight = self.of_node.begin(waiting.len());
        let batch = batch.encode_to_vec().into();
        let appended = self.append(Payload { batch, level }).await;
        drop(flight);
        match appended {
            Ok(Replies(mut replies)) => {
                // The prelude's replies come first and interest nobody.
                let own = replies.len() - waiting.len();
                let mut unread = Vec::new();
                for (reply_to, reply) in waiting.into_iter().zip(replies.drain(own..)) {
                    match reply {
                        Reply::Unread(reply) => unread.push((reply_to, reply)),
                        reply => drop(reply_to.send(Ok(reply))),
                    }
                }
                unread
            }
            Err(not_done) => {
                for reply_to in waiting {
                    let _ = reply_to.send(Err(not_done.clone()));
                }
                Unread::new()
            }
        }
    }

    /// Reads what replies lack, but for callers who have left. Returns how many there were.
    async fn complete(&self, unread: Unread) -> usize {
        let count = unread.len();
        let each = futures::stream::iter(unread);
        each.for_each_concurrent(READ_AT_ONCE, async |(reply_to, reply)| {
            if !reply_to.is_closed() {
                let read = self.replica.read_files(&self.env.io, move || reply.read()).await;
                let _ = reply_to.send(read.map(Reply::Queue));
            }
        })
        .await;
        count
    }

    async fn append(&self, payload: Payload) -> Result<Replies, NotDone> {
        let mut attempts = 0;
        loop {
            let forward = match self.raft.client_write(payload.clone()).await {
                Ok(written) => return Ok(written.data),
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => forward,
                // It may still be committed by the next leader; the invocation tells a repetition.
                Err(RaftError::APIError(ClientWriteError::LogEntryDiscarded(forward))) => {
                    return Err(NotDone::NotLeader(forward.leader_id));
                }
                Err(_) if self.replica.has_ended() && self.replica.broken().is_some() => {
                    return Err(NotDone::Quarantined);
                }
                Err(_) => return Err(NotDone::Stopped),
            };
            let lease_ran_out = matches!(forward.reason, ForwardReason::LeaseExpired);
            attempts += 1;
            if !lease_ran_out || attempts > LEASE_ATTEMPTS {
                return Err(NotDone::NotLeader(forward.leader_id));
            }
            if self.raft.trigger().heartbeat().await.is_err() {
                return Err(NotDone::Stopped);
            }
            tokio::time::sleep(LEASE_PAUSE).await;
        }
    }
}
