//! The tables that rows belong to: the first byte of their keys, for all machines.
//!
//! These numbers are on disk and in snapshots. They are never reused: a table that goes leaves its
//! number unused for ever. What a table's values are is said where they are encoded.
//!
//! Numbers are from 0x01 to 0x7f.

/// One row: counters, settings and the version of the format. In every machine.
pub(super) const META: u8 = 0x01;
/// Answers to recent API calls, numbered in order of arrival. In every machine.
pub(super) const INVOCATIONS: u8 = 0x02;

/// Catalog: nodes, by number.
pub(super) const NODES: u8 = 0x10;
/// Catalog: queues, by account, region and name.
pub(super) const QUEUES: u8 = 0x11;
/// Catalog: groups, by number.
pub(super) const GROUPS: u8 = 0x12;
/// Catalog: names of queues that were deleted a moment ago.
pub(super) const DELETED_QUEUES: u8 = 0x13;
/// Catalog: move tasks, by number.
pub(super) const MOVE_TASKS: u8 = 0x14;
/// Catalog: nodes that drain or were removed, by number.
pub(super) const NODE_STANDINGS: u8 = 0x15;
/// Catalog: deleted groups that may still get commands done, by number.
pub(super) const CLOSINGS: u8 = 0x16;

/// Queue: deduplication ids of the last minutes, numbered in order of arrival.
pub(super) const DEDUPLICATION: u8 = 0x20;
/// Queue: messages, by sequence.
pub(crate) const MESSAGES: u8 = 0x21;
/// Queue: messages that leave for another partition, by the number of their departure.
pub(super) const DEPARTURES: u8 = 0x22;
/// Queue: partitions that messages came from, by group.
pub(super) const ORIGINS: u8 = 0x23;
/// Queue: one row, what the latest move task has got done.
pub(super) const MOVES: u8 = 0x24;
/// Queue: receives with an attempt id of the last minutes, numbered in order of arrival.
pub(super) const ATTEMPTS: u8 = 0x25;

/// Of the store, not of a machine: chunks of letters, by their first sequence (`store/letters`).
pub(crate) const CHUNKS: u8 = 0x7f;
