//! Receives at a queue partition's leader: a log entry only when there is something to receive, and
//! long polls that wake when a message arrives, is visible again, or its delay ends.
//!
//! Waiting receives are not state: when the leader changes they go back to their router, which
//! asks the next leader for the rest of the time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;
use raft::command::Reply;
use raft::command::queue::{Outcome, QueueAnswer, QueueCommand, QueueOp, QueueReply, Receive, Received};
use raft::group::{Group, NotDone};
use raft::level::Level;
use raft::machine::Machine;
use raft::machine::queue::{LEAVING_MAX, Queue};
use raft::types::GroupId;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::expiry;
use crate::local::Done;

/// Ticks that a receive has proposed at most before it is proposed itself: 16 million messages.
const TICKS_MAX: usize = 4_096;
/// How long taking a message takes, after having been told of it.
const TURN: Duration = Duration::from_millis(30);

/// The waiting receives of the partitions that this node leads.
pub struct Polls {
    max: usize,
    waiting: AtomicUsize,
    partitions: Mutex<BTreeMap<GroupId, Arc<Partition>>>,
    /// Partitions that messages have begun to leave.
    departed: Mutex<BTreeSet<GroupId>>,
    departure: Notify,
}

#[derive(Default)]
struct Partition {
    state: Mutex<Waiters>,
    /// A waiter came.
    changed: Notify,
    /// Held by who has it work off what time has brought.
    catching_up: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiters {
    queue: VecDeque<Waiter>,
    /// Whether the task that wakes them runs.
    driven: bool,
}

struct Waiter {
    wants: usize,
    /// How many partitions of the queue it knows.
    partitions: u32,
    wake: oneshot::Sender<()>,
}

impl Polls {
    /// Nobody waits yet; at most `max` may.
    pub fn new(max: usize) -> Arc<Polls> {
        Arc::new(Polls {
            max,
            waiting: AtomicUsize::new(0),
            partitions: Mutex::default(),
            departed: Mutex::default(),
            departure: Notify::new(),
        })
    }

    /// How many receives are waiting on this node.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The group was deleted.
    pub fn forget(&self, group: GroupId) {
        self.partitions.lock().remove(&group);
    }

    /// Receives from a partition that this node leads, waiting up to `wait` for a message. A receive of no message at all takes none,
    /// and only ends when there is one.
    pub async fn receive(
        self: Arc<Self>,
        group: Arc<Group>,
        command: Bytes,
        wait: Duration,
    ) -> Result<Done, NotDone> {
        let mut waited = Duration::ZERO;
        let reply = self.receive_within(group, command, wait, &mut waited).await?;
        Ok(Done { reply, waited })
    }

    /// The same; adds to `waited` the time in which there was nothing to receive.
    async fn receive_within(
        self: Arc<Self>,
        group: Arc<Group>,
        command: Bytes,
        wait: Duration,
        waited: &mut Duration,
    ) -> Result<Reply, NotDone> {
        let deadline = Instant::now() + wait;
        let Ok(QueueCommand {
            invocation,
            op: Some(QueueOp::Receive(receive)),
        }) = QueueCommand::decode(command.clone())
        else {
            // The machine says what it thinks of it.
            return group.propose(command).await;
        };
        let mut turn = None;
        loop {
            self.catch_up_with_time(&group).await;
            // A node that has just started, and does not know the time yet, does not know what is visible.
            let is_current = group.leads_with_lease() && group.knows_time();
            if self.has_something(&group, &invocation, &receive) {
                if receive.max == 0 {
                    hold(turn, &group);
                    return Ok(nothing());
                }
                let departed = departed(&group);
                let reply = group.propose(command.clone()).await?;
                if receive.again {
                    return Ok(reply);
                }
                if !receive.dead_letters.is_empty() {
                    self.tell_of_departures(&group);
                }
                if !is_empty(&reply) {
                    return Ok(reply);
                }
                if departed + LEAVING_MAX as u64 <= self::departed(&group) {
                    // There may be a message behind the dead letters that have left, or more of these.
                    continue;
                }
                if Instant::now() >= deadline {
                    return Ok(self.nothing(&group, wait));
                }
                if is_refused(&reply) && knows_attempt(&group, &receive) {
                    // It needs room for all that the attempt had. There may be some, and it would ask again and again.
                    return Ok(self.nothing(&group, wait));
                }
            }
            drop(turn.take());
            if !wait.is_zero() && partitions_of(&group) > receive.partitions {
                // Messages may be in the new ones, and nobody else would tell of them.
                return Ok(refused(Outcome::QueueGrew));
            }
            let seen = group.leadership();
            if !seen.leads || !is_current || !group.leads_with_lease() {
                return Err(NotDone::NotLeader(seen.leader.filter(|_| !seen.leads)));
            }
            if receive.again {
                return Ok(nothing());
            }
            if Instant::now() >= deadline {
                return Ok(self.nothing(&group, wait));
            }
            let waiting = self.wait(&group, &receive)?;
            let begun = Instant::now();
            // Held while this receive takes its turn, in the next round.
            turn = tokio::select! {
                // A message is worth more than the end of the wait.
                biased;
                turn = waiting => Some(turn),
                () = group.leadership_changed(seen) => None,
                () = tokio::time::sleep_until(deadline) => None,
            };
            *waited += begun.elapsed();
        }
    }

    /// If time has brought more than one batch works off, has that done before anything is received:
    /// what is behind messages that are too old, or is visible again, is to be found by every
    /// receive. One receive does so for all.
    pub(crate) async fn catch_up_with_time(&self, group: &Group) {
        let is_due = || group.leads_with_lease() && self.is_behind(group);
        if !is_due() {
            return;
        }
        let partition = self.partitions.lock().entry(group.id()).or_default().clone();
        let _turn = partition.catching_up.lock().await;
        for _ in 0..TICKS_MAX {
            if !is_due() || !expiry::tick(group).await {
                return;
            }
        }
    }

    /// Whether time has brought more than one batch works off.
    pub(crate) fn is_behind(&self, group: &Group) -> bool {
        group.replica().read(|machine| {
            let (queue, now) = (machine.as_queue(), group.time(machine));
            queue.is_some_and(|queue| {
                queue.level() >= Level::ONE && (queue.has_much_expired(now) || queue.has_much_due(now))
            })
        })
    }

    /// The partitions that messages have begun to leave since the last call; waits until there is one.
    pub async fn departures(&self) -> Vec<GroupId> {
        loop {
            let left = std::mem::take(&mut *self.departed.lock());
            if !left.is_empty() {
                return left.into_iter().collect();
            }
            self.departure.notified().await;
        }
    }

    /// Wakes [`Polls::departures`] if messages are leaving a partition.
    pub fn tell_of_departures(&self, group: &Group) {
        let replica = group.replica();
        if replica.read(|machine| machine.as_queue().is_some_and(|queue| queue.has_departures())) {
            self.departed.lock().insert(group.id());
            self.departure.notify_one();
        }
    }

    /// Whether a receive would be answered with more than nothing.
    fn has_something(&self, group: &Group, invocation: &[u8], receive: &Receive) -> bool {
        group.replica().read(|machine| match machine {
            Machine::Queue(queue) => {
                let now = group.time(machine);
                // What stays visible is not in flight.
                let has_room = receive.visibility_ms == 0 || !queue.is_full(now);
                let has_new = !receive.again && has_room && queue.has_visible(now);
                // Who only wants to be told has asked for what is known before.
                let is_known = receive.max > 0
                    && ((!invocation.is_empty() && queue.knows_invocation(invocation))
                        || queue.knows_attempt(&receive.attempt));
                has_new || is_known
            }
            Machine::Catalog(_) => true,
        })
    }

    /// The answer to a receive for which there is nothing. SQS: if that is because too many messages are in flight, a receive
    /// that does not wait is refused on a standard queue; one that waited is not, nor is any on a FIFO queue.
    fn nothing(&self, group: &Group, wait: Duration) -> Reply {
        let refuses = wait.is_zero()
            && group.replica().read(|machine| {
                let (queue, now) = (machine.as_queue(), group.time(machine));
                queue.is_some_and(|queue| !queue.is_fifo() && queue.is_full(now) && queue.has_visible(now))
            });
        if refuses {
            refused(Outcome::TooManyInFlight)
        } else {
            nothing()
        }
    }

    /// Joins the partition's waiters; the future ends when there seems to be a message.
    fn wait(
        self: &Arc<Self>,
        group: &Arc<Group>,
        receive: &Receive,
    ) -> Result<impl Future<Output = Turn>, NotDone> {
        let place = Place::take(self)?;
        let partition = self.partitions.lock().entry(group.id()).or_default().clone();
        let (wake, woken) = oneshot::channel();
        {
            let mut state = partition.state.lock();
            state.queue.push_back(Waiter {
                wants: receive.max.max(1) as usize,
                partitions: receive.partitions,
                wake,
            });
            if !state.driven {
                state.driven = true;
                tokio::spawn(self.clone().drive(group.clone(), partition.clone()));
            }
        }
        partition.changed.notify_one();
        Ok(async move {
            let _place = place;
            // The driver ends only together with its waiters: an error means "look again", too.
            let _ = woken.await;
            Turn(partition)
        })
    }

    /// Wakes waiters as messages become receivable, as long as there are waiters.
    async fn drive(self: Arc<Self>, group: Arc<Group>, partition: Arc<Partition>) {
        let mut applied = group.replica().applied();
        loop {
            applied.mark_unchanged();
            let partitions = partitions_of(&group);
            let (visible, pause) = group.replica().read(|machine| match machine {
                Machine::Queue(queue) => {
                    let now = group.time(machine);
                    let visible = queue.visible_count(now).min(queue.room(now));
                    let next = queue.next_change(now);
                    (visible, next.map(|at| at.0.saturating_sub(now.0).max(1)))
                }
                Machine::Catalog(_) => (0, None),
            });
            {
                let mut state = partition.state.lock();
                state.queue.retain(|waiter| !waiter.wake.is_closed());
                // Those who do not know that the queue has grown give up their places.
                state.queue.retain(|waiter| waiter.partitions >= partitions);
                let mut left = visible;
                while left > 0
                    && let Some(waiter) = state.queue.pop_front()
                {
                    left = left.saturating_sub(waiter.wants as u64);
                    // One that just gave up leaves its messages to the next round.
                    let _ = waiter.wake.send(());
                }
                if state.queue.is_empty() {
                    state.driven = false;
                    return;
                }
            }
            let pause = pause.map_or(Duration::from_secs(60), Duration::from_millis);
            tokio::select! {
                // All three only make it look again.
                biased;
                changed = applied.changed() => if changed.is_err() { break },
                () = partition.changed.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        let mut state = partition.state.lock();
        state.queue.clear();
        state.driven = false;
    }
}

/// Who was told of a message, to take it by another call, keeps its turn for a moment: else the next one would be told of the
/// same message.
fn hold(turn: Option<Turn>, group: &Group) {
    let Some(turn) = turn else {
        return;
    };
    let mut applied = group.replica().applied();
    applied.mark_unchanged();
    tokio::spawn(async move {
        // Whether something has changed or not, the others are looked at again.
        let _ = tokio::time::timeout(TURN, applied.changed()).await;
        drop(turn);
    });
}

/// A waiter's turn. When it is over, however that came about, the others are looked at again.
struct Turn(Arc<Partition>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.changed.notify_one();
    }
}

/// A place among the waiting receives, given back when dropped.
struct Place(Arc<Polls>);

impl Place {
    fn take(polls: &Arc<Polls>) -> Result<Place, NotDone> {
        let taken = polls.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(polls.clone());
        if taken >= polls.max {
            Err(NotDone::Busy)
        } else {
            Ok(place)
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn nothing() -> Reply {
    Reply::Queue(QueueReply {
        answer: Some(QueueAnswer::Received(Received::default())),
    })
}

fn refused(outcome: Outcome) -> Reply {
    Reply::Queue(QueueReply {
        answer: Some(QueueAnswer::Refused(outcome.into())),
    })
}

fn departed(group: &Group) -> u64 {
    group
        .replica()
        .read(|machine| machine.as_queue().map_or(0, Queue::departed))
}

fn partitions_of(group: &Group) -> u32 {
    group
        .replica()
        .read(|machine| machine.as_queue().map_or(0, Queue::partitions))
}

fn knows_attempt(group: &Group, receive: &Receive) -> bool {
    group.replica().read(|machine| {
        let queue = machine.as_queue();
        queue.is_some_and(|queue| queue.knows_attempt(&receive.attempt))
    })
}

fn is_refused(reply: &Reply) -> bool {
    matches!(
        reply,
        Reply::Queue(QueueReply {
            answer: Some(QueueAnswer::Refused(_))
        })
    )
}

fn is_empty(reply: &Reply) -> bool {
    let Reply::Queue(QueueReply { answer: Some(answer) }) = reply else {
        return false;
    };
    match answer {
        QueueAnswer::Received(received) => received.messages.is_empty(),
        QueueAnswer::Refused(outcome) => *outcome == i32::from(Outcome::TooManyInFlight),
        _ => false,
    }
}
