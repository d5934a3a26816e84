//! Who this node is, in a small file in its data folder: the incarnation that the folder was born
//! with, the cluster it belongs to, and, before there is one, whom it promised to found it with. It
//! also knows whether the node has a log, whose folder may lie on another disk than the file.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use raft::command::catalog::NodeRecord;
use raft::env::Env;
use raft::level::{Level, TooNew};
use raft::types::NodeId;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The version of the file as long as the data folder has level 0.
const FORMAT: u32 = 1;
/// Its version from then on. Binaries that know no levels refuse it before they touch anything else.
const LEVELLED_FORMAT: u32 = 2;
const FILE: &str = "node.json";
/// In the log's folder: the incarnation of the node whose log that is.
const LOG_OWNER: &str = "owner";

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The folder cannot be read or written.
    #[error("data folder {0}: {1}")]
    Io(PathBuf, io::Error),
    /// The file is not what this version writes.
    #[error("{0} cannot be read: {1}")]
    Malformed(PathBuf, String),
    /// What the folder has was written at a level that this binary does not know.
    #[error(transparent)]
    TooNew(#[from] TooNew),
    /// The folder is another node's.
    #[error("data folder {0} belongs to node {1}, not to node {2}")]
    Another(PathBuf, NodeId, NodeId),
    /// The log is lost, and with it what the node voted for and acknowledged.
    #[error(
        "{0} is lost or empty, but this node had a log there: put it back, or give the node an empty \
         data folder and a new number"
    )]
    LogLost(PathBuf),
    /// The log is not this node's.
    #[error("{0} is the log of another node or of an earlier life of this one")]
    LogOfAnother(PathBuf),
}

/// The contents of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Contents {
    format: u32,
    node_id: u64,
    incarnation: String,
    /// Whether the node ever had a log. Without it, it has never voted or acknowledged anything.
    #[serde(default)]
    has_log: bool,
    /// Empty before the node belongs to one.
    cluster: String,
    /// The node that may found a cluster with this one, which may be itself.
    promised_to: Option<Founder>,
    /// Who founded the cluster; empty in a node that joined later.
    founders: Vec<Founder>,
    /// The number that the node was started with, if the cluster gave it another one.
    #[serde(default)]
    wished: Option<u64>,
    /// The cluster has taken this node out: the folder is to be emptied, and the node begins anew.
    #[serde(default)]
    spent: bool,
    /// What it takes to read what the folder has. Never 0 in format 2.
    #[serde(default, skip_serializing_if = "is_zero")]
    level: u32,
    /// The epoch of the catalog that this node takes part in. A replica of an earlier one is worth
    /// nothing.
    #[serde(default)]
    catalog_epoch: u64,
    /// Where other nodes were reached when that epoch was entered: the catalog that says so was given up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acquaintances: Vec<Acquaintance>,
}

fn is_zero(level: &u32) -> bool {
    *level == 0
}

/// Another node, and where its peers reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acquaintance {
    /// Its number.
    pub node_id: u64,
    /// `host:port`.
    pub peer_address: String,
}

/// A node that founds a cluster or takes part in that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founder {
    /// Its number.
    pub node_id: u64,
    /// Its incarnation.
    pub incarnation: String,
    /// Where it was reached at the founding.
    pub peer_address: String,
}

impl Founder {
    /// The node that introduces itself so.
    pub fn of(record: &NodeRecord) -> Founder {
        Founder {
            node_id: record.node_id,
            incarnation: String::from_utf8_lossy(&record.incarnation).into_owned(),
            peer_address: record.peer_address.clone(),
        }
    }

    /// As others are told about it.
    pub fn record(&self) -> NodeRecord {
        NodeRecord {
            node_id: self.node_id,
            incarnation: Bytes::from(self.incarnation.clone().into_bytes()),
            peer_address: self.peer_address.clone(),
            ..Default::default()
        }
    }
}

/// The identity of a node; every change is durable before it is used.
pub struct Identity {
    env: Env,
    folder: PathBuf,
    contents: Contents,
}

impl Identity {
    /// Reads the file, or writes a new one into an empty folder.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn open(env: &Env, folder: &Path, node: NodeId) -> Result<Identity, IdentityError> {
        let io = |e| IdentityError::Io(folder.to_owned(), e);
        env.disk.create_dir_all(folder).map_err(io)?;
        let path = folder.join(FILE);
        if let Some(contents) = read(env, &path).map_err(io)? {
            let malformed = |reason: String| IdentityError::Malformed(path.clone(), reason);
            let contents: Contents =
                serde_json::from_slice(&contents).map_err(|e| malformed(e.to_string()))?;
            if !(FORMAT..=LEVELLED_FORMAT).contains(&contents.format) {
                let reason = format!(
                    "format {}, this version reads formats up to {LEVELLED_FORMAT}",
                    contents.format
                );
                return Err(malformed(reason));
            }
            TooNew::check(Level(contents.level), env.level, || {
                format!("data folder {}", folder.display())
            })?;
            if contents.spent {
                empty(env, folder).map_err(io)?;
                return Identity::open(env, folder, node);
            }
            if contents.wished.unwrap_or(contents.node_id) != node.0 {
                return Err(IdentityError::Another(
                    folder.to_owned(),
                    NodeId(contents.node_id),
                    node,
                ));
            }
            return Ok(Identity {
                env: env.clone(),
                folder: folder.to_owned(),
                contents,
            });
        }
        let incarnation = format!("{:016x}{:016x}", env.random.next_u64(), env.random.next_u64());
        let contents = Contents {
            format: FORMAT,
            node_id: node.0,
            incarnation,
            has_log: false,
            cluster: String::new(),
            promised_to: None,
            founders: Vec::new(),
            wished: None,
            spent: false,
            level: 0,
            catalog_epoch: 0,
            acquaintances: Vec::new(),
        };
        let mut identity = Identity {
            env: env.clone(),
            folder: folder.to_owned(),
            contents: contents.clone(),
        };
        identity.become_durably(contents).map_err(io)?;
        Ok(identity)
    }

    /// The identity that a folder has, whatever number it is.
    ///
    /// # Errors
    /// See [`IdentityError`]; also if the folder has none.
    pub fn of_folder(env: &Env, folder: &Path) -> Result<Identity, IdentityError> {
        let path = folder.join(FILE);
        let io = |e| IdentityError::Io(folder.to_owned(), e);
        let missing = || IdentityError::Malformed(path.clone(), "there is no such file".to_owned());
        let bytes = read(env, &path).map_err(io)?.ok_or_else(missing)?;
        let malformed = |e: serde_json::Error| IdentityError::Malformed(path.clone(), e.to_string());
        let contents: Contents = serde_json::from_slice(&bytes).map_err(malformed)?;
        let node = NodeId(contents.wished.unwrap_or(contents.node_id));
        Identity::open(env, folder, node)
    }

    /// The epoch of the catalog that this node takes part in.
    pub fn catalog_epoch(&self) -> u64 {
        self.contents.catalog_epoch
    }

    /// Where others were reached when it entered that epoch.
    pub fn acquaintances(&self) -> &[Acquaintance] {
        &self.contents.acquaintances
    }

    /// Takes part in a later epoch of the catalog from now on, which `acquaintances` may know.
    ///
    /// # Errors
    /// If that cannot be written; then nothing has changed.
    pub fn enter_catalog_epoch(&mut self, epoch: u64, acquaintances: Vec<Acquaintance>) -> io::Result<()> {
        self.become_durably(Contents {
            catalog_epoch: epoch.max(self.contents.catalog_epoch),
            acquaintances,
            ..self.contents.clone()
        })
    }

    /// Makes sure, before the log in `log` is opened, that it is the one this node had before; makes
    /// the folder for a node that had none. A node that lost its log could vote twice in a term.
    ///
    /// # Errors
    /// [`IdentityError::LogLost`] and [`IdentityError::LogOfAnother`]; the node must not start then.
    pub fn own_log(&mut self, log: &Path) -> Result<(), IdentityError> {
        let io = |e| IdentityError::Io(log.to_owned(), e);
        let own = self.contents.incarnation.as_bytes();
        match read(&self.env, &log.join(LOG_OWNER)).map_err(io)? {
            Some(owner) if owner != own => return Err(IdentityError::LogOfAnother(log.to_owned())),
            Some(_) => {}
            None if self.contents.has_log => return Err(IdentityError::LogLost(log.to_owned())),
            None => {
                self.env.disk.create_dir_all(log).map_err(io)?;
                self.env.disk.sync_dir(&self.folder).map_err(io)?;
                replace(&self.env, log, LOG_OWNER, own).map_err(io)?;
            }
        }
        if self.contents.has_log {
            return Ok(());
        }
        let owning = Contents {
            has_log: true,
            ..self.contents.clone()
        };
        self.become_durably(owning).map_err(io)
    }

    /// The node's number: the one that it was started with, or another one that its cluster gave it.
    pub fn node(&self) -> NodeId {
        NodeId(self.contents.node_id)
    }

    /// Random digits that this data folder was born with.
    pub fn incarnation(&self) -> &str {
        &self.contents.incarnation
    }

    /// The cluster, or an empty string.
    pub fn cluster(&self) -> &str {
        &self.contents.cluster
    }

    /// Who founded it, if this node was among them.
    pub fn founders(&self) -> &[Founder] {
        &self.contents.founders
    }

    /// Whom this node promised to found a cluster with.
    pub fn promised_to(&self) -> Option<&Founder> {
        self.contents.promised_to.as_ref()
    }

    /// Promises to found a cluster with `founder` only. Gives whether that agrees with earlier promises.
    ///
    /// A node that wants to found one itself gives way to a smaller number: what it was promised by
    /// others is then worth nothing, because [`Identity::found`] asks for its own promise again.
    ///
    /// # Errors
    /// If the promise cannot be written; then nothing was promised.
    pub fn promise(&mut self, founder: &Founder) -> io::Result<bool> {
        if !self.contents.cluster.is_empty() {
            return Ok(false);
        }
        if let Some(promised) = &self.contents.promised_to {
            if promised.incarnation == founder.incarnation {
                return Ok(true);
            }
            let to_itself = promised.incarnation == self.contents.incarnation;
            if !to_itself || founder.node_id >= promised.node_id {
                return Ok(false);
            }
        }
        self.promise_durably(Some(founder.clone()))?;
        Ok(true)
    }

    /// Takes back the promise to `founder`, who answered since it was made that it founds nothing.
    ///
    /// # Errors
    /// If that cannot be written; then the promise stands.
    pub fn release(&mut self, founder: &Founder) -> io::Result<()> {
        if self.contents.promised_to.as_ref() == Some(founder) {
            self.promise_durably(None)?;
        }
        Ok(())
    }

    fn promise_durably(&mut self, promised_to: Option<Founder>) -> io::Result<()> {
        self.become_durably(Contents {
            promised_to,
            ..self.contents.clone()
        })
    }

    /// Becomes a member of a cluster that this node founds with `founders`, all of whom promised.
    /// Gives whether it did: not if it gave way to another founder meanwhile.
    ///
    /// # Errors
    /// If that cannot be written; then nothing is founded.
    pub fn found(&mut self, cluster: &str, founders: Vec<Founder>) -> io::Result<bool> {
        let promised_to = self.contents.promised_to.as_ref();
        let still = promised_to.is_some_and(|p| p.incarnation == self.contents.incarnation);
        if still && self.contents.cluster.is_empty() {
            self.belong(cluster, founders)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Becomes a member for ever.
    ///
    /// # Errors
    /// If that cannot be written; then the node is no member.
    pub fn belong(&mut self, cluster: &str, founders: Vec<Founder>) -> io::Result<()> {
        self.become_durably(Contents {
            cluster: cluster.to_owned(),
            founders,
            ..self.contents.clone()
        })
    }

    /// Becomes a member for ever, under a number that the cluster gave.
    ///
    /// # Errors
    /// If that cannot be written; then the node is no member.
    pub fn belong_as(&mut self, node: NodeId, cluster: &str) -> io::Result<()> {
        let wished = self.contents.wished.unwrap_or(self.contents.node_id);
        self.become_durably(Contents {
            node_id: node.0,
            wished: Some(wished),
            cluster: cluster.to_owned(),
            founders: Vec::new(),
            ..self.contents.clone()
        })
    }

    /// Gives up what the folder has, because the cluster has taken this node out: when it is opened again, it is emptied, and
    /// the node is a new one.
    ///
    /// # Errors
    /// If that cannot be written; then nothing is given up.
    pub fn spend(&mut self) -> io::Result<()> {
        self.become_durably(Contents {
            spent: true,
            ..self.contents.clone()
        })
    }

    /// What it takes to read what the folder has.
    pub fn level(&self) -> Level {
        Level(self.contents.level)
    }

    /// Notes that the folder has, or will have, what takes `level` to read. From then on, binaries that
    /// know less refuse to start on it.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn raise_level(&mut self, level: Level) -> io::Result<()> {
        if level <= self.level() {
            return Ok(());
        }
        self.become_durably(Contents {
            format: LEVELLED_FORMAT,
            level: level.0,
            ..self.contents.clone()
        })
    }

    /// Changes the file, then what this process believes: it must not act on what a restart forgets.
    fn become_durably(&mut self, contents: Contents) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(&contents).map_err(io::Error::other)?;
        replace(&self.env, &self.folder, FILE, &bytes)?;
        self.contents = contents;
        Ok(())
    }
}

/// Removes what a node had. The file goes last: as long as it is there, this goes on where it stopped.
fn empty(env: &Env, folder: &Path) -> io::Result<()> {
    for part in ["wal", "checkpoints", "letters"] {
        match env.disk.remove_dir_all(&folder.join(part)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    env.disk.sync_dir(folder)?;
    env.disk.remove_file(&folder.join(FILE))?;
    env.disk.sync_dir(folder)
}

/// Puts a file in the place of another one, or of none; durable when it returns.
pub(crate) fn replace(env: &Env, folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = folder.join(format!("{name}.new"));
    let file = env.disk.open(&fresh, true)?;
    file.allocate(bytes.len() as u64)?;
    file.write_all_at(bytes, 0)?;
    file.sync_data()?;
    env.disk.rename(&fresh, &folder.join(name))?;
    env.disk.sync_dir(folder)
}

/// The contents of a file, if there is one.
pub(crate) fn read(env: &Env, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match env.disk.open(path, false) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Some(bytes))
}
