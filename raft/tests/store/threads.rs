//! Real threads: whoever asks for a checkpoint never stands behind the one that is being written.

use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use raft::env::Env;
use raft::machine::{Delta, Machine, MachineKind};
use raft::store::{
    Checkpoint, Checkpointer, LetterStore, LettersOptions, MemoryStore, PutAside, Store, StoreError,
};
use raft::types::GroupId;

/// A failed test ends instead of waiting for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// The group whose checkpoint does not get done.
const SLOW: GroupId = GroupId(1);

/// A store in memory whose writes of one group last until the test lets them go on.
struct Blocking {
    memory: MemoryStore,
    calls: Mutex<Vec<(&'static str, GroupId)>>,
    begun: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Blocking {
    /// The store, what tells that a slow write has begun, and what lets it go on.
    fn new() -> (Arc<Blocking>, Receiver<()>, Sender<()>) {
        let ((begun, has_begun), (release, go_on)) = (channel(), channel());
        let store = Blocking {
            memory: MemoryStore::default(),
            calls: Mutex::default(),
            begun,
            go_on: Mutex::new(go_on),
        };
        (Arc::new(store), has_begun, release)
    }

    fn called(&self, what: &'static str, group: GroupId) {
        self.calls.lock().unwrap().push((what, group));
    }
}

impl Store for Blocking {
    fn load(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError> {
        self.called("load", group);
        self.memory.load(group)
    }

    fn write(&self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), StoreError> {
        self.called("write", group);
        if group == SLOW {
            self.begun.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
        }
        self.memory.write(group, header, delta)
    }

    fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError> {
        self.memory.stage(group, part)
    }

    fn staged(&self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.memory.staged(group)
    }

    fn commit(&self, group: GroupId, header: Bytes) -> Result<(), StoreError> {
        self.memory.commit(group, header)
    }

    fn unstage(&self, group: GroupId) -> Result<(), StoreError> {
        self.memory.unstage(group)
    }

    fn forget(&self, group: GroupId) -> Result<(), StoreError> {
        self.called("forget", group);
        self.memory.forget(group)
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        self.memory.groups()
    }

    fn put_aside(&self, group: GroupId, reason: &str) -> Result<(), StoreError> {
        self.memory.put_aside(group, reason)
    }

    fn proven(&self, group: GroupId) -> Result<(), StoreError> {
        self.memory.proven(group)
    }

    fn aside(&self) -> Vec<PutAside> {
        self.memory.aside()
    }
}

fn whole() -> Delta {
    Delta::whole(Machine::new(MachineKind::Queue).rows())
}

/// Asks on a thread of its own, as a runtime's would: a call that blocks there stops only that one.
/// Tells when the question has its place in the queue, which is after the first poll.
fn ask(
    checkpoints: &Checkpointer,
    asked: impl AsyncFnOnce(Checkpointer) + Send + 'static,
) -> thread::JoinHandle<()> {
    let (checkpoints, (queued, is_queued)) = (checkpoints.clone(), channel());
    let asking = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut asked = pin!(asked(checkpoints));
            assert!(futures::poll!(&mut asked).is_pending(), "the worker is busy");
            queued.send(()).unwrap();
            asked.await;
        });
    });
    let waited = is_queued.recv_timeout(PATIENCE);
    waited.expect("a question waits in the queue, not for a lock");
    asking
}

#[test]
fn who_asks_for_a_checkpoint_never_stands_behind_one_that_is_being_written() {
    let env = Env::real().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (rows, has_begun, release) = Blocking::new();
    let options = LettersOptions::default();
    let store = LetterStore::open(rows.clone(), env.disk.clone(), dir.path(), options).unwrap();
    let checkpoints = Checkpointer::start(&env, store);

    let slow = ask(&checkpoints, async |checkpoints| {
        checkpoints.write(SLOW, Bytes::new(), whole()).await.unwrap();
    });
    has_begun.recv_timeout(PATIENCE).unwrap();
    let others = [
        ask(&checkpoints, async |checkpoints| {
            checkpoints
                .write(GroupId(2), Bytes::new(), whole())
                .await
                .unwrap();
        }),
        ask(&checkpoints, async |checkpoints| {
            checkpoints.forget(GroupId(3)).await.unwrap();
        }),
        ask(&checkpoints, async |checkpoints| {
            let loaded = checkpoints.load(GroupId(4), MachineKind::Queue).await;
            assert!(loaded.unwrap().is_none());
        }),
    ];
    // What needs no worker is answered meanwhile.
    assert_eq!(checkpoints.stats().waiting, 4);

    release.send(()).unwrap();
    slow.join().unwrap();
    others.into_iter().for_each(|other| other.join().unwrap());
    // Loads go first among those that waited.
    let calls = rows.calls.lock().unwrap().clone();
    let order = [("write", 1), ("load", 4), ("write", 2), ("forget", 3)];
    assert_eq!(calls, order.map(|(what, group)| (what, GroupId(group))));
}
