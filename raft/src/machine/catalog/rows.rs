//! The catalog as rows, and back.

use std::collections::BTreeSet;

use super::{Catalog, placement};
use crate::command::catalog::{GroupRecord, NodeRecord, QueueRecord, ResourceKey};
use crate::command::cluster::NodeStanding;
use crate::level::Level;
use crate::machine::clock::Clock;
use crate::machine::parts::Parts;
use crate::machine::row::{Delta, LoadError, Row, named_key, numbered_key, single_key};
use crate::machine::window::WindowLoader;
use crate::machine::{idempotency, tables};
use crate::types::Millis;
use bytes::Bytes;

/// The version of the rows' format. Rises when older code could no longer read them.
const FORMAT: u32 = 1;

/// Names a row of the catalog's own tables, in the order of their keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RowName {
    Node(u64),
    NodeStanding(u64),
    Queue(ResourceKey),
    Group(u64),
    DeletedQueue(ResourceKey),
    MoveTask(u64),
    Closing(u64),
}

/// What changed since the last cut.
#[derive(Default)]
pub(super) struct Changes {
    touched: BTreeSet<RowName>,
    meta: Option<MetaRecord>,
}

impl Changes {
    /// Notes that a row was made, changed or removed.
    pub(super) fn touch(&mut self, row: RowName) {
        self.touched.insert(row);
    }
}

/// Counters.
#[derive(Clone, PartialEq, prost::Message)]
struct MetaRecord {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    now_ms: u64,
    #[prost(uint64, tag = "3")]
    version: u64,
    #[prost(uint64, tag = "4")]
    next_group: u64,
    #[prost(uint64, tag = "5")]
    invocations_end: u64,
    #[prost(uint32, tag = "40")]
    level: u32,
    #[prost(uint64, tag = "50")]
    epoch: u64,
}

/// A name that was freed a moment ago.
#[derive(Clone, PartialEq, prost::Message)]
struct DeletedRecord {
    #[prost(message, optional, tag = "1")]
    key: Option<ResourceKey>,
    #[prost(uint64, tag = "2")]
    deleted_ms: u64,
}

impl Catalog {
    pub(in crate::machine) fn rows(&self) -> Vec<Row> {
        let mut rows = vec![Row::encoded(single_key(tables::META), &self.meta())];
        self.invocations.rows(&mut rows);
        self.named_rows(&mut rows);
        rows
    }

    pub(in crate::machine) fn parts(&self) -> Parts {
        Parts::of(vec![self.invocations.saved_end()])
    }

    /// What has names comes in one piece: a cut mentions whatever of it came or went.
    pub(in crate::machine) fn next_part(&self, parts: &mut Parts, bytes_max: usize) -> Vec<Row> {
        let mut rows = parts.take_whole(|| {
            let mut rows = vec![Row::encoded(single_key(tables::META), &self.meta())];
            self.named_rows(&mut rows);
            rows
        });
        let mut bytes = rows.iter().map(Row::approximate_bytes).sum();
        if bytes < bytes_max && !parts.is_done() {
            let numbered = self.invocations.rows_in(parts.next..parts.ends[0]);
            parts.take_numbered(numbered, &mut rows, &mut bytes, bytes_max);
        }
        rows
    }

    fn named_rows(&self, rows: &mut Vec<Row>) {
        let nodes = self.nodes.keys().map(|id| RowName::Node(*id));
        let standings = self.standings.keys().map(|id| RowName::NodeStanding(*id));
        let queues = self.queues.keys().map(|key| RowName::Queue(key.clone()));
        let groups = self.groups.keys().map(|id| RowName::Group(*id));
        let deleted = self.deleted_queues.iter();
        let deleted = deleted.map(|(key, _)| RowName::DeletedQueue(key.clone()));
        let tasks = self.move_tasks.iter().map(|task| RowName::MoveTask(task.number));
        let closings = self.closings.iter();
        let closings = closings.map(|closing| RowName::Closing(closing.group_id));
        // In the order of their tables' numbers.
        let names = nodes
            .chain(queues)
            .chain(groups)
            .chain(deleted)
            .chain(tasks)
            .chain(standings)
            .chain(closings);
        rows.extend(names.filter_map(|name| self.row(&name).ok()));
    }

    pub(in crate::machine) fn take_delta(&mut self) -> Delta {
        let mut delta = Delta::default();
        let meta = self.meta();
        if self.changes.meta.as_ref() != Some(&meta) {
            delta.puts.push(Row::encoded(single_key(tables::META), &meta));
            self.changes.meta = Some(meta);
        }
        self.invocations.take_delta(&mut delta);
        for name in std::mem::take(&mut self.changes.touched) {
            match self.row(&name) {
                Ok(row) => delta.puts.push(row),
                Err(key) => delta.deletes.push(key),
            }
        }
        delta
    }

    /// A row, or only its key if there is no such row.
    fn row(&self, name: &RowName) -> Result<Row, Bytes> {
        let key = key(name);
        let row = match name {
            RowName::Node(id) => self.nodes.get(id).map(|node| Row::encoded(key.clone(), node)),
            RowName::NodeStanding(id) => self
                .standings
                .get(id)
                .map(|standing| Row::encoded(key.clone(), standing)),
            RowName::Queue(queue) => self
                .queues
                .get(queue)
                .map(|queue| Row::encoded(key.clone(), queue)),
            RowName::Group(id) => self.groups.get(id).map(|group| Row::encoded(key.clone(), group)),
            RowName::MoveTask(number) => self
                .move_tasks
                .get(*number)
                .map(|task| Row::encoded(key.clone(), task)),
            RowName::Closing(group) => self
                .closings
                .get(*group)
                .map(|closing| Row::encoded(key.clone(), closing)),
            RowName::DeletedQueue(queue) => self.deleted_queues.get(queue).map(|deleted| {
                let record = DeletedRecord {
                    key: Some(queue.clone()),
                    deleted_ms: deleted.0,
                };
                Row::encoded(key.clone(), &record)
            }),
        };
        row.ok_or(key)
    }

    fn meta(&self) -> MetaRecord {
        MetaRecord {
            format: FORMAT,
            now_ms: self.clock.now().0,
            version: self.version,
            next_group: self.next_group,
            invocations_end: self.invocations.end(),
            level: self.level.0,
            epoch: self.epoch,
        }
    }

    pub(in crate::machine) fn load(
        rows: impl IntoIterator<Item = (Bytes, Bytes)>,
    ) -> Result<Catalog, LoadError> {
        let mut catalog = Catalog::new();
        let mut meta: Option<MetaRecord> = None;
        let mut invocations = WindowLoader::new(idempotency::catalog(Level::ZERO));
        for (key, value) in rows {
            match key.first() {
                Some(&tables::META) => meta = Some(decode_meta(value)?),
                Some(&tables::INVOCATIONS) => invocations.add(&key, value)?,
                _ => catalog.load_row(&key, value)?,
            }
        }
        let meta = meta.ok_or_else(|| LoadError::Damaged("the meta row is missing".into()))?;
        catalog.clock = Clock::at(Millis(meta.now_ms));
        catalog.level = Level(meta.level);
        catalog.version = meta.version;
        catalog.next_group = meta.next_group;
        catalog.epoch = meta.epoch;
        catalog.invocations = invocations.finish(meta.invocations_end)?;
        catalog.changes.meta = Some(meta);
        Ok(catalog)
    }

    fn load_row(&mut self, key: &[u8], value: Bytes) -> Result<(), LoadError> {
        match key.first() {
            Some(&tables::NODES) => {
                let node: NodeRecord = decode(tables::NODES, value)?;
                self.nodes.insert(node.node_id, node);
            }
            Some(&tables::NODE_STANDINGS) => {
                let standing: NodeStanding = decode(tables::NODE_STANDINGS, value)?;
                self.standings.insert(standing.node_id, standing);
            }
            Some(&tables::QUEUES) => {
                let queue: QueueRecord = decode(tables::QUEUES, value)?;
                let key = queue.key.clone().unwrap_or_default();
                self.dead_letter_sources.add(&key, &queue.attributes);
                self.queues.insert(key, queue);
            }
            Some(&tables::GROUPS) => {
                let mut group: GroupRecord = decode(tables::GROUPS, value)?;
                if group.founders.is_empty() {
                    // From before groups could move.
                    group.founders = group.replicas.clone();
                    group.members = placement::in_order(&group.replicas);
                }
                self.loads.add(&group.replicas);
                self.groups.insert(group.group_id, group);
            }
            Some(&tables::DELETED_QUEUES) => {
                let deleted: DeletedRecord = decode(tables::DELETED_QUEUES, value)?;
                let key = deleted.key.unwrap_or_default();
                self.deleted_queues.insert(key, Millis(deleted.deleted_ms));
            }
            Some(&tables::MOVE_TASKS) => {
                self.move_tasks.add(decode(tables::MOVE_TASKS, value)?);
            }
            Some(&tables::CLOSINGS) => {
                self.closings.insert(decode(tables::CLOSINGS, value)?);
            }
            table => return Err(LoadError::unknown_table(table, "the catalog")),
        }
        Ok(())
    }
}

fn key(name: &RowName) -> Bytes {
    let named = |table: u8, key: &ResourceKey| named_key(table, [&key.account, &key.region, &key.name]);
    match name {
        RowName::Node(id) => numbered_key(tables::NODES, *id),
        RowName::NodeStanding(id) => numbered_key(tables::NODE_STANDINGS, *id),
        RowName::Queue(key) => named(tables::QUEUES, key),
        RowName::Group(id) => numbered_key(tables::GROUPS, *id),
        RowName::DeletedQueue(key) => named(tables::DELETED_QUEUES, key),
        RowName::MoveTask(number) => numbered_key(tables::MOVE_TASKS, *number),
        RowName::Closing(group) => numbered_key(tables::CLOSINGS, *group),
    }
}

/// It is the first of all rows, so that a state of another format is recognized before anything else is read.
fn decode_meta(value: Bytes) -> Result<MetaRecord, LoadError> {
    let meta: MetaRecord = decode(tables::META, value)?;
    match meta.format {
        FORMAT => Ok(meta),
        found => Err(LoadError::format("the catalog", found, FORMAT)),
    }
}

fn decode<T: prost::Message + Default>(table: u8, value: Bytes) -> Result<T, LoadError> {
    T::decode(value).map_err(|error| LoadError::undecodable(table, error))
}
