//! The real disk with switches for faults, and a lock that makes a copy of the folder a moment in time.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use raft::env::real::StdDisk;
use raft::env::{Disk, DiskFile, Env};
use raft::wal::Wal;

use crate::support::{copy, small};

#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) write: bool,
    pub(crate) sync: bool,
    /// Writes and syncs that came while a fault was on, the failed one included.
    pub(crate) tried: u64,
}

impl Faults {
    fn check(&mut self, is_on: fn(&Faults) -> bool, error: i32) -> io::Result<()> {
        self.tried += u64::from(self.write || self.sync);
        if is_on(self) {
            return Err(io::Error::from_raw_os_error(error));
        }
        Ok(())
    }
}

/// Every change of a file holds the lock of `faults` while it happens.
#[derive(Clone, Default)]
pub(crate) struct TestDisk {
    pub(crate) faults: Arc<Mutex<Faults>>,
}

impl TestDisk {
    pub(crate) fn open_wal(&self, dir: &Path) -> Wal {
        let mut env = Env::real().unwrap();
        env.disk = Arc::new(self.clone());
        Wal::open(&env, dir, small()).unwrap()
    }

    /// What a crash would leave now.
    pub(crate) fn crash(&self, dir: &Path) -> tempfile::TempDir {
        let _nothing_changes = self.faults.lock();
        copy(dir)
    }
}

impl Disk for TestDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let _guard = self.faults.lock();
        let file = StdDisk.open(path, create)?;
        // What is made ahead, by a thread of its own, has no faults.
        let is_faulty = path.extension().is_none_or(|end| end != "new");
        Ok(Arc::new(TestFile(file, self.faults.clone(), is_faulty)))
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        StdDisk.create_dir_all(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        StdDisk.list(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let _guard = self.faults.lock();
        StdDisk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let _guard = self.faults.lock();
        StdDisk.remove_file(path)
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        StdDisk.remove_dir_all(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        StdDisk.sync_dir(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        StdDisk.lock(path)
    }
}

struct TestFile(Arc<dyn DiskFile>, Arc<Mutex<Faults>>, bool);

impl DiskFile for TestFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        const ENOSPC: i32 = 28;
        let mut faults = self.1.lock();
        if self.2 {
            faults.check(|faults| faults.write, ENOSPC)?;
        }
        self.0.write_all_at(buf, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        const EIO: i32 = 5;
        if self.2 {
            self.1.lock().check(|faults| faults.sync, EIO)?;
        }
        self.0.sync_data()
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        let _guard = self.1.lock();
        self.0.allocate(len)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}
