//! `millrace cluster unsafe-recover`: groups whose majority is lost for good.
//!
//! It says first what it costs. The survivor with the most complete log goes on; the command names it, and what each of the
//! replicas that answer has. What the lost ones had beyond that is lost, acknowledged or not.
//!
//! - `judge`: whether a group can be recovered, and if not, why
//! - `plan`: which groups are meant, who goes on with them, and what still holds once the operator has agreed
//! - `told`: what the operator reads

mod judge;
mod plan;
#[cfg(test)]
mod samples;
mod told;

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use raft::env::Env;
use raft::types::GroupId;

use super::command::Asker;

/// What stands for all queues' groups without a majority.
const ALL: &str = "all";
const CATALOG: &str = "catalog";

/// Flags of `unsafe-recover`.
#[derive(Args, Debug)]
pub struct Flags {
    /// A group's number, a queue's name, `all` for every queue's groups without a majority, or `catalog`.
    ///
    /// Recover the catalog first if it is lost, too: on the stopped node that has the most of it, with --data-dir. Compare the
    /// nodes by --dry-run. Start that node afterwards, then the others.
    pub what: String,
    /// The node whose replica goes on [default: the one with the most complete log].
    #[arg(long)]
    pub survivor: Option<u64>,
    /// For the catalog: the data folder of the survivor, which must be stopped.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Only say what it would do, and what it would cost.
    #[arg(long)]
    pub dry_run: bool,
    /// Do it without asking.
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
}

impl Flags {
    /// Whether the catalog is to be recovered.
    pub fn is_of_catalog(&self) -> bool {
        self.what == CATALOG || self.what == GroupId::CATALOG.0.to_string()
    }

    /// Whether the operator wants it, after `cost` was printed.
    pub(super) fn is_confirmed(&self, cost: &str) -> anyhow::Result<bool> {
        // On standard error: the answer of the command is a document.
        eprintln!("{cost}");
        if self.dry_run || self.yes {
            return Ok(self.yes);
        }
        ensure!(
            std::io::stdin().is_terminal(),
            "nothing was done: there is no terminal to ask at; say --yes or --dry-run"
        );
        eprint!("Type {} to do it: ", self.what);
        std::io::stderr().flush()?;
        let mut typed = String::new();
        std::io::stdin().read_line(&mut typed)?;
        ensure!(typed.trim() == self.what, "nothing was done");
        Ok(true)
    }
}

/// Decides, asks, decides again by what the cluster says then, and gives the orders.
///
/// # Errors
/// If nothing is to be recovered, the operator does not want it, or some group was not recovered; the others are.
pub(super) async fn recover(env: &Env, asker: &mut Asker, flags: &Flags) -> anyhow::Result<()> {
    let status = asker.status().await?;
    let plan = plan::plan(flags, &status)?;
    if !flags.is_confirmed(&told::cost(&plan, &status, env.clock.now().0))? {
        return Ok(());
    }
    // It may have taken the operator long to agree.
    let status = asker.status().await?;
    let mut failed = Vec::new();
    for decided in &plan.requests {
        let ordered = match plan::confirm(flags, decided, &status) {
            Ok(()) => asker.unsafe_recover(*decided).await,
            changed => changed,
        };
        if let Err(error) = ordered {
            failed.push(format!("group {} is not recovered: {error:#}", decided.group));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}
