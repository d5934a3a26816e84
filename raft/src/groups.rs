//! All the groups of a node: the log and the store that they share, and which of them are open.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::env::Env;
use crate::group::epoch::{self, OnDisk};
use crate::group::{
    Accountant, Group, InFlight, Memory, OpenError, Parts, Prelude, Pressure, Proposals, Pulls, Reversions,
    Timing, open,
};
pub use crate::group::{Birth, Origin};
use crate::level::Level;
use crate::machine::{Machine, MachineKind, WindowStats};
use crate::peers::snapshot::SnapshotOptions;
use crate::peers::{Peers, Throttle};
use crate::quarantine::{Broken, Cause, Ledger};
use crate::store::{CheckpointStats, Checkpointer, LetterStore, LettersOptions, PutAside, Store, StoreError};
use crate::types::{GroupId, NodeId};
use crate::wal::{LogSpace, Wal, WalError, WalOptions};

mod aside;
mod let_go;
mod quarantined;

use aside::Aside;
use quarantined::Quarantined;

/// How often log sizes are looked at.
const MAINTENANCE_INTERVAL: Duration = Duration::from_millis(500);
/// While the disk is nearly full, each group with anything new gets a checkpoint at one look of so many: what consumers
/// deleted gives its space back only then.
const DISK_LOOKS: u32 = 6;

/// How often at most the log says that calls were forgotten.
const FORGOTTEN_PAUSE: Duration = Duration::from_secs(60);

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// The checkpoints.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder that says which replicas are quarantined.
    #[error("the quarantines: {0}")]
    Quarantine(#[from] std::io::Error),
}

/// A replica stopped by itself, and its node cannot go on without it.
#[derive(Debug, thiserror::Error)]
#[error("the replica of {group} has failed: {reason}")]
pub struct GroupFault {
    /// Its group.
    pub group: GroupId,
    /// What is known about it.
    pub reason: String,
    /// It is the catalog's, which is quarantined: the node serves nobody until it is open again. Otherwise the log or the
    /// store has failed.
    pub is_quarantined: bool,
}

/// Times and sizes that all groups of a node share.
#[derive(Clone)]
pub struct GroupsOptions {
    /// The times that Raft runs by.
    pub timing: Timing,
    /// A group whose log has grown by this since its last checkpoint gets a new one, so that a
    /// restart replays a bounded log and a checkpoint is a bounded write.
    pub checkpoint_bytes: u64,
    /// The log's sizes.
    pub wal: WalOptions,
    /// How letters go into files.
    pub letters: LettersOptions,
    /// How whole states travel.
    pub snapshots: SnapshotOptions,
}

/// The groups of one node.
pub struct Groups {
    parts: Parts,
    checkpoint_bytes: u64,
    open: RwLock<BTreeMap<GroupId, Arc<Group>>>,
    quarantined: Quarantined,
    /// Logs of quarantined replicas that are in files.
    aside: Aside,
    /// Whether the disk needs what the log can give.
    pressed: AtomicBool,
    /// How often groups were looked at.
    looks: AtomicU32,
}

impl Groups {
    /// Opens the log and then the store: the log's lock is the whole folder's, so that a folder in
    /// use is refused before anything else in it is touched. No group is open yet.
    ///
    /// # Errors
    /// If the folder cannot be read or written, is in use, is damaged, or is of a newer version.
    pub fn start(
        env: Env,
        data_dir: &Path,
        open_store: impl FnOnce() -> Result<Arc<dyn Store>, StoreError>,
        peers: Arc<Peers>,
        options: GroupsOptions,
    ) -> Result<Arc<Groups>, StartError> {
        let GroupsOptions {
            timing,
            checkpoint_bytes,
            wal,
            letters,
            snapshots,
        } = options;
        let wal = Wal::open(&env, &data_dir.join("wal"), wal)?;
        let (ledger, known) = Ledger::open(env.disk.clone(), &data_dir.join("quarantine"))?;
        let aside = Aside::open(env.disk.clone(), env.io.clone(), &data_dir.join("quarantine"))
            .map_err(StartError::Quarantine)?;
        let (disk, folder) = (env.disk.clone(), data_dir.join("letters"));
        let store = LetterStore::open(open_store()?, disk, &folder, letters)?;
        let checkpointer = Checkpointer::start(&env, store);
        let parts = Parts {
            env,
            wal,
            checkpointer,
            peers,
            timing,
            front: letters.front,
            in_flight: InFlight::default(),
            memory: Memory::default(),
            reversions: Reversions::default(),
            pulls: Pulls::default(),
            snapshots,
            throttle: Arc::new(Throttle::new(snapshots.bytes_per_second)),
        };
        Ok(Arc::new(Groups {
            parts,
            checkpoint_bytes,
            open: RwLock::default(),
            quarantined: Quarantined::new(ledger, known),
            aside,
            pressed: AtomicBool::new(false),
            looks: AtomicU32::new(0),
        }))
    }

    /// This node.
    pub fn me(&self) -> NodeId {
        self.parts.peers.me()
    }

    /// The replica of a group, if it is open here.
    pub fn get(&self, id: GroupId) -> Option<Arc<Group>> {
        self.open.read().get(&id).cloned()
    }

    /// All open replicas.
    pub fn list(&self) -> Vec<Arc<Group>> {
        self.open.read().values().cloned().collect()
    }

    /// Groups with anything in this node's log or among its checkpoints, open or not. A removal that
    /// was cut short leaves one without the other.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn on_disk(&self) -> Result<BTreeSet<GroupId>, StoreError> {
        let mut groups: BTreeSet<GroupId> = self.parts.checkpointer.groups().await?.into_iter().collect();
        groups.extend(self.parts.wal.groups());
        groups.extend(self.aside.groups());
        Ok(groups)
    }

    /// The node's log, for its figures and its faults.
    pub fn wal(&self) -> &Wal {
        &self.parts.wal
    }

    /// What its checkpoints come to.
    pub fn checkpoints(&self) -> CheckpointStats {
        self.parts.checkpointer.stats()
    }

    /// Damaged checkpoints that were put aside and have not been replaced yet.
    pub fn put_aside(&self) -> Vec<PutAside> {
        self.parts.checkpointer.aside()
    }

    /// How many bytes of whole states it has sent to other nodes.
    pub fn snapshot_bytes_sent(&self) -> u64 {
        self.parts.throttle.passed()
    }

    /// How often followers of groups that this node leads were found without entries that they had
    /// acknowledged.
    pub fn followers_reverted(&self) -> u64 {
        self.parts.reversions.count()
    }

    /// What its groups remember of answered calls.
    pub fn remembered(&self) -> WindowStats {
        self.parts.memory.stats()
    }

    /// What its groups propose.
    pub fn proposals(&self) -> Proposals {
        self.parts.in_flight.proposals()
    }

    /// Opens this node's replica of a group. `prelude` is asked before each batch that this node
    /// proposes as leader: the commands it gives go first. `origin` says how a replica begins that has nothing
    /// yet.
    ///
    /// Not to be called twice at the same time for the same group.
    ///
    /// # Errors
    /// See [`OpenError`]. After [`OpenError::NoState`] the group is not open, and the caller tries again
    /// when it thinks that one of `replicas` may have come back. After [`OpenError::Quarantined`] it tries again
    /// when [`Groups::retries`] says so.
    pub async fn open(
        self: &Arc<Self>,
        id: GroupId,
        kind: MachineKind,
        replicas: &[NodeId],
        prelude: Option<Arc<Prelude>>,
        origin: Origin,
    ) -> Result<Arc<Group>, OpenError> {
        if let Some(group) = self.get(id) {
            return Ok(group);
        }
        let quarantine = self.quarantined.get(id);
        let replace = match &quarantine {
            Some(quarantine) if quarantine.broken.cause != Cause::Files => {
                return Err(quarantine.clone().into());
            }
            quarantine => quarantine.is_some(),
        };
        let opened = async {
            self.aside.take(&self.parts.wal, id).await.map_err(unreadable)?;
            open(&self.parts, id, kind, replicas, prelude, &origin, replace).await
        };
        let opened = opened.await.map(Arc::new);
        if let Ok(group) = &opened {
            self.open.write().insert(id, group.clone());
        }
        self.aside.opened(id).await;
        let group = match opened {
            Ok(group) => group,
            Err(OpenError::Broken(broken)) => return Err(self.quarantine(id, broken).into()),
            Err(error) => return Err(error),
        };
        if replace {
            self.quarantined.remove(id);
            tracing::info!(group = %id, "the files that could not be read are replaced; the replica is open again");
        }
        Ok(group)
    }

    /// Closes a group that was deleted and forgets it.
    ///
    /// # Errors
    /// If the log or the store fails.
    pub async fn remove(&self, id: GroupId) -> Result<(), StartError> {
        self.close(id).await;
        if let Some(witness) = &self.parts.env.witness {
            witness.forgotten(id);
        }
        self.forget(id).await
    }

    /// Closes a replica whose group has no member here any more, and forgets it. Should the group move here again, it is opened
    /// with [`Origin::Joins`].
    ///
    /// # Errors
    /// If the log or the store fails.
    pub async fn leave(&self, id: GroupId) -> Result<(), StartError> {
        self.close(id).await;
        if let Some(witness) = &self.parts.env.witness {
            witness.left(id);
        }
        self.forget(id).await
    }

    /// What the log of this node has of a group, open or not; none if nothing.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn log_on_disk(&self, id: GroupId) -> io::Result<Option<OnDisk>> {
        let had = async {
            self.aside.take(&self.parts.wal, id).await?;
            epoch::on_disk(&self.parts, id).await
        };
        let had = had.await;
        self.aside.opened(id).await;
        had
    }

    /// Has this node's replica of a group, which is closed, go on alone in a new epoch: see [`crate::group::epoch`]. Durable
    /// when it returns. May be repeated.
    ///
    /// # Errors
    /// If the group has no log here, or the log fails.
    pub async fn begin_epoch(&self, id: GroupId, kind: MachineKind, epoch: u64) -> io::Result<()> {
        epoch::begin(&self.parts, id, kind, epoch).await
    }

    /// Closes this node's replica of a group. What it has stays on disk.
    pub async fn close(&self, id: GroupId) {
        let group = self.open.write().remove(&id);
        if let Some(group) = group {
            group.shutdown().await;
            if id != GroupId::CATALOG {
                group.drop_state();
            }
        }
    }

    /// The checkpoint goes first, because the log tells what this node has promised: if this is cut short, a replica without its
    /// state is left, which asks others for it before it takes part in anything.
    async fn forget(&self, id: GroupId) -> Result<(), StartError> {
        self.parts.pulls.forget(id).await;
        self.parts.checkpointer.forget(id).await?;
        self.parts.wal.forget(id).await?;
        self.aside.remove(id).map_err(StartError::Quarantine)?;
        self.quarantined.remove(id);
        Ok(())
    }

    /// Keeps the log small, until `stop`: see [`Groups::limit_log`]. Quarantines replicas that are broken.
    ///
    /// # Errors
    /// If a replica has stopped because the log or the store failed. It would neither serve nor vote nor let
    /// its part of the log go, and its disk is not to be trusted: the node must end. So must its life if
    /// the catalog's replica is broken.
    pub async fn maintain(&self, stop: CancellationToken) -> Result<(), GroupFault> {
        let mut interval = tokio::time::interval(MAINTENANCE_INTERVAL);
        let mut sweeping: Option<JoinHandle<()>> = None;
        let mut remembering = Remembering::default();
        while stop.run_until_cancelled(interval.tick()).await.is_some() {
            self.tend_faults().await?;
            // A log that has ended is noticed by whoever waits for `Wal::until_failed`.
            let _ = self.parts.wal.tend();
            self.limit_log().await;
            remembering.look(self);
            if sweeping.as_ref().is_none_or(JoinHandle::is_finished) {
                sweeping = Some(tokio::spawn(sweep(self.parts.clone())));
            }
        }
        Ok(())
    }

    /// Says whether the disk is about to be full: then the log lets go of all that it can.
    pub fn press(&self, pressed: bool) {
        self.pressed.store(pressed, Ordering::Relaxed);
    }

    /// One look at all groups: writes checkpoints where logs have grown, and frees what they cover.
    pub async fn limit_log(&self) {
        let wal = &self.parts.wal;
        let pressed: BTreeSet<GroupId> = wal.pressure().into_iter().collect();
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        let of_others = match self.pressed.load(Ordering::Relaxed) {
            true if looks.is_multiple_of(DISK_LOOKS) => Pressure::Some,
            true => Pressure::Disk,
            false => Pressure::None,
        };
        let in_use = wal.stats().live_segments * wal.segment_bytes();
        let is_short = wal.space() != LogSpace::Ample;
        let pressure = match is_short || in_use > 2 * wal.budget_bytes() {
            true => Pressure::Dire,
            false => Pressure::Some,
        };
        self.make_way(&pressed).await;
        for group in self.list() {
            let is_pressed = pressed.contains(&group.id());
            let pressure = if is_pressed { pressure } else { of_others };
            // One that has stopped is found by `check`.
            let _ = group.limit_log(self.checkpoint_bytes, pressure).await;
        }
    }

    /// Moves logs of quarantined replicas out of the way of the others: those that the log is pressed
    /// for, or all of them while the disk still has room for their files.
    async fn make_way(&self, pressed: &BTreeSet<GroupId>) {
        let wal = &self.parts.wal;
        let all = self.pressed.load(Ordering::Relaxed);
        let in_the_way = self.quarantined().into_iter().map(|quarantine| quarantine.group);
        for id in in_the_way.filter(|id| all || pressed.contains(id)) {
            match self.move_aside(id).await {
                Ok(true) => continue,
                Ok(false) => {}
                // The disk may be full. Then it is tried again.
                Err(error) => {
                    tracing::debug!(group = %id, %error, "the log of a quarantined replica stays where it is");
                }
            }
            if wal.space() != LogSpace::Ample
                && let Err(error) = self.let_go(id).await
            {
                tracing::debug!(group = %id, %error, "the log of a quarantined replica is kept");
            }
        }
    }

    /// A binary of the level before would not find the log in its file: it must not be able to run on
    /// this folder.
    async fn move_aside(&self, id: GroupId) -> io::Result<bool> {
        match self.parts.peers.required_level() < Level::ONE {
            true => Ok(false),
            false => self.aside.put(&self.parts.wal, id).await,
        }
    }

    /// Ends all replicas. What they acknowledged is durable already.
    pub async fn shutdown(&self) {
        let groups = std::mem::take(&mut *self.open.write());
        futures::future::join_all(groups.values().map(|g| g.shutdown())).await;
    }
}

/// A file that is not what was written concerns one replica; a disk that cannot be read, the node.
fn unreadable(error: io::Error) -> OpenError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => {
            OpenError::Broken(Broken {
                cause: Cause::Entry,
                index: None,
                reason: error.to_string(),
            })
        }
        _ => OpenError::Files(error),
    }
}

/// Looks after what the groups remember of answered calls, and says when they had to forget some.
#[derive(Default)]
struct Remembering {
    accountant: Accountant,
    unsaid: u64,
    said: Option<Instant>,
}

impl Remembering {
    fn look(&mut self, groups: &Groups) {
        let windows = groups.list().into_iter();
        let windows = windows.map(|group| {
            let look = |machine: &Machine| {
                // Followers keep the pace of a group that is ahead, too.
                group.time(machine);
                machine.remembered()
            };
            (group.id(), group.replica().read(look))
        });
        self.unsaid += self.accountant.account(&groups.parts.memory, windows);
        let is_due = self.said.is_none_or(|said| said.elapsed() >= FORGOTTEN_PAUSE);
        if self.unsaid > 0 && is_due {
            tracing::warn!(
                calls = self.unsaid,
                bytes = groups.remembered().bytes,
                "answers of calls were forgotten early for want of room: a late retry of one of these \
                 takes effect again"
            );
            (self.unsaid, self.said) = (0, Some(Instant::now()));
        }
    }
}

/// Lets go of states that were taken in in part, and that nobody went on with. It may stand behind a long checkpoint.
async fn sweep(parts: Parts) {
    if let Err(error) = parts.pulls.sweep(&parts.checkpointer).await {
        tracing::warn!(%error, "a state that was taken in cannot be let go of");
    }
}
