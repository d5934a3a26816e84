//! Python clients of AWS, installed once under the target folder and shared by all runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the scripts and their requirements are: cargo runs tests in their package's folder.
const SCRIPTS: &str = "tests/python";

/// Where the clients' programs are.
pub(crate) fn programs() -> PathBuf {
    installed().join("bin")
}

/// A command that runs one of our scripts with the installed clients.
///
/// # Panics
/// If Python or a package cannot be installed: these tests are not optional.
pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new(programs().join("python"));
    command
        .arg(Path::new(SCRIPTS).join(name))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1");
    command
}

/// The virtual environment with exactly the packages of the requirements.
fn installed() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let requirements = Path::new(SCRIPTS).join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements are in the repository");
    // Another test process may be installing right now; the lock ends with this function.
    let lock = File::create(target.join("python.lock")).expect("the target folder is writable");
    lock.lock().expect("a fresh file can be locked");

    let venv = target.join("python");
    // Written last, so that a half-finished installation never counts.
    let stamp = venv.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|has| has == wanted) && venv.join("bin/python").exists() {
        return venv;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ]);
    run(pip.arg(&requirements));
    fs::write(&stamp, wanted).expect("the target folder is writable");
    venv
}

fn run(command: &mut Command) {
    let out = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}; python3 with venv is needed"));
    let (stdout, stderr) = (
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    );
    assert!(out.status.success(), "{command:?} failed:\n{stdout}{stderr}");
}
