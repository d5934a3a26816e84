//! A disk in memory, whose files a target can damage, and workers that work when they are told to.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use raft::env::{Disk, DiskFile, Env, Random, Waker, Workers};

/// What each file holds.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The disk; clones share it.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    files: Arc<Mutex<BTreeMap<PathBuf, Arc<MemoryFile>>>>,
}

/// One file; it outlives its removal for those that have it open.
#[derive(Default)]
struct MemoryFile(Mutex<Vec<u8>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_found(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, path.display().to_string())
}

impl MemoryDisk {
    /// A disk with these files.
    pub fn with(files: Files) -> MemoryDisk {
        let files = files
            .into_iter()
            .map(|(path, bytes)| (path, Arc::new(MemoryFile(Mutex::new(bytes)))));
        MemoryDisk {
            files: Arc::new(Mutex::new(files.collect())),
        }
    }

    /// A copy of all files as they are now.
    pub fn files(&self) -> Files {
        let files = lock(&self.files);
        files
            .iter()
            .map(|(path, file)| (path.clone(), lock(&file.0).clone()))
            .collect()
    }
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut files = lock(&self.files);
        if create {
            files.entry(path.to_owned()).or_default();
        }
        let file = files.get(path).cloned().ok_or_else(|| not_found(path))?;
        Ok(file)
    }

    fn create_dir_all(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let files = lock(&self.files);
        Ok(files
            .keys()
            .filter(|file| file.parent() == Some(path))
            .cloned()
            .collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = lock(&self.files);
        let file = files.remove(from).ok_or_else(|| not_found(from))?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let removed = lock(&self.files).remove(path);
        removed.map(drop).ok_or_else(|| not_found(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        lock(&self.files).retain(|file, _| !file.starts_with(path));
        Ok(())
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }
}

impl DiskFile for MemoryFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = lock(&self.0);
        let start = usize::try_from(offset).ok();
        let range = start.and_then(|start| bytes.get(start..start.checked_add(buf.len())?));
        buf.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut bytes = lock(&self.0);
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + buf.len();
        // A write far behind the end is a bug of the writer, and would take all memory.
        assert!(end <= 1 << 24, "a file of {end} bytes");
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(buf);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        lock(&self.0).resize(len, 0);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.0).len() as u64)
    }
}

type Step = Box<dyn FnMut() + Send>;

/// Workers whose steps run in [`Work::run_all`] only.
#[derive(Clone, Default)]
pub struct Work {
    steps: Arc<Mutex<Vec<Step>>>,
}

impl Work {
    /// Lets every worker do what there is to do.
    pub fn run_all(&self) {
        lock(&self.steps).iter_mut().for_each(|step| step());
    }
}

impl Workers for Work {
    fn run(&self, _name: &str, step: Step) -> Waker {
        lock(&self.steps).push(step);
        Waker(Arc::new(|| {}))
    }
}

/// Counts. What is random elsewhere must be the same for the same input.
struct Counter(AtomicU64);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A world with this disk and these workers.
pub fn env(disk: &MemoryDisk, work: &Work) -> Env {
    Env {
        level: raft::level::Level::LATEST,
        disk: Arc::new(disk.clone()),
        workers: Arc::new(work.clone()),
        random: Arc::new(Counter(AtomicU64::new(FIRST_RANDOM))),
        ..Env::real().expect("the operating system gives randomness")
    }
}

/// What [`env`] says first when it is asked for something random.
pub const FIRST_RANDOM: u64 = 0x0123_4567_89ab_cdef;
