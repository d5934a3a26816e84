//! What `millrace dev` prints to be pasted into a shell does what it says.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{MILLRACE, Ports, poll, venv};

const LIMIT: Duration = Duration::from_secs(60);

/// Killed at the end, however the test ends.
struct Dev(Child);

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_printed_commands_work() {
    let programs = venv::programs();
    let ports = Ports::reserve().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let printed = folder.path().join("printed");
    let child = Command::new(MILLRACE)
        .args(["dev", "--ephemeral", "--port"])
        .arg(ports.address(0).port().to_string())
        .stdin(Stdio::null())
        .stdout(File::create(&printed).unwrap())
        .spawn()
        .unwrap();
    let mut dev = Dev(child);
    let all = poll::until(LIMIT, "the commands", || {
        let text = fs::read_to_string(&printed).ok()?;
        text.contains("receive-message").then_some(text)
    });
    let commands: Vec<String> = all
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("    ").map(str::to_owned))
        .collect();
    assert!(commands.len() >= 5, "{commands:#?}");

    let path = std::env::var("PATH").unwrap_or_default();
    let out = Command::new("sh")
        .args(["-e", "-c", &commands.join("\n")])
        .env("PATH", format!("{}:{path}", programs.display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{text}{errors}");
    assert!(text.contains(r#""Body": "first message""#), "{text}");

    kill_process(Pid::from_child(&dev.0), Signal::INT).unwrap();
    let status = poll::until(LIMIT, "the end", || dev.0.try_wait().ok().flatten());
    assert!(status.unwrap().success());
}
