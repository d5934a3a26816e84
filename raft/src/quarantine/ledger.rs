//! The quarantines of a node, as files: one for each group, named by its number.
//!
//! A file is the magic, the format version (4 bytes, little-endian), a CRC-32C of the rest (4) and
//! the rest: one protobuf message. It is written beside its place, synced, and renamed there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost::Message;

use super::{Broken, Cause, Quarantine};
use crate::env::Disk;
use crate::types::{GroupId, Millis};

const MAGIC: &[u8; 8] = b"MLRQUAR\0";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 16;

/// The folder of a node's quarantines.
pub(crate) struct Ledger {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

/// The body of a file. Tags are permanent.
#[derive(Clone, PartialEq, Message)]
struct Record {
    /// 1 = entry, 2 = files, 3 = level.
    #[prost(uint32, tag = "1")]
    cause: u32,
    #[prost(uint64, optional, tag = "2")]
    index: Option<u64>,
    #[prost(string, tag = "3")]
    reason: String,
    #[prost(uint64, tag = "4")]
    since_ms: u64,
    #[prost(string, tag = "5")]
    version: String,
}

impl Ledger {
    /// Makes the folder if need be, and reads what is in it. A file that cannot be read is a
    /// quarantine, too: its group stays closed until an operator retries.
    ///
    /// # Errors
    /// If the folder cannot be made or listed.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
    ) -> io::Result<(Ledger, BTreeMap<GroupId, Quarantine>)> {
        disk.create_dir_all(folder)?;
        let ledger = Ledger {
            disk,
            folder: folder.to_owned(),
        };
        let mut known = BTreeMap::new();
        for path in ledger.disk.list(folder)? {
            // What a write left that was cut short.
            let Some(group) = number(&path) else { continue };
            let quarantine = ledger.read(group, &path).unwrap_or_else(|error| Quarantine {
                group,
                broken: Broken {
                    cause: Cause::Entry,
                    index: None,
                    reason: format!("{}: {error}", path.display()),
                },
                since: Millis(0),
                version: String::new(),
            });
            known.insert(group, quarantine);
        }
        Ok((ledger, known))
    }

    /// Notes a quarantine, durably.
    ///
    /// # Errors
    /// If it cannot be written. Whatever was noted before then still is.
    pub(crate) fn write(&self, quarantine: &Quarantine) -> io::Result<()> {
        let bytes = encode(quarantine);
        let place = self.path(quarantine.group);
        let fresh = place.with_extension("new");
        let file = self.disk.open(&fresh, true)?;
        file.allocate(bytes.len() as u64)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        self.disk.rename(&fresh, &place)?;
        self.disk.sync_dir(&self.folder)
    }

    /// Removes a group's quarantine, durably, if it has one.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub(crate) fn remove(&self, group: GroupId) -> io::Result<()> {
        match self.disk.remove_file(&self.path(group)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => {
                removed?;
                self.disk.sync_dir(&self.folder)
            }
        }
    }

    fn path(&self, group: GroupId) -> PathBuf {
        self.folder.join(group.0.to_string())
    }

    fn read(&self, group: GroupId, path: &Path) -> io::Result<Quarantine> {
        let file = self.disk.open(path, false)?;
        let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0)?;
        decode(group, &bytes)
    }
}

fn encode(quarantine: &Quarantine) -> Vec<u8> {
    let Quarantine {
        broken,
        since,
        version,
        ..
    } = quarantine;
    let record = Record {
        cause: match broken.cause {
            Cause::Entry => 1,
            Cause::Files => 2,
            Cause::Level => 3,
        },
        index: broken.index,
        reason: broken.reason.clone(),
        since_ms: since.0,
        version: version.clone(),
    };
    let body = record.encode_to_vec();
    let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn decode(group: GroupId, bytes: &[u8]) -> io::Result<Quarantine> {
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let (head, body) = bytes
        .split_first_chunk::<HEAD_BYTES>()
        .ok_or_else(|| damaged("the file is too short"))?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if !head.starts_with(MAGIC) || word(12) != crc32c::crc32c(body) {
        return Err(damaged("not what was written"));
    }
    if word(8) != VERSION {
        return Err(damaged("a format of another version"));
    }
    let record = Record::decode(body).map_err(|error| damaged(&error.to_string()))?;
    Ok(Quarantine {
        group,
        broken: Broken {
            cause: match record.cause {
                2 => Cause::Files,
                3 => Cause::Level,
                _ => Cause::Entry,
            },
            index: record.index,
            reason: record.reason,
        },
        since: Millis(record.since_ms),
        version: record.version,
    })
}

fn number(path: &Path) -> Option<GroupId> {
    path.file_name()?.to_str()?.parse().ok().map(GroupId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    fn quarantine(group: u64, cause: Cause) -> Quarantine {
        Quarantine {
            group: GroupId(group),
            broken: Broken {
                cause,
                index: (cause == Cause::Entry).then_some(17),
                reason: "index out of bounds".to_owned(),
            },
            since: Millis(1_000),
            version: "1.2.3".to_owned(),
        }
    }

    #[test]
    fn quarantines_outlive_the_process_and_a_damaged_file_counts() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, folder) = (Env::real().unwrap().disk, dir.path().join("quarantine"));
        let open = || Ledger::open(disk.clone(), &folder).unwrap();
        let (ledger, known) = open();
        assert!(known.is_empty());
        for noted in [
            quarantine(3, Cause::Entry),
            quarantine(6, Cause::Level),
            quarantine(4, Cause::Files),
        ] {
            ledger.write(&noted).unwrap();
            assert_eq!(open().1[&noted.group], noted);
        }
        std::fs::write(folder.join("5.new"), b"cut short").unwrap();
        let mut bytes = std::fs::read(folder.join("4")).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(folder.join("4"), bytes).unwrap();
        let (_, known) = open();
        assert_eq!(known.keys().map(|group| group.0).collect::<Vec<_>>(), [3, 4, 6]);
        let damaged = &known[&GroupId(4)].broken;
        assert_eq!(damaged.cause, Cause::Entry);
        assert!(damaged.reason.contains("not what was written"), "{damaged:?}");
        for group in [3, 4, 4, 6] {
            ledger.remove(GroupId(group)).unwrap();
        }
        assert!(open().1.is_empty());
    }
}
