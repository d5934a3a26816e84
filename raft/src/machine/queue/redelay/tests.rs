use super::*;
use crate::command::queue::{Configure, Expire, QueueOp, Send, SendEntry};
use crate::machine::queue::testing::{apply, queue, receive};

const MESSAGES: usize = 2 * PORTION + 100;
const HOUR: u64 = 60 * 60 * 1_000;

fn set_delay(queue: &mut Queue, now_ms: u64, delay_ms: u64) {
    let configure = Configure {
        version: queue.config_version() + 1,
        fifo: true,
        retention_ms: HOUR,
        delay_ms: Some(delay_ms),
        ..Configure::default()
    };
    apply(queue, now_ms, QueueOp::Configure(configure));
}

fn tick(queue: &mut Queue, now_ms: u64) {
    apply(queue, now_ms, QueueOp::Expire(Expire {}));
}

/// Messages that were sent at 1 s with a delay of 5 s, each in a group of its own.
fn delayed(level: Level) -> Queue {
    let mut queue = queue(level, HOUR);
    set_delay(&mut queue, 1_000, 5_000);
    let entries = (0..MESSAGES).map(|number| SendEntry {
        delay_ms: 5_000,
        group: number.to_string(),
        deduplication_id: number.to_string(),
        ..SendEntry::default()
    });
    let entries = entries.collect();
    apply(&mut queue, 1_000, QueueOp::Send(Send { entries }));
    queue
}

fn with_deadline(queue: &Queue, until: u64) -> usize {
    let timers = queue.backlog.timers.due(Millis(u64::MAX));
    let places = timers.filter_map(|sequence| Some(queue.backlog.get(sequence)?.place()));
    places
        .filter(|place| *place == Place::Delayed(Millis(until)))
        .count()
}

#[test]
fn messages_get_a_longer_delay_in_portions_and_none_is_early() {
    let mut queue = delayed(Level::ONE);
    set_delay(&mut queue, 2_000, 60_000);
    assert_eq!(with_deadline(&queue, 61_000), PORTION);
    assert!(queue.has_much_due(Millis(2_000)), "a leader has to propose ticks");
    // What is left to do is part of the state.
    let rows = queue.rows().into_iter().map(|row| (row.key, row.value.encode()));
    queue = Queue::load(rows, Vec::new()).unwrap();

    // The old delay ends before anybody proposes one.
    assert_eq!(receive(&mut queue, 6_000, 10, 1_000).len(), 0);
    while queue.has_many_due(Millis(6_000)) {
        let before = queue.brought_by_time();
        tick(&mut queue, 6_000);
        assert!(queue.brought_by_time() > before, "it seems that nothing was done");
        assert_eq!(queue.backlog.ready(), 0);
    }
    assert_eq!(with_deadline(&queue, 61_000), MESSAGES);
    assert!(queue.redelay.is_none());
    assert_eq!(receive(&mut queue, 60_999, 10, 1_000).len(), 0);
    assert_eq!(receive(&mut queue, 61_000, 10, 1_000).len(), 10);
}

#[test]
fn messages_get_a_shorter_delay_in_portions() {
    let mut queue = delayed(Level::ONE);
    set_delay(&mut queue, 2_000, 0);
    assert_eq!(queue.backlog.ready(), PORTION);
    // The latest settings count for all that are left.
    set_delay(&mut queue, 2_000, 7_000);
    assert_eq!(
        (with_deadline(&queue, 8_000), queue.backlog.ready()),
        (100, 2 * PORTION)
    );
}

#[test]
fn below_level_1_all_messages_get_another_delay_at_once() {
    let mut queue = delayed(Level::ZERO);
    set_delay(&mut queue, 2_000, 60_000);
    assert_eq!(with_deadline(&queue, 61_000), MESSAGES);
    assert!(queue.redelay.is_none());
}
