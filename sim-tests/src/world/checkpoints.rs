//! Harm to the checkpoint files of the current host, durable, while no node runs on it.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use raft::types::GroupId;
use turmoil::fs::shim::std::fs::{self, OpenOptions};

use crate::rng::Rng;

/// The files of a group that count, in order.
fn files(folder: &Path, group: GroupId) -> io::Result<Vec<PathBuf>> {
    let prefix = format!("{}-", group.0);
    let mut files: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|e| e.path()))
            .collect::<io::Result<_>>()?,
        // It has not run yet.
        Err(_) => return Ok(Vec::new()),
    };
    files.retain(|file| {
        let name = file.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(&prefix) && name.ends_with(".rows"))
    });
    files.sort();
    Ok(files)
}

/// Removes a group's checkpoint. Says what was done.
pub(crate) fn lose_checkpoint(folder: &Path, group: GroupId) -> io::Result<String> {
    let files = files(folder, group)?;
    for file in &files {
        fs::remove_file(file)?;
    }
    if !files.is_empty() {
        fs::sync_dir(folder)?;
    }
    Ok(format!("{} checkpoint files of {group} are gone", files.len()))
}

/// Spoils a byte of a group's checkpoint, or has its end cut off. Says what was done.
pub(crate) fn spoil_checkpoint(folder: &Path, group: GroupId, rng: &mut Rng) -> io::Result<String> {
    let Some(path) = files(folder, group)?.pop() else {
        return Ok(format!("{group} has no checkpoint to spoil"));
    };
    let bytes = fs::read(&path)?;
    let at = rng.below(bytes.len().max(1));
    let file = OpenOptions::new().read(true).write(true).open(&path)?;
    let how = match rng.below(3) {
        0 => {
            file.set_len(at as u64)?;
            "the end from"
        }
        _ => {
            let spoilt = bytes.get(at).map_or(1, |byte| byte ^ 0x20);
            file.write_all_at(&[spoilt], at as u64)?;
            "only"
        }
    };
    file.sync_data()?;
    Ok(format!("{how} byte {at} of {} is spoilt", path.display()))
}
