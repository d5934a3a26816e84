//! Plays seeds.

use clap::Parser;
use sim_tests::run;
use sim_tests::scenario::{Cut, Scenario};

/// Plays simulated clusters from seeds.
#[derive(Parser)]
struct Options {
    /// The seed to play.
    #[arg(long)]
    seed: u64,
    /// Shows everything that happened.
    #[arg(long)]
    timeline: bool,
    /// Only these faults of the schedule, by number.
    #[arg(long, value_delimiter = ',')]
    only: Option<Vec<usize>>,
    /// Only the first so many clients.
    #[arg(long)]
    clients: Option<usize>,
    /// Only so many seconds of load.
    #[arg(long)]
    load: Option<u64>,
}

fn main() {
    let options = Options::parse();
    if let Ok(filter) = std::env::var("SIM_LOG") {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .without_time()
            .init();
    }
    let cut = Cut {
        only: options.only,
        clients: options.clients,
        load_s: options.load,
    };
    let began = std::time::Instant::now();
    let outcome = run::run(Scenario::draw(options.seed).cut(&cut));
    let wall = began.elapsed();
    if options.timeline {
        for line in &outcome.timeline {
            println!("{line}");
        }
    }
    for violation in &outcome.violations {
        println!("VIOLATION {violation}");
    }
    println!(
        "seed {} {} nodes, {} clients, {} faults, {} calls, {} steps {:016x}, {:.1} s simulated in {:.2} s ({:.1}x)",
        options.seed,
        outcome.scenario.nodes,
        outcome.scenario.clients.len(),
        outcome.scenario.schedule.len(),
        outcome.history.0.len(),
        outcome.fingerprint.0,
        outcome.fingerprint.1,
        outcome.simulated.as_secs_f64(),
        wall.as_secs_f64(),
        outcome.simulated.as_secs_f64() / wall.as_secs_f64()
    );
    std::process::exit(i32::from(!outcome.violations.is_empty()));
}
