//! Three nodes over loopback: a follower that lost its state or fell behind the purged log.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use raft::env::{BoxFuture, Env};
use raft::group::{Group, OpenError, Timing};
use raft::groups::{Birth, Groups, GroupsOptions, Origin};
use raft::machine::MachineKind;
use raft::peers::server::{Inbound, serve};
use raft::peers::snapshot::SnapshotOptions;
use raft::peers::{Peers, pb};
use raft::store::{MemoryStore, Store};
use raft::types::{GroupId, NodeId};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::node::{PATIENCE, configure, messages, options, send};
use crate::proxy::Proxy;

pub(crate) const GROUP: GroupId = GroupId(5);
pub(crate) const NODES: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

/// The first leader stays leader, even on a machine that is busy with other things.
const PATIENT: Timing = Timing {
    heartbeat_ms: 100,
    election_min_ms: 2_000,
    election_max_ms: 4_000,
};

pub(crate) struct Node {
    pub(crate) groups: Arc<Groups>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) address: String,
    _serving: DropGuard,
}

struct Replicas(Arc<Groups>);

impl Inbound for Replicas {
    fn group(&self, group: GroupId) -> Option<Arc<Group>> {
        self.0.get(group)
    }

    fn command(&self, _: GroupId, _: pb::Command) -> BoxFuture<'static, pb::CommandReply> {
        Box::pin(std::future::ready(pb::CommandReply::default()))
    }

    fn counts(&self, _: GroupId) -> pb::CountsReply {
        pb::CountsReply::default()
    }

    fn sizes(&self, _: pb::Sizes) -> pb::SizesReply {
        pb::SizesReply::default()
    }

    fn node_state(&self) -> pb::NodeStateReply {
        pb::NodeStateReply::default()
    }

    fn hello(&self, _: pb::HelloRequest) -> BoxFuture<'static, pb::HelloReply> {
        Box::pin(std::future::ready(pb::HelloReply::default()))
    }
}

pub(crate) async fn start(id: NodeId, dir: &Path, store: Arc<dyn Store>) -> Node {
    start_with(id, dir, store, options()).await
}

pub(crate) async fn start_with(
    id: NodeId,
    dir: &Path,
    store: Arc<dyn Store>,
    options: GroupsOptions,
) -> Node {
    start_in(Env::real().unwrap(), id, dir, store, options).await
}

pub(crate) async fn start_in(
    env: Env,
    id: NodeId,
    dir: &Path,
    store: Arc<dyn Store>,
    options: GroupsOptions,
) -> Node {
    let listener = env.net.bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_address().unwrap();
    let peers = Peers::new(env.clone(), id);
    peers.set_cluster("test");
    peers.set_own_address(&address);
    let options = GroupsOptions {
        timing: PATIENT,
        ..options
    };
    let groups = Groups::start(env, dir, || Ok(store), peers.clone(), options).unwrap();
    let stop = CancellationToken::new();
    let inbound = Arc::new(Replicas(groups.clone()));
    let routes = tonic::service::Routes::default();
    tokio::spawn(serve(peers.clone(), inbound, listener, routes, stop.clone()));
    Node {
        groups,
        peers,
        address,
        _serving: stop.drop_guard(),
    }
}

pub(crate) fn introduce(nodes: &[&Node]) {
    for node in nodes {
        for other in nodes {
            node.peers.set_address(other.peers.me(), &other.address);
        }
    }
}

pub(crate) async fn open(node: &Node) -> Result<Arc<Group>, OpenError> {
    let birth = Birth {
        members: BTreeSet::from(NODES),
        first: node.peers.me() == NODES[0],
    };
    node.groups
        .open(GROUP, MachineKind::Queue, &NODES, None, Origin::Founded(birth))
        .await
}

/// Ends a node as a crash would, but in order, so that its folder can be opened again.
pub(crate) async fn stop(node: Node) {
    node.groups.shutdown().await;
    node.groups.wal().close().await.unwrap();
}

/// Sends until `purged` says that enough of the logs is gone.
pub(crate) async fn fill(leader: &Group, nodes: &[&Node], purged: impl Fn() -> bool) -> u64 {
    let mut sent = 0;
    while !purged() {
        send(leader, 1_000).await;
        sent += 1;
        for node in nodes {
            node.groups.limit_log().await;
        }
        assert!(sent < 2_000, "nothing is purged");
    }
    sent
}

pub(crate) async fn caught_up(group: &Group, leader: &Group, sent: u64) {
    let caught_up = group.wait_applied(leader.progress().applied);
    tokio::time::timeout(PATIENCE, caught_up).await.unwrap().unwrap();
    assert_eq!(messages(group), sent);
}

#[tokio::test]
async fn a_follower_gets_its_state_back_after_its_loss_and_after_a_long_absence() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let [one, two, three] =
        [0, 1, 2].map(|at| start(NODES[at], dirs[at].path(), Arc::new(MemoryStore::default())));
    let (one, two, three) = tokio::join!(one, two, three);
    introduce(&[&one, &two, &three]);
    let (leader, _second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, third) = (leader.unwrap(), third.unwrap());
    tokio::time::timeout(PATIENCE, leader.wait_applied(1))
        .await
        .unwrap()
        .unwrap();
    configure(&leader).await;
    let mut sent = fill(&leader, &[&one, &two, &three], || third.progress().first > 0).await;
    drop(third);
    stop(three).await;

    // Its checkpoint is lost, and at first it knows nobody: it stays closed and holds nobody up.
    let store = Arc::new(MemoryStore::default());
    let three = start(NODES[2], dirs[2].path(), store.clone()).await;
    assert!(matches!(open(&three).await, Err(OpenError::NoState(GROUP))));
    assert!(three.groups.get(GROUP).is_none());
    introduce(&[&one, &two, &three]);
    let third = open(&three).await.unwrap();
    caught_up(&third, &leader, sent).await;

    // Meanwhile the others let go of what it needs: the leader sends the whole state.
    let missed = third.progress().last;
    drop(third);
    stop(three).await;
    let purged = || leader.progress().first > missed + 5;
    sent += fill(&leader, &[&one, &two], purged).await;
    let three = start(NODES[2], dirs[2].path(), store).await;
    introduce(&[&one, &two, &three]);
    let third = open(&three).await.unwrap();
    caught_up(&third, &leader, sent).await;
    for node in [&one, &two, &three] {
        node.groups.check().unwrap();
    }
}

/// A copy of a folder whose files nobody writes.
fn copy(from: &Path) -> tempfile::TempDir {
    fn into(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => into(&entry.path(), &to),
                false => drop(std::fs::copy(entry.path(), to).unwrap()),
            }
        }
    }
    let copy = tempfile::tempdir().unwrap();
    into(from, copy.path());
    copy
}

#[tokio::test]
async fn a_follower_that_lost_what_it_had_acknowledged_is_told_of_and_gets_it_again() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let [one, two, three] =
        [0, 1, 2].map(|at| start(NODES[at], dirs[at].path(), Arc::new(MemoryStore::default())));
    let (one, two, three) = tokio::join!(one, two, three);
    introduce(&[&one, &two, &three]);
    let way = Proxy::to(&three.address).await;
    one.peers.set_address(NODES[2], &way.address);
    let (leader, _second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, third) = (leader.unwrap(), third.unwrap());
    let ready = tokio::time::timeout(PATIENCE, leader.wait_applied(1));
    ready.await.unwrap().unwrap();
    configure(&leader).await;
    send(&leader, 10).await;
    caught_up(&third, &leader, 1).await;
    drop(third);
    stop(three).await;
    // As the end of its process would do.
    way.cut();
    let before = copy(dirs[2].path());

    let three = start(NODES[2], dirs[2].path(), Arc::new(MemoryStore::default())).await;
    introduce(&[&one, &two, &three]);
    let way = Proxy::to(&three.address).await;
    one.peers.set_address(NODES[2], &way.address);
    let third = open(&three).await.unwrap();
    for _ in 0..20 {
        send(&leader, 10).await;
    }
    caught_up(&third, &leader, 21).await;
    let last = leader.progress().last;
    let acknowledged = async {
        while leader.lags().iter().any(|(_, lag)| *lag != Some(0)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, acknowledged).await.unwrap();
    drop(third);
    stop(three).await;
    // As the end of its process would do.
    way.cut();
    assert_eq!(one.groups.followers_reverted(), 0);

    // Its disk is what it was before.
    let three = start(NODES[2], before.path(), Arc::new(MemoryStore::default())).await;
    introduce(&[&one, &two, &three]);
    let way = Proxy::to(&three.address).await;
    one.peers.set_address(NODES[2], &way.address);
    let third = open(&three).await.unwrap();
    assert!(third.progress().last < last);
    send(&leader, 10).await;
    caught_up(&third, &leader, 22).await;
    assert_eq!(one.groups.followers_reverted(), 1);
    for node in [&one, &two, &three] {
        node.groups.check().unwrap();
    }
}

/// What the leader may send of states, in bytes a second.
const SLOW: u64 = 2 << 20;
/// What the state has, at least.
const STATE_BYTES: u64 = 4 << 20;

#[tokio::test]
async fn a_state_is_sent_slowly_and_goes_on_where_it_broke_off_while_the_group_works() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let slow = || GroupsOptions {
        snapshots: SnapshotOptions {
            bytes_per_second: SLOW,
            ..SnapshotOptions::default()
        },
        ..options()
    };
    let [one, two, three] = [0, 1, 2].map(|at| {
        start_with(
            NODES[at],
            dirs[at].path(),
            Arc::new(MemoryStore::default()),
            slow(),
        )
    });
    let (one, two, three) = tokio::join!(one, two, three);
    introduce(&[&one, &two, &three]);
    let old_way = Proxy::to(&three.address).await;
    one.peers.set_address(NODES[2], &old_way.address);
    let (leader, _second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, third) = (leader.unwrap(), third.unwrap());
    let ready = tokio::time::timeout(PATIENCE, leader.wait_applied(1));
    ready.await.unwrap().unwrap();
    configure(&leader).await;
    let missed = third.progress().last;
    drop(third);
    stop(three).await;
    let mut sent = 0;
    while sent * 10_000 < STATE_BYTES || leader.progress().first <= missed + 5 {
        send(&leader, 10_000).await;
        sent += 1;
        one.groups.limit_log().await;
        two.groups.limit_log().await;
    }

    // It comes back, and reaches the leader by a way that breaks twice.
    let term = leader.leadership().term;
    let three = start(NODES[2], dirs[2].path(), Arc::new(MemoryStore::default())).await;
    introduce(&[&one, &two, &three]);
    // As the end of its process would do.
    old_way.cut();
    let proxy = Proxy::to(&one.address).await;
    three.peers.set_address(NODES[0], &proxy.address);
    let third = open(&three).await.unwrap();
    let begun = tokio::time::Instant::now();
    let mut meanwhile = 0;
    let mut cuts = vec![STATE_BYTES / 2, STATE_BYTES / 4];
    while third.progress().applied + 10 < leader.progress().applied {
        assert!(begun.elapsed() < PATIENCE, "only {} bytes came", proxy.came());
        if cuts.pop_if(|at| *at < proxy.came()).is_some() {
            proxy.cut();
        }
        // The log lets go of what it may, which is more than what openraft was told that the follower has.
        send(&leader, 2_000).await;
        sent += 1;
        meanwhile += 2_000;
        one.groups.limit_log().await;
        two.groups.limit_log().await;
        // Paces the load, below what the state is sent with. Nothing is waited for here.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(cuts.is_empty());
    assert!(meanwhile > 10 * options().checkpoint_bytes);
    caught_up(&third, &leader, sent).await;
    assert_eq!(leader.leadership().term, term);
    // What comes twice is no more than what was on its way, and what the log has after the state.
    assert!(
        proxy.came() < (STATE_BYTES + meanwhile) * 5 / 4,
        "{} bytes came",
        proxy.came()
    );
    assert_eq!(three.groups.checkpoints().installed, 1);
}
