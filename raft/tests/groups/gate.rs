//! The real disk, with files whose reads wait until a test lets them go on.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use raft::env::real::StdDisk;
use raft::env::{Disk, DiskFile};

use crate::node::PATIENCE;

/// Stops reads of some files.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The folder whose files cannot be read now.
    closed: Option<&'static str>,
    /// Reads that stand before the gate.
    waiting: usize,
}

impl Gate {
    /// Reads of files in a folder of that name wait from now on.
    pub(crate) fn close(&self, folder: &'static str) {
        self.state.lock().closed = Some(folder);
    }

    /// They all go on.
    pub(crate) fn open(&self) {
        self.state.lock().closed = None;
        self.changed.notify_all();
    }

    /// How many reads wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    /// Fails after a while, because a test whose only thread stands here could not open the gate.
    fn pass(&self, path: &Path) -> io::Result<()> {
        let is_within = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
        let is_closed = |state: &mut State| state.closed.is_some_and(is_within);
        let mut state = self.state.lock();
        state.waiting += 1;
        let waited = self.changed.wait_while_for(&mut state, is_closed, PATIENCE);
        state.waiting -= 1;
        match waited.timed_out() {
            true => Err(io::Error::from(io::ErrorKind::TimedOut)),
            false => Ok(()),
        }
    }
}

/// The disk behind the gate.
pub(crate) struct GatedDisk(pub(crate) Arc<Gate>);

struct GatedFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    gate: Arc<Gate>,
}

impl DiskFile for GatedFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.gate.pass(&self.path)?;
        self.file.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

impl Disk for GatedDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(GatedFile {
            file: StdDisk.open(path, create)?,
            path: path.to_owned(),
            gate: self.0.clone(),
        }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        StdDisk.create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        StdDisk.list(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        StdDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
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
