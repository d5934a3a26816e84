//! A disk in memory that ends at a chosen operation, and what is on it after the process was killed
//! or the power went.
//!
//! Data is durable by `sync_data`, names are by `sync_dir`. What is not may be there after a power
//! loss, whole or in part: each sector of a write for itself, and names up to some point in their
//! order.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use raft::env::{Disk, DiskFile};

const SECTOR: usize = 64;

/// What happened at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The process is gone; the operating system has all it was given.
    Killed,
    /// The power is gone. Nothing is left that was not synced.
    Bare,
    /// The power is gone, and some of what was not synced is left, by this seed.
    Torn(u64),
}

#[derive(Clone, Default)]
pub(crate) struct CrashDisk {
    world: Arc<Mutex<World>>,
}

#[derive(Clone, Default)]
struct World {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that are not durable yet, as what they led to.
    name_changes: Vec<BTreeMap<PathBuf, usize>>,
    operations: u64,
    /// The operation that fails, with all that follow.
    ends_at: Option<u64>,
    /// For faults of reading.
    reads_fail: bool,
    /// So many files and writes fit on the disk; none if there is room for all.
    room: Option<u64>,
}

#[derive(Clone, Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    writes: Vec<(usize, Vec<u8>)>,
}

impl CrashDisk {
    /// The operation of this number, counted from 0, and all after it fail.
    pub(crate) fn end_at(&self, operation: u64) {
        let mut world = self.world.lock();
        (world.operations, world.ends_at) = (0, Some(operation));
    }

    /// There is room for so many new files and writes, and then for none; or for all again.
    pub(crate) fn set_room(&self, room: Option<u64>) {
        self.world.lock().room = room;
    }

    pub(crate) fn operations(&self) -> u64 {
        self.world.lock().operations
    }

    pub(crate) fn fail_reads(&self, fail: bool) {
        self.world.lock().reads_fail = fail;
    }

    /// The disk as the next process finds it.
    pub(crate) fn after(&self, end: End) -> CrashDisk {
        let mut world = self.world.lock().clone();
        let mut random = Random(match end {
            End::Torn(seed) => seed,
            _ => 0,
        });
        world.names = match end {
            End::Killed => world.names,
            End::Bare => world.durable_names,
            End::Torn(_) => {
                let kept = random.below(world.name_changes.len() as u64 + 1) as usize;
                match kept {
                    0 => world.durable_names,
                    kept => world.name_changes[kept - 1].clone(),
                }
            }
        };
        for file in &mut world.files {
            match end {
                End::Killed => {}
                End::Bare => file.bytes = file.durable.clone(),
                End::Torn(_) => file.tear(&mut random),
            }
            file.durable = file.bytes.clone();
            file.writes.clear();
        }
        world.durable_names = world.names.clone();
        world.name_changes.clear();
        (world.ends_at, world.operations) = (None, 0);
        CrashDisk {
            world: Arc::new(Mutex::new(world)),
        }
    }

    pub(crate) fn read(&self, path: &Path) -> Vec<u8> {
        let world = self.world.lock();
        world.files[world.names[path]].bytes.clone()
    }

    pub(crate) fn replace(&self, path: &Path, bytes: Vec<u8>) {
        let mut world = self.world.lock();
        let file = world.names[path];
        world.files[file] = File {
            durable: bytes.clone(),
            bytes,
            writes: Vec::new(),
        };
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.world.lock().names.keys().cloned().collect()
    }
}

impl File {
    fn tear(&mut self, random: &mut Random) {
        if self.durable.len() > self.bytes.len() && random.below(2) == 0 {
            // It was not made shorter.
            return self.bytes = self.durable.clone();
        }
        let length = random.below((self.bytes.len() - self.durable.len().min(self.bytes.len())) as u64 + 1);
        let mut bytes = self.durable.clone();
        bytes.resize((self.durable.len() + length as usize).min(self.bytes.len()), 0);
        for (offset, write) in &self.writes {
            for (number, sector) in write.chunks(SECTOR).enumerate() {
                let at = offset + number * SECTOR;
                if random.below(2) == 0 && at < bytes.len() {
                    let end = (at + sector.len()).min(bytes.len());
                    bytes[at..end].copy_from_slice(&sector[..end - at]);
                }
            }
        }
        self.bytes = bytes;
    }
}

impl World {
    fn operate(&mut self) -> io::Result<()> {
        let is_over = self.ends_at.is_some_and(|end| self.operations >= end);
        self.operations += 1;
        match is_over {
            true => Err(io::Error::other("this is the end")),
            false => Ok(()),
        }
    }

    /// An operation that needs room.
    fn add(&mut self) -> io::Result<()> {
        match &mut self.room {
            Some(0) => return Err(io::ErrorKind::StorageFull.into()),
            Some(left) => *left -= 1,
            None => {}
        }
        self.operate()
    }

    fn renamed(&mut self) {
        self.name_changes.push(self.names.clone());
    }
}

impl Disk for CrashDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world.lock();
        let file = match world.names.get(path) {
            Some(file) => *file,
            None if !create => return Err(io::ErrorKind::NotFound.into()),
            None => {
                world.add()?;
                world.files.push(File::default());
                let file = world.files.len() - 1;
                world.names.insert(path.to_owned(), file);
                world.renamed();
                file
            }
        };
        Ok(Arc::new(Handle(self.world.clone(), file)))
    }

    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let world = self.world.lock();
        let names = world.names.keys().filter(|name| name.parent() == Some(path));
        Ok(names.cloned().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        world.operate()?;
        let file = world.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        world.names.insert(to.to_owned(), file);
        world.renamed();
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        world.operate()?;
        world.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        world.renamed();
        Ok(())
    }

    fn remove_dir_all(&self, _: &Path) -> io::Result<()> {
        unreachable!("checkpoints are in one folder")
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        world.operate()?;
        world.durable_names = world.names.clone();
        world.name_changes.clear();
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }
}

struct Handle(Arc<Mutex<World>>, usize);

impl DiskFile for Handle {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        const EIO: i32 = 5;
        let world = self.0.lock();
        if world.reads_fail {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        let bytes = &world.files[self.1].bytes;
        let there = bytes.get(offset as usize..offset as usize + buf.len());
        buf.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.0.lock();
        let outcome = world.add();
        // The last write of all may have been done in part, and so may one for which there was too little room.
        let done = match &outcome {
            Ok(()) => buf,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => &buf[..buf.len() / 2],
            Err(_) if world.operations == world.ends_at.unwrap_or(0) + 1 => &buf[..buf.len() / 2],
            Err(_) => &[],
        };
        let (file, start) = (&mut world.files[self.1], offset as usize);
        let end = start + done.len();
        if file.bytes.len() < end {
            file.bytes.resize(end, 0);
        }
        file.bytes[start..end].copy_from_slice(done);
        file.writes.push((start, done.to_vec()));
        outcome
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut world = self.0.lock();
        world.operate()?;
        let file = &mut world.files[self.1];
        file.durable = file.bytes.clone();
        file.writes.clear();
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let mut world = self.0.lock();
        world.operate()?;
        world.files[self.1].bytes.resize(len as usize, 0);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().files[self.1].bytes.len() as u64)
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
