//! Pages that read well and are not on the disk: what a failed sync leaves on Linux.
//!
//! The file system of the simulation keeps what was not synced and writes it with the next sync. A
//! real one takes the pages for clean once their sync has failed. So this remembers what stood there
//! before, and puts it back when power is lost, unless somebody has written there again.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use turmoil::fs::shim::std::fs::OpenOptions;

/// What stood in a file before it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    path: PathBuf,
    offset: u64,
    before: Vec<u8>,
}

impl Page {
    /// What is left of it outside `start..end`.
    fn without(self, start: u64, end: u64) -> Vec<Page> {
        let own_end = self.offset + self.before.len() as u64;
        let piece = |from: u64, to: u64| {
            let range = (from - self.offset) as usize..(to - self.offset) as usize;
            Page {
                path: self.path.clone(),
                offset: from,
                before: self.before[range].to_vec(),
            }
        };
        let mut left = Vec::new();
        if self.offset < start.min(own_end) {
            left.push(piece(self.offset, start.min(own_end)));
        }
        if end.max(self.offset) < own_end {
            left.push(piece(end.max(self.offset), own_end));
        }
        left
    }
}

/// The pages of a host. They outlive its processes.
#[derive(Debug, Default)]
pub(super) struct Pages {
    unsynced: Vec<Page>,
    lost: Vec<Page>,
}

impl Pages {
    /// `path` is written at `offset`, where `before` stood.
    pub(super) fn write(&mut self, path: &Path, offset: u64, before: Vec<u8>) {
        self.unsynced.push(Page {
            path: path.to_owned(),
            offset,
            before,
        });
    }

    /// So many bytes of `path` are written anew, and not lost any more.
    pub(super) fn restore(&mut self, path: &Path, offset: u64, bytes: u64) {
        let lost = std::mem::take(&mut self.lost).into_iter();
        let rest = lost.flat_map(|page| match page.path == path {
            true => page.without(offset, offset + bytes),
            false => vec![page],
        });
        self.lost = rest.collect();
    }

    /// The sync of `path` has failed, or not.
    pub(super) fn sync(&mut self, path: &Path, fails: bool) {
        let of_path = |page: &mut Page| page.path == path;
        let synced: Vec<Page> = self.unsynced.extract_if(.., of_path).collect();
        if fails {
            self.lost.extend(synced);
        }
    }

    /// A file has another name.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        for page in self.unsynced.iter_mut().chain(&mut self.lost) {
            if page.path == from {
                to.clone_into(&mut page.path);
            }
        }
    }

    /// A file is gone.
    pub(super) fn remove(&mut self, path: &Path) {
        self.unsynced.retain(|page| page.path != path);
        self.lost.retain(|page| page.path != path);
    }

    /// Power was lost: puts back what stood in the lost pages of the current host, the latest first.
    /// Says how many there were.
    pub(super) fn lose(&mut self) -> io::Result<usize> {
        self.unsynced.clear();
        let lost = std::mem::take(&mut self.lost);
        for page in lost.iter().rev() {
            let opened = OpenOptions::new().read(true).write(true).open(&page.path);
            let file = match opened {
                Ok(file) => file,
                // Its name was not synced either.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            file.write_all_at(&page.before, page.offset)?;
            file.sync_data()?;
        }
        Ok(lost.len())
    }

    /// The disk is another one.
    pub(super) fn clear(&mut self) {
        *self = Pages::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_again_is_not_lost() {
        let (path, other) = (Path::new("a"), Path::new("b"));
        let mut pages = Pages::default();
        pages.write(path, 10, vec![1, 2, 3, 4, 5]);
        pages.write(other, 0, vec![9]);
        pages.sync(other, false);
        pages.sync(path, true);
        pages.restore(other, 0, 100);
        pages.restore(path, 11, 2);
        let left: Vec<(u64, &[u8])> = pages
            .lost
            .iter()
            .map(|page| (page.offset, page.before.as_slice()))
            .collect();
        assert_eq!(left, [(10, [1].as_slice()), (13, [4, 5].as_slice())]);
        pages.restore(path, 0, 100);
        assert!(pages.lost.is_empty() && pages.unsynced.is_empty());
    }
}
