//! The small disk under one node: a file system in memory with a size limit, and ballast that fills it.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// Far more than a node's log and checkpoints take.
const SIZE: &str = "1g";
const BALLAST: &str = "ballast";

/// Mounts it over a folder. The mount is gone with the harness's sandbox.
pub(super) fn mount(folder: &Path) -> anyhow::Result<()> {
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", &format!("size={SIZE}"), "chaos"])
        .arg(folder);
    let output = mount.output().context("mount cannot be run")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "mount: {}", error.trim());
    Ok(())
}

/// Fills it to the last byte.
pub(super) fn fill(folder: &Path) -> anyhow::Result<()> {
    let mut file = File::create(folder.join(BALLAST))?;
    for size in [1 << 20, 4096, 1] {
        let zeros = vec![0; size];
        loop {
            match file.write_all(&zeros) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Makes room again.
pub(super) fn free(folder: &Path) -> anyhow::Result<()> {
    std::fs::remove_file(folder.join(BALLAST))?;
    Ok(())
}
