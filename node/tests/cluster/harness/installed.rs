//! Clients under test that come from package registries, installed once under the target folder and shared
//! by all runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder `name` with what `install` puts into it, which is called unless it was, for the same `wanted`
/// (the text that pins what is to be installed), and `witness` is still there.
///
/// # Panics
/// If it cannot be installed: the tests that need it are not optional.
pub(super) fn once(name: &str, wanted: &str, witness: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Another test process may be installing right now; the lock ends with this function.
    let lock = File::create(target.join(format!("{name}.lock"))).expect("the target folder is writable");
    lock.lock().expect("a fresh file can be locked");

    let folder = target.join(name);
    // Written last, so that a half-finished installation never counts.
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|has| has == wanted) && folder.join(witness).exists() {
        return folder;
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the target folder is writable");
    }
    fs::create_dir(&folder).expect("the target folder is writable");
    install(&folder);
    fs::write(&stamp, wanted).expect("the target folder is writable");
    folder
}

/// Runs an installer.
pub(super) fn run(command: &mut Command) {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (stdout, stderr) = (
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    );
    assert!(out.status.success(), "{command:?} failed:\n{stdout}{stderr}");
}
