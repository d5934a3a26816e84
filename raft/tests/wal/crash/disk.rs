//! A disk in memory that tells the page cache from the platter, and can end at any call.
//!
//! What was written and not synced is in the page cache. A killed process leaves it there; a power
//! loss keeps some of its sectors and drops the others. A sync that fails cleans its pages as Linux
//! does: they read well, and no later sync writes them.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use raft::env::{Disk, DiskFile};

use crate::support::Dice;

const SECTOR: usize = 512;

/// When the disk fails.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Plan {
    #[default]
    Never,
    /// The process ends within this call, counted from 1: it reaches the page cache, and nobody
    /// learns so. All later calls fail.
    EndAt(u64),
    /// This call fails, if it is a sync of a file, and no other one does.
    FailedSync(u64),
}

/// A change that no sync has covered.
#[derive(Clone)]
enum Dirty {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Clone, Default)]
struct Pages {
    cached: Vec<u8>,
    durable: Vec<u8>,
    dirty: Vec<Dirty>,
}

#[derive(Clone)]
enum NameChange {
    Add(PathBuf, u64),
    Remove(PathBuf),
}

type Names = BTreeMap<PathBuf, u64>;

#[derive(Clone, Default)]
struct State {
    names: Names,
    durable_names: Names,
    name_changes: Vec<NameChange>,
    files: BTreeMap<u64, Pages>,
    files_made: u64,
    calls: u64,
    plan: Plan,
    has_ended: bool,
    /// Bytes that all files may have together.
    limit: Option<usize>,
}

impl State {
    fn used(&self) -> usize {
        let files = self.names.values().filter_map(|file| self.files.get(file));
        files.map(|pages| pages.cached.len()).sum()
    }
}

type Hook = Box<dyn FnMut() + Send>;

/// The disk; clones share it.
#[derive(Clone, Default)]
pub(crate) struct CrashDisk {
    state: Arc<Mutex<State>>,
    /// Called within each sync of a file: what other threads do meanwhile.
    hook: Arc<Mutex<Option<Hook>>>,
}

impl CrashDisk {
    pub(crate) fn planned(plan: Plan) -> CrashDisk {
        let disk = CrashDisk::default();
        disk.state.lock().plan = plan;
        disk
    }

    pub(crate) fn on_sync(&self, hook: impl FnMut() + Send + 'static) {
        *self.hook.lock() = Some(Box::new(hook));
    }

    /// Writes, syncs and changes of names so far.
    pub(crate) fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// Files may not grow beyond `limit` bytes together; those that are there may be written.
    pub(crate) fn limit(&self, limit: Option<usize>) {
        self.state.lock().limit = limit;
    }

    /// Bytes of all files together.
    pub(crate) fn used(&self) -> usize {
        self.state.lock().used()
    }

    /// Another process can use the disk: the page cache is as it was.
    pub(crate) fn restart(&self) {
        *self.hook.lock() = None;
        let mut state = self.state.lock();
        (state.plan, state.has_ended) = (Plan::Never, false);
    }

    /// A disk of its own with the same contents, page cache included.
    pub(crate) fn fork(&self) -> CrashDisk {
        let state = self.state.lock().clone();
        CrashDisk {
            state: Arc::new(Mutex::new(state)),
            hook: Arc::default(),
        }
    }

    /// Drops what was not synced, or some of it.
    pub(crate) fn power_loss(&self, dice: &mut Dice) {
        self.restart();
        let mut state = self.state.lock();
        let kept = dice.below(state.name_changes.len() as u64 + 1) as usize;
        let changes = std::mem::take(&mut state.name_changes);
        for change in changes.into_iter().take(kept) {
            apply(&mut state.durable_names, change);
        }
        state.names = state.durable_names.clone();
        for pages in state.files.values_mut() {
            pages.tear(dice);
        }
    }

    /// The beginning of a call that changes something. The flag says that the process ends within it.
    fn change(&self, is_sync: bool) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.state.lock();
        if state.has_ended {
            return Err(io::Error::other("the process has ended"));
        }
        state.calls += 1;
        match state.plan {
            Plan::EndAt(call) if call == state.calls => {
                state.has_ended = true;
                Ok((state, true))
            }
            Plan::FailedSync(call) if call == state.calls && is_sync => Ok((state, true)),
            _ => Ok((state, false)),
        }
    }

    fn change_name(&self, changes: Vec<NameChange>) -> io::Result<()> {
        let (mut state, ends) = self.change(false)?;
        for change in changes {
            apply(&mut state.names, change.clone());
            state.name_changes.push(change);
        }
        finish(ends)
    }
}

fn apply(names: &mut Names, change: NameChange) {
    match change {
        NameChange::Add(path, file) => drop(names.insert(path, file)),
        NameChange::Remove(path) => drop(names.remove(&path)),
    }
}

fn finish(ends: bool) -> io::Result<()> {
    const EIO: i32 = 5;
    if ends {
        return Err(io::Error::from_raw_os_error(EIO));
    }
    Ok(())
}

impl Pages {
    fn tear(&mut self, dice: &mut Dice) {
        // All is lost, all is kept, or each sector has its own fate.
        let mode = dice.below(4);
        let mut is_kept = || mode == 1 || (mode > 1 && dice.below(2) == 0);
        for dirty in std::mem::take(&mut self.dirty) {
            match dirty {
                Dirty::Length(length) if is_kept() => self.durable.resize(length, 0),
                Dirty::Length(_) => {}
                Dirty::Write(offset, bytes) => {
                    let mut at = 0;
                    while at < bytes.len() {
                        let end = (at + SECTOR - (offset + at) % SECTOR).min(bytes.len());
                        if is_kept() {
                            put(&mut self.durable, offset + at, &bytes[at..end]);
                        }
                        at = end;
                    }
                }
            }
        }
        self.cached = self.durable.clone();
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    let end = offset + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(new);
}

impl Disk for CrashDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let known = self.state.lock().names.get(path).copied();
        let number = match known {
            Some(number) => number,
            None if create => {
                let number = {
                    let mut state = self.state.lock();
                    state.files_made += 1;
                    let number = state.files_made;
                    state.files.insert(number, Pages::default());
                    number
                };
                self.change_name(vec![NameChange::Add(path.to_owned(), number)])?;
                number
            }
            None => return Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        let disk = self.clone();
        Ok(Arc::new(CrashFile { disk, number }))
    }
    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.state.lock().names.keys().cloned().collect())
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let file = self.state.lock().names.get(from).copied();
        let file = file.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        // One change for the file system: a crash never leaves half of it.
        self.change_name(vec![
            NameChange::Add(to.to_owned(), file),
            NameChange::Remove(from.to_owned()),
        ])
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.change_name(vec![NameChange::Remove(path.to_owned())])
    }
    fn remove_dir_all(&self, _: &Path) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let (mut state, ends) = self.change(false)?;
        if !ends {
            state.durable_names = state.names.clone();
            state.name_changes.clear();
        }
        finish(ends)
    }
    fn lock(&self, _: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }
}

struct CrashFile {
    disk: CrashDisk,
    number: u64,
}

impl CrashFile {
    /// Applies a change to the page cache.
    fn dirty(&self, dirty: Dirty) -> io::Result<()> {
        let (mut state, ends) = self.disk.change(false)?;
        let length = state.files[&self.number].cached.len();
        let new_length = match &dirty {
            Dirty::Write(offset, bytes) => offset + bytes.len(),
            Dirty::Length(length) => *length,
        };
        let used = state.used() + new_length.saturating_sub(length);
        if new_length > length && state.limit.is_some_and(|limit| used > limit) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let pages = state.files.entry(self.number).or_default();
        match &dirty {
            Dirty::Write(offset, bytes) => put(&mut pages.cached, *offset, bytes),
            Dirty::Length(length) => pages.cached.resize(*length, 0),
        }
        pages.dirty.push(dirty);
        finish(ends)
    }
}

impl DiskFile for CrashFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.state.lock();
        let cached = &state.files[&self.number].cached;
        let bytes = cached.get(offset as usize..offset as usize + buf.len());
        buf.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.dirty(Dirty::Write(offset as usize, buf.to_vec()))
    }
    fn sync_data(&self) -> io::Result<()> {
        let hook = self.disk.hook.lock().take();
        if let Some(mut hook) = hook {
            hook();
            *self.disk.hook.lock() = Some(hook);
        }
        let (mut state, fails) = self.disk.change(true)?;
        let has_ended = state.has_ended;
        let pages = state.files.entry(self.number).or_default();
        if fails && !has_ended {
            pages.dirty.retain(|dirty| matches!(dirty, Dirty::Length(_)));
        }
        if !fails {
            for dirty in std::mem::take(&mut pages.dirty) {
                match dirty {
                    Dirty::Write(offset, bytes) => put(&mut pages.durable, offset, &bytes),
                    Dirty::Length(length) => pages.durable.resize(length, 0),
                }
            }
        }
        finish(fails)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.dirty(Dirty::Length(len as usize))
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state.lock().files[&self.number].cached.len() as u64)
    }
}
