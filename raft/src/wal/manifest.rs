//! How far the log has come, in a file of its own: what the segments cannot say of themselves.
//!
//! ```text
//! wal.manifest   two slots of 4,096 bytes, written in turn: magic, format version, CRC,
//!                the folder's number, count u64, prepared u64, sealed u64
//! ```
//!
//! *Prepared* is the newest segment that was made. Without it, a folder whose newest files are
//! gone would pass for a shorter log. *Sealed* is a batch that is known to be durable. Without it,
//! a last batch whose bits have flipped would pass for a torn tail. The slot with the higher count
//! is valid; a torn write leaves the other one.
//!
//! A folder of an earlier version has no manifest, and gets one. The numbers may be lower than
//! what is in the folder: an earlier version adds segments without looking at them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::WalError;
use super::format::{HeaderError, MANIFEST_USED, ManifestSlot};
use crate::env::{Disk, DiskFile};

const NAME: &str = "wal.manifest";
const NEW_NAME: &str = "wal.manifest.new";
/// A slot has a disk block of its own, so that writing it tears nothing else.
const SLOT_BYTES: u64 = 4096;
const SLOTS: u64 = 2;

pub(super) struct Manifest {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    slot: ManifestSlot,
}

impl Manifest {
    /// Reads the manifest of `folder`, if there is one.
    pub(super) fn read(disk: &dyn Disk, folder: &Path, log: u64) -> Result<Option<Manifest>, WalError> {
        let path = folder.join(NAME);
        let file = match disk.open(&path, false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(WalError::io("open", &path, error)),
        };
        let mut newest: Option<ManifestSlot> = None;
        for slot in 0..SLOTS {
            let mut bytes = [0; MANIFEST_USED];
            file.read_exact_at(&mut bytes, slot * SLOT_BYTES)
                .map_err(|error| WalError::io("read", &path, error))?;
            match ManifestSlot::decode(&bytes) {
                Ok(slot) if slot.log != log => {
                    return Err(WalError::damaged(&path, 0, "it belongs to another folder"));
                }
                Ok(slot) if newest.is_none_or(|newest| newest.count < slot.count) => newest = Some(slot),
                Ok(_) | Err(HeaderError::Invalid) => {}
                Err(HeaderError::Version(found)) => return Err(WalError::Version { path, found }),
            }
        }
        match newest {
            Some(slot) => Ok(Some(Manifest { path, file, slot })),
            None => Err(WalError::damaged(&path, 0, "neither of its slots is readable")),
        }
    }

    /// Makes the manifest of a folder that has none. A crash leaves a whole one, or none.
    pub(super) fn create(
        disk: &dyn Disk,
        folder: &Path,
        log: u64,
        prepared: u64,
    ) -> Result<Manifest, WalError> {
        let (path, new) = (folder.join(NAME), folder.join(NEW_NAME));
        let slot = ManifestSlot {
            log,
            count: 0,
            prepared,
            sealed: 0,
        };
        let file = disk
            .open(&new, true)
            .map_err(|error| WalError::io("create", &new, error))?;
        let mut manifest = Manifest {
            path: new.clone(),
            file,
            slot,
        };
        for _ in 0..SLOTS {
            manifest.write(manifest.slot)?;
        }
        disk.rename(&new, &path)
            .map_err(|error| WalError::io("rename", &new, error))?;
        disk.sync_dir(folder)
            .map_err(|error| WalError::io("sync", folder, error))?;
        manifest.path = path;
        Ok(manifest)
    }

    /// The newest segment that was made; 0 before the first.
    pub(super) fn prepared(&self) -> u64 {
        self.slot.prepared
    }

    /// The newest batch that is known to be durable; 0 before the first.
    pub(super) fn sealed(&self) -> u64 {
        self.slot.sealed
    }

    /// Notes that segment `prepared` is the newest; durable when it returns.
    pub(super) fn prepare(&mut self, prepared: u64) -> Result<(), WalError> {
        self.write(ManifestSlot {
            prepared,
            ..self.slot
        })
    }

    /// Notes that batch `sealed` is durable; durable itself when it returns.
    pub(super) fn seal(&mut self, sealed: u64) -> Result<(), WalError> {
        self.write(ManifestSlot { sealed, ..self.slot })
    }

    fn write(&mut self, slot: ManifestSlot) -> Result<(), WalError> {
        let slot = ManifestSlot {
            count: slot.count + 1,
            ..slot
        };
        let mut bytes = vec![0; SLOT_BYTES as usize];
        bytes[..MANIFEST_USED].copy_from_slice(&slot.encode());
        self.file
            .write_all_at(&bytes, slot.count % SLOTS * SLOT_BYTES)
            .map_err(|error| WalError::io("write", &self.path, error))?;
        self.file
            .sync_data()
            .map_err(|error| WalError::io("sync", &self.path, error))?;
        self.slot = slot;
        Ok(())
    }
}
