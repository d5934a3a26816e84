//! The `millrace` binary.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use node::cli::{Cli, Command, Output};
use raft::env::Env;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let cli = Cli::parse();
    node::telemetry::start(cli.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("millrace: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(execute(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millrace: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> anyhow::Result<()> {
    let env = Env::real().context("no randomness from the operating system")?;
    match command {
        Command::Dev(dev) => node::dev::run(dev, env, stop_on_signal()?).await,
        Command::Server(server) => node::run(server.resolve()?, env, stop_on_signal()?).await,
        Command::Status(status) => {
            let cluster = node::status::of_cluster(&env, &status.admin).await?;
            match status.output {
                Output::Table => print!("{}", node::status::table(&cluster)),
                Output::Json => println!("{}", serde_json::to_string_pretty(&cluster)?),
            }
            Ok(())
        }
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
