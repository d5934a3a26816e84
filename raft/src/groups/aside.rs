//! A quarantined replica's log, kept in a file of its own.
//!
//! A quarantined replica is not opened, so that nothing of its log is ever purged, and it would
//! keep all later segments of the node's log from being used again. Once the log needs its
//! segments, what it has of the replica moves to `quarantine/GROUP.log`: entries, vote and what was
//! purged. The next attempt to open the replica moves it back first.
//!
//! The file is complete and durable before the log forgets the replica, and goes once the log has
//! everything again. So a crash in between leaves the file, which counts. A disk that has no room
//! for it is the business of `let_go.rs`.
//!
//! A file is a magic, the format version (4 bytes, little-endian), and frames: the length of a
//! protobuf message (4), its CRC-32C (4), the message. The first is a [`Head`], the others are
//! [`Chunk`]s.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::env::{Disk, DiskFile, Io};
use crate::types::{GroupId, LogIndex};
use crate::wal::{GroupLog, Wal};

const MAGIC: &[u8; 8] = b"MLRASID\0";
const VERSION: u32 = 1;
const FRAME_HEAD_BYTES: usize = 8;
/// Entries of one frame, unless a single one is longer.
const CHUNK_BYTES: usize = 1 << 20;
const EXTENSION: &str = "log";
const NEW_EXTENSION: &str = "log.new";
/// After an attempt that failed, the next one waits for so long: each may write much for nothing.
const PAUSE: Duration = Duration::from_secs(5);

/// What the log has of a replica besides entries. Tags are permanent.
#[derive(Clone, PartialEq, Message)]
struct Head {
    #[prost(bytes = "bytes", optional, tag = "1")]
    vote: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    committed: Option<Bytes>,
    /// The last purged index and what the replica noted with it.
    #[prost(uint64, optional, tag = "3")]
    purged: Option<u64>,
    #[prost(bytes = "bytes", tag = "4")]
    description: Bytes,
    /// The entries that follow.
    #[prost(uint64, tag = "5")]
    first: u64,
    #[prost(uint64, tag = "6")]
    end: u64,
}

/// Entries, in order.
#[derive(Clone, PartialEq, Message)]
struct Chunk {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    bodies: Vec<Bytes>,
}

/// The logs that a node has moved to files.
pub(super) struct Aside {
    disk: Arc<dyn Disk>,
    io: Io,
    folder: PathBuf,
    known: Mutex<BTreeSet<GroupId>>,
    /// Replicas that are being opened. Their logs are not to be moved.
    opening: tokio::sync::Mutex<BTreeSet<GroupId>>,
    /// No file is tried before.
    paused_until: Mutex<Option<Instant>>,
}

impl Aside {
    /// In the folder of quarantines, which exists.
    pub(super) fn open(disk: Arc<dyn Disk>, io: Io, folder: &Path) -> io::Result<Aside> {
        let files = disk.list(folder)?;
        let known = files.iter().filter_map(|path| group_of(path)).collect();
        Ok(Aside {
            disk,
            io,
            folder: folder.to_owned(),
            known: Mutex::new(known),
            opening: tokio::sync::Mutex::default(),
            paused_until: Mutex::default(),
        })
    }

    /// The replicas whose logs are in files.
    pub(super) fn groups(&self) -> BTreeSet<GroupId> {
        self.known.lock().clone()
    }

    /// Where a replica's log is, if it is in a file.
    pub(super) fn file_of(&self, id: GroupId) -> Option<PathBuf> {
        self.known.lock().contains(&id).then(|| self.path(id))
    }

    /// Does something with a replica's log, unless the replica is being opened.
    pub(super) async fn unless_opening<T>(
        &self,
        id: GroupId,
        body: impl AsyncFnOnce() -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let opening = self.opening.lock().await;
        match opening.contains(&id) {
            true => Ok(None),
            false => body().await.map(Some),
        }
    }

    /// Moves a replica's log to a file, unless it is being opened. Says whether it did.
    pub(super) async fn put(&self, wal: &Wal, id: GroupId) -> io::Result<bool> {
        let opening = self.opening.lock().await;
        let log = wal.group(id);
        if opening.contains(&id) || log.range().is_empty() {
            return Ok(false);
        }
        if self.known.lock().contains(&id) {
            // The way back was cut short.
            wal.forget(id).await?;
            return Ok(true);
        }
        let now = Instant::now();
        if self.paused_until.lock().is_some_and(|until| now < until) {
            return Ok(false);
        }
        let bytes = log.bytes_since_purge();
        let (disk, folder, place) = (self.disk.clone(), self.folder.clone(), self.path(id));
        *self.paused_until.lock() = Some(now + PAUSE);
        self.io
            .run(move || write(&*disk, &folder, &place, &log))
            .await??;
        *self.paused_until.lock() = None;
        self.known.lock().insert(id);
        wal.forget(id).await?;
        tracing::warn!(group = %id, bytes, "the log of a quarantined replica is in a file of its own now");
        Ok(true)
    }

    /// Moves a replica's log back, if it is in a file. It is not moved again before
    /// [`Aside::opened`].
    pub(super) async fn take(&self, wal: &Wal, id: GroupId) -> io::Result<()> {
        self.opening.lock().await.insert(id);
        if !self.known.lock().contains(&id) {
            return Ok(());
        }
        // What an attempt left that was cut short.
        wal.forget(id).await?;
        let log = wal.group(id);
        let file = self.disk.open(&self.path(id), false)?;
        let (mut frames, head) = Frames::begin(file, self.io.clone()).await?;
        if let Some(vote) = head.vote {
            log.save_vote(vote, Box::new(drop))?;
        }
        if let Some(purged) = head.purged {
            log.purge(LogIndex(purged), head.description)?;
        }
        let mut first = head.first;
        while first < head.end {
            let chunk: Chunk = frames.next().await?;
            let count = chunk.bodies.len() as u64;
            if count == 0 || first + count > head.end {
                return Err(damaged("it does not have the entries that it says"));
            }
            let (done, durable) = oneshot::channel();
            log.room().await;
            log.append(
                LogIndex(first),
                chunk.bodies,
                Box::new(|result| drop(done.send(result))),
            )?;
            durable.await.map_err(io::Error::other)??;
            first += count;
        }
        if let Some(committed) = head.committed {
            log.save_committed(committed)?;
        }
        self.remove(id)?;
        tracing::info!(group = %id, entries = head.end - head.first, "a replica's log is back from its file");
        Ok(())
    }

    /// The replica is open, or could not be opened.
    pub(super) async fn opened(&self, id: GroupId) {
        self.opening.lock().await.remove(&id);
    }

    /// Removes the file of a replica, if it has one.
    pub(super) fn remove(&self, id: GroupId) -> io::Result<()> {
        if self.known.lock().contains(&id) {
            self.disk.remove_file(&self.path(id))?;
            self.disk.sync_dir(&self.folder)?;
            self.known.lock().remove(&id);
        }
        Ok(())
    }

    fn path(&self, id: GroupId) -> PathBuf {
        self.folder.join(id.0.to_string()).with_extension(EXTENSION)
    }
}

/// What an attempt that fails has written is removed: the disk may need the space.
fn write(disk: &dyn Disk, folder: &Path, place: &Path, log: &GroupLog) -> io::Result<()> {
    let fresh = place.with_extension(NEW_EXTENSION);
    // Of an attempt that was cut short.
    remove_if_there(disk, &fresh)?;
    if let Err(error) = write_new(disk, &fresh, log) {
        remove_if_there(disk, &fresh)?;
        return Err(error);
    }
    disk.rename(&fresh, place)?;
    disk.sync_dir(folder)
}

fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_new(disk: &dyn Disk, path: &Path, log: &GroupLog) -> io::Result<()> {
    let range = log.range();
    let purged = log.purged();
    let head = Head {
        vote: log.vote(),
        committed: log.committed(),
        purged: purged.as_ref().map(|(last, _)| last.0),
        description: purged.map(|(_, description)| description).unwrap_or_default(),
        first: range.start,
        end: range.end,
    };
    let file = disk.open(path, true)?;
    let mut offset = 0;
    let mut append = |bytes: &[u8]| {
        let written = file.write_all_at(bytes, offset);
        offset += bytes.len() as u64;
        written
    };
    append(&[MAGIC.as_slice(), &VERSION.to_le_bytes()].concat())?;
    append(&frame(&head))?;
    let mut first = range.start;
    while first < range.end {
        let bodies = log.read(first..range.end, CHUNK_BYTES)?.bodies;
        if bodies.is_empty() {
            return Err(io::Error::other("the log has lost an entry"));
        }
        first += bodies.len() as u64;
        append(&frame(&Chunk { bodies }))?;
    }
    file.sync_data()
}

fn frame(message: &impl Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let mut bytes = Vec::with_capacity(FRAME_HEAD_BYTES + body.len());
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// Reads a file's frames.
struct Frames {
    file: Arc<dyn DiskFile>,
    io: Io,
    offset: u64,
}

impl Frames {
    async fn begin(file: Arc<dyn DiskFile>, io: Io) -> io::Result<(Frames, Head)> {
        let mut frames = Frames { file, io, offset: 0 };
        let start = frames.read(MAGIC.len() + 4).await?;
        if start != [MAGIC.as_slice(), &VERSION.to_le_bytes()].concat() {
            return Err(damaged("it is none, or one of another version"));
        }
        let head = frames.next().await?;
        Ok((frames, head))
    }

    async fn next<M: Message + Default>(&mut self) -> io::Result<M> {
        let head = self.read(FRAME_HEAD_BYTES).await?;
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let left = self.file.len()?.saturating_sub(self.offset);
        if u64::from(word(0)) > left {
            return Err(damaged("it is cut short"));
        }
        let body = self.read(word(0) as usize).await?;
        if crc32c::crc32c(&body) != word(4) {
            return Err(damaged("not what was written"));
        }
        M::decode(Bytes::from(body)).map_err(|error| damaged(&error.to_string()))
    }

    async fn read(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let (file, offset) = (self.file.clone(), self.offset);
        self.offset += len as u64;
        let read = move || {
            let mut bytes = vec![0; len];
            file.read_exact_at(&mut bytes, offset).map(|()| bytes)
        };
        self.io.run(read).await?
    }
}

fn damaged(what: &str) -> io::Error {
    let reason = format!("the file of a quarantined replica's log: {what}");
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn group_of(path: &Path) -> Option<GroupId> {
    let is_log = path.extension().is_some_and(|extension| extension == EXTENSION);
    let number = path.file_stem().filter(|_| is_log)?.to_str()?;
    number.parse().ok().map(GroupId)
}
