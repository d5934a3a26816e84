//! Python and clients of AWS for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::installed::{once, run};

/// Where the scripts and their requirements are: cargo runs tests in their package's folder.
const SCRIPTS: &str = "tests/python";

/// Where the clients' programs are.
pub(crate) fn programs() -> PathBuf {
    folder().join("bin")
}

/// A command that runs one of our scripts with the installed clients.
pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new(programs().join("python"));
    command
        .arg(Path::new(SCRIPTS).join(name))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1");
    command
}

/// The virtual environment with exactly the packages of the requirements.
fn folder() -> PathBuf {
    let requirements = Path::new(SCRIPTS).join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements are in the repository");
    // It is a link to the machine's Python, which may have been replaced.
    once("python", &wanted, "bin/python", |venv| {
        run(Command::new("python3").args(["-m", "venv"]).arg(venv));
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
    })
}
