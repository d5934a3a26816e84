//! `millrace health`: whether a node is alive, or ready, as an exit code. The image has no shell and no other
//! program that a container runtime could ask.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use raft::env::Env;

use crate::fetch;

/// Flags of `health`.
#[derive(Args, Debug)]
pub struct Flags {
    /// `host:port` of the node's admin listener.
    #[arg(long, env = "MILLRACE_ADMIN", default_value = "127.0.0.1:4568")]
    pub admin: String,
    /// Ask whether the node is ready for clients, not only alive.
    #[arg(long)]
    pub ready: bool,
    /// How many seconds the node may take to answer.
    #[arg(long, default_value_t = 3)]
    pub timeout_seconds: u64,
}

/// Returns if the node says yes.
///
/// # Errors
/// If it says no or nothing.
pub async fn check(env: &Env, flags: &Flags) -> anyhow::Result<()> {
    let path = if flags.ready {
        "/health/ready"
    } else {
        "/health/live"
    };
    let asking = async {
        let stream = env.net.connect(&flags.admin).await?;
        fetch::fetch(stream, fetch::get(&flags.admin, path)?).await
    };
    let answer = tokio::time::timeout(Duration::from_secs(flags.timeout_seconds), asking)
        .await
        .with_context(|| format!("{} did not answer in time", flags.admin))?
        .with_context(|| format!("no answer from {}", flags.admin))?;
    let says = String::from_utf8_lossy(answer.body()).trim().to_owned();
    anyhow::ensure!(answer.status().is_success(), "{} is {says}", flags.admin);
    println!("{says}");
    Ok(())
}
