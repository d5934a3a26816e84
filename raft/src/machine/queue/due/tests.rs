use bytes::Bytes;

use super::*;
use crate::command::queue::{
    ChangeVisibility, Configure, Delete, Expire, Outcome, QueueAnswer, QueueOp, Receive, Send, SendEntry,
    VisibilityEntry,
};
use crate::machine::queue::testing::{apply, queue, receive, send};

const DAY: u64 = 24 * 60 * 60 * 1_000;
const MESSAGES: usize = 2 * DUE_MAX + 100;
const DELAY: u64 = 5_000;
/// When the delays of [`delayed`] have ended.
const DUE: u64 = 1_000 + DELAY;

fn delayed(level: Level, fifo: bool) -> Queue {
    let mut queue = queue(level, DAY);
    let configure = Configure {
        version: 2,
        fifo,
        retention_ms: DAY,
        ..Configure::default()
    };
    apply(&mut queue, 1_000, QueueOp::Configure(configure));
    let entries = (0..MESSAGES).map(|number| SendEntry {
        body: Bytes::from(number.to_string()),
        delay_ms: DELAY,
        group: if fifo {
            format!("g{}", number % 3)
        } else {
            String::new()
        },
        deduplication_id: number.to_string(),
        ..SendEntry::default()
    });
    let entries = entries.collect();
    apply(&mut queue, 1_000, QueueOp::Send(Send { entries }));
    queue
}

#[test]
fn what_one_batch_makes_visible_is_bounded_and_readers_see_it_all() {
    let mut queue = delayed(Level::ONE, false);
    assert!(!queue.has_much_due(Millis(DUE - 1)) && queue.has_much_due(Millis(DUE)));
    let mut ended = Vec::new();
    while queue.has_much_due(Millis(DUE)) {
        let before = queue.brought_by_time();
        apply(&mut queue, DUE, QueueOp::Expire(Expire {}));
        ended.push((queue.brought_by_time() - before) as usize);
        assert_eq!(queue.counts(Millis(DUE)).visible as usize, MESSAGES);
        assert_eq!(queue.visible_count(Millis(DUE)) as usize, MESSAGES);
    }
    assert_eq!(ended, [DUE_MAX, DUE_MAX]);
    assert_eq!(queue.backlog.delayed(), 100, "one more batch is enough");
    receive(&mut queue, DUE, 10, 1_000);
    assert_eq!(queue.backlog.delayed(), 0);
}

#[test]
fn below_level_1_everything_becomes_visible_at_once() {
    let mut queue = delayed(Level::ZERO, false);
    receive(&mut queue, DUE, 10, 1_000);
    assert_eq!(queue.backlog.delayed(), 0);
}

#[test]
fn a_fifo_group_keeps_its_order_while_some_of_it_is_overdue() {
    let mut queue = delayed(Level::ONE, true);
    let mut got: Vec<u64> = Vec::new();
    while got.len() < MESSAGES {
        let messages = receive(&mut queue, DUE, 10, 1_000);
        assert!(!messages.is_empty(), "after {}", got.len());
        let receipts: Vec<Receipt> = messages.iter().filter_map(|message| message.receipt).collect();
        got.extend(receipts.iter().map(|receipt| receipt.sequence));
        apply(&mut queue, DUE, QueueOp::Delete(Delete { receipts }));
    }
    let group = |place: u64| got.iter().copied().filter(move |sequence| sequence % 3 == place);
    assert!((0..3).all(|place| group(place).is_sorted()));
}

/// Messages of one group that are overdue lock it, and a receipt of theirs is worth nothing.
#[test]
fn a_receipt_ends_with_its_timeout_though_the_message_is_overdue() {
    let (_, receipt) = delayed_and_held();
    let entry = VisibilityEntry {
        receipt: Some(receipt),
        visibility_ms: 1_000,
    };
    let change = QueueOp::ChangeVisibility(ChangeVisibility { entries: vec![entry] });
    let delete = QueueOp::Delete(Delete {
        receipts: vec![receipt],
    });
    for (op, outcome) in [(change, Outcome::NotInFlight), (delete, Outcome::ReceiptExpired)] {
        let (mut queue, _) = delayed_and_held();
        let answer = apply(&mut queue, DUE, op);
        assert!(queue.backlog.in_flight() == 1, "it is not overdue");
        let QueueAnswer::Outcomes(told) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(told.outcomes, [i32::from(outcome)]);
    }
    // The attempt is made again: nobody else can have got the message.
    let (mut queue, _) = delayed_and_held();
    assert_eq!(attempt(&mut queue, DUE), receipt);
}

/// Receives one message.
fn attempt(queue: &mut Queue, now_ms: u64) -> Receipt {
    let receive = Receive {
        max: 1,
        visibility_ms: DELAY,
        attempt: "a".into(),
        ..Receive::default()
    };
    match apply(queue, now_ms, QueueOp::Receive(receive)) {
        QueueAnswer::Received(received) => received.messages[0].receipt.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// One more message is in flight until the others are due, but its turn comes after theirs.
fn delayed_and_held() -> (Queue, Receipt) {
    let mut queue = delayed(Level::ONE, true);
    let entry = SendEntry {
        group: "held".into(),
        deduplication_id: "held".into(),
        ..SendEntry::default()
    };
    let entries = vec![entry];
    apply(&mut queue, 1_000, QueueOp::Send(Send { entries }));
    let receipt = attempt(&mut queue, 1_000);
    (queue, receipt)
}

#[test]
fn what_is_dropped_before_its_turn_is_no_timer_any_more() {
    let mut queue = delayed(Level::ONE, false);
    apply(&mut queue, DUE, QueueOp::Expire(Expire {}));
    send(&mut queue, DUE, 1);
    for _ in 0..4 {
        apply(&mut queue, 1_000 + DAY, QueueOp::Expire(Expire {}));
    }
    assert_eq!((queue.backlog.len(), queue.backlog.delayed()), (1, 0));
    assert!(!queue.has_many_due(Millis(u64::MAX)));
}
