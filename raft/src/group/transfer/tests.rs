use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;

use super::super::replica::Replica;
use super::super::transfers::Transfers;
use super::super::types::log_id;
use super::*;
use crate::command::Batch;
use crate::command::queue::{Configure, Purge, QueueCommand, QueueOp, Send, SendEntry};
use crate::machine::{Machine, MachineKind};

const TO: NodeId = NodeId(2);
const OTHER: NodeId = NodeId(3);

/// A replica as its state machine changes it.
struct Life {
    replica: Replica,
    next: u64,
}

impl Life {
    fn new() -> Life {
        let mut life = Life {
            replica: Replica::empty(MachineKind::Queue),
            next: 0,
        };
        life.apply(QueueOp::Configure(Configure {
            version: 1,
            retention_ms: 60_000,
            ..Configure::default()
        }));
        life
    }

    fn apply(&mut self, op: QueueOp) {
        let command = QueueCommand {
            invocation: Bytes::new(),
            op: Some(op),
        };
        let batch = Batch {
            now_ms: 1_000 + self.next,
            seed: self.next,
            commands: vec![command.encode_to_vec().into()],
            ..Batch::default()
        };
        self.replica.update(|s| {
            s.machine.apply(&batch);
            s.applied = Some(log_id(1, self.next));
        });
        self.next += 1;
    }

    fn send(&mut self) {
        let entry = SendEntry {
            body: Bytes::from(format!("message {}", self.next)),
            ..SendEntry::default()
        };
        self.apply(QueueOp::Send(Send { entries: vec![entry] }));
    }

    fn purge(&mut self) {
        self.apply(QueueOp::Purge(Purge { forced: true }));
    }

    /// Cuts a checkpoint, which is durable at once.
    fn cut(&self) {
        self.replica.update(|s| {
            let (meta, delta) = (s.meta(), s.machine.take_delta());
            self.transfers().cut(&meta, &delta);
            self.replica.set_checkpointed(&meta);
        });
    }

    fn transfers(&self) -> &Transfers {
        self.replica.transfers()
    }

    fn begin(&self, to: NodeId) -> std::sync::Arc<Transfer> {
        self.replica.view(|s| self.transfers().begin(to.0, to, 400, s))
    }

    /// What comes next, if anything does: words, or the end.
    fn next(&self, transfer: &Transfer, served: &mut Served) -> Option<Vec<Word>> {
        // The second time it is known that nothing is left.
        for _ in 0..2 {
            let read = |s: &State| transfer.read(s, self.replica.is_checkpointed(s));
            let words = self.replica.view(read);
            if !words.is_empty() {
                return Some(words);
            }
            let end = transfer.draw_changed(served);
            if end.is_some() || !served.drawn.is_empty() {
                return Some(served.drawn.drain(..).collect());
            }
        }
        None
    }

    fn digest(&self) -> u64 {
        self.replica.read(Machine::digest)
    }
}

fn apply_words(rows: &mut BTreeMap<Bytes, Bytes>, words: Vec<Word>) {
    for (key, value) in words {
        match value {
            Some(value) => drop(rows.insert(key, value.encode())),
            None => drop(rows.remove(&key)),
        }
    }
}

fn digest(rows: &BTreeMap<Bytes, Bytes>) -> u64 {
    Machine::load(MachineKind::Queue, rows.clone()).unwrap().digest()
}

#[test]
fn it_ends_with_the_first_cut_after_everything_was_read() {
    let mut life = Life::new();
    (0..20).for_each(|_| life.send());
    life.cut();
    life.send();
    let (transfer, mut served, mut rows) = (life.begin(TO), Served::default(), BTreeMap::new());
    while let Some(words) = life.next(&transfer, &mut served) {
        apply_words(&mut rows, words);
        life.send();
    }
    // Everything was read, but what was sent since the last cut is not known to the receiver.
    assert!(transfer.sealed().is_none() && transfer.needs().is_none());
    life.cut();
    let (applied, digest_then) = (life.next, life.digest());
    // What comes later is no part of it.
    (0..5).for_each(|_| life.send());
    life.cut();
    while let Some(words) = life
        .next(&transfer, &mut served)
        .filter(|words| !words.is_empty())
    {
        apply_words(&mut rows, words);
    }
    assert!(transfer.has_all());
    assert_eq!(transfer.needs(), Some(applied));
    assert_eq!(
        transfer.sealed().unwrap().last_log_id,
        Some(log_id(1, applied - 1))
    );
    assert_eq!(digest(&rows), digest_then);
}

#[test]
fn it_does_not_end_with_a_cut_that_changes_much_unless_there_is_always_one() {
    let mut life = Life::new();
    (0..20).for_each(|_| life.send());
    life.cut();
    let (transfer, mut served, mut rows) = (life.begin(TO), Served::default(), BTreeMap::new());
    let (mut cuts, mut digest_then) = (0, 0);
    loop {
        (0..200).for_each(|_| life.send());
        while let Some(words) = life
            .next(&transfer, &mut served)
            .filter(|words| !words.is_empty())
        {
            apply_words(&mut rows, words);
        }
        if transfer.has_all() {
            break;
        }
        life.cut();
        (cuts, digest_then) = (cuts + 1, life.digest());
    }
    assert_eq!(cuts, CUTS_MAX + 1);
    assert_eq!(digest(&rows), digest_then);
}

#[test]
fn a_state_without_news_needs_no_cut() {
    let mut life = Life::new();
    (0..20).for_each(|_| life.send());
    life.cut();
    let (transfer, mut served, mut rows) = (life.begin(TO), Served::default(), BTreeMap::new());
    while let Some(words) = life
        .next(&transfer, &mut served)
        .filter(|words| !words.is_empty())
    {
        apply_words(&mut rows, words);
    }
    assert_eq!(digest(&rows), life.digest());
}

#[test]
fn a_cut_that_mentions_nothing_by_name_ends_it() {
    let mut life = Life::new();
    (0..20).for_each(|_| life.send());
    life.cut();
    let transfer = life.begin(TO);
    life.purge();
    life.cut();
    assert!(transfer.has_failed());
}

#[test]
fn one_to_the_same_node_takes_the_place_of_another() {
    let life = Life::new();
    let (first, other) = (life.begin(TO), life.begin(OTHER));
    let second = life.begin(TO);
    assert!(first.has_failed() && !other.has_failed() && !second.has_failed());
    life.transfers().give_up();
    assert!(other.has_failed() && second.has_failed() && life.transfers().is_empty());
}

#[test]
fn the_log_keeps_what_follows_a_state_until_its_receiver_has_come_far_enough() {
    let mut life = Life::new();
    (0..20).for_each(|_| life.send());
    life.cut();
    let sent = life.next;
    for to in [TO, OTHER] {
        let (transfer, mut served) = (life.begin(to), Served::default());
        while life
            .next(&transfer, &mut served)
            .is_some_and(|words| !words.is_empty())
        {}
        assert!(transfer.has_all());
        (0..20).for_each(|_| life.send());
        life.cut();
    }
    let transfers = life.transfers();
    let covered = life.replica.checkpointed();
    let tend = |to: u64, other: u64| transfers.tend(&BTreeMap::from([(TO, to), (OTHER, other)]), covered);
    // Who is told of the older state now is told of what both have.
    assert_eq!(transfers.oldest().unwrap().last_log_id, Some(log_id(1, sent - 1)));
    tend(0, 0);
    assert_eq!(transfers.needs(), Some(sent));
    tend(sent + 7, 0);
    assert_eq!(transfers.needs(), Some(sent + 7));
    // Who has gone on from it is no reason to tell anybody of it.
    let oldest = || transfers.oldest().and_then(|meta| meta.last_log_id).unwrap();
    assert_eq!(oldest(), log_id(1, sent + 19));
    assert!(oldest().index + 1 >= transfers.needs().unwrap());
    tend(covered, 0);
    assert_eq!(transfers.needs(), Some(sent + 20));
    // The disk has the last word.
    assert!(transfers.log_begins(sent + 21));
    assert!(transfers.is_empty() && transfers.oldest().is_none());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_who_went_away() {
    let life = Life::new();
    let (idle, used) = (life.begin(TO), life.begin(OTHER));
    for _ in 0..4 {
        tokio::time::advance(IDLE_MAX / 2).await;
        used.touch();
        life.transfers().tend(&BTreeMap::new(), 0);
    }
    assert!(idle.has_failed() && !used.has_failed());
}
