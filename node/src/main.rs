//! The `millrace` binary.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use node::cli::{Cli, Command, Output};
use node::config::Limits;
use node::standstill::Reporter;
use raft::env::Env;
use raft::env::real::{LinuxHost, Watchdog};
use raft::level::Level;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Messages are allocated on one thread and freed on another, all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    node::telemetry::start(cli.log_format);
    let threads = cli.worker_threads.unwrap_or_else(worker_threads).max(1);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let watchdog = Watchdog::install(builder.worker_threads(threads).enable_all());
    let mut reporter = Reporter::default();
    if let Err(error) = watchdog.start(move |still| reporter.tell(&still)) {
        tracing::warn!(%error, "nobody watches the runtime's threads");
    }
    let runtime = match builder.build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("millrace: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let descriptors = raise_descriptor_limit();
    match runtime.block_on(execute(cli.command, descriptors, watchdog)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millrace: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Half of the processors: the log and the kernel's network code want theirs, and on two processors
/// a second worker costs more in hand-overs than it does in work.
fn worker_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2))
}

/// A connection, a segment of the log and a checkpoint file each take a descriptor; the usual limit of
/// 1024 is less than what clients may open. What clients get leaves a reserve for the node itself.
fn raise_descriptor_limit() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            limit.current
        }
    };
    current
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(usize::MAX)
}

async fn execute(command: Command, descriptors: usize, watchdog: Arc<Watchdog>) -> anyhow::Result<()> {
    let mut env = Env::real().context("no randomness from the operating system")?;
    env.host = Arc::new(LinuxHost {
        watchdog: Some(watchdog),
    });
    match command {
        Command::Dev(dev) => {
            let mut limits = Limits::default();
            limits.fit_descriptors(descriptors / usize::from(node::dev::NODES));
            node::dev::run(dev, limits, env, stop_on_signal()?).await
        }
        Command::Server(server) => {
            if let Some(level) = server.level_max {
                env.level = env.level.min(Level(level));
            }
            let mut config = server.resolve()?;
            config.limits.fit_descriptors(descriptors);
            if let Some(machine) = config.zone_from_kubernetes_node.take() {
                config.zone =
                    node::kubernetes::find_zone(&env, &machine, &config.data_dir, config.zone).await;
            }
            node::run(config, env, stop_on_signal()?).await
        }
        Command::Cluster(cluster) => node::cluster::command::run(&env, cluster).await,
        Command::Status(status) => {
            let cluster = node::status::of_cluster(&env, &status.admin).await?;
            match status.output {
                Output::Table => print!("{}", node::status::table(&cluster)),
                Output::Json => println!("{}", serde_json::to_string_pretty(&cluster)?),
            }
            Ok(())
        }
        Command::Health(flags) => node::health::check(&env, &flags).await,
        Command::Smoke(flags) => node::smoke::run(&env, &flags).await,
        Command::Kubernetes(command) => node::kubernetes::run(&env, &command).await,
    }
}

/// Cancelled at the first SIGINT or SIGTERM.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            // Both mean the same.
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        stopping.cancel();
    });
    Ok(stop)
}
