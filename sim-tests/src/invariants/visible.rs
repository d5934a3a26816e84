//! When a message surely could be received, as far as it itself is concerned.
//!
//! The cluster counts the deliveries of a message. If a delivery that a client knows of has the next
//! number after another known one, there was none between them, not even to a receive whose reply was
//! lost; and the message was there, not deleted, purged or expired, until the second one. From the moment
//! at which it had to be visible again until the second receive began, it surely was. The same holds
//! between a message's acknowledgement and its first delivery. A receive with an attempt id says nothing
//! of this: it may repeat one that took the message before, and be repeated by one that hides it for longer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::timeout::Changes;
use super::{Allowance, ROUNDING};
use crate::history::{Delivery, Facts, Fate};

pub(super) struct Visible<'a> {
    /// By message id: from when to when.
    times: BTreeMap<&'a str, Vec<(Duration, Duration)>>,
    /// The same by their beginnings.
    spans: Vec<Span<'a>>,
    /// By group.
    groups: BTreeMap<&'a str, Vec<Held>>,
}

/// A message of a group, as far as it may hold back the others.
struct Held {
    /// When its send began.
    began: Duration,
    /// Whether anybody knows which message the send made.
    known: bool,
    /// When its delete had surely been done.
    deleted: Option<Duration>,
    /// From when to when it surely was visible.
    times: Vec<(Duration, Duration)>,
}

struct Span<'a> {
    from: Duration,
    to: Duration,
    id: &'a str,
    /// The last end of this one and all before it, so that a look back knows where to stop.
    last: Duration,
}

impl<'a> Visible<'a> {
    pub(super) fn of(facts: &'a Facts, allowance: &Allowance) -> Visible<'a> {
        let margin = allowance.clock_slack + ROUNDING;
        let changes = Changes::of(facts);
        let acknowledged = facts.acknowledged();
        let mut deliveries: BTreeMap<&str, Vec<&Delivery>> = BTreeMap::new();
        for delivery in &facts.deliveries {
            deliveries.entry(&delivery.message_id).or_default().push(delivery);
        }
        let mut visible = Visible {
            times: BTreeMap::new(),
            spans: Vec::new(),
            groups: BTreeMap::new(),
        };
        for (id, mut list) in deliveries {
            list.sort_by_key(|delivery| delivery.count);
            let mut before: Option<&Delivery> = None;
            for delivery in list {
                let from = match before {
                    _ if delivery.attempt.is_some() => None,
                    None if delivery.count == 1 => acknowledged
                        .get(id)
                        .map(|send| send.ended + with_margin(facts.delay(send, delivery.ended).max, margin)),
                    Some(before) if before.count + 1 == delivery.count && before.attempt.is_none() => changes
                        .surely_free_from(before, delivery.ended)
                        .map(|free| free + margin),
                    _ => None,
                };
                before = Some(delivery);
                if let Some(from) = from.filter(|from| *from < delivery.began) {
                    visible.times.entry(id).or_default().push((from, delivery.began));
                }
            }
        }
        visible.spans = spans(&visible.times);
        let mut deleted: BTreeMap<&str, Duration> = BTreeMap::new();
        for delete in facts.deletes.iter().filter(|delete| delete.fate == Fate::Done) {
            deleted.entry(&delete.message_id).or_insert(delete.ended);
        }
        let deliveries = facts.deliveries.iter();
        // By body: the id that it was delivered under.
        let ids: BTreeMap<&str, &str> = deliveries
            .map(|delivery| (delivery.body.as_str(), delivery.message_id.as_str()))
            .collect();
        let is_fifo = facts.is_fifo();
        for send in facts.sends.iter().filter(|send| send.fate != Fate::Refused) {
            if let Some(group) = send.group.as_deref().filter(|_| is_fifo) {
                let id = match send.fate {
                    Fate::Done => Some(send.message_id.as_str()),
                    _ => ids.get(send.body.as_str()).copied(),
                };
                let times = id.and_then(|id| visible.times.get(id));
                let held = Held {
                    began: send.began,
                    known: id.is_some(),
                    deleted: id.and_then(|id| deleted.get(id).copied()),
                    times: times.cloned().unwrap_or_default(),
                };
                visible.groups.entry(group).or_default().push(held);
            }
        }
        visible
    }

    /// Messages that were visible all the time from one moment to another.
    pub(super) fn during(&self, began: Duration, ended: Duration) -> impl Iterator<Item = &'a str> {
        let before = self.spans.partition_point(|span| span.from < began);
        let back = self.spans[..before].iter().rev();
        let back = back.take_while(move |span| ended < span.last);
        back.filter(move |span| ended < span.to).map(|span| span.id)
    }

    /// Whether no message of a group can have held back another one in that time.
    pub(super) fn group_is_free(&self, group: &str, began: Duration, ended: Duration) -> bool {
        let mut all = self.groups.get(group).into_iter().flatten();
        all.all(|held| {
            let gone = held.deleted.is_some_and(|deleted| deleted < began);
            let mut times = held.times.iter();
            held.began > ended || held.known && (gone || times.any(|(from, to)| *from < began && ended < *to))
        })
    }
}

fn spans<'a>(times: &BTreeMap<&'a str, Vec<(Duration, Duration)>>) -> Vec<Span<'a>> {
    let all = times.iter();
    let mut spans: Vec<Span> = all
        .flat_map(|(id, times)| {
            times.iter().map(|(from, to)| Span {
                from: *from,
                to: *to,
                id,
                last: *to,
            })
        })
        .collect();
    spans.sort_by_key(|span| (span.from, span.id));
    let mut last = Duration::ZERO;
    for span in &mut spans {
        last = last.max(span.to);
        span.last = last;
    }
    spans
}

/// Without a delay no clock is asked.
fn with_margin(delay: Duration, margin: Duration) -> Duration {
    if delay.is_zero() { delay } else { delay + margin }
}
