//! A simulated host with a node on it: its dials, its lives, and what keeps it going.
//!
//! A node that ends by itself, or was asked to, is started again after a pause, as a supervisor would.
//! A dead process has no tasks left, so that the driver of the simulation starts the host anew for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use node::config::{Config, Limits, Partitions, REPLACE_AFTER, Saturation};
use parking_lot::Mutex;
use raft::group::Timing;
use raft::level::Level;
use raft::peers::snapshot::SnapshotOptions;
use raft::store::LettersOptions;
use raft::types::{GroupId, NodeId};
use raft::wal::WalOptions;
use tokio_util::sync::CancellationToken;

use crate::faults::upgrade;
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::timeline::Timeline;
use crate::watch::Watch;
use crate::world::{self, Dials};

/// The AWS API's port on every host.
pub const API_PORT: u16 = 4566;
/// Where a node listens to its peers and to operators.
pub(crate) const PEER_PORT: u16 = 4567;
/// Where a node shows its metrics.
pub(crate) const ADMIN_PORT: u16 = 4568;
/// Segments of the log that may be in use.
pub(crate) const LIVE_SEGMENTS: usize = 8;
const DATA: &str = "/data";
/// So small that even a short backlog leaves memory, and its files come and go.
const LETTERS: LettersOptions = LettersOptions {
    bytes_min: 1_024,
    chunk_span: 8,
    file_bytes: 4_096,
    front: 2,
};

/// So small and slow that a state takes many chunks, which nodes and links fail between.
const SNAPSHOTS: SnapshotOptions = SnapshotOptions {
    bytes_per_second: 64 << 10,
    chunk_bytes: 2 << 10,
    part_bytes: 6 << 10,
};

/// Whatever a partition has to do is too much: queues grow as far as the scenario lets them.
const SATURATION: Saturation = Saturation {
    percent: 0,
    span: Duration::from_secs(2),
    rest: Duration::from_secs(4),
};

/// One host.
pub struct Host {
    /// The node's number.
    pub id: u64,
    /// What faults turn.
    pub dials: Arc<Dials>,
    scenario: Arc<Scenario>,
    timeline: Timeline,
    watch: Arc<Watch>,
    lives: AtomicU64,
    /// The highest level that its binary knows.
    level: AtomicU32,
    stop: Mutex<CancellationToken>,
    /// While set, a life does not begin.
    held: AtomicBool,
    /// The node has ended, and its host waits to be started anew.
    ended: AtomicBool,
    before_next_life: Mutex<Vec<Harm>>,
}

/// What happens to a disk between two lives.
pub(crate) enum Harm {
    /// Everything is gone.
    Wipe,
    /// A sector of the log is spoilt.
    Rot(Rng),
    /// The checkpoint of a group is gone.
    LostCheckpoint(GroupId),
    /// Something in a checkpoint file of a group is spoilt.
    SpoiltCheckpoint(GroupId, Rng),
    /// Power was lost, and with it pages whose sync had failed.
    LostPages,
}

/// The name of a node's host.
pub fn name(id: u64) -> String {
    format!("n{id}")
}

impl Host {
    /// The host of node `id`.
    pub fn new(id: u64, scenario: Arc<Scenario>, timeline: Timeline, watch: Arc<Watch>) -> Arc<Host> {
        let is_old = upgrade::old_nodes(&scenario).contains(&id);
        let Level(level) = if is_old { Level::ZERO } else { Level::LATEST };
        Arc::new(Host {
            id,
            dials: Arc::default(),
            scenario,
            timeline,
            watch,
            lives: AtomicU64::new(0),
            level: AtomicU32::new(level),
            stop: Mutex::default(),
            held: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            before_next_life: Mutex::default(),
        })
    }

    /// The host's software: one life of the node.
    pub(crate) async fn live(self: Arc<Host>) -> turmoil::Result {
        let who = name(self.id);
        while self.held.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.suffer(&who);
        let life = self.lives.fetch_add(1, Ordering::Relaxed) + 1;
        let seed = Rng::new(self.scenario.seed)
            .child(&format!("{who} life {life}"))
            .next();
        let stop = CancellationToken::new();
        *self.stop.lock() = stop.clone();
        let mut env = world::env(seed, &self.dials, Some(self.watch.of(NodeId(self.id))));
        env.level = Level(self.level.load(Ordering::Relaxed));
        self.timeline
            .add_now(&who, format!("starts, life {life}, level {}", env.level));
        match node::run(self.config(), env, stop).await {
            Ok(()) => self.timeline.add_now(&who, "has ended as asked"),
            Err(error) => self.timeline.add_now(&who, format!("gives up: {error:#}")),
        }
        self.ended.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn suffer(&self, who: &str) {
        let wal = Path::new(DATA).join("wal");
        let checkpoints = Path::new(DATA).join("checkpoints");
        let harms = std::mem::take(&mut *self.before_next_life.lock());
        for harm in harms {
            let what = match harm {
                Harm::Wipe => {
                    self.dials.forget_pages();
                    world::wipe(Path::new(DATA)).map(|()| "its disk is empty".to_owned())
                }
                Harm::LostPages => match self.dials.lose_pages() {
                    Ok(0) => continue,
                    lost => lost.map(|pages| format!("{pages} writes are not on its disk")),
                },
                Harm::Rot(mut rng) => world::damage(&wal, &mut rng).map(|what| format!("rot in {what}")),
                Harm::LostCheckpoint(group) => world::lose_checkpoint(&checkpoints, group),
                Harm::SpoiltCheckpoint(group, mut rng) => {
                    world::spoil_checkpoint(&checkpoints, group, &mut rng)
                }
            };
            let what = what.unwrap_or_else(|error| format!("its disk could not be harmed: {error}"));
            self.timeline.add_now(who, what);
        }
    }

    /// From its next life on its binary knows levels up to this one.
    pub(crate) fn set_level(&self, level: Level) {
        self.level.store(level.0, Ordering::Relaxed);
    }

    /// Asks the node to end.
    pub(crate) fn ask_to_end(&self) {
        self.stop.lock().cancel();
    }

    /// Keeps the next life from beginning, or lets it begin.
    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    /// Whether its node has ended by itself since this was last asked.
    pub(crate) fn take_ended(&self) -> bool {
        self.ended.swap(false, Ordering::Relaxed)
    }

    /// Harms the disk before the next life.
    pub(crate) fn harm(&self, harm: Harm) {
        self.before_next_life.lock().push(harm);
    }

    fn config(&self) -> Config {
        let size = self.scenario.nodes;
        Config {
            node_id: NodeId(self.id),
            renumber: false,
            data_dir: DATA.into(),
            listen: format!("0.0.0.0:{API_PORT}"),
            peer_listen: format!("0.0.0.0:{PEER_PORT}"),
            admin_listen: format!("0.0.0.0:{ADMIN_PORT}"),
            advertise: name(self.id),
            seeds: (1..=size).map(|n| format!("{}:{PEER_PORT}", name(n))).collect(),
            bootstrap_expect: usize::try_from(size).unwrap_or(usize::MAX),
            zone: String::new(),
            zone_from_kubernetes_node: None,
            partitions: Partitions {
                replicas: 3,
                standard: self.scenario.partitions,
                max: Some(self.scenario.partitions_max),
                fifo: Some(self.scenario.fifo_partitions),
                saturation: SATURATION,
            },
            replace_after: REPLACE_AFTER,
            timing: Timing::default(),
            wal: WalOptions {
                segment_bytes: self.scenario.segment_bytes,
                live_segments_budget: LIVE_SEGMENTS,
                group_cache_bytes: 64 << 10,
                node_cache_bytes: 256 << 10,
                ..WalOptions::default()
            },
            letters: LETTERS,
            snapshots: SNAPSHOTS,
            checkpoint_bytes: self.scenario.checkpoint_bytes,
            limits: Limits::default(),
        }
    }
}
