//! One run: the cluster, its clients, what is done to it, and its end.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::journal::{Event, Journal};
use crate::plan::Plan;
use crate::play::play;
use crate::stage::Stage;
use crate::target::Target;

/// How long clients that were told to end may take.
const END_LIMIT: Duration = Duration::from_secs(5);
/// Queues must be made within this time.
const BEGIN_LIMIT: Duration = Duration::from_secs(20);

/// Plays a plan on a cluster that is up. What it finds is in the folder.
///
/// # Errors
/// If the harness itself fails; a cluster that fails is an event.
pub async fn run(
    plan: &Plan,
    folder: &Path,
    target: Target,
    journal: Rc<Journal>,
    interrupted: CancellationToken,
) -> anyhow::Result<()> {
    let stage = Rc::new(Stage {
        target,
        journal: journal.clone(),
        clients: Cell::new(None),
        founders: plan.nodes,
        steady: plan.steady.clone(),
        interrupted: interrupted.clone(),
    });
    let (mut clients, mut pipe) = begin_clients(folder, &interrupted).await?;
    stage
        .clients
        .set(clients.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)));
    journal.add(Event::Loading);
    let began = Instant::now();
    let load = Duration::from_millis(plan.load_ms);
    let playing = play(
        &stage,
        &plan.schedule,
        began,
        load.saturating_sub(Duration::from_millis(plan.calm_ms)),
    );
    tokio::select! {
        // Clients that end while something is done to the cluster have failed.
        biased;
        status = clients.wait() => bail!("the clients ended early: {}", status?),
        () = playing => {}
    }
    let end = load + Duration::from_millis(plan.drain_ms);
    tokio::select! {
        biased;
        () = interrupted.cancelled() => {
            journal.add(Event::Interrupted);
            tell_to_end(&mut clients, pipe.take()).await?;
        }
        status = timeout(end.saturating_sub(began.elapsed()), clients.wait()) => match status {
            Ok(status) if status.as_ref().is_ok_and(std::process::ExitStatus::success) => journal.add(Event::Ended),
            Ok(status) => bail!("the clients failed: {}", status?),
            Err(_) => {
                let limit = Duration::from_millis(plan.drain_ms);
                journal.wrong("comes to an end", format!("not all queues are empty {limit:?} after the load"));
                tell_to_end(&mut clients, pipe.take()).await?;
            }
        },
    }
    match &stage.target {
        Target::Local(local) => local.end().await,
        Target::Kubernetes(_) => Ok(()),
    }
}

/// Starts the clients and waits until they have begun. They end when the pipe does, which a wait would close.
async fn begin_clients(
    folder: &Path,
    interrupted: &CancellationToken,
) -> anyhow::Result<(Child, Option<ChildStdin>)> {
    let own = own_program()?;
    let mut command = Command::new(own);
    command
        .arg("clients")
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut clients = command.spawn().context("the clients cannot be started")?;
    let out = clients.stdout.take().context("the clients have no output")?;
    let mut lines = BufReader::new(out).lines();
    let first = async {
        tokio::select! {
            biased;
            () = interrupted.cancelled() => bail!("interrupted before the clients began"),
            line = lines.next_line() => Ok(line?),
        }
    };
    let first = timeout(BEGIN_LIMIT, first)
        .await
        .context("the clients do not begin")??;
    anyhow::ensure!(
        first.as_deref() == Some("loading"),
        "the clients did not begin: {first:?}"
    );
    let pipe = clients.stdin.take();
    Ok((clients, pipe))
}

fn own_program() -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?)
}

async fn tell_to_end(clients: &mut Child, pipe: Option<ChildStdin>) -> anyhow::Result<()> {
    drop(pipe);
    if timeout(END_LIMIT, clients.wait()).await.is_err() {
        clients.kill().await?;
    }
    Ok(())
}
