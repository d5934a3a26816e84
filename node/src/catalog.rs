//! This node's view of the catalog: local reads of its replica, and a way to be sure that they are
//! recent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::sqs::attributes::{QueueSettings, Redrive};
use api::sqs::queue_arn::QueueArn;
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use prost::Message as _;
use raft::command::catalog::{CatalogCommand, CatalogOp, GroupRecord, NodeRecord, QueueRecord, ResourceKey};
use raft::command::cluster::EnterEpoch;
use raft::command::queue::Configure;
use raft::group::{Group, NotDone, Prelude};
use raft::machine::Machine;
use raft::machine::catalog::{Catalog, GROWTH_SPAN};
use raft::machine::queue::share;
use raft::peers::Peers;
use raft::peers::pb::{self, frame::Body};
use raft::types::{GroupId, Millis, NodeId};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How long one question to the leader may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// A queue as requests need it: its record with the settings already parsed.
pub struct QueueView {
    /// As the catalog holds it.
    pub record: QueueRecord,
    /// The attributes in typed form.
    pub settings: QueueSettings,
    /// When its messages become dead letters, and the queue for those.
    pub redrive: Option<(Redrive, ResourceKey)>,
    /// Its partitions; at least one.
    pub partitions: Vec<Partition>,
    /// The version of each partition's placement, and of what of it was carried out.
    places: Vec<(u64, u64)>,
    /// What [`Catalog::placements`] said when this was last known to be so.
    placements: AtomicU64,
}

/// A partition of a queue.
#[derive(Clone)]
pub struct Partition {
    /// Its group.
    pub group: GroupId,
    /// The nodes that have a replica, or may still have one.
    pub replicas: Arc<[NodeId]>,
}

impl QueueView {
    /// The partition for whatever has this number: the same one for the same number.
    pub fn partition(&self, number: u64) -> &Partition {
        &self.partitions[(number % self.partitions.len() as u64) as usize]
    }

    /// All partitions, from the one for a number on.
    pub fn partitions_from(&self, number: u64) -> impl Iterator<Item = &Partition> {
        let turns = 0..self.partitions.len() as u64;
        turns.map(move |turn| self.partition((number % self.partitions.len() as u64) + turn))
    }

    /// The partitions other than that of today that such a number had while retries of today may
    /// have been made for the first time, the latest first.
    pub fn earlier_partitions(&self, number: u64, now: Millis) -> impl Iterator<Item = &Partition> {
        let recent = self.record.growths.iter().rev();
        let recent = recent.take_while(move |growth| Millis(growth.at_ms).after(GROWTH_SPAN) > now);
        let places = recent.map(move |growth| number % u64::from(growth.partitions.max(1)));
        let mut seen = vec![number % self.partitions.len() as u64];
        let new = places.filter(move |place| {
            let is_new = !seen.contains(place);
            seen.push(*place);
            is_new
        });
        new.filter_map(|place| self.partitions.get(usize::try_from(place).ok()?))
    }

    /// The place of a message group among the partitions of a FIFO queue.
    pub fn share(&self, group: &str) -> usize {
        share(group, self.partitions.len())
    }

    /// The partition that is this group, if one is.
    pub fn of_group(&self, group: GroupId) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.group == group)
    }

    /// What its partitions have to know of its settings.
    pub fn configure(&self) -> Configure {
        Configure {
            version: self.record.version,
            fifo: self.settings.fifo,
            retention_ms: self.settings.retention_ms,
            deduplicate_by_group: self.settings.deduplicate_by_group,
            delay_ms: Some(self.settings.delay_ms),
            partitions: self.partitions.len() as u32,
        }
    }
}

/// A node that has not heard for so long what the catalog's majority knows serves no queue by its
/// name, unless the catalog [holds names](Catalog::holds_names). A deleted queue's name may stand
/// for another queue after 60 seconds: a node that knew only the old one would take messages that
/// nobody ever gets. If names are held, the old queue's groups can commit nothing by then
/// (`raft/src/machine/catalog/closings.rs`), so that a partition's leader vouches for its queue
/// with each commit, and messages go on while the catalog is away.
const RECENT: Duration = Duration::from_secs(40);
/// How often it asks.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(10);

/// The catalog as this node knows it.
pub struct CatalogView {
    group: Arc<Group>,
    peers: Arc<Peers>,
    queues: RwLock<Views>,
    /// The local replica had everything that was acknowledged before then.
    confirmed: Mutex<Instant>,
}

/// Parsed queues. Those of deleted queues go when the number has doubled, so that looking for them
/// costs no more than putting them in.
#[derive(Default)]
struct Views {
    by_key: BTreeMap<ResourceKey, Arc<QueueView>>,
    after_sweep: usize,
}

/// Fewer views than this are never swept.
const VIEWS_MIN: usize = 1_024;

impl Views {
    fn insert(&mut self, key: ResourceKey, view: Arc<QueueView>, exists: impl Fn(&ResourceKey) -> bool) {
        if self.by_key.len() >= VIEWS_MIN.max(2 * self.after_sweep) {
            self.by_key.retain(|key, _| exists(key));
            self.after_sweep = self.by_key.len();
        }
        self.by_key.insert(key, view);
    }
}

impl CatalogView {
    /// Over this node's replica of the catalog group.
    pub fn new(group: Arc<Group>, peers: Arc<Peers>) -> Arc<CatalogView> {
        Arc::new(CatalogView {
            group,
            peers,
            queues: RwLock::default(),
            confirmed: Mutex::new(Instant::now()),
        })
    }

    /// Sees to it that this node's knowledge is recent, until `stop`.
    pub async fn keep_recent(self: Arc<Self>, stop: CancellationToken) {
        let mut interval = tokio::time::interval(CONFIRM_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(interval.tick()).await.is_some() {
            // What is not confirmed is noticed by those who ask for a queue.
            let _ = self.catch_up(CONFIRM_INTERVAL).await;
        }
    }

    /// The catalog's group.
    pub fn group(&self) -> &Arc<Group> {
        &self.group
    }

    /// Reads the local replica.
    pub fn read<T>(&self, mut read: impl FnMut(&Catalog) -> T) -> T {
        self.group.replica().read(|machine| match machine {
            Machine::Catalog(catalog) => read(catalog),
            Machine::Queue(_) => unreachable!("the catalog's group holds a catalog"),
        })
    }

    /// The other nodes.
    pub fn peers(&self) -> &Arc<Peers> {
        &self.peers
    }

    /// A queue, if the local replica knows it.
    pub fn queue_here(&self, key: &ResourceKey) -> Option<Arc<QueueView>> {
        let (version, placements) = self.read(|c| c.queue(key).map(|q| (q.version, c.placements())))?;
        let known = self.queues.read().by_key.get(key).cloned();
        if let Some(view) = known.filter(|view| view.record.version == version)
            && (view.placements.load(Ordering::Relaxed) == placements || self.is_in_place(&view))
        {
            return Some(view);
        }
        let (record, partitions, places, placements) = self.read(|c| {
            let record = c.queue(key)?.clone();
            let partitions = record.partitions.iter().map(|group| Partition {
                group: GroupId(*group),
                replicas: c
                    .group(GroupId(*group))
                    .map_or_else(|| Arc::from([]), |group| replicas(group).into()),
            });
            let partitions = partitions.collect();
            let places = places(c, &record);
            Some((record, partitions, places, c.placements()))
        })?;
        let settings = QueueSettings::of(&record.attributes);
        let redrive = Redrive::of(&record.attributes).map(|redrive| {
            let target = key_of(&redrive.target);
            (redrive, target)
        });
        let view = Arc::new(QueueView {
            record,
            settings,
            redrive,
            partitions,
            places,
            placements: AtomicU64::new(placements),
        });
        let exists = |key: &ResourceKey| self.read(|c| c.queue(key).is_some());
        self.queues.write().insert(key.clone(), view.clone(), exists);
        Some(view)
    }

    /// Whether the partitions of a queue are where they were, though others may have moved.
    fn is_in_place(&self, view: &QueueView) -> bool {
        let (is_so, placements) = self.read(|c| (places(c, &view.record) == view.places, c.placements()));
        if is_so {
            view.placements.store(placements, Ordering::Relaxed);
        }
        is_so
    }

    /// A queue, for what is done to its messages: if the local replica does not know it, or has not
    /// been confirmed for long although the catalog does not hold names, it is brought up to date
    /// before the answer.
    ///
    /// # Errors
    /// [`NotDone::NotLeader`] if the catalog has no leader within `patience`.
    pub async fn queue(
        &self,
        key: &ResourceKey,
        patience: Duration,
    ) -> Result<Option<Arc<QueueView>>, NotDone> {
        let is_recent = self.confirmed.lock().elapsed() <= RECENT;
        if !is_recent && !self.read(Catalog::holds_names) {
            self.catch_up(patience).await?;
        }
        if let Some(view) = self.queue_here(key) {
            return Ok(Some(view));
        }
        self.queues.write().by_key.remove(key);
        self.catch_up(patience).await?;
        Ok(self.queue_here(key))
    }

    /// Returns when the local replica has everything that was acknowledged before the call.
    ///
    /// # Errors
    /// [`NotDone::NotLeader`] if the catalog has no leader within `patience`.
    pub async fn catch_up(&self, patience: Duration) -> Result<(), NotDone> {
        let caught_up = async {
            loop {
                if let Some(index) = self.read_index().await {
                    return self.group.wait_applied(index).await;
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        };
        let asked = Instant::now();
        let done = tokio::time::timeout(patience, caught_up).await;
        done.unwrap_or(Err(NotDone::NotLeader(None)))?;
        let mut confirmed = self.confirmed.lock();
        *confirmed = asked.max(*confirmed);
        Ok(())
    }

    async fn read_index(&self) -> Option<u64> {
        let leadership = self.group.leadership();
        if leadership.leads {
            return self.group.read_index_by_lease().await.ok();
        }
        let link = self.peers.link(leadership.leader?)?;
        match link
            .call(GroupId::CATALOG, Body::ReadIndex(pb::ReadIndex {}), ASK_TIMEOUT)
            .await
        {
            Ok(Body::ReadIndexReply(reply)) => reply.index,
            _ => None,
        }
    }

    /// What time it is for the catalog, by which its records say when something was.
    pub fn time(&self) -> Millis {
        let time = |machine: &Machine| self.group.time(machine);
        self.group.replica().read(time)
    }

    /// The nodes that the catalog knows.
    pub fn nodes(&self) -> Vec<NodeRecord> {
        self.read(|c| c.nodes().cloned().collect())
    }
}

/// The versions of the placements of a queue's partitions. A group that does not exist has no
/// version.
fn places(catalog: &Catalog, record: &QueueRecord) -> Vec<(u64, u64)> {
    let groups = record
        .partitions
        .iter()
        .map(|group| catalog.group(GroupId(*group)));
    groups
        .map(|group| group.map_or((u64::MAX, u64::MAX), |group| (group.version, group.settled)))
        .collect()
}

/// Where replicas of a group may be, the likely leader first.
pub fn replicas(group: &GroupRecord) -> Vec<NodeId> {
    let leaving = group.members.iter().filter(|node| !group.replicas.contains(node));
    group
        .replicas
        .iter()
        .chain(leaving)
        .copied()
        .map(NodeId)
        .collect()
}

/// Has the catalog enter an epoch before anything else is done in it: see
/// `raft/src/machine/catalog/enter_epoch.rs`.
pub(crate) fn enters(epoch: u64) -> Option<Arc<Prelude>> {
    let enter = move |machine: &Machine| match machine {
        Machine::Catalog(catalog) if catalog.epoch() < epoch => {
            let command = CatalogCommand {
                invocation: Bytes::new(),
                op: Some(CatalogOp::EnterEpoch(EnterEpoch { epoch })),
            };
            vec![command.encode_to_vec().into()]
        }
        _ => Vec::new(),
    };
    (epoch > 0).then(|| Arc::new(enter) as Arc<Prelude>)
}

/// The resource that an ARN names.
pub fn key_of(arn: &QueueArn) -> ResourceKey {
    ResourceKey {
        account: arn.queue.account.to_string(),
        region: arn.region.to_string(),
        name: arn.queue.name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> ResourceKey {
        ResourceKey {
            name: format!("queue-{n}"),
            ..Default::default()
        }
    }

    #[test]
    fn views_of_deleted_queues_do_not_pile_up() {
        let view = Arc::new(QueueView {
            record: QueueRecord::default(),
            settings: QueueSettings::of(&Default::default()),
            redrive: None,
            partitions: Vec::new(),
            places: Vec::new(),
            placements: AtomicU64::new(0),
        });
        let mut views = Views::default();
        let lasting: Vec<ResourceKey> = (0..10).map(key).collect();
        for n in 0..10 * VIEWS_MIN {
            views.insert(key(n), view.clone(), |key| lasting.contains(key));
            assert!(views.by_key.len() <= VIEWS_MIN);
        }
        assert!(lasting.iter().all(|key| views.by_key.contains_key(key)));
    }
}
