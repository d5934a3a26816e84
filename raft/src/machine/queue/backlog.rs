//! The messages of a partition. Everything that moves a message from one place to another goes
//! through here, so that the line, the timers, the counts and the list of changes always agree.

use std::iter::Peekable;
use std::ops::Range;

use super::ages::{Ages, Places};
use super::departures::Departures;
use super::letter::{Letter, Stored};
use super::line::Line;
use super::message::{Message, Place};
use super::pages::Pages;
use super::redelay::Redelay;
use super::timers::Timers;
use crate::command::queue::Delivered;
use crate::planted::{Bug, planted};
use crate::types::{GroupId, Millis};

/// Messages and where they are.
pub(super) struct Backlog {
    messages: Pages<Message>,
    pub(super) line: Line,
    pub(super) timers: Timers,
    in_flight: usize,
    delayed: usize,
    bytes: u64,
    memory_bytes: u64,
    ages: Ages,
    pub(super) departures: Departures,
    pub(super) changes: Changes,
}

/// What changed since the last cut. A message that came and went in between is not mentioned.
#[derive(Default)]
pub(super) struct Changes {
    /// Messages from this sequence on are not in the last cut.
    pub(super) saved_end: u64,
    /// Messages of the last cut that changed since; each once, some of them gone by now.
    pub(super) touched: Vec<u64>,
    /// Messages of the last cut that are gone.
    pub(super) gone: Vec<u64>,
}

impl Backlog {
    pub(super) fn new(fifo: bool) -> Backlog {
        Backlog {
            messages: Pages::new(),
            line: Line::new(fifo),
            timers: Timers::default(),
            in_flight: 0,
            delayed: 0,
            bytes: 0,
            memory_bytes: 0,
            ages: Ages::default(),
            departures: Departures::default(),
            changes: Changes::default(),
        }
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Message> {
        self.messages.get(sequence)
    }

    /// All messages by sequence.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Message)> {
        self.messages.iter()
    }

    /// Messages from a sequence on.
    pub(super) fn iter_from(&self, sequence: u64) -> impl Iterator<Item = (u64, &Message)> {
        self.messages.iter_from(sequence)
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn delayed(&self) -> usize {
        self.delayed
    }

    /// Messages that are neither in flight nor delayed.
    pub(super) fn ready(&self) -> usize {
        self.len() - self.in_flight - self.delayed
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Adds a message with a higher sequence than all before.
    pub(super) fn add(&mut self, sequence: u64, mut message: Message) {
        let (letter, place) = (message.letter().clone(), message.place());
        message.is_late = self.ages.arrives(letter.sent());
        self.ages.put(message.at(sequence), place);
        self.bytes += letter.approximate_bytes();
        self.memory_bytes += letter.memory_bytes();
        self.messages.insert(sequence, message);
        self.count(place, 1);
        if let Some(until) = place.until() {
            self.timers.set(until, sequence);
        }
        if place != Place::Leaving {
            let is_ready = ready_in(&self.messages);
            self.line.arrived(&letter, sequence, place, is_ready);
        }
    }

    /// Removes a message.
    pub(super) fn remove(&mut self, sequence: u64) {
        let Some(message) = self.messages.remove(sequence) else {
            return;
        };
        let (letter, place) = (message.letter(), message.place());
        self.ages.take(message.at(sequence), place);
        self.bytes -= letter.approximate_bytes();
        self.memory_bytes -= letter.memory_bytes();
        self.count(place, -1);
        if let Some(until) = place.until() {
            self.timers.unset(until, sequence);
        }
        if place == Place::Leaving {
            self.departures.end(sequence);
        } else {
            let is_ready = ready_in(&self.messages);
            self.line.left(letter, sequence, place, is_ready);
        }
        if sequence < self.changes.saved_end && !planted(Bug::DeleteNotSaved) {
            self.changes.gone.push(sequence);
        }
    }

    /// Puts a message into another place.
    pub(super) fn put(&mut self, sequence: u64, place: Place) {
        let Some(message) = self.messages.get_mut(sequence) else {
            return;
        };
        let from = message.place();
        message.put(place);
        if !message.touched && sequence < self.changes.saved_end {
            message.touched = true;
            self.changes.touched.push(sequence);
        }
        let letter = message.letter().clone();
        self.ages.moved(message.at(sequence), from, place);
        self.count(from, -1);
        self.count(place, 1);
        if let Some(until) = from.until() {
            self.timers.unset(until, sequence);
        }
        if let Some(until) = place.until() {
            self.timers.set(until, sequence);
        }
        let is_ready = ready_in(&self.messages);
        match (from, place) {
            (Place::Leaving, _) => {
                self.departures.end(sequence);
                self.line.arrived(&letter, sequence, place, is_ready);
            }
            (_, Place::Leaving) => self.line.left(&letter, sequence, from, is_ready),
            _ => self.line.moved(&letter, sequence, from, place, is_ready),
        }
    }

    /// Lets a message's letter leave memory, if it `may`; one that has left it already is elsewhere
    /// now.
    pub(super) fn release(&mut self, sequence: u64, stored: Stored, may: bool) {
        if let Some(message) = self.messages.get_mut(sequence)
            && (may || matches!(message.letter(), Letter::Stored(_)))
        {
            self.memory_bytes -= message.letter().memory_bytes();
            message.release(stored);
            self.memory_bytes += message.letter().memory_bytes();
        }
    }

    /// The same because a consumer of the message says so.
    pub(super) fn change(&mut self, sequence: u64, place: Place) {
        if let Some(message) = self.messages.get_mut(sequence) {
            message.changed = true;
        }
        self.put(sequence, place);
    }

    /// Lets a message leave for another partition, on behalf of a move task or, with 0, as a dead
    /// letter.
    pub(super) fn depart(&mut self, sequence: u64, target: GroupId, task: u64) {
        self.put(sequence, Place::Leaving);
        self.departures.begin(sequence, target, task);
    }

    /// The messages that a receive takes now, in order.
    pub(super) fn pick(&self, max: usize) -> Vec<u64> {
        let with_consumers = self.in_flight.saturating_sub(self.departures.under_way());
        self.line.pick(max, with_consumers, ready_in(&self.messages))
    }

    /// Hands a message out until a time; if that is now, it stays visible.
    pub(super) fn deliver(&mut self, sequence: u64, now: Millis, until: Millis) -> Option<Delivered> {
        let message = self.messages.get_mut(sequence)?;
        let delivered = message.deliver(sequence, now);
        self.put(
            sequence,
            if until > now {
                Place::InFlight(until)
            } else {
                Place::Ready
            },
        );
        Some(delivered)
    }

    /// FIFO: whether a receive of enough messages would take this one from its group now, those
    /// before it in the group being `with` it.
    pub(super) fn is_first(&self, sequence: u64, with: impl Fn(u64) -> bool) -> bool {
        let Line::Fifo(groups) = &self.line else {
            return false;
        };
        let message = self.messages.get(sequence);
        let group = message.and_then(|message| groups.get(message.letter().group()));
        group.is_some_and(|group| {
            let mut before = group.members().take_while(|member| *member < sequence);
            group.is_open() && before.all(with)
        })
    }

    /// The tenants of the last deliveries, for a row: [`super::recent`].
    pub(super) fn recent(&self) -> Vec<String> {
        match &self.line {
            Line::Standard(ready) => ready.recent(),
            Line::Fifo(_) => Vec::new(),
        }
    }

    /// Takes back what [`Backlog::recent`] gave.
    pub(super) fn load_recent(&mut self, names: &[String]) {
        if let Line::Standard(ready) = &mut self.line {
            ready.load_recent(names);
        }
    }

    /// Gives all delayed messages another delay at once, looking at all messages: below level 1.
    pub(super) fn delay_by(&mut self, now: Millis, delay: Millis) {
        if self.delayed == 0 {
            return;
        }
        let all = self.iter();
        let delayed = all.filter(|(_, message)| matches!(message.place(), Place::Delayed(_)));
        let delayed: Vec<_> = delayed
            .map(|(sequence, message)| (sequence, message.letter().sent().after(delay)))
            .collect();
        for (sequence, until) in delayed {
            self.put(sequence, Place::delayed(until, now));
        }
    }

    /// Makes messages ready whose time has come, the earliest first and at most `max`, unless they
    /// are to have another delay that is longer. Returns how many it looked at.
    pub(super) fn advance(&mut self, now: Millis, max: usize, redelay: Option<&Redelay>) -> u64 {
        let mut count = 0;
        while count < max
            && let Some(sequence) = self.timers.first_due(now)
        {
            let place = redelay.map_or(Place::Ready, |redelay| self.after_due(sequence, now, redelay));
            self.put(sequence, place);
            count += 1;
        }
        count as u64
    }

    fn after_due(&self, sequence: u64, now: Millis, redelay: &Redelay) -> Place {
        let message = self.get(sequence);
        let place = message.and_then(|message| redelay.place(sequence, message, now));
        place.unwrap_or(Place::Ready)
    }

    /// Removes messages that were sent no later than `until`, the oldest first and at most `max`.
    /// What is on its way elsewhere stays: it may be there already, and has to be counted once it
    /// is. Returns how many went.
    pub(super) fn drop_sent(&mut self, until: Millis, max: usize) -> usize {
        let old = self.sent_until(until).take(max);
        let old: Vec<u64> = old.map(|(sequence, _)| sequence).collect();
        let count = old.len();
        old.into_iter().for_each(|sequence| self.remove(sequence));
        count
    }

    /// Messages that were sent no later than `until`, the oldest first, but not those on their way
    /// elsewhere. They are the same on each replica.
    pub(super) fn sent_until(&self, until: Millis) -> impl Iterator<Item = (u64, &Message)> {
        let in_order = self.in_order(self.ages.ranges()).peekable();
        let late = self.ages.late();
        let late = late.filter_map(|(_, sequence)| Some((sequence, self.get(sequence)?)));
        let by_age = ByAge {
            in_order,
            late: late.peekable(),
        };
        by_age.take_while(move |(_, message)| message.letter().sent() <= until)
    }

    /// How many of these are where. Costs little even if they are many.
    pub(super) fn count_sent(&self, until: Millis) -> Places {
        let messages = |range: Range<u64>| {
            let here = self.iter_from(range.start);
            let here = here.take_while(move |(sequence, _)| *sequence < range.end);
            here.map(|(sequence, message)| (message.at(sequence), message.place()))
                .filter(|(_, place)| *place != Place::Leaving)
        };
        let late = |sequence| self.get(sequence).map(Message::place);
        self.ages.count(until, messages, late)
    }

    /// When the oldest message was sent that is not on its way elsewhere.
    pub(super) fn oldest(&self) -> Option<Millis> {
        let mut all = self.sent_until(Millis(u64::MAX));
        all.next().map(|(_, message)| message.letter().sent())
    }

    /// When the oldest message was sent of those sent after `until` that are not on their way
    /// elsewhere.
    pub(super) fn oldest_after(&self, until: Millis) -> Option<Millis> {
        let in_order = self.in_order(self.ages.ranges_after(until));
        let mut in_order = in_order.map(|(_, message)| message.letter().sent());
        let first = in_order.find(|sent| *sent > until);
        let late = self.ages.late_after(until).next().map(|(sent, _)| sent);
        first.into_iter().chain(late).min()
    }

    /// Messages with sequences in these ranges that are neither late nor on their way elsewhere.
    fn in_order(&self, ranges: impl Iterator<Item = Range<u64>>) -> impl Iterator<Item = (u64, &Message)> {
        let messages = ranges.flat_map(|range| {
            let here = self.iter_from(range.start);
            here.take_while(move |(sequence, _)| *sequence < range.end)
        });
        messages.filter(|(_, message)| !message.is_late && message.place() != Place::Leaving)
    }

    /// So many of the messages of the last cut that changed since, without those that are gone.
    pub(super) fn take_touched(&mut self, max: usize) -> Vec<(u64, &Message)> {
        let kept = self.changes.touched.len().saturating_sub(max);
        let touched = self.changes.touched.split_off(kept);
        for sequence in &touched {
            if let Some(message) = self.messages.get_mut(*sequence) {
                message.touched = false;
            }
        }
        touched
            .into_iter()
            .filter_map(|s| Some((s, self.messages.get(s)?)))
            .collect()
    }

    /// The same messages in the other kind of line. A queue is of one kind for good, and a leader
    /// proposes its settings before anything else (`Prelude`): in practice there are none.
    pub(super) fn into_kind(self, fifo: bool) -> Backlog {
        let mut other = Backlog::new(fifo);
        for (sequence, message) in self.messages.into_values() {
            other.add(sequence, message);
        }
        other.departures = self.departures;
        other.changes = self.changes;
        other
    }

    fn count(&mut self, place: Place, difference: isize) {
        let count = match place {
            Place::Ready => return,
            Place::Delayed(_) => &mut self.delayed,
            Place::InFlight(_) | Place::Leaving => &mut self.in_flight,
        };
        *count = count
            .checked_add_signed(difference)
            .expect("each message is counted once");
    }
}

/// Two parts of the messages, each the oldest first, as one. What was sent at the same time goes by
/// sequence.
struct ByAge<A: Iterator, B: Iterator> {
    in_order: Peekable<A>,
    late: Peekable<B>,
}

impl<'a, A, B> Iterator for ByAge<A, B>
where
    A: Iterator<Item = (u64, &'a Message)>,
    B: Iterator<Item = (u64, &'a Message)>,
{
    type Item = (u64, &'a Message);

    fn next(&mut self) -> Option<(u64, &'a Message)> {
        let age = |(sequence, message): &(u64, &Message)| (message.letter().sent(), *sequence);
        let late = self.late.peek().map(age);
        match self.in_order.peek().map(age) {
            Some(first) if late.is_none_or(|late| first < late) => self.in_order.next(),
            _ => self.late.next(),
        }
    }
}

fn ready_in(messages: &Pages<Message>) -> impl Fn(u64) -> bool {
    |sequence| messages.get(sequence).is_some_and(|m| m.place() == Place::Ready)
}
