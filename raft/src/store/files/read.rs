//! Reads what a file's last commit holds, and checks it: checksums, number of rows, digest.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::flaw::Flaw;
use super::format::{Commit, Record};
use super::index::{Fingerprints, Index, Slot};
use super::records::{Next, Records};
use super::tail::Tail;
use crate::env::DiskFile;
use crate::types::GroupId;

/// Rows by their keys.
pub(super) type Rows = BTreeMap<Bytes, Bytes>;

/// A file that was read.
pub(super) struct Found {
    pub(super) tail: Tail,
    pub(super) index: Index,
    /// The file's last commit.
    pub(super) commit: Committed,
    /// Whether something follows it: a write that was cut short.
    pub(super) is_torn: bool,
}

/// What the last commit says.
#[derive(Clone, Default)]
pub(super) struct Committed {
    pub(super) generation: u64,
    pub(super) number: u64,
    pub(super) header: Bytes,
}

/// What is read.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) group: GroupId,
    pub(super) fingerprints: &'a Fingerprints,
}

/// Changes that no commit has closed yet.
#[derive(Default)]
struct Pending {
    slots: Vec<(u64, Option<Slot>)>,
    rows: Vec<(Bytes, Option<Bytes>)>,
}

impl Source<'_> {
    /// Reads what is committed: the index and, if `rows` is given, the rows themselves.
    pub(super) fn read(self, mut rows: Option<&mut Rows>) -> Result<Found, Flaw> {
        let mut records = Records::open(self.path, self.file.clone(), self.group)?;
        let mut index = Index::default();
        let mut pending = Pending::default();
        let mut committed: Option<(Committed, u64)> = None;
        let torn_at = loop {
            let (position, record) = match records.next()? {
                Next::Record(position, record) => (position, record),
                Next::Nothing { position } => break position,
            };
            match record {
                Record::Commit(commit) => {
                    pending.apply(&mut index, rows.as_deref_mut());
                    self.check(
                        &commit,
                        &index,
                        committed.as_ref().map_or(0, |(last, _)| last.number),
                    )?;
                    let commit = Committed {
                        generation: commit.generation,
                        number: commit.number,
                        header: Bytes::copy_from_slice(commit.header),
                    };
                    committed = Some((commit, records.position()));
                }
                record => pending.note(&record, position, self.fingerprints, rows.is_some()),
            }
        };
        let Some((commit, end)) = committed else {
            return Err(self.damaged(torn_at, "there is no commit"));
        };
        if let Some(behind) = records.last_commit_behind(torn_at)?
            && behind > commit.number + 1
        {
            return Err(self.damaged(torn_at, "what was committed is damaged"));
        }
        Ok(Found {
            is_torn: end < records.length(),
            tail: Tail::at(self.file, records.id(), end),
            index,
            commit,
        })
    }

    /// Reads all rows of a file that nothing is committed in yet.
    pub(super) fn read_draft(self, end: u64) -> Result<Rows, Flaw> {
        let mut records = Records::open(self.path, self.file.clone(), self.group)?;
        let mut rows = Rows::new();
        while records.position() < end {
            match records.next()? {
                Next::Record(_, Record::Put { key, value }) => {
                    rows.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
                }
                Next::Record(_, Record::Delete { key }) => drop(rows.remove(key)),
                Next::Record(position, Record::Commit(_)) | Next::Nothing { position } => {
                    return Err(self.damaged(position, "the state that is put together"));
                }
            }
        }
        Ok(rows)
    }

    fn check(&self, commit: &Commit<'_>, index: &Index, last: u64) -> Result<(), Flaw> {
        let found = (index.rows(), index.digest(), last + 1);
        let said = (commit.rows, commit.digest, commit.number);
        match found == said {
            true => Ok(()),
            false => Err(Flaw::Damaged(format!(
                "{}: commit {} says {} rows with digest {:016x}, and there are {} with {:016x} after commit {last}",
                self.path.display(),
                commit.number,
                commit.rows,
                commit.digest,
                found.0,
                found.1,
            ))),
        }
    }

    fn damaged(&self, position: u64, what: &str) -> Flaw {
        Flaw::Damaged(format!("{} at byte {position}: {what}", self.path.display()))
    }
}

impl Pending {
    fn note(&mut self, record: &Record<'_>, position: u64, fingerprints: &Fingerprints, rows: bool) {
        match *record {
            Record::Put { key, value } => {
                let slot = Slot::of(key, value, position);
                self.slots.push((fingerprints.of(key), Some(slot)));
                if rows {
                    let value = Bytes::copy_from_slice(value);
                    self.rows.push((Bytes::copy_from_slice(key), Some(value)));
                }
            }
            Record::Delete { key } => {
                self.slots.push((fingerprints.of(key), None));
                if rows {
                    self.rows.push((Bytes::copy_from_slice(key), None));
                }
            }
            Record::Commit(_) => {}
        }
    }

    fn apply(&mut self, index: &mut Index, rows: Option<&mut Rows>) {
        for (fingerprint, slot) in self.slots.drain(..) {
            index.change(fingerprint, slot);
        }
        let Some(rows) = rows else { return };
        for (key, value) in self.rows.drain(..) {
            match value {
                Some(value) => drop(rows.insert(key, value)),
                None => drop(rows.remove(&key)),
            }
        }
    }
}
