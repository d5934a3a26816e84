//! A group whose time is ahead of the clocks, as a leader of an older version may have left it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use raft::command::queue::{Configure, Delivered, QueueAnswer, QueueOp, Receive, Received, SetLevel, Settle};
use raft::env::{Clock, Env, Uptime};
use raft::group::Group;
use raft::groups::Groups;
use raft::machine::Machine;
use raft::store::MemoryStore;
use raft::types::Millis;

use crate::node::{messages_at, open, options, propose, send, start_in};

const DAY: u64 = 86_400_000;
const NOW: u64 = 20_000 * DAY;
const AHEAD: u64 = 400 * DAY;
const VISIBILITY_MS: u64 = 30_000;

/// A clock and an uptime that are moved by hand, in milliseconds.
#[derive(Default)]
struct Hand(AtomicU64);

impl Hand {
    fn add(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// The uptime of the node goes on with the real one, so that leases work, and by hand.
struct Passing(Arc<dyn Uptime>, Arc<Hand>);

impl Uptime for Passing {
    fn uptime(&self) -> Duration {
        self.0.uptime() + Duration::from_millis(self.1.now().0)
    }
}

struct World {
    dir: tempfile::TempDir,
    store: Arc<MemoryStore>,
    clock: Arc<Hand>,
    passed: Arc<Hand>,
}

impl World {
    fn new() -> World {
        World {
            dir: tempfile::tempdir().unwrap(),
            store: Arc::default(),
            clock: Arc::new(Hand(AtomicU64::new(NOW))),
            passed: Arc::default(),
        }
    }

    fn start(&self) -> Arc<Groups> {
        let real = Env::real().unwrap();
        let env = Env {
            clock: self.clock.clone(),
            uptime: Arc::new(Passing(real.uptime.clone(), self.passed.clone())),
            ..real
        };
        start_in(env, self.dir.path(), self.store.clone(), options())
    }

    /// Time passes for everybody.
    fn pass(&self, ms: u64) {
        self.clock.add(ms);
        self.passed.add(ms);
    }
}

fn latest(group: &Group) -> u64 {
    group.replica().read(|machine: &Machine| machine.now().0)
}

/// The commands' stamps are what matters.
async fn tick(group: &Group) {
    propose(group, QueueOp::Settle(Settle::default())).await;
}

async fn set_level(group: &Group) {
    propose(group, QueueOp::SetLevel(SetLevel { to: 1 })).await;
}

async fn receive(group: &Group) -> Vec<Delivered> {
    let receive = Receive {
        max: 10,
        visibility_ms: VISIBILITY_MS,
        ..Receive::default()
    };
    match propose(group, QueueOp::Receive(receive)).await {
        QueueAnswer::Received(Received { messages }) => messages,
        other => panic!("{other:?}"),
    }
}

/// A leader's clock was ahead for a moment.
async fn poisoned(world: &World, groups: &Arc<Groups>) -> Arc<Group> {
    let group = open(groups, 1).await;
    let configure = Configure {
        version: 1,
        retention_ms: DAY,
        ..Configure::default()
    };
    propose(&group, QueueOp::Configure(configure)).await;
    world.clock.add(AHEAD);
    tick(&group).await;
    world.clock.0.fetch_sub(AHEAD, Ordering::SeqCst);
    assert_eq!(latest(&group), NOW + AHEAD);
    group
}

#[tokio::test]
async fn a_group_that_is_ahead_goes_on_and_loses_nothing() {
    let world = World::new();
    let groups = world.start();
    let group = poisoned(&world, &groups).await;
    world.pass(1_000);
    tick(&group).await;
    assert_eq!(latest(&group), NOW + AHEAD, "below level 1 its time stands still");

    set_level(&group).await;
    send(&group, 10).await;
    assert_eq!(receive(&group).await.len(), 1);
    let begun = latest(&group);
    assert!((NOW + AHEAD..NOW + AHEAD + 60_000).contains(&begun), "{begun}");
    assert!(receive(&group).await.is_empty());

    // Its timeout ends, and age goes on as it should: neither too early nor never.
    world.pass(VISIBILITY_MS + 1_000);
    let time = group.replica().read(|machine| group.time(machine));
    assert!(time.0 >= begun + VISIBILITY_MS, "readers go by it, too: {time:?}");
    assert_eq!(messages_at(&group, time), 1);
    assert_eq!(receive(&group).await.len(), 1);
    world.pass(DAY / 2);
    assert_eq!(receive(&group).await.len(), 1, "it is half a day old");
    world.pass(DAY / 2 + 1_000);
    assert_eq!(receive(&group).await.len(), 0, "and now a day");

    // What the clocks do makes no difference.
    send(&group, 10).await;
    world.clock.add(300 * DAY);
    tick(&group).await;
    world.clock.0.fetch_sub(350 * DAY, Ordering::SeqCst);
    tick(&group).await;
    assert_eq!(receive(&group).await.len(), 1);
}

#[tokio::test]
async fn it_goes_on_from_the_last_stamp_after_a_restart() {
    let world = World::new();
    let groups = world.start();
    let group = poisoned(&world, &groups).await;
    set_level(&group).await;
    tick(&group).await;
    world.pass(10_000);
    tick(&group).await;
    let last = latest(&group);
    assert!(last >= NOW + AHEAD + 10_000, "{last}");
    drop(group);
    groups.shutdown().await;
    groups.wal().close().await.unwrap();
    drop(groups);
    world.pass(3_600_000);
    let groups = world.start();
    let group = open(&groups, 1).await;
    // The first batch of a leader may come before it has applied what was there.
    tick(&group).await;
    tick(&group).await;
    world.pass(5_000);
    tick(&group).await;
    let now = latest(&group);
    assert!(
        (last + 5_000..last + 120_000).contains(&now),
        "{now} after {last}"
    );
}
