//! Plants one bug after the other and says which seed finds it first, and by which rule. Each run is a
//! process: see `sim_tests::trust`.

use std::process::Command;

use clap::Parser;
use raft::planted::{BUGS, Bug};
use sim_tests::trust;

/// Plants bugs and looks for the first seed that finds each.
#[derive(Parser)]
struct Options {
    /// Only this bug.
    #[arg(long)]
    bug: Option<String>,
    /// Seeds to try for each.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plays this seed only, with the bug that is named or with none, and prints the rules that are broken.
    #[arg(long)]
    play: Option<u64>,
    /// With --play: without the bug, but otherwise as it is played for it.
    #[arg(long)]
    clean: bool,
    /// With --play: shows everything that happened.
    #[arg(long)]
    timeline: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let bug = options.bug.as_deref().map(named).transpose()?;
    if let Some(seed) = options.play {
        show(bug, !options.clean, seed, options.timeline);
        return Ok(());
    }
    println!("| bug | rule that finds it | first seed |\n|---|---|---|");
    let seeds = options.from..options.from + options.seeds;
    for bug in BUGS
        .iter()
        .copied()
        .filter(|one| bug.is_none_or(|bug| bug == *one))
    {
        let mut found = None;
        for seed in seeds.clone() {
            if let Some(rule) = rule_broken(bug, seed)? {
                found = Some((rule, seed));
                break;
            }
        }
        match found {
            Some((rule, seed)) => println!("| {bug:?} | {rule} | {seed} |"),
            None => println!("| {bug:?} | | none of {seeds:?} |"),
        }
    }
    Ok(())
}

fn named(name: &str) -> anyhow::Result<Bug> {
    let bug = BUGS.iter().find(|bug| format!("{bug:?}") == name);
    bug.copied()
        .ok_or_else(|| anyhow::anyhow!("there is no bug {name}, only {BUGS:?}"))
}

fn show(bug: Option<Bug>, is_planted: bool, seed: u64, timeline: bool) {
    let outcome = trust::play(bug, is_planted, seed);
    if timeline {
        outcome.timeline.iter().for_each(|line| println!("{line}"));
    }
    for violation in &outcome.violations {
        println!("{}", violation.rule);
    }
}

/// The first rule that a run in another process breaks.
fn rule_broken(bug: Bug, seed: u64) -> anyhow::Result<Option<String>> {
    let mut run = Command::new(std::env::current_exe()?);
    let output = run
        .args(["--bug", &format!("{bug:?}"), "--play", &seed.to_string()])
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "seed {seed} with {bug:?}: {}",
        output.status
    );
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.lines().next().map(str::to_owned))
}
