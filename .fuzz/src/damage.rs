//! What may happen to files.

use std::path::PathBuf;

use crate::disk::Files;
use crate::recipe::Recipe;

const TIMES_MAX: usize = 4;

/// Damages a few files.
pub fn some(files: &mut Files, recipe: &mut Recipe) {
    for _ in 0..=recipe.below(TIMES_MAX) {
        let paths: Vec<PathBuf> = files.keys().cloned().collect();
        if paths.is_empty() {
            return;
        }
        let path = recipe.pick(&paths).clone();
        let other = recipe.pick(&paths).clone();
        match recipe.below(16) {
            0 => drop(files.remove(&path)),
            1 => {
                let bytes = files[&other].clone();
                files.insert(path, bytes);
            }
            2 => {
                let bytes = files[&other].clone();
                files.insert(path.with_file_name("00000099.wal"), bytes);
            }
            _ => {
                let from = files[&other].clone();
                files.entry(path).and_modify(|bytes| damage(bytes, &from, recipe));
            }
        }
    }
}

/// Damages one file. `other` is what its bytes may be mixed up with.
fn damage(bytes: &mut Vec<u8>, other: &[u8], recipe: &mut Recipe) {
    // Most of a file is zeros, where damage shows least.
    let written = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let reach = if recipe.chance(80) { written } else { bytes.len() };
    let start = recipe.below(reach + 1);
    let length = *recipe.pick(&[1, 8, 64, 512, 4096, 1 << 20]);
    let end = (start + length).min(bytes.len());
    match recipe.below(6) {
        0 => bytes.truncate(start),
        1 => bytes[start..end].fill(0),
        2 => {
            let from = recipe.below(other.len() + 1);
            let length = (end - start).min(other.len() - from);
            bytes[start..start + length].copy_from_slice(&other[from..from + length]);
        }
        3 => {
            let new = recipe.bytes();
            let end = (start + new.len()).min(bytes.len());
            bytes[start..end].copy_from_slice(&new[..end - start]);
        }
        4 => bytes.resize(bytes.len() + length.min(4096), recipe.byte()),
        _ => {
            if let Some(byte) = bytes.get_mut(start) {
                *byte ^= 1 << recipe.below(8);
            }
        }
    }
}
