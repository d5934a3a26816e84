//! Damaged logs: one opens with what it once said, or not at all. And it is a log again from then on.

#![no_main]

use fuzz::damage;
use fuzz::disk::MemoryDisk;
use fuzz::log::{self, Log, State};
use fuzz::recipe::Recipe;
use libfuzzer_sys::fuzz_target;
use raft::types::GroupId;

fuzz_target!(|data: &[u8]| {
    let mut recipe = Recipe(data);
    let (written, states) = log::write(&mut recipe);
    let mut files = written.clone();
    let is_whole = recipe.chance(10);
    if !is_whole {
        damage::some(&mut files, &mut recipe);
    }
    let has_its_beginning = log::beginning(&written)
        .is_some_and(|(path, beginning)| files.get(path).is_some_and(|bytes| bytes.starts_with(beginning)));
    let disk = MemoryDisk::with(files);
    let log = match Log::open(&disk) {
        Ok(log) => log,
        Err(error) => {
            assert!(!is_whole, "{error}");
            return;
        }
    };
    let found = log.state();
    if is_whole {
        assert_eq!(Some(&found), states.last());
    }
    // Segments are given back for what later ones say. If those are lost, an end of the log is all there is.
    let is_known = if has_its_beginning {
        states.contains(&found)
    } else {
        log::is_made_of(&found, &states)
    };
    assert!(is_known, "it never said {found:#?}, but {states:#?}");
    goes_on(log, &disk, found);
});

/// What was cut off is gone for good, and what is added now stays.
fn goes_on(log: Log, disk: &MemoryDisk, found: State) {
    log.append_one(GroupId(9), b"new");
    let expected = log.state();
    assert_eq!(expected.len(), found.len() + 1);
    log.close();
    let again = Log::open(disk).expect("it was closed in good order");
    assert_eq!(again.state(), expected);
}
