//! Files by `std::fs`, with positional reads and writes.

use std::any::Any;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;

use crate::env::{Disk, DiskFile};

/// The file system of the operating system.
pub struct StdDisk;

impl Disk for StdDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(StdFile(open_read_write(path, create)?)))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths = std::fs::read_dir(path)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let file = open_read_write(path, true)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is locked by another process", path.display()),
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn open_read_write(path: &Path, create: bool) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(create)
        .truncate(false)
        .open(path)
}

struct StdFile(File);

impl DiskFile for StdFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        // Shorten or lengthen first: fallocate alone never shortens.
        self.0.set_len(len)?;
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, len) {
            Ok(()) => Ok(()),
            // Some file systems cannot reserve; a sparse file is then the best there is.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_what_is_written_and_grow_with_zeros() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        assert!(StdDisk.open(&path, false).is_err());
        let file = StdDisk.open(&path, true).unwrap();
        assert!(file.is_empty().unwrap());
        file.allocate(64).unwrap();
        file.write_all_at(b"abc", 10).unwrap();
        file.sync_data().unwrap();
        let mut back = [9; 5];
        StdDisk
            .open(&path, false)
            .unwrap()
            .read_exact_at(&mut back, 9)
            .unwrap();
        assert_eq!(&back, b"\0abc\0");
        assert_eq!(file.len().unwrap(), 64);
        assert_eq!(StdDisk.list(dir.path()).unwrap(), [path]);
        StdDisk.sync_dir(dir.path()).unwrap();
    }

    #[test]
    fn a_lock_excludes_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOCK");
        let held = StdDisk.lock(&path).unwrap();
        let Err(error) = StdDisk.lock(&path) else {
            panic!("locked twice");
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(held);
        StdDisk.lock(&path).unwrap();
    }
}
