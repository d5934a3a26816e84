//! Plants one bug after the other and says which seed finds it first, and by which rule.

use clap::Parser;
use raft::planted::{BUGS, Bug};
use sim_tests::scenario::Cut;
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
    /// Only so many seconds of load.
    #[arg(long)]
    load: Option<u64>,
    /// Shows the whole violation.
    #[arg(long)]
    verbose: bool,
}

fn main() {
    let options = Options::parse();
    let cut = Cut {
        load_s: options.load,
        ..Cut::default()
    };
    let chosen = |bug: &&Bug| {
        options
            .bug
            .as_ref()
            .is_none_or(|name| *name == format!("{bug:?}"))
    };
    let mut missed = false;
    println!("| bug | first seed | rule |\n|---|---|---|");
    for bug in BUGS.iter().filter(chosen) {
        match trust::find(*bug, options.seeds, &cut) {
            Some(found) => {
                println!("| {bug:?} | {} | {} |", found.seed, found.violation.rule);
                if options.verbose {
                    println!("{}", found.violation);
                }
            }
            None => {
                missed = true;
                println!("| {bug:?} | none below {} | |", options.seeds);
            }
        }
    }
    std::process::exit(i32::from(missed));
}
