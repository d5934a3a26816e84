//! Machines are what their rows say: saved and loaded, or pieced together from deltas, they go on
//! as if nothing had happened.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use raft::command::queue::{QueueCommand, QueueOp, SetLevel};
use raft::command::{Batch, Reply};
use raft::machine::{Delta, Machine, MachineKind, RowValue};

use crate::random::Random;
use crate::{SEEDS, catalog_history, queue_history};

type Rows = BTreeMap<Bytes, Bytes>;

fn rows_of(machine: &Machine) -> Rows {
    let rows = machine.rows();
    assert!(
        rows.is_sorted_by(|left, right| left.key < right.key),
        "rows are not in order"
    );
    rows.into_iter()
        .map(|row| (row.key, row.value.encode()))
        .collect()
}

fn load(kind: MachineKind, rows: &Rows) -> Machine {
    Machine::load(kind, rows.clone()).expect("its own rows can be loaded")
}

/// Puts a delta on top of what is stored, and returns how many rows it touched.
fn store(stored: &mut Rows, delta: Delta) -> usize {
    let size = delta.puts.len() + delta.deletes.len();
    if delta.clear {
        stored.clear();
    }
    for key in delta.deletes {
        stored.remove(&key);
    }
    for row in delta.puts {
        stored.insert(row.key, row.value.encode());
    }
    size
}

/// The bytes of all messages, counted anew.
pub(crate) fn counted_bytes(machine: &Machine) -> u64 {
    let messages = machine.rows().into_iter().map(|row| match row.value {
        RowValue::Message(message) => message.approximate_bytes(),
        RowValue::Encoded(_) => 0,
    });
    messages.sum()
}

/// Replies as they can be compared, with what they have in files.
pub(crate) fn told(replies: Vec<Reply>) -> Vec<String> {
    let whole = replies.into_iter().map(|reply| match reply {
        Reply::Unread(unread) => Reply::Queue(unread.read().expect("files can be read")),
        reply => reply,
    });
    whole.map(|reply| format!("{reply:?}")).collect()
}

/// Runs one history through a machine that only applies, one that is saved and loaded now and then,
/// and a store that lives on deltas, cut in portions, some of which it gets with the next one only.
fn run(seed: u64, kind: MachineKind, batches: impl IntoIterator<Item = Batch>) {
    let mut random = Random(!seed);
    let mut plain = Machine::new(kind);
    let mut twin = Machine::new(kind);
    let mut restarted = Machine::new(kind);
    let (mut stored, mut unwritten) = (Rows::new(), Delta::default());
    for batch in batches {
        let replies = told(plain.apply(&batch));
        assert_eq!(told(twin.apply(&batch)), replies, "seed {seed}");
        assert_eq!(told(restarted.apply(&batch)), replies, "seed {seed}");
        assert_eq!(plain.digest(), twin.digest(), "seed {seed}");
        assert_eq!(plain.digest(), restarted.digest(), "seed {seed}");
        for machine in [&plain, &restarted] {
            assert_eq!(machine.message_bytes(), counted_bytes(machine), "seed {seed}");
        }
        // A portion of a cut, with more applied before the rest.
        let portion = random
            .chance(30)
            .then(|| restarted.cut_some(random.below(6) as usize));
        if let Some(portion) = portion.flatten() {
            unwritten = std::mem::take(&mut unwritten).then(portion);
        }
        if random.chance(30) {
            let delta = std::mem::take(&mut unwritten).then(restarted.take_delta());
            if random.chance(30) {
                unwritten = delta;
                continue;
            }
            store(&mut stored, delta);
            assert_eq!(
                stored,
                rows_of(&plain),
                "seed {seed}: the deltas give another state"
            );
            let again = store(&mut stored, restarted.take_delta());
            assert_eq!(again, 0, "seed {seed}: a delta without changes");
        }
        if random.chance(5) {
            // A crash: what was applied since the last cut comes from a snapshot.
            (stored, unwritten) = (rows_of(&plain), Delta::default());
            restarted = load(kind, &stored);
        }
    }
}

#[test]
fn queues_are_what_their_rows_say() {
    for seed in SEEDS {
        let mut history = queue_history::History::travelling(seed);
        let mut guide = Machine::new(MachineKind::Queue);
        let batches = (0..400).map(|_| {
            let (_, batch) = history.next_batch();
            guide.apply(&batch).iter().for_each(|reply| history.learn(reply));
            batch
        });
        run(seed, MachineKind::Queue, batches);
    }
}

/// More becomes too old at a time than a batch drops: which messages go does not depend on where the
/// state came from.
#[test]
fn queues_with_bursts_are_what_their_rows_say() {
    for seed in 100..102 {
        let mut history = queue_history::History::travelling(seed).with_bursts();
        let mut guide = Machine::new(MachineKind::Queue);
        let raise = QueueCommand {
            invocation: Bytes::new(),
            op: Some(QueueOp::SetLevel(SetLevel { to: 1 })),
        };
        let first = Batch {
            commands: vec![raise.encode_to_vec().into()],
            ..Batch::default()
        };
        guide.apply(&first);
        let batches = (0..40).map(|_| {
            let (_, batch) = history.next_batch();
            guide.apply(&batch).iter().for_each(|reply| history.learn(reply));
            batch
        });
        run(seed, MachineKind::Queue, [first].into_iter().chain(batches));
    }
}

#[test]
fn catalogs_are_what_their_rows_say() {
    for seed in SEEDS {
        let mut history = catalog_history::History::new(seed);
        run(seed, MachineKind::Catalog, (0..300).map(|_| history.next_batch()));
    }
}

#[test]
fn a_delta_is_as_small_as_the_changes() {
    let mut history = queue_history::History::new(0);
    let mut machine = Machine::new(MachineKind::Queue);
    let mut stored = Rows::new();
    let (mut largest, mut commands) = (0, 0);
    for _ in 0..400 {
        let (_, batch) = history.next_batch();
        commands += batch.commands.len();
        machine
            .apply(&batch)
            .iter()
            .for_each(|reply| history.learn(reply));
        largest = largest.max(machine.rows().len());
        store(&mut stored, machine.take_delta());
    }
    assert!(largest > 60, "the state never grew: {largest} rows");
    let (_, batch) = history.next_batch();
    machine.apply(&Batch {
        commands: batch.commands[..1].to_vec(),
        now_ms: 0,
        ..batch
    });
    let last = store(&mut stored, machine.take_delta());
    // At most ten messages, the answer, and the meta row.
    assert!(last <= 12, "{last} rows for one of {commands} commands");
}

#[test]
fn damaged_rows_are_refused() {
    let mut history = queue_history::History::new(1);
    let mut machine = Machine::new(MachineKind::Queue);
    let answers = |rows: &Rows| rows.keys().filter(|key| key[0] == 2).count();
    for batch in 0.. {
        machine.apply(&history.next_batch().1);
        if batch > 50 && answers(&rows_of(&machine)) > 2 {
            break;
        }
    }
    let rows = rows_of(&machine);
    assert!(
        Machine::load(MachineKind::Queue, Rows::new()).is_err(),
        "no rows at all"
    );
    assert!(
        Machine::load(MachineKind::Catalog, rows.clone()).is_err(),
        "of another machine"
    );
    let mut damaged = rows.clone();
    damaged.insert(Bytes::from_static(&[0x7f]), Bytes::new());
    assert!(
        Machine::load(MachineKind::Queue, damaged).is_err(),
        "an unknown table"
    );
    let answers: Vec<Bytes> = rows.keys().filter(|key| key[0] == 2).cloned().collect();
    let mut damaged = rows.clone();
    damaged.remove(&answers[1]);
    assert!(
        Machine::load(MachineKind::Queue, damaged).is_err(),
        "a gap in the window"
    );
    let message = rows.iter().find(|(key, _)| key[0] == 0x21);
    let (key, value) = message.expect("there are messages");
    let twice = rows.clone().into_iter().chain([(key.clone(), value.clone())]);
    assert!(
        Machine::load(MachineKind::Queue, twice).is_err(),
        "a message twice"
    );
    let mut damaged = rows;
    damaged.insert(Bytes::from_static(&[1]), Bytes::from_static(b"\x08\x63"));
    assert!(Machine::load(MachineKind::Queue, damaged).is_err(), "format 99");
}
