//! Plants one bug after the other and says which seed finds it first, and by which rule.

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
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Shows the whole violation.
    #[arg(long)]
    verbose: bool,
    /// Plays the first seed with each bug, and shows everything that happened.
    #[arg(long)]
    timeline: bool,
}

fn main() {
    let options = Options::parse();
    let chosen = |bug: &&Bug| {
        options
            .bug
            .as_ref()
            .is_none_or(|name| *name == format!("{bug:?}"))
    };
    let bugs = BUGS.iter().copied().filter(|bug| chosen(&bug));
    let missed = if options.timeline {
        bugs.for_each(|bug| show(bug, options.from));
        false
    } else {
        table(bugs, &options)
    };
    std::process::exit(i32::from(missed));
}

fn show(bug: Bug, seed: u64) {
    let outcome = trust::play(Some(bug), seed);
    for line in &outcome.timeline {
        println!("{line}");
    }
    println!("{bug:?}, seed {seed}: {} violations", outcome.violations.len());
}

/// Says whether a bug was not found.
fn table(bugs: impl Iterator<Item = Bug>, options: &Options) -> bool {
    let seeds = options.from..options.from + options.seeds;
    let mut missed = false;
    println!("| bug | rule that finds it | first seed |\n|---|---|---|");
    for bug in bugs {
        match trust::find(bug, seeds.clone()) {
            Some(found) => {
                println!("| {bug:?} | {} | {} |", found.violation.rule, found.seed);
                if options.verbose {
                    println!("{}", found.violation);
                }
            }
            None => {
                missed = true;
                println!("| {bug:?} | | none of {seeds:?} |");
            }
        }
    }
    missed
}
