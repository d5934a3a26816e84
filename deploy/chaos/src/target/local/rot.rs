//! What a bad disk does to a node's files while the node is down: bits that flip, and files that lose
//! their ends. Only files with what the node has promised are harmed: the log, checkpoints and bodies.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use sim_tests::rng::Rng;

/// The folders that may be harmed, within a node's data folder.
const FOLDERS: [&str; 3] = ["wal", "checkpoints", "letters"];
/// Bits that flip at a time.
const FLIPS: usize = 16;
/// The end that a file loses is at most this.
const CUT_BYTES_MAX: u64 = 64 << 10;

/// Flips some bits of one file, or cuts off its end. Returns what was done.
pub(super) fn harm(data: &Path, rng: &mut Rng) -> anyhow::Result<String> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&data.join(folder), &mut files)?;
    }
    files.sort();
    ensure!(!files.is_empty(), "{} has no file to harm", data.display());
    // Folders have as good a chance as others, however many files they have.
    let mut folders: Vec<&PathBuf> = Vec::new();
    for (folder, _) in &files {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    let folder = (*rng.pick(&folders)).clone();
    let these: Vec<&PathBuf> = files
        .iter()
        .filter(|(of, _)| *of == folder)
        .map(|(_, file)| file)
        .collect();
    let path = *rng.pick(&these);
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let name = path.strip_prefix(data).unwrap_or(path).display();
    let length = file.metadata()?.len();
    let what = match rng.below(3) {
        0 => {
            let cut = 1 + rng.below(length.min(CUT_BYTES_MAX) as usize) as u64;
            file.set_len(length - cut)?;
            format!("{name} loses its last {cut} bytes")
        }
        _ => flip(&file, length, rng).map(|at| format!("{name} has {FLIPS} bits flipped from byte {at}"))?,
    };
    file.sync_all()?;
    Ok(what)
}

/// All files below, with the folder that they are in. Empty files have nothing to lose.
fn collect(folder: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let (entry, path) = entry.map(|entry| (entry.file_type(), entry.path()))?;
        if entry?.is_dir() {
            collect(&path, files)?;
        } else if path.metadata()?.len() > 0 {
            files.push((folder.to_owned(), path));
        }
    }
    Ok(())
}

/// Flips bits within one block of the part that was ever written to. Returns where the block begins.
fn flip(file: &File, length: u64, rng: &mut Rng) -> std::io::Result<u64> {
    const BLOCK: u64 = 4096;
    let mut blocks = Vec::new();
    let mut bytes = vec![0; BLOCK as usize];
    for at in (0..length).step_by(BLOCK as usize) {
        let size = BLOCK.min(length - at) as usize;
        file.read_exact_at(&mut bytes[..size], at)?;
        if bytes[..size].iter().any(|byte| *byte != 0) {
            blocks.push((at, size));
        }
    }
    // A file of nothing but zeros has nothing to spoil but these.
    let (at, size) = match blocks.is_empty() {
        true => (0, BLOCK.min(length) as usize),
        false => *rng.pick(&blocks),
    };
    file.read_exact_at(&mut bytes[..size], at)?;
    for _ in 0..FLIPS {
        let bit = rng.below(size * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    file.write_all_at(&bytes[..size], at)?;
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [
            ("wal/1.wal", 9_000),
            ("letters/4/1", 50),
            ("checkpoints/4/2", 5_000),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, vec![7; bytes]).unwrap();
        }
        std::fs::write(folder.path().join("identity"), "mine").unwrap();
        folder
    }

    #[test]
    fn a_seed_harms_one_file_and_never_the_identity() {
        for seed in 0..60 {
            let (one, other) = (folder(), folder());
            let said = harm(one.path(), &mut Rng::new(seed)).unwrap();
            assert_eq!(said, harm(other.path(), &mut Rng::new(seed)).unwrap());
            let mut files = Vec::new();
            collect(one.path(), &mut files).unwrap();
            let harmed = |(_, path): &&(PathBuf, PathBuf)| {
                let bytes = std::fs::read(path).unwrap();
                let whole = [9_000, 50, 5_000].contains(&bytes.len());
                !path.ends_with("identity") && (!whole || bytes.iter().any(|byte| *byte != 7))
            };
            assert!(files.iter().filter(harmed).count() <= 1, "{said}");
            assert_eq!(std::fs::read(one.path().join("identity")).unwrap(), b"mine");
        }
    }
}
