//! A quarantined replica's log on a disk without space: it goes once others have all of it for
//! certain, and not before.

use std::any::Any;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use raft::env::real::StdDisk;
use raft::env::{Disk, DiskFile, Env};
use raft::group::Group;
use raft::groups::{Birth, Groups, Origin};
use raft::machine::MachineKind;
use raft::quarantine::Cause;
use raft::store::MemoryStore;
use raft::types::GroupId;
use raft::wal::LogSpace;

use crate::cluster::{GROUP, NODES, Node, caught_up, introduce, open, start, start_in, stop};
use crate::node::{PATIENCE, configure, options, send};

const OTHER: GroupId = GroupId(6);
/// What fills the log several times over.
const SENDS: usize = 200;

/// The real disk, which has no space for another file of the log or of a quarantine once it is told
/// so.
#[derive(Clone, Default)]
struct Filling(Arc<AtomicBool>);

impl Disk for Filling {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let is_new = path.extension().is_some_and(|end| end == "new");
        if create && is_new && self.0.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        StdDisk.open(path, create)
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        StdDisk.create_dir_all(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        StdDisk.list(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        StdDisk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        StdDisk.remove_file(path)
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        StdDisk.remove_dir_all(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        StdDisk.sync_dir(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        StdDisk.lock(path)
    }
}

/// Three nodes; the disk of the third fills up when it is told to.
struct Three {
    disk: Filling,
    dirs: [tempfile::TempDir; 3],
    store: Arc<MemoryStore>,
}

impl Three {
    fn new() -> Three {
        Three {
            disk: Filling::default(),
            dirs: NODES.map(|_| tempfile::tempdir().unwrap()),
            store: Arc::default(),
        }
    }

    async fn third(&self) -> Node {
        let mut env = Env::real().unwrap();
        env.disk = Arc::new(self.disk.clone());
        let level = env.level;
        let node = start_in(env, NODES[2], self.dirs[2].path(), self.store.clone(), options()).await;
        node.peers.require_level(level);
        node
    }
}

/// A group of the third node alone.
async fn open_other(groups: &Arc<Groups>) -> Arc<Group> {
    let origin = Origin::Founded(Birth {
        members: BTreeSet::from([NODES[2]]),
        first: true,
    });
    let opened = groups.open(OTHER, MachineKind::Queue, &[NODES[2]], None, origin);
    let group = opened.await.unwrap();
    let leads = async {
        let mut seen = group.leadership();
        while !seen.leads {
            group.leadership_changed(seen).await;
            seen = group.leadership();
        }
    };
    tokio::time::timeout(PATIENCE, leads).await.unwrap();
    configure(&group).await;
    group
}

#[tokio::test]
async fn a_disk_without_space_costs_a_quarantined_replica_its_log_once_others_went_on() {
    let three = Three::new();
    let store = || Arc::new(MemoryStore::default());
    let one = start(NODES[0], three.dirs[0].path(), store()).await;
    let two = start(NODES[1], three.dirs[1].path(), store()).await;
    let third = three.third().await;
    introduce(&[&one, &two, &third]);
    let (leader, _second, replica) = tokio::join!(open(&one), open(&two), open(&third));
    let (leader, replica) = (leader.unwrap(), replica.unwrap());
    tokio::time::timeout(PATIENCE, leader.wait_applied(1))
        .await
        .unwrap()
        .unwrap();
    configure(&leader).await;
    for _ in 0..5 {
        send(&leader, 1_000).await;
    }
    caught_up(&replica, &leader, 5).await;
    replica.replica().read(|machine| {
        assert!(machine.message_bytes() == 0, "a reader panics");
    });
    drop(replica);
    third.groups.tend_faults().await.unwrap();
    let quarantine = third.groups.quarantine_of(GROUP).unwrap();
    assert_eq!(quarantine.broken.cause, Cause::Entry);
    let (log, other) = (third.groups.wal().group(GROUP), open_other(&third.groups).await);
    let (had, vote) = (log.range(), log.vote());
    assert!(!had.is_empty() && vote.is_some());

    // The disk is full, and the other replicas have applied nothing new: the log stays.
    three.disk.0.store(true, Ordering::SeqCst);
    let mut sent = 0;
    while third.groups.wal().space() == LogSpace::Ample {
        send(&other, 1_000).await;
        third.groups.wal().tend().unwrap();
        sent += 1;
        assert!(sent < SENDS, "the log finds space");
        tokio::task::yield_now().await;
    }
    third.groups.limit_log().await;
    assert_eq!(third.groups.log_aside(GROUP), None);
    assert_eq!(log.range(), had);

    // The others go on. It makes way, and nothing else of the node waits for space.
    send(&leader, 1_000).await;
    let let_go = async {
        // A node that is slow to say how far it has got is asked again at the next look.
        while !log.range().is_empty() {
            third.groups.limit_log().await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, let_go)
        .await
        .expect("the log is kept");
    for _ in 0..SENDS {
        let sends = send(&other, 1_000);
        tokio::time::timeout(PATIENCE, sends)
            .await
            .expect("the log is full");
        third.groups.limit_log().await;
    }
    let quarantine = third.groups.quarantine_of(GROUP).unwrap();
    let reason = quarantine.broken.reason;
    assert!(
        reason.contains("a reader panics") && reason.contains("had no space"),
        "{reason}"
    );
    drop(other);

    // What it acknowledged is with the others. So an operator cannot have it go on alone.
    let had = third.groups.log_on_disk(GROUP).await.unwrap();
    let alone = third.groups.begin_epoch(GROUP, MachineKind::Queue, 1).await;
    let refused = alone.unwrap_err().to_string();
    assert!(
        refused.contains("no state that its log goes on from"),
        "{refused}"
    );
    assert_eq!(third.groups.log_on_disk(GROUP).await.unwrap(), had);

    // It keeps its vote. It does not open before it has fetched another replica's state.
    stop(third).await;
    let third = three.third().await;
    assert_eq!(third.groups.wal().group(GROUP).vote(), vote);
    assert!(third.groups.retry(GROUP, false).is_some());
    let refused = open(&third).await.err();
    assert!(
        matches!(refused, Some(raft::group::OpenError::NoState(GROUP))),
        "{refused:?}"
    );
    introduce(&[&one, &two, &third]);
    let replica = open(&third).await.unwrap();
    caught_up(&replica, &leader, 6).await;
    send(&leader, 1_000).await;
    caught_up(&replica, &leader, 7).await;
    assert!(third.groups.quarantined().is_empty());
}
