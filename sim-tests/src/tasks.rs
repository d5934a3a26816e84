//! What the command line can ask for. Each task says whether all was well.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use sim_tests::explain::explain as story;
use sim_tests::explore::{self, Exploration};
use sim_tests::run::Outcome;
use sim_tests::scenario::{Case, Scenario};
use sim_tests::shrink::Shrinking;
use sim_tests::{pool, trace, worker};

use crate::options::Options;

/// Many seeds.
pub(crate) fn explore(what: &Exploration) -> anyhow::Result<bool> {
    let summary = explore::explore(what)?;
    println!("{summary}");
    Ok(summary.broken.is_empty())
}

/// One scenario.
pub(crate) fn play(options: &Options, whole: &Scenario) -> anyhow::Result<bool> {
    let cut = options.cut();
    let scenario = whole.clone().cut(&cut);
    let began = Instant::now();
    let outcome = match &options.trace {
        Some(path) => {
            let file = std::io::BufWriter::new(std::fs::File::create(path)?);
            trace::traced(scenario, file)
        }
        None => worker::play(scenario),
    };
    let wall = began.elapsed();
    match outcome.violations.first() {
        Some(violation) => {
            let repeat = options.repeat(&cut);
            println!("{}", story(&outcome, violation, &repeat, options.timeline));
            for other in &outcome.violations[1..] {
                println!("also violated: {other}");
            }
        }
        None if options.timeline => {
            for line in &outcome.timeline {
                println!("{line}");
            }
        }
        None => {}
    }
    println!("{}", facts(&outcome, wall));
    if let Some(path) = &options.export {
        export(path, &outcome)?;
    }
    Ok(outcome.violations.is_empty())
}

/// One scenario, made as small as it goes.
pub(crate) fn shrink(options: &Options, whole: &Scenario) -> anyhow::Result<bool> {
    let cut = options.cut();
    let outcome = worker::play(whole.clone().cut(&cut));
    let Some(violation) = outcome.violations.first() else {
        println!("it does not fail");
        return Ok(true);
    };
    println!("shrinking what breaks {violation}");
    let shrinking = Shrinking {
        scenario: whole,
        rule: &violation.rule,
        jobs: options.jobs(),
    };
    let smaller = shrinking.shrink(&cut, violation, &mut |line| eprintln!("{line}"))?;
    let outcome = worker::play(whole.clone().cut(&smaller));
    if let Some(violation) = outcome.violations.first() {
        let repeat = options.repeat(&smaller);
        println!("{}", story(&outcome, violation, &repeat, options.timeline));
    }
    if let Some(path) = &options.export {
        export(path, &outcome)?;
    }
    Ok(false)
}

/// What once failed.
pub(crate) fn regressions(options: &Options) -> anyhow::Result<bool> {
    // Cargo tells where the package is now; without cargo, it is where it was built.
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let folder = Path::new(&package).join("regressions");
    let mut paths: Vec<_> = std::fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    let cases: Vec<Case> = paths
        .iter()
        .map(|path| Case::read(path))
        .collect::<Result<_, _>>()?;
    let mut failed = 0;
    let scenarios = cases.iter().map(|case| case.scenario.clone());
    pool::play(scenarios, options.jobs(), |place, report| {
        let verdict = report.violations.first().map_or("holds".to_owned(), |violation| {
            failed += 1;
            format!("BROKEN AGAIN: {violation}")
        });
        println!("{}: {verdict}", paths[place].display());
        println!("    once found: {}", cases[place].found);
        ControlFlow::Continue(())
    })?;
    println!("{} regressions, {failed} broken again", cases.len());
    Ok(failed == 0)
}

fn export(path: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    let violation = outcome.violations.first();
    let case = Case {
        found: violation.map(|v| v.what.clone()).unwrap_or_default(),
        rule: violation.map(|v| v.rule.clone()).unwrap_or_default(),
        scenario: (*outcome.scenario).clone(),
    };
    case.write(path)?;
    println!("written to {}; say in `found` what the cause was", path.display());
    Ok(())
}

fn facts(outcome: &Outcome, wall: std::time::Duration) -> String {
    let (simulated, wall) = (outcome.simulated.as_secs_f64(), wall.as_secs_f64());
    format!(
        "seed {}: {} nodes, {} clients, {} faults, {} calls, {} steps {:016x}, {simulated:.1} s simulated in \
         {wall:.2} s ({:.1}x)",
        outcome.scenario.seed,
        outcome.scenario.nodes,
        outcome.scenario.clients.len(),
        outcome.faults(),
        outcome.history.0.len(),
        outcome.fingerprint.0,
        outcome.fingerprint.1,
        simulated / wall
    )
}
