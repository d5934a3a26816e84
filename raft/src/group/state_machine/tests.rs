use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::super::pulls::Pulls;
use super::super::types::{Membership, log_id};
use super::*;
use crate::command::queue::{
    Configure, Delete, Purge, QueueCommand, QueueOp, Receipt, Receive, Send, SendEntry,
};
use crate::env::Env;
use crate::store::{Checkpoint, LetterStore, LettersOptions, MemoryStore, PutAside, Store};

const GROUP: GroupId = GroupId(7);

fn state_machine() -> StateMachine {
    state_machine_on(Arc::new(MemoryStore::default()))
}

fn state_machine_on(rows: Arc<dyn Store>) -> StateMachine {
    let env = Env::real().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = LettersOptions::default();
    let store = LetterStore::open(rows, env.disk.clone(), folder.path(), options).unwrap();
    StateMachine {
        group: GROUP,
        replica: Arc::new(Replica::empty(MachineKind::Queue)),
        checkpointer: Checkpointer::start(&env, store),
        io: env.io.clone(),
        front: options.front,
        installed: Installed::default(),
        kind: MachineKind::Queue,
        level: Level::LATEST,
        witness: None,
    }
}

/// As if the entry at `index` had been applied: a queue with one more message.
fn apply(state: &StateMachine, index: u64) {
    let configure = QueueOp::Configure(Configure {
        version: 1,
        retention_ms: 60_000,
        ..Configure::default()
    });
    let entry = SendEntry {
        body: Bytes::from(format!("message {index}")),
        ..SendEntry::default()
    };
    let send = QueueOp::Send(Send { entries: vec![entry] });
    let commands = [configure, send].map(|op| {
        let command = QueueCommand {
            invocation: Bytes::new(),
            op: Some(op),
        };
        Bytes::from(command.encode_to_vec())
    });
    let batch = Batch {
        now_ms: 1_000,
        seed: index,
        commands: commands.to_vec(),
        ..Batch::default()
    };
    let updated = state.replica.update(None, |s| {
        s.machine.apply(&batch);
        s.applied = Some(log_id(1, index));
    });
    updated.unwrap();
}

/// As if an entry with these commands had been applied, each a call that is remembered.
fn apply_calls(state: &StateMachine, index: u64, ops: impl IntoIterator<Item = QueueOp>) {
    let commands = ops.into_iter().zip(0_u64..).map(|(op, call)| {
        let command = QueueCommand {
            invocation: [index.to_be_bytes(), call.to_be_bytes()].concat().into(),
            op: Some(op),
        };
        Bytes::from(command.encode_to_vec())
    });
    let batch = Batch {
        now_ms: 1_000,
        seed: index,
        commands: commands.collect(),
        ..Batch::default()
    };
    let updated = state.replica.update(None, |s| {
        s.machine.apply(&batch);
        s.applied = Some(log_id(1, index));
    });
    updated.unwrap();
}

#[tokio::test]
async fn a_checkpoint_after_a_purge_has_what_was_remembered_at_its_cut() {
    let mut local = state_machine();
    let send = QueueOp::Send(Send {
        entries: vec![SendEntry::default()],
    });
    apply_calls(&local, 1, vec![send.clone(); 3_000]);
    checkpoint(&mut local).await;
    apply_calls(&local, 2, [QueueOp::Purge(Purge::default()), send.clone()]);
    let digest = local.replica.read(Machine::digest);
    let mut builder = local.get_snapshot_builder().await;
    let mut built = std::pin::pin!(builder.build_snapshot());
    assert!(
        futures::poll!(built.as_mut()).is_pending(),
        "all rows under the lock"
    );
    // What comes later is not in it.
    apply_calls(&local, 3, vec![send; 2_000]);
    built.await.unwrap();
    assert_eq!(stored(&local).await, (Some(log_id(1, 2)), digest));
    checkpoint(&mut local).await;
    let digest = local.replica.read(Machine::digest);
    assert_eq!(stored(&local).await, (Some(log_id(1, 3)), digest));
}

/// A state with `messages` messages, applied up to `index`, put together in another one's store.
async fn state(local: &StateMachine, messages: u64, index: u64) -> (SnapshotMeta, Rows) {
    let other = state_machine();
    for at in 0..messages {
        apply(&other, index - messages + at + 1);
    }
    let meta = SnapshotMeta {
        last_log_id: Some(log_id(1, index)),
        last_membership: StoredMembership::new(None, Membership::default()),
    };
    let rows = Delta::whole(other.replica.read(Machine::rows));
    local.checkpointer.stage(GROUP, rows).await.unwrap();
    (
        meta,
        Rows::Staged(Pulls::default().hold(GROUP).unwrap(), Level::ZERO),
    )
}

/// What the store would give a restarted node: the index it covers and a digest of the machine.
async fn stored(state: &StateMachine) -> (Option<LogId>, u64) {
    let loaded = state.checkpointer.load(GROUP, MachineKind::Queue).await;
    let (header, machine) = loaded.unwrap().unwrap();
    let (meta, _) = wire::header_from(&header, Level::LATEST).unwrap();
    (meta.last_log_id, machine.digest())
}

async fn checkpoint(state: &mut StateMachine) {
    state.get_snapshot_builder().await.build_snapshot().await.unwrap();
}

#[tokio::test]
async fn a_checkpoint_never_lands_on_a_state_that_was_installed_after_its_cut() {
    let mut local = state_machine();
    apply(&local, 1);
    checkpoint(&mut local).await;
    apply(&local, 2);
    let mut builder = local.get_snapshot_builder().await;
    let (meta, rows) = state(&local, 5, 500).await;
    local.install_snapshot(&meta, rows).await.unwrap();

    let built = builder.build_snapshot().await.unwrap();
    assert_eq!(
        built.meta.last_log_id,
        Some(log_id(1, 2)),
        "openraft is told the older one"
    );
    let digest = local.replica.read(Machine::digest);
    assert_eq!(stored(&local).await, (Some(log_id(1, 500)), digest));

    // The next one builds on what was installed.
    apply(&local, 501);
    checkpoint(&mut local).await;
    let digest = local.replica.read(Machine::digest);
    assert_eq!(stored(&local).await, (Some(log_id(1, 501)), digest));
    assert_eq!(local.replica.checkpointed(), 502);
}

#[tokio::test]
async fn a_store_that_lost_the_base_gets_everything() {
    let mut local = state_machine();
    apply(&local, 1);
    checkpoint(&mut local).await;
    local.checkpointer.forget(GROUP).await.unwrap();
    apply(&local, 2);
    let mut builder = local.get_snapshot_builder().await;
    apply(&local, 3);
    let built = builder.build_snapshot().await.unwrap();
    // openraft purges by what it hears; it need not hear of more than it asked for.
    assert_eq!(built.meta.last_log_id, Some(log_id(1, 2)));
    let digest = local.replica.read(Machine::digest);
    assert_eq!(stored(&local).await, (Some(log_id(1, 3)), digest));
    assert_eq!(local.replica.checkpointed(), 4);
}

/// A long backlog: entries from the first one on, with a thousand messages each.
fn apply_backlog(state: &StateMachine, entries: u64) {
    (0..entries).for_each(|index| apply_thousand(state, index + 1));
}

fn apply_thousand(state: &StateMachine, index: u64) {
    let entry = SendEntry {
        body: Bytes::from_static(&[b'm'; 500]),
        ..SendEntry::default()
    };
    let send = QueueOp::Send(Send {
        entries: vec![entry; 1_000],
    });
    apply_calls(state, index, [send]);
}

#[tokio::test]
async fn entries_are_applied_while_changes_are_gathered() {
    for purges in [false, true] {
        let mut local = state_machine();
        apply_backlog(&local, 2);
        checkpoint(&mut local).await;
        // Some that the last checkpoint had change, and many come.
        let receive = Receive {
            max: 10,
            visibility_ms: 1_000,
            ..Receive::default()
        };
        apply_calls(&local, 3, vec![QueueOp::Receive(receive); 50]);
        (4..24).for_each(|index| apply_thousand(&local, index));
        let mut builder = local.get_snapshot_builder().await;
        let mut built = std::pin::pin!(builder.build_snapshot());
        for index in 24..=28 {
            assert!(futures::poll!(built.as_mut()).is_pending(), "gathered at once");
            let receipts = (0..700).map(|number| Receipt {
                sequence: (index - 24) * 4_000 + number,
                delivery: 0,
            });
            let delete = QueueOp::Delete(Delete {
                receipts: receipts.collect(),
            });
            let purge = (purges && index == 28).then(|| QueueOp::Purge(Purge::default()));
            apply_calls(&local, index, [delete].into_iter().chain(purge));
            apply(&local, index);
        }
        let digest = local.replica.read(Machine::digest);
        built.await.unwrap();
        assert_eq!(stored(&local).await, (Some(log_id(1, 28)), digest), "{purges}");
        let checkpointed = local.replica.checkpointed();
        assert_eq!(checkpointed, 29, "all in between");
    }
}

#[tokio::test]
async fn entries_are_applied_while_a_whole_state_is_gathered() {
    for purges in [false, true] {
        let mut local = state_machine();
        apply_backlog(&local, 20);
        checkpoint(&mut local).await;
        local.checkpointer.forget(GROUP).await.unwrap();
        let (replica, io) = (local.replica.clone(), local.io.clone());
        let mut whole = std::pin::pin!(whole(&replica, &io));
        for index in 101..=105 {
            assert!(futures::poll!(whole.as_mut()).is_pending(), "gathered at once");
            // Something comes and something goes.
            apply(&local, index);
            let receive = Receive {
                max: 10,
                visibility_ms: 1_000,
                ..Receive::default()
            };
            let receipts = (0..500).map(|number| Receipt {
                sequence: index * 100 + number,
                delivery: 1,
            });
            let delete = Delete {
                receipts: receipts.collect(),
            };
            let purge = (purges && index == 104).then(|| QueueOp::Purge(Purge::default()));
            let ops = [QueueOp::Receive(receive), QueueOp::Delete(delete)];
            apply_calls(&local, index, ops.into_iter().chain(purge));
        }
        let whole = tokio::time::timeout(Duration::from_secs(60), whole).await;
        let (meta, level, delta) = whole.unwrap().unwrap();
        let header = wire::header_to(&meta, level);
        local.checkpointer.write(GROUP, header, delta).await.unwrap();
        assert_eq!(meta.last_log_id, Some(log_id(1, 105)), "all in between");
        let digest = local.replica.read(Machine::digest);
        assert_eq!(stored(&local).await, (Some(log_id(1, 105)), digest), "{purges}");
    }
}

/// A store whose disk can be full. It counts the rows that it is given.
#[derive(Default)]
struct Filled(MemoryStore, AtomicBool, AtomicUsize);

impl Filled {
    fn has_space(&self) -> Result<(), StoreError> {
        match self.1.load(Ordering::Relaxed) {
            true => Err(StoreError::Full("a test".to_owned())),
            false => Ok(()),
        }
    }
}

impl Store for Filled {
    fn load(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError> {
        self.0.load(group)
    }

    fn write(&self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), StoreError> {
        self.2.fetch_add(delta.puts.len(), Ordering::Relaxed);
        self.has_space().and_then(|()| self.0.write(group, header, delta))
    }

    fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError> {
        self.has_space().and_then(|()| self.0.stage(group, part))
    }

    fn staged(&self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.0.staged(group)
    }

    fn commit(&self, group: GroupId, header: Bytes) -> Result<(), StoreError> {
        self.has_space().and_then(|()| self.0.commit(group, header))
    }

    fn unstage(&self, group: GroupId) -> Result<(), StoreError> {
        self.0.unstage(group)
    }

    fn forget(&self, group: GroupId) -> Result<(), StoreError> {
        self.0.forget(group)
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        self.0.groups()
    }

    fn put_aside(&self, group: GroupId, reason: &str) -> Result<(), StoreError> {
        self.0.put_aside(group, reason)
    }

    fn proven(&self, group: GroupId) -> Result<(), StoreError> {
        self.0.proven(group)
    }

    fn aside(&self) -> Vec<PutAside> {
        self.0.aside()
    }
}

#[tokio::test]
async fn a_full_disk_delays_a_checkpoint_and_breaks_nothing() {
    let store = Arc::new(Filled::default());
    let mut local = state_machine_on(store.clone());
    apply(&local, 1);
    checkpoint(&mut local).await;
    store.1.store(true, Ordering::Relaxed);
    for index in 2..4 {
        apply(&local, index);
        let mut builder = local.get_snapshot_builder().await;
        let built = builder.build_snapshot().await.unwrap();
        assert_eq!(built.meta.last_log_id, None, "openraft purges by what it hears");
        assert!(!local.replica.may_have_space());
    }
    assert_eq!(local.replica.checkpointed(), 2);
    assert_eq!(stored(&local).await.0, Some(log_id(1, 1)));

    // What the lost deltas had is in the next checkpoint.
    store.1.store(false, Ordering::Relaxed);
    apply(&local, 4);
    checkpoint(&mut local).await;
    let digest = local.replica.read(Machine::digest);
    assert_eq!(stored(&local).await, (Some(log_id(1, 4)), digest));
    assert_eq!(local.replica.checkpointed(), 5);
}

/// Applies and checkpoints on a store whose disk is full for two checkpoints. Returns how many rows
/// the store was given then and afterwards.
async fn rows_after_a_full_disk(
    local: &mut StateMachine,
    store: &Filled,
    changes: [Vec<QueueOp>; 3],
) -> usize {
    // So little that letters stay with the rows, which are counted.
    apply_backlog(local, 5);
    checkpoint(local).await;
    store.2.store(0, Ordering::Relaxed);
    for (index, ops) in (100..).zip(changes) {
        store.1.store(index < 102, Ordering::Relaxed);
        apply_calls(local, index, ops);
        checkpoint(local).await;
    }
    let digest = local.replica.read(Machine::digest);
    assert_eq!(stored(local).await, (Some(log_id(1, 102)), digest));
    store.2.load(Ordering::Relaxed)
}

#[tokio::test]
async fn after_a_full_disk_a_checkpoint_has_what_changed_and_no_more() {
    let store = Arc::new(Filled::default());
    let mut local = state_machine_on(store.clone());
    let send = QueueOp::Send(Send {
        entries: vec![SendEntry::default(); 3],
    });
    let receive = QueueOp::Receive(Receive {
        max: 10,
        visibility_ms: 1_000,
        ..Receive::default()
    });
    // What was given to the full disk, old and new, goes before there is space.
    let receipts = (1..4).chain([5_001]).map(|sequence| Receipt {
        sequence,
        delivery: 1,
    });
    let delete = QueueOp::Delete(Delete {
        receipts: receipts.collect(),
    });
    let changes = [
        vec![send.clone(), receive.clone()],
        vec![delete, send],
        vec![receive],
    ];
    let rows = rows_after_a_full_disk(&mut local, &store, changes).await;
    assert!(rows < 150, "{rows} rows for a few changes, three times");
}

#[tokio::test]
async fn a_purge_that_met_a_full_disk_is_in_the_next_checkpoint() {
    let store = Arc::new(Filled::default());
    let mut local = state_machine_on(store.clone());
    let send = QueueOp::Send(Send {
        entries: vec![SendEntry::default(); 3],
    });
    let purge = QueueOp::Purge(Purge::default());
    let changes = [vec![send.clone(), purge], vec![send.clone()], vec![send]];
    rows_after_a_full_disk(&mut local, &store, changes).await;
}
