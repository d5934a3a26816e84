//! A leader's lease holds although its followers are restarted, and it answers by it how far a
//! reader must have applied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use raft::env::{Env, Uptime};
use raft::group::Group;
use raft::store::MemoryStore;

use crate::cluster::{NODES, Node, introduce, open, start, start_in, stop};
use crate::node::{PATIENCE, configure, options, send};

/// Opens the group on three nodes and gives it messages. The first node leads it.
async fn led_by_first(nodes: &[&Node; 3]) -> Arc<Group> {
    introduce(nodes);
    let [one, two, three] = nodes;
    let (leader, second, third) = tokio::join!(open(one), open(two), open(three));
    let leader = leader.unwrap();
    drop((second, third));
    let ready = tokio::time::timeout(PATIENCE, leader.wait_applied(1));
    ready.await.unwrap().unwrap();
    configure(&leader).await;
    send(&leader, 10).await;
    leader
}

#[tokio::test]
async fn followers_that_restart_elect_nobody_while_their_leader_counts_on_them() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let stores = NODES.map(|_| Arc::new(MemoryStore::default()));
    let [one, two, three] = [0, 1, 2].map(|at| start(NODES[at], dirs[at].path(), stores[at].clone()));
    let (one, two, three) = tokio::join!(one, two, three);
    let leader = led_by_first(&[&one, &two, &three]).await;
    assert!(leader.leads_with_lease());

    // They come back at once, at other addresses, and neither reaches the leader nor is reached.
    tokio::join!(stop(two), stop(three));
    let [two, three] = [1, 2].map(|at| start(NODES[at], dirs[at].path(), stores[at].clone()));
    let (two, three) = tokio::join!(two, three);
    introduce(&[&two, &three]);
    let (second, third) = tokio::join!(open(&two), open(&three));
    let (second, third) = (second.unwrap(), third.unwrap());
    let elected = async {
        loop {
            let (at_second, at_third) = (second.leadership(), third.leadership());
            if at_second.leads || at_third.leads {
                return;
            }
            tokio::select! {
                // Either may be the one.
                biased;
                () = second.leadership_changed(at_second) => {}
                () = third.leadership_changed(at_third) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, elected).await.unwrap();
    assert!(!leader.leads_with_lease(), "two lead at the same time");
}

/// Goes on when it is told to, in seconds.
#[derive(Default)]
struct Held(AtomicU64);

impl Uptime for Held {
    fn uptime(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_leader_answers_readers_by_its_lease_and_without_it_only_with_a_majority() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let stores = NODES.map(|_| Arc::new(MemoryStore::default()));
    let uptime = Arc::new(Held::default());
    let mut env = Env::real().unwrap();
    env.uptime = uptime.clone();
    let one = start_in(env, NODES[0], dirs[0].path(), stores[0].clone(), options());
    let [two, three] = [1, 2].map(|at| start(NODES[at], dirs[at].path(), stores[at].clone()));
    let (one, two, three) = tokio::join!(one, two, three);
    let leader = led_by_first(&[&one, &two, &three]).await;

    // Nobody is left who could answer a round of heartbeats.
    tokio::join!(stop(two), stop(three));
    let by_lease = tokio::time::timeout(PATIENCE, leader.read_index_by_lease()).await;
    assert_eq!(by_lease.unwrap(), Ok(leader.progress().applied));
    uptime.0.fetch_add(3_600, Ordering::SeqCst);
    let asked = tokio::time::timeout(PATIENCE, leader.read_index_by_lease()).await;
    assert!(!matches!(asked, Ok(Ok(_))), "{asked:?}");
}
