//! Making sled's files durable.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::env::real::StdDisk;
use crate::env::{Disk, DiskFile};

/// The files that sled keeps in a folder: `db`, its log; `conf`; and `blobs/`, one file for each
/// value too large for the log, written once. (`snap.*` only shortens recovery, and sled syncs it.)
pub(super) struct Files {
    folder: PathBuf,
    log: Option<Arc<dyn DiskFile>>,
    synced_blobs: BTreeSet<PathBuf>,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Files {
        Files {
            folder,
            log: None,
            synced_blobs: BTreeSet::new(),
        }
    }

    /// Makes durable what sled has written.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.sync_blobs()?;
        match &self.log {
            Some(log) => log.sync_data(),
            None => {
                let log = StdDisk.open(&self.folder.join("db"), false)?;
                log.sync_data()?;
                StdDisk.open(&self.folder.join("conf"), false)?.sync_data()?;
                StdDisk.sync_dir(&self.folder)?;
                self.log = Some(log);
                Ok(())
            }
        }
    }

    /// Blobs before the log that points to them.
    fn sync_blobs(&mut self) -> io::Result<()> {
        let folder = self.folder.join("blobs");
        let blobs: BTreeSet<PathBuf> = StdDisk.list(&folder)?.into_iter().collect();
        if blobs == self.synced_blobs {
            return Ok(());
        }
        for blob in blobs.difference(&self.synced_blobs) {
            match StdDisk.open(blob, false) {
                Ok(blob) => blob.sync_data()?,
                // sled removes blobs in the background.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        StdDisk.sync_dir(&folder)?;
        self.synced_blobs = blobs;
        Ok(())
    }
}
