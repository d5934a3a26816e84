//! Checkpoints as they were kept until files took their place: in sled 0.34. Only reading is left,
//! and the conversion.
//!
//! sled was seen to stop for ever while its file shrank (a thread of its pool waits for another one
//! that is never started), so nothing is written to it any more, not even to take back a write that
//! was cut short: that is done in memory (`undo.rs`).
//!
//! What the keys are is said in `row.rs`. A database was a folder `sled-<n>`; the newest counts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use self::row::{Side, group_of, header_key, undo_range, unseal};
use self::trouble::Trouble;
use super::{Checkpoint, StoreError};
use crate::types::GroupId;

mod convert;
mod row;
mod trouble;
mod undo;

pub use convert::convert;

/// The newest version that was ever written. Version 1 had neither undo rows nor a side B, and is
/// read in the same way.
const FORMAT_VERSION: u32 = 2;
/// Shorter than the keys of any group.
const VERSION_KEY: &[u8] = b"version";
/// sled's page cache. Everything is read once.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// How long a lock that a dropped database still holds is waited for.
const LOCK_PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// A database of checkpoints.
struct Database(sled::Db);

impl Database {
    fn open(folder: &Path) -> Result<Database, Trouble> {
        let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES);
        let config = config.flush_every_ms(None);
        let opened = catch_unwind(AssertUnwindSafe(|| open_unlocked(&config)));
        let database = Database(opened.unwrap_or_else(|_| Err(panicked()))?);
        database.check_version(folder)?;
        Ok(database)
    }

    fn check_version(&self, folder: &Path) -> Result<(), Trouble> {
        let Some(sealed) = self.0.get(VERSION_KEY)? else {
            return match self.0.is_empty() {
                true => Ok(()),
                false => Err(Trouble::Damaged("the version row is missing".into())),
            };
        };
        let version = unseal(VERSION_KEY, &sealed).and_then(|bytes| bytes.as_ref().try_into().ok());
        match version.map(u32::from_le_bytes) {
            None => Err(Trouble::Damaged("the version row is damaged".into())),
            Some(found) if found > FORMAT_VERSION => Err(Trouble::Refused(StoreError::TooNew(format!(
                "{} has version {found} of checkpoints in sled, and this build reads up to {FORMAT_VERSION}",
                folder.display()
            )))),
            Some(_) => Ok(()),
        }
    }

    /// The groups that have a checkpoint.
    fn groups(&self) -> Result<Vec<GroupId>, Trouble> {
        let mut groups = Vec::new();
        let mut next = Some(Vec::new());
        // A group's header is the first of its rows, so that one look at each group is enough.
        while let Some(from) = next.take()
            && let Some(pair) = self.0.range(from..).next()
        {
            let (key, _) = pair?;
            match group_of(&key) {
                Some(group) => {
                    if key == header_key(group) {
                        groups.push(group);
                    }
                    let after = group.0.checked_add(1).map(GroupId);
                    next = after.map(|after| header_key(after).to_vec());
                }
                None => next = Some([&key, &[0][..]].concat()),
            }
        }
        Ok(groups)
    }

    /// A group's checkpoint. [`Trouble::Damaged`] if it is not what was written.
    fn load(&self, group: GroupId) -> Result<Checkpoint, Trouble> {
        let damaged = |what: &str| Trouble::Damaged(format!("{group}: {what}"));
        let sealed = self.0.get(header_key(group))?.unwrap_or_default();
        let found = |side: Side| unseal(&side.key(group, &[]), &sealed).map(|header| (side, header));
        let sides = found(Side::A).or_else(|| found(Side::B));
        let (side, header) = sides.ok_or_else(|| damaged("its header"))?;
        let mut rows = std::collections::BTreeMap::new();
        for pair in self.0.range(side.range(group)) {
            let (key, sealed) = pair?;
            rows.insert(key.to_vec(), sealed.to_vec());
        }
        let undo = self.0.range(undo_range(group)).collect::<Result<Vec<_>, _>>()?;
        undo::take_back(group, &sealed, undo, &mut rows)
            .map_err(|undo::Lost| damaged("what leads back from a write that was cut short"))?;
        let rows = rows.into_iter().map(|(key, sealed)| {
            let value = unseal(&key, &sealed).ok_or_else(|| damaged("a row"))?;
            Ok((bytes::Bytes::copy_from_slice(side.row_of(&key)), value))
        });
        let rows = rows.collect::<Result<_, Trouble>>()?;
        Ok(Checkpoint { header, rows })
    }
}

/// Opens the database, with patience for its lock. The folder is this node's alone, by the log's
/// lock; but sled's threads give up their own lock some time after a database was dropped.
fn open_unlocked(config: &sled::Config) -> sled::Result<sled::Db> {
    let begun = std::time::Instant::now();
    loop {
        match config.open() {
            Err(sled::Error::Io(error)) if is_locked(&error) && begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return opened,
        }
    }
}

/// sled wraps the operating system's answer in words.
fn is_locked(error: &std::io::Error) -> bool {
    error.to_string().starts_with("could not acquire lock")
}

fn panicked() -> sled::Error {
    sled::Error::ReportableBug("sled has panicked".into())
}
