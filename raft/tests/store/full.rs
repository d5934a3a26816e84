//! A disk without space, from each write on. What was there before stays, what was begun gives its space back, and once
//! somebody has made room everything goes on.

use super::cut_short::{HISTORY, open_on, play, states};
use super::disk::CrashDisk;
use super::*;

fn is_full<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Full(_)))
}

#[test]
fn a_history_may_meet_a_full_disk_at_any_write() {
    let states = states();
    for room in 0.. {
        let disk = CrashDisk::default();
        let store = open_on(&disk).unwrap();
        disk.set_room(Some(room));
        let Some(step) = play(&store, 0) else {
            assert!(room > 20, "only {room} writes");
            assert!(all(&store) == *states.last().unwrap());
            return;
        };
        // The disk stays full.
        let again = HISTORY[step](&store);
        assert!(is_full(&again), "room for {room}: {again:?}");
        let found = all(&store);
        assert!(found == states[step], "room for {room}, step {step}: {found:?}");
        let there = found.iter().filter(|(_, checkpoint)| checkpoint.is_some());
        assert_eq!(
            there.count(),
            disk.paths().len(),
            "room for {room}: {:?}",
            disk.paths()
        );

        disk.set_room(None);
        assert_eq!(play(&store, step), None, "room for {room}");
        assert!(all(&store) == *states.last().unwrap(), "room for {room}");
        assert!(
            all(&open_on(&disk).unwrap()) == *states.last().unwrap(),
            "room for {room}"
        );
    }
}
