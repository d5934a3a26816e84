//! A queue partition written down as plainly as possible: one list, searched from the front for
//! everything. What it answers must be what the machine answers.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use raft::command::Reply;
use raft::command::queue::{
    Configure, Outcome, Outcomes, QueueAnswer, QueueCommand, QueueOp, QueueReply, Receipt, Receive,
    SendEntry, SetLevel, VisibilityEntry,
};
use raft::machine::queue::{DUE_MAX, EXPIRED_MAX};
use raft::machine::{Machine, MachineKind};
use raft::types::Millis;

use crate::SEEDS;
use crate::queue_history::History;
use crate::rules::apply;

#[derive(Clone)]
struct Item {
    sequence: u64,
    body: Bytes,
    group: String,
    sent: u64,
    /// Ready from then on, if it is not overdue.
    from: u64,
    /// Delayed or in flight, until that has been worked off.
    is_out: bool,
    received: bool,
    last_received: u64,
    count: u32,
    /// Its visibility was changed since it was last received.
    changed: bool,
}

/// What an answer is compared by: message ids are the machine's own choice.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Sent(Vec<u64>),
    Received(Vec<(u64, u32, Bytes)>),
    Outcomes(Vec<Outcome>),
    Refused(Outcome),
}

#[derive(Clone, Copy)]
struct Redelay {
    at: u64,
    delay: u64,
    end: u64,
    next: (u64, u64),
    last: u64,
}

#[derive(Clone)]
struct Model {
    now: u64,
    level: u32,
    settings: Configure,
    /// When they last decided what is too old.
    judged: u64,
    /// What was sent until then was too old by earlier ones.
    gone: Option<u64>,
    /// Delayed messages that were sent before a sequence get another delay, a portion with each
    /// batch: the timers from one to another.
    redelay: Option<Redelay>,
    next: u64,
    purged: Option<u64>,
    items: Vec<Item>,
    seen: BTreeMap<(String, String), (u64, u64)>,
    calls: BTreeMap<Bytes, (u64, Told)>,
    /// When each was made, and what it gave out: sequences and deliveries.
    attempts: BTreeMap<String, (u64, Vec<(u64, u32)>)>,
    /// The groups of all messages that were delivered and hidden.
    deliveries: Vec<String>,
}

impl Model {
    fn new() -> Model {
        let settings = Configure {
            retention_ms: 345_600_000,
            ..Configure::default()
        };
        let (seen, calls) = (BTreeMap::new(), BTreeMap::new());
        Model {
            now: 0,
            level: 0,
            settings,
            judged: 0,
            gone: None,
            redelay: None,
            next: 1,
            purged: None,
            items: Vec::new(),
            seen,
            calls,
            attempts: BTreeMap::new(),
            deliveries: Vec::new(),
        }
    }

    /// What a batch does before its commands. Settings that it begins with hold before older ones
    /// end anything.
    fn begin(&mut self, now: u64, commands: &[QueueCommand]) {
        let mut ops = commands.iter().map(|command| command.op.as_ref());
        let first = ops.find(|op| !matches!(op, Some(QueueOp::SetLevel(_)))).flatten();
        let is_newer =
            matches!(first, Some(QueueOp::Configure(settings)) if settings.version > self.settings.version);
        self.judged = self.now;
        self.now = self.now.max(now);
        self.work_off(if self.level == 0 { usize::MAX } else { DUE_MAX });
        self.redelay();
        let kept = (self.level > 0 && is_newer).then(|| self.items.clone());
        self.advance(now);
        if kept.is_none() {
            self.judged = self.now;
        }
        self.items = kept.unwrap_or_else(|| std::mem::take(&mut self.items));
    }

    /// Ends delays and timeouts, the earliest first.
    fn work_off(&mut self, max: usize) {
        let now = self.now;
        let due = self.items.iter_mut();
        let mut due: Vec<&mut Item> = due.filter(|item| item.is_out && item.from <= now).collect();
        due.sort_unstable_by_key(|item| (item.from, item.sequence));
        for item in due.into_iter().take(max) {
            let redelay = self
                .redelay
                .filter(|r| !item.received && item.sequence < r.end && item.from > r.at);
            if let Some(redelay) = redelay {
                item.from = item.sent + redelay.delay;
            }
            item.is_out = item.from > now;
        }
    }

    fn redelay(&mut self) {
        let (now, Some(redelay)) = (self.now, self.redelay) else {
            return;
        };
        let is_in = |item: &&mut Item| {
            item.is_out && (item.from, item.sequence) >= redelay.next && item.from <= redelay.last
        };
        let mut timers: Vec<&mut Item> = self.items.iter_mut().filter(is_in).collect();
        timers.sort_unstable_by_key(|item| (item.from, item.sequence));
        timers.truncate(4_096);
        let next = timers.last().filter(|_| timers.len() == 4_096);
        self.redelay = next.map(|item| Redelay {
            next: (item.from, item.sequence + 1),
            ..redelay
        });
        let delayed = timers
            .into_iter()
            .filter(|item| !item.received && item.from > redelay.at);
        for item in delayed.filter(|item| item.sequence < redelay.end) {
            item.from = item.sent + redelay.delay;
            item.is_out = item.from > now;
        }
        if !self.items.iter().any(|item| item.is_out && !item.received) {
            self.redelay = None;
        }
    }

    fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        let now = self.now;
        let mut expired: Vec<(u64, u64)> = self
            .items
            .iter()
            .filter(|item| self.is_stale(item))
            .map(|item| (item.sent, item.sequence))
            .collect();
        if self.level > 0 {
            // A batch drops so many, the oldest first.
            expired.sort_unstable();
            expired.truncate(EXPIRED_MAX);
        }
        let expired: BTreeSet<u64> = expired.into_iter().map(|(_, sequence)| sequence).collect();
        self.items.retain(|item| !expired.contains(&item.sequence));
        self.seen.retain(|_, (at, _)| *at + 300_000 > now);
        let span = if self.level == 0 { 120_000 } else { 300_000 };
        self.calls.retain(|_, (at, _)| *at + span > now);
        self.attempts.retain(|_, (at, _)| *at + 300_000 > now);
    }

    /// Whether a message is too old and not dropped yet. Nobody gets at it, but it is in the way.
    fn is_stale(&self, item: &Item) -> bool {
        item.sent + self.settings.retention_ms <= self.now || self.gone.is_some_and(|gone| item.sent <= gone)
    }

    /// A message that is there for all who do something with it.
    fn item(&self, sequence: u64) -> Option<&Item> {
        let item = self.items.iter().find(|item| item.sequence == sequence);
        item.filter(|item| !self.is_stale(item))
    }

    fn apply(&mut self, command: &QueueCommand) -> Told {
        let op = command.op.as_ref().expect("an operation");
        match (self.calls.get(&command.invocation), op) {
            (Some((_, Told::Received(first))), QueueOp::Receive(_)) => {
                let held = first.iter().filter(|d| self.holds(d.0, d.1)).cloned();
                let held: Vec<_> = held.collect();
                if !held.is_empty() {
                    self.renew(&command.invocation);
                    return Told::Received(held);
                }
            }
            (Some((_, first)), _) => {
                let first = first.clone();
                self.renew(&command.invocation);
                return first;
            }
            (None, _) => {}
        }
        let told = self.perform(op);
        // A repeated delete is simply made again.
        let again = matches!(
            op,
            QueueOp::Delete(_) | QueueOp::Configure(_) | QueueOp::SetLevel(_)
        );
        let nothing = matches!(&told, Told::Received(none) if none.is_empty());
        let refused = matches!(&told, Told::Refused(outcome) if *outcome != Outcome::Recalled);
        if !command.invocation.is_empty() && !again && !nothing && !refused {
            self.calls
                .insert(command.invocation.clone(), (self.now, told.clone()));
        }
        told
    }

    /// A retry makes the answer last, unless it is quite new.
    fn renew(&mut self, invocation: &Bytes) {
        let now = self.now;
        if let Some((at, _)) = self.calls.get_mut(invocation)
            && self.level > 0
            && *at + 15_000 <= now
        {
            *at = now;
        }
    }

    fn perform(&mut self, op: &QueueOp) -> Told {
        match op {
            QueueOp::Send(send) => Told::Sent(send.entries.iter().map(|entry| self.send(entry)).collect()),
            QueueOp::Receive(receive) if !receive.attempt.is_empty() && self.settings.fifo => {
                self.attempt(receive)
            }
            QueueOp::Receive(receive) if receive.again => Told::Received(Vec::new()),
            QueueOp::Receive(receive) => Told::Received(self.receive(receive)),
            QueueOp::SetLevel(set) => {
                self.level = self.level.max(set.to);
                Told::Outcomes(Vec::new())
            }
            QueueOp::Expire(_) => Told::Outcomes(Vec::new()),
            QueueOp::Recall(_) => Told::Refused(Outcome::Recalled),
            QueueOp::Delete(delete) => Told::Outcomes(
                delete
                    .receipts
                    .iter()
                    .map(|receipt| self.delete(receipt))
                    .collect(),
            ),
            QueueOp::ChangeVisibility(change) => {
                Told::Outcomes(change.entries.iter().map(|entry| self.change(entry)).collect())
            }
            QueueOp::Purge(_) if self.purged.is_some_and(|purged| purged + 60_000 > self.now) => {
                Told::Outcomes(vec![Outcome::PurgeInProgress])
            }
            QueueOp::Purge(_) => {
                self.purged = Some(self.now);
                self.items.clear();
                self.redelay = None;
                self.seen.clear();
                self.attempts.clear();
                self.deliveries.clear();
                Told::Outcomes(vec![Outcome::Done])
            }
            QueueOp::Configure(settings) => {
                if settings.version > self.settings.version {
                    if self.level > 0 {
                        self.gone = self.gone.max(self.judged.checked_sub(self.settings.retention_ms));
                    }
                    self.settings = settings.clone();
                    self.advance(self.now);
                    self.judged = self.now;
                    if let Some(delay) = settings.delay_ms.filter(|_| settings.fifo) {
                        let timers = self.items.iter().filter(|item| item.is_out);
                        self.redelay = timers.map(|item| item.from).max().map(|last| Redelay {
                            at: self.now,
                            delay,
                            end: self.next,
                            next: (0, 0),
                            last,
                        });
                        self.redelay();
                        while self.level == 0 && self.redelay.is_some() {
                            self.redelay();
                        }
                    }
                }
                Told::Outcomes(Vec::new())
            }
            QueueOp::Import(_) | QueueOp::Settle(_) | QueueOp::Move(_) => {
                unreachable!("messages do not travel here")
            }
        }
    }

    fn send(&mut self, entry: &SendEntry) -> u64 {
        let by_group = self.settings.deduplicate_by_group;
        let scope = if by_group {
            format!("in {}", entry.group)
        } else {
            String::new()
        };
        let key = (scope, entry.deduplication_id.clone());
        if let Some((_, original)) = self.seen.get(&key).filter(|_| self.settings.fifo) {
            return *original;
        }
        let sequence = self.next;
        self.next += 1;
        self.items.push(Item {
            sequence,
            body: entry.body.clone(),
            group: entry.group.clone(),
            sent: self.now,
            from: self.now + entry.delay_ms,
            is_out: entry.delay_ms > 0,
            received: false,
            last_received: 0,
            count: 0,
            changed: false,
        });
        if self.settings.fifo {
            self.seen.insert(key, (self.now, sequence));
        }
        sequence
    }

    fn receive(&mut self, receive: &Receive) -> Vec<(u64, u32, Bytes)> {
        let until = self.now + receive.visibility_ms;
        let max = receive.max as usize;
        let chosen: Vec<u64> = if self.settings.fifo {
            self.order(|_| false).into_iter().take(max).collect()
        } else {
            self.fairest(max)
        };
        let mut told = Vec::new();
        for sequence in chosen {
            if self.item(sequence).is_none() {
                continue;
            }
            let now = self.now;
            let item = self.items.iter_mut().find(|item| item.sequence == sequence);
            let item = item.expect("it was just chosen");
            item.count += 1;
            item.changed = false;
            (item.received, item.last_received, item.from) = (true, now, until);
            item.is_out = until > now;
            told.push((sequence, item.count, item.body.clone()));
            if until > now {
                self.deliveries.push(item.group.clone());
            }
        }
        told
    }

    /// What a receive takes from a standard queue, one after the other: see `queue/fair.rs` and
    /// `queue/tenants.rs`.
    fn fairest(&self, max: usize) -> Vec<u64> {
        let mut left: Vec<&Item> = self.items.iter().filter(|item| !item.is_out).collect();
        let held = self.items.iter().filter(|item| item.received && item.is_out);
        let mut held: Vec<&str> = held.map(|item| item.group.as_str()).collect();
        let last = self.deliveries.iter().rev().take(100);
        let mut last: Vec<&str> = last.map(String::as_str).collect();
        let mut chosen = Vec::new();
        while chosen.len() < max && !left.is_empty() {
            let rank = |item: &&Item| {
                let count = |groups: &[&str]| groups.iter().filter(|group| **group == item.group).count();
                let (own, recent) = (count(&held), count(&last));
                let much = own >= 2 && own * 10 > held.len() || recent > 10;
                if item.group.is_empty() || recent == 0 || !much {
                    (false, 0, 0, item.sequence)
                } else {
                    (true, own, recent, item.sequence)
                }
            };
            let next = left.iter().copied().min_by_key(rank).expect("not empty");
            left.retain(|item| item.sequence != next.sequence);
            held.push(&next.group);
            last.push(&next.group);
            chosen.push(next.sequence);
        }
        chosen
    }

    /// A receive with an attempt id.
    fn attempt(&mut self, receive: &Receive) -> Told {
        let Some((_, first)) = self.attempts.get(&receive.attempt).cloned() else {
            if receive.again {
                return Told::Received(Vec::new());
            }
            let told = self.receive(receive);
            if !told.is_empty() {
                let gave = told.iter().map(|(sequence, count, _)| (*sequence, *count));
                let attempt = (self.now, gave.collect());
                self.attempts.insert(receive.attempt.clone(), attempt);
            }
            return Told::Received(told);
        };
        // Nobody else can have got what is overdue.
        for (sequence, _) in &first {
            let now = self.now;
            let items = self.items.iter_mut();
            let item = items.filter(|item| item.sequence == *sequence && item.from <= now);
            item.for_each(|item| item.is_out = false);
        }
        let next = self.order(|item| self.is_stale(item));
        let is_same = |(sequence, count): &(u64, u32)| {
            let item = self.item(*sequence);
            item.is_some_and(|item| item.count == *count && !item.changed)
        };
        // Still hidden, or what a receive would find, although not necessarily before other groups.
        let held = first
            .iter()
            .all(|(sequence, count)| self.holds(*sequence, *count));
        let in_place = |(sequence, _): &(u64, u32)| next.contains(sequence);
        let leads = |(sequence, _): &(u64, u32)| {
            let item = self.items.iter().find(|item| item.sequence == *sequence);
            let group = item.map(|item| item.group.clone()).unwrap_or_default();
            let mut before = self
                .items
                .iter()
                .filter(|i| i.group == group && i.sequence < *sequence);
            before.all(|other| {
                self.is_stale(other) || first.iter().any(|(sequence, _)| *sequence == other.sequence)
            })
        };
        if !first.iter().all(is_same) || !(held || first.iter().all(in_place) && first.iter().all(leads)) {
            return Told::Refused(Outcome::AttemptNotRetryable);
        }
        let until = self.now + receive.visibility_ms;
        let mut told = Vec::new();
        for (sequence, count) in first {
            let item = self.items.iter_mut().find(|item| item.sequence == sequence);
            let item = item.expect("it is untouched");
            item.from = until.min(item.last_received + 43_200_000);
            item.is_out = item.from > self.now;
            told.push((sequence, count, item.body.clone()));
        }
        Told::Received(told)
    }

    /// Everything that a FIFO queue may hand out now, in order, if some messages do not count.
    fn order(&self, but: impl Fn(&Item) -> bool) -> Vec<u64> {
        let mut groups: Vec<Vec<&Item>> = Vec::new();
        for item in &self.items {
            match groups.iter_mut().find(|group| group[0].group == item.group) {
                Some(group) => group.push(item),
                None => groups.push(vec![item]),
            }
        }
        let locked = |group: &[&Item]| group.iter().any(|i| i.received && i.is_out);
        let open = groups.iter().filter(|group| !locked(group));
        let open = open.filter(|group| !group[0].is_out);
        let front = open.flat_map(|group| {
            let is_ready = |item: &&&Item| !item.is_out || but(item);
            group.iter().take_while(is_ready).filter(|item| !but(item))
        });
        front.map(|item| item.sequence).collect()
    }

    fn holds(&self, sequence: u64, delivery: u32) -> bool {
        let item = self.item(sequence);
        item.is_some_and(|item| item.received && item.from > self.now && item.count == delivery)
    }

    fn delete(&mut self, receipt: &Receipt) -> Outcome {
        let item = self.item(receipt.sequence);
        let issued = item.map_or(u32::MAX, |item| item.count);
        let known = receipt.sequence >= 1 && receipt.sequence < self.next;
        if !known || receipt.delivery == 0 || receipt.delivery > issued {
            return Outcome::NoSuchMessage;
        }
        if item.is_some() && self.settings.fifo && !self.holds(receipt.sequence, receipt.delivery) {
            return Outcome::ReceiptExpired;
        }
        self.items.retain(|item| item.sequence != receipt.sequence);
        Outcome::Done
    }

    fn change(&mut self, entry: &VisibilityEntry) -> Outcome {
        let receipt = entry.receipt.expect("a receipt");
        let holds = self.holds(receipt.sequence, receipt.delivery);
        let (now, fifo) = (self.now, self.settings.fifo);
        if self.item(receipt.sequence).is_none() {
            return Outcome::NoSuchMessage;
        }
        let Some(item) = self
            .items
            .iter_mut()
            .find(|item| item.sequence == receipt.sequence)
        else {
            return Outcome::NoSuchMessage;
        };
        let until = now + entry.visibility_ms;
        match () {
            () if receipt.delivery == 0 || receipt.delivery > item.count => Outcome::NoSuchMessage,
            () if !holds && item.from <= now => Outcome::NotInFlight,
            () if !holds && fifo => Outcome::ReceiptExpired,
            () if !holds => Outcome::NotInFlight,
            () if until > item.last_received + 43_200_000 => Outcome::BeyondTwelveHours,
            () => {
                (item.from, item.changed) = (until, true);
                item.is_out = until > now;
                Outcome::Done
            }
        }
    }

    /// The same without what is too old.
    fn without_stale(mut self) -> Model {
        let items = std::mem::take(&mut self.items);
        self.items = items.into_iter().filter(|item| !self.is_stale(item)).collect();
        self
    }

    /// How many receives of one message would find one.
    fn receivable(&self) -> u64 {
        if !self.settings.fifo {
            return self.items.iter().filter(|item| item.from <= self.now).count() as u64;
        }
        let mut trial = self.clone();
        let one = Receive {
            max: 1,
            visibility_ms: 1_000,
            ..Receive::default()
        };
        (0..).take_while(|_| !trial.receive(&one).is_empty()).count() as u64
    }
}

fn told(reply: &Reply) -> Told {
    let Reply::Queue(QueueReply { answer: Some(answer) }) = reply else {
        panic!("{reply:?}")
    };
    match answer {
        QueueAnswer::Sent(sent) => Told::Sent(sent.entries.iter().map(|e| e.sequence).collect()),
        QueueAnswer::Received(received) => {
            let messages = received.messages.iter();
            let told = messages.map(|m| {
                (
                    m.receipt.map_or(0, |r| r.sequence),
                    m.receive_count,
                    m.body.clone(),
                )
            });
            Told::Received(told.collect())
        }
        QueueAnswer::Outcomes(Outcomes { outcomes }) => {
            let outcomes = outcomes
                .iter()
                .map(|o| Outcome::try_from(*o).expect("an outcome"));
            Told::Outcomes(outcomes.collect())
        }
        QueueAnswer::Refused(why) => Told::Refused(Outcome::try_from(*why).expect("an outcome")),
    }
}

/// What the machine says without a command must be what the model would do at that time.
fn compare_views(seed: u64, machine: &Machine, model: &Model, now: u64) {
    let queue = machine.as_queue().expect("a queue");
    let mut then = model.clone();
    // Readers go by the old delay.
    then.redelay = None;
    then.advance(now);
    // Readers are told what is there once all is worked off.
    then.work_off(usize::MAX);
    let mut then = then.without_stale();
    let at = Millis(now);
    let held = model.items.len();
    let figures = queue.figures(at, usize::MAX);
    assert_eq!(figures.expired as usize, held - then.items.len(), "seed {seed}");
    assert_eq!(queue.has_expired(at), held > then.items.len(), "seed {seed}");
    // Of more than that, not all groups that it frees are known.
    let all_known = !queue.is_fifo() || held - then.items.len() <= 2 * EXPIRED_MAX;
    if all_known {
        assert_eq!(queue.visible_count(at), then.receivable(), "seed {seed}");
        assert_eq!(queue.has_visible(at), then.receivable() > 0, "seed {seed}");
    }
    let counts = queue.counts(at);
    let hidden = |received| {
        let hidden = then
            .items
            .iter()
            .filter(|i| i.from > then.now && i.received == received);
        hidden.count() as u64
    };
    let all = then.items.len() as u64;
    assert_eq!(
        (counts.in_flight, counts.delayed),
        (hidden(true), hidden(false)),
        "seed {seed}"
    );
    assert_eq!(counts.visible, all - hidden(true) - hidden(false), "seed {seed}");
    assert_eq!(figures.counts, counts, "seed {seed}");
    let oldest = then.items.iter().map(|item| Millis(item.sent)).min();
    assert_eq!(figures.oldest_sent, oldest, "seed {seed}");
    // Until the next change, nothing becomes receivable.
    let before = queue
        .next_change(at)
        .map_or(then.now + 700_000, |next| next.0 - 1);
    then.advance(before);
    then.work_off(usize::MAX);
    let then = then.without_stale();
    if held - then.items.len() > 2 * EXPIRED_MAX {
        return;
    }
    let more = queue.visible_count(Millis(before));
    assert_eq!(more, then.receivable(), "seed {seed}");
    assert!(
        more <= queue.visible_count(at),
        "seed {seed}: something changed earlier than said"
    );
}

/// How often a batch left something to the next one.
#[derive(Default, Debug)]
struct Left {
    too_old: usize,
    overdue: usize,
    delays: usize,
}

/// Runs a history of so many batches through both.
fn compare(
    seed: u64,
    mut history: History,
    mut machine: Machine,
    mut model: Model,
    steps: usize,
    left: &mut Left,
) {
    for step in 0..steps {
        let (commands, batch) = history.next_batch();
        for ahead in [0, 1, 5_000, 61_000] {
            compare_views(seed, &machine, &model, batch.now_ms + ahead);
        }
        let replies = machine.apply(&batch);
        model.begin(batch.now_ms, &commands);
        for (command, reply) in commands.iter().zip(&replies) {
            let expected = model.apply(command);
            assert_eq!(told(reply), expected, "seed {seed}, step {step}: {command:?}");
            history.learn(reply);
        }
        left.too_old += usize::from(model.items.iter().any(|item| model.is_stale(item)));
        let is_overdue = |item: &Item| item.is_out && item.from <= model.now;
        left.overdue += usize::from(model.items.iter().any(is_overdue));
        left.delays += usize::from(model.redelay.is_some());
    }
}

#[test]
fn a_queue_does_what_the_model_does() {
    for seed in SEEDS {
        let machine = Machine::new(MachineKind::Queue);
        let history = History::new(seed);
        compare(seed, history, machine, Model::new(), 400, &mut Left::default());
    }
}

/// More becomes too old, or visible, at a time than a batch works off.
#[test]
fn a_queue_with_bursts_does_what_the_model_does() {
    let mut left = Left::default();
    for seed in 100..104 {
        let mut machine = Machine::new(MachineKind::Queue);
        let mut model = Model::new();
        let op = QueueOp::SetLevel(SetLevel { to: 1 });
        apply(&mut machine, 0, op.clone());
        model.perform(&op);
        let history = History::new(seed).with_bursts();
        compare(seed, history, machine, model, 40, &mut left);
    }
    let Left {
        too_old,
        overdue,
        delays,
    } = left;
    assert!(too_old > 5 && overdue > 5 && delays > 2, "{left:?}");
}
