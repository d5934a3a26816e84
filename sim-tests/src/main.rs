//! The command line of the simulation.

use std::process::ExitCode;

use clap::Parser;
use sim_tests::{panics, worker};

mod options;
mod tasks;

use options::{Options, What};

/// Runs allocate much, on threads of their own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if let Ok(filter) = std::env::var("SIM_LOG") {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .without_time()
            .init();
    }
    panics::keep(options.backtraces);
    if options.worker {
        worker::serve()?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_well = match options.what()? {
        What::Seeds(exploration) => tasks::explore(&exploration)?,
        What::Regressions => tasks::regressions(&options)?,
        What::One(scenario) if options.shrink => tasks::shrink(&options, &scenario)?,
        What::One(scenario) => tasks::play(&options, &scenario)?,
    };
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
