//! Logs with valid checksums over what no log writes, and segments that are the fuzzer's bytes: whatever they say,
//! opening one ends, with a log that can be read or with an error.

#![no_main]

use std::path::PathBuf;

use fuzz::disk::{FIRST_RANDOM, Files, MemoryDisk};
use fuzz::forge;
use fuzz::log::{FOLDER, Log};
use fuzz::recipe::Recipe;
use libfuzzer_sys::fuzz_target;
use raft::types::GroupId;

const SEGMENTS_MAX: usize = 3;

fuzz_target!(|data: &[u8]| {
    let mut recipe = Recipe(data);
    let mut files = Files::new();
    let folder = PathBuf::from(FOLDER);
    files.insert(folder.join("wal.id"), forge::identity(FIRST_RANDOM));
    let mut sequence = recipe.number();
    let mut batch = recipe.number();
    for name in 0..=recipe.below(SEGMENTS_MAX) {
        let segment = forge::segment(FIRST_RANDOM, sequence, &mut batch, &mut recipe);
        files.insert(folder.join(format!("{name:08}.wal")), segment);
        sequence = sequence.wrapping_add(if recipe.chance(90) { 1 } else { recipe.number() });
    }
    let disk = MemoryDisk::with(files);
    if let Ok(log) = Log::open(&disk) {
        let found = log.state();
        log.append_one(GroupId(99), b"new");
        log.close();
        // A file that waits for another life may hold what only now looks like a batch of this one.
        if let Ok(again) = Log::open(&disk) {
            let again = again.state();
            assert!(
                found
                    .iter()
                    .all(|(group, state)| *group == GroupId(99) || again.get(group) == Some(state))
            );
        }
    }
});
