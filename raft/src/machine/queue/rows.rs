//! A queue partition as rows, and back.

use bytes::Bytes;
use prost::Message as _;

use super::backlog::Backlog;
use super::chunk::Chunk;
use super::configure::Settings;
use super::departures::Departures;
use super::import::Origins;
use super::message::Message;
use super::moves::Moves;
use super::record::MessageRow;
use super::redelay::Redelay;
use super::{Garbage, Queue, Tally, attempts, dedup};
use crate::level::Level;
use crate::machine::clock::Clock;
use crate::machine::parts::Parts;
use crate::machine::row::{Delta, Later, LoadError, Row, RowValue, number_in_key, numbered_key, single_key};
use crate::machine::window::WindowLoader;
use crate::machine::{idempotency, tables};
use crate::planted::{Bug, planted};
use crate::types::Millis;

/// The version of the rows' format. Rises when older code could no longer read them.
const FORMAT: u32 = 1;

/// What changed since the last cut, as far as the parts do not know it themselves.
#[derive(Default)]
pub(super) struct SinceCut {
    /// All messages went at once.
    pub(super) clear: bool,
    /// The meta row of the last cut.
    meta: Option<MetaRecord>,
}

/// Settings and counters.
#[derive(Clone, PartialEq, prost::Message)]
struct MetaRecord {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    now_ms: u64,
    #[prost(uint64, tag = "3")]
    next_sequence: u64,
    #[prost(uint64, optional, tag = "4")]
    last_purge_ms: Option<u64>,
    #[prost(uint64, tag = "5")]
    version: u64,
    #[prost(bool, tag = "6")]
    fifo: bool,
    #[prost(uint64, tag = "7")]
    retention_ms: u64,
    #[prost(bool, tag = "8")]
    deduplicate_by_group: bool,
    #[prost(uint64, tag = "9")]
    invocations_end: u64,
    #[prost(uint64, tag = "10")]
    deduplication_end: u64,
    #[prost(uint64, tag = "11")]
    departures: u64,
    #[prost(uint64, tag = "12")]
    attempts_end: u64,
    /// Standard queues: the tenants of the last deliveries, the oldest first; empty for a message without a group.
    #[prost(string, repeated, tag = "13")]
    recent: Vec<String>,
    #[prost(uint32, tag = "14")]
    partitions: u32,
    #[prost(uint32, tag = "40")]
    level: u32,
    #[prost(uint64, optional, tag = "41")]
    gone_until_ms: Option<u64>,
    #[prost(message, optional, tag = "42")]
    redelay: Option<Redelay>,
}

impl Queue {
    pub(in crate::machine) fn rows(&self) -> Vec<Row> {
        let mut rows = vec![Row::encoded(single_key(tables::META), &self.meta())];
        self.invocations.rows(&mut rows);
        self.deduplication.rows(&mut rows);
        rows.extend(self.backlog.iter().map(message_row));
        self.backlog.departures.rows(&mut rows);
        self.origins.rows(&mut rows);
        self.moves.rows(&mut rows);
        self.attempts.rows(&mut rows);
        rows
    }

    /// In the order of [`Queue::next_part`]; messages come last, so that they arrive in the order of their sequences.
    pub(in crate::machine) fn parts(&self) -> Parts {
        Parts::of(vec![
            self.invocations.saved_end(),
            self.deduplication.saved_end(),
            self.attempts.saved_end(),
            self.backlog.departures.saved_end(),
            self.backlog.changes.saved_end,
        ])
    }

    pub(in crate::machine) fn next_part(&self, parts: &mut Parts, bytes_max: usize) -> Vec<Row> {
        let mut rows = parts.take_whole(|| {
            let mut rows = vec![Row::encoded(single_key(tables::META), &self.meta())];
            self.origins.rows(&mut rows);
            self.moves.rows(&mut rows);
            rows
        });
        let mut bytes = rows.iter().map(Row::approximate_bytes).sum();
        while bytes < bytes_max && !parts.is_done() {
            let range = parts.next..parts.ends[parts.table - 1];
            let (rows, bytes) = (&mut rows, &mut bytes);
            match parts.table {
                1 => parts.take_numbered(self.invocations.rows_in(range), rows, bytes, bytes_max),
                2 => parts.take_numbered(self.deduplication.rows_in(range), rows, bytes, bytes_max),
                3 => parts.take_numbered(self.attempts.rows_in(range), rows, bytes, bytes_max),
                4 => parts.take_numbered(self.backlog.departures.rows_in(range), rows, bytes, bytes_max),
                _ => {
                    let messages = self.backlog.iter_from(range.start);
                    let messages = messages.take_while(|(sequence, _)| *sequence < range.end);
                    let messages =
                        messages.map(|(sequence, message)| (sequence, message_row((sequence, message))));
                    parts.take_numbered(messages, rows, bytes, bytes_max);
                }
            }
        }
        rows
    }

    /// What changed since the last cut, and rows that belong to it and are made later. There are some after a purge: all that is
    /// left has to be written, and what is remembered of calls may be much.
    pub(in crate::machine) fn cut(&mut self) -> (Delta, Later) {
        match std::mem::take(&mut self.since_cut.clear) {
            true => self.cut_whole(),
            false => (self.cut_changes(), Later::default()),
        }
    }

    fn cut_changes(&mut self) -> Delta {
        let mut delta = Delta::default();
        let meta = self.meta();
        if self.since_cut.meta.as_ref() != Some(&meta) {
            delta.puts.push(Row::encoded(single_key(tables::META), &meta));
            self.since_cut.meta = Some(meta);
        }
        self.invocations.take_delta(&mut delta);
        self.deduplication.take_delta(&mut delta);
        self.take_messages(&mut delta);
        self.backlog.departures.take_delta(&mut delta);
        self.origins.take_delta(&mut delta);
        self.moves.take_delta(&mut delta);
        self.attempts.take_delta(&mut delta);
        delta
    }

    /// Everything, as after a purge: all messages came since.
    fn cut_whole(&mut self) -> (Delta, Later) {
        let mut later = self.invocations.take_whole();
        later.append(self.deduplication.take_whole());
        later.append(self.attempts.take_whole());
        // What is left to say has changed since the purge, but for some rows of other queues and tasks.
        let changes = self.cut_changes();
        let of_messages = |row: &Row| {
            let table = row.key.first();
            table == Some(&tables::MESSAGES) || table == Some(&tables::DEPARTURES)
        };
        let mut puts: Vec<Row> = changes.puts.into_iter().filter(of_messages).collect();
        puts.push(Row::encoded(single_key(tables::META), &self.meta()));
        self.origins.rows(&mut puts);
        self.moves.rows(&mut puts);
        let delta = Delta {
            clear: true,
            puts,
            deletes: Vec::new(),
        };
        (delta, later)
    }

    fn take_messages(&mut self, delta: &mut Delta) {
        let gone = std::mem::take(&mut self.backlog.changes.gone);
        let gone = gone
            .into_iter()
            .map(|sequence| numbered_key(tables::MESSAGES, sequence));
        delta.deletes.extend(gone);
        let touched = self.backlog.take_touched(usize::MAX).into_iter();
        delta.puts.extend(touched.map(message_row));
        self.take_new(usize::MAX, delta);
    }

    fn meta(&self) -> MetaRecord {
        MetaRecord {
            format: FORMAT,
            now_ms: self.clock.now().0,
            next_sequence: self.next_sequence,
            last_purge_ms: self.last_purge.map(|time| time.0),
            version: self.settings.version,
            fifo: self.settings.fifo,
            retention_ms: self.settings.retention.0,
            deduplicate_by_group: self.settings.deduplicate_by_group,
            invocations_end: self.invocations.end(),
            deduplication_end: self.deduplication.end(),
            departures: self.backlog.departures.count(),
            attempts_end: self.attempts.end(),
            recent: self.backlog.recent(),
            partitions: self.settings.partitions,
            level: self.level.0,
            gone_until_ms: self.gone_until.map(|time| time.0),
            redelay: self.redelay,
        }
    }

    pub(in crate::machine) fn load(
        rows: impl IntoIterator<Item = (Bytes, Bytes)>,
        chunks: Vec<Chunk>,
    ) -> Result<Queue, LoadError> {
        let mut meta = None;
        let mut invocations = WindowLoader::new(idempotency::queue(Level::ZERO, u64::MAX));
        let mut deduplication = WindowLoader::new(dedup::limits(Level::ZERO));
        let mut attempts = WindowLoader::new(attempts::limits(Level::ZERO));
        let mut messages = Vec::new();
        let mut departures = Vec::new();
        let mut origins = Origins::default();
        let mut moves = Moves::default();
        for (key, value) in rows {
            match key.first() {
                Some(&tables::INVOCATIONS) if planted(Bug::WindowForgotten) => {}
                Some(&tables::META) => meta = Some(decode_meta(value)?),
                Some(&tables::INVOCATIONS) => invocations.add(&key, value)?,
                Some(&tables::DEDUPLICATION) => deduplication.add(&key, value)?,
                Some(&tables::MESSAGES) => messages.push(decode_message(&key, value)?),
                Some(&tables::DEPARTURES) => departures.push((key, value)),
                Some(&tables::ORIGINS) => origins.load(&key, value)?,
                Some(&tables::MOVES) => moves = Moves::load(value)?,
                Some(&tables::ATTEMPTS) => attempts.add(&key, value)?,
                table => return Err(LoadError::unknown_table(table, "a queue")),
            }
        }
        let meta = meta.ok_or_else(|| LoadError::Damaged("the meta row is missing".into()))?;
        for chunk in chunks {
            for message in chunk.messages() {
                messages.push(message?);
            }
        }
        Ok(Queue {
            clock: Clock::at(Millis(meta.now_ms)),
            level: Level(meta.level),
            settings: Settings {
                version: meta.version,
                fifo: meta.fifo,
                retention: Millis(meta.retention_ms),
                deduplicate_by_group: meta.deduplicate_by_group,
                partitions: meta.partitions,
            },
            next_sequence: meta.next_sequence,
            last_purge: meta.last_purge_ms.map(Millis),
            gone_until: meta.gone_until_ms.map(Millis),
            judged_at: Millis::default(),
            redelay: meta.redelay,
            backlog: load_backlog(&meta, messages, departures)?,
            deduplication: deduplication.finish(meta.deduplication_end)?,
            attempts: attempts.finish(meta.attempts_end)?,
            invocations: invocations.finish(meta.invocations_end)?,
            origins,
            moves,
            tally: Tally::default(),
            timers_handled: 0,
            garbage: Garbage::default(),
            since_cut: SinceCut {
                clear: false,
                meta: Some(meta),
            },
        })
    }
}

pub(super) fn message_row((sequence, message): (u64, &Message)) -> Row {
    Row {
        key: numbered_key(tables::MESSAGES, sequence),
        value: RowValue::Message(MessageRow::new(message)),
    }
}

/// It is the first of all rows, so that a state of another format is recognized before anything else is read.
fn decode_meta(value: Bytes) -> Result<MetaRecord, LoadError> {
    let meta = MetaRecord::decode(value).map_err(|error| LoadError::undecodable(tables::META, error))?;
    match meta.format {
        FORMAT => Ok(meta),
        found => Err(LoadError::format("a queue", found, FORMAT)),
    }
}

fn decode_message(key: &[u8], value: Bytes) -> Result<(u64, Message), LoadError> {
    Ok((number_in_key(key)?, MessageRow::decode(value)?))
}

fn load_backlog(
    meta: &MetaRecord,
    mut messages: Vec<(u64, Message)>,
    departures: Vec<(Bytes, Bytes)>,
) -> Result<Backlog, LoadError> {
    messages.sort_by_key(|(sequence, _)| *sequence);
    if messages
        .last()
        .is_some_and(|(sequence, _)| *sequence >= meta.next_sequence)
    {
        return Err(LoadError::Damaged(
            "a message with a sequence still to come".into(),
        ));
    }
    let sequences = messages.iter().map(|(sequence, _)| *sequence);
    if let Some((twice, _)) = sequences.clone().zip(sequences.skip(1)).find(|(a, b)| a == b) {
        return Err(LoadError::Damaged(format!("message {twice} is there twice")));
    }
    let mut backlog = Backlog::new(meta.fifo);
    for (sequence, message) in messages {
        backlog.add(sequence, message);
    }
    backlog.load_recent(&meta.recent);
    backlog.changes.saved_end = meta.next_sequence;
    backlog.departures = Departures::after(meta.departures);
    for (key, value) in departures {
        backlog.departures.load(&key, value)?;
    }
    Ok(backlog)
}
