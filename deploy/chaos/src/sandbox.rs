//! The harness runs in namespaces of its own: processes, mounts and network. When it ends, however it ends, the kernel
//! takes all nodes, clients, mounts and links with it. So nothing has to be cleaned up, and nothing of this machine's
//! network is touched.
//!
//! Outside stays a process that waits. It hands an interruption on by closing a pipe, because signals do not reach into
//! the namespaces, and `unshare` kills what is inside when it is killed itself.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, Stdio};

use anyhow::Context;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Set inside.
const INSIDE: &str = "CHAOS_SANDBOX";

/// Whether this process is the one inside.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs this program with the same arguments inside, and waits for it.
///
/// # Errors
/// If there is no `unshare`, or the kernel refuses the namespaces.
pub async fn enter() -> anyhow::Result<ExitCode> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare"]);
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args([
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child=SIGKILL",
        "--mount-proc",
    ]);
    command
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1));
    let mut child = command
        .env(INSIDE, "1")
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let child = child
        .as_mut()
        .map_err(|error| anyhow::anyhow!("setpriv and unshare cannot be run: {error}"))?;
    let mut pipe = child.stdin.take();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let status = loop {
        tokio::select! {
            // What has ended need not be interrupted.
            biased;
            status = child.wait() => break status.context("the sandbox was lost")?,
            _ = interrupt.recv() => drop(pipe.take()),
            _ = terminate.recv() => drop(pipe.take()),
        }
    };
    let code = status
        .code()
        .or_else(|| Some(128 + status.signal()?))
        .unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Cancelled when the process outside was interrupted, or is gone; or when a signal comes to this one.
///
/// # Errors
/// If signals cannot be received.
pub fn interrupted() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let cancel = token.clone();
    tokio::spawn(async move {
        let pipe = async {
            match is_inside() {
                // Nothing is ever written into it: it ends.
                true => tokio::task::spawn_blocking(|| std::io::Read::read(&mut std::io::stdin(), &mut [0]))
                    .await
                    .map(drop)
                    .unwrap_or_default(),
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            // All mean the same.
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = pipe => {}
        }
        cancel.cancel();
    });
    Ok(token)
}

/// A place for the names of network namespaces that nobody else sees. It hides all of the usual place's parent, because
/// whoever is not root cannot make a folder there.
///
/// # Errors
/// If it cannot be mounted.
pub fn hide_namespaces() -> anyhow::Result<()> {
    const PLACE: &str = "/run";
    let status = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "chaos", PLACE])
        .status();
    anyhow::ensure!(
        status.context("mount cannot be run")?.success(),
        "{PLACE} cannot be hidden"
    );
    Ok(())
}
