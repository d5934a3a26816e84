//! The `chaos` program.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, ensure};
use chaos::journal::Journal;
use chaos::options::{Cli, Command, Run, Where};
use chaos::plan::Plan;
use chaos::target::Target;
use chaos::target::kubernetes::{Kubernetes, Release};
use chaos::target::local::Local;
use chaos::{clients, faults, judge, pulse, record, report, run, sandbox, schedule};
use clap::Parser;
use tokio::task::LocalSet;

/// Not judged: nothing was wrong as far as the run went, but it did not come to its end.
const UNFINISHED: u8 = 2;

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(options) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let outside = options.target == Where::Local && !sandbox::is_inside();
            let code = LocalSet::new().block_on(&runtime, async {
                if outside {
                    sandbox::enter().await
                } else {
                    whole_run(&options).await
                }
            });
            // A thread may still wait for standard input.
            runtime.shutdown_background();
            code
        }
        Command::Judge { folder } => verdict(&folder),
        Command::Clients { folder } => clients::run(&folder).map(|()| ExitCode::SUCCESS),
        Command::Faults => {
            for fault in faults::FAULTS {
                println!("{:<16} {}", fault.name, fault.about);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn whole_run(options: &Run) -> anyhow::Result<ExitCode> {
    let interrupted = sandbox::interrupted()?;
    let mut plan = plan(options)?;
    let folder = options.folder.clone();
    let folder =
        folder.unwrap_or_else(|| format!("chaos-run-{}-{}", plan.seed, record::unix_ms() / 1000).into());
    std::fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
    let folder = folder.canonicalize()?;
    let journal = Rc::new(Journal::create(&folder)?);
    journal.note(format!("seed {}, folder {}", plan.seed, folder.display()));
    let target = match options.target {
        Where::Local => {
            sandbox::hide_namespaces()?;
            let (binary, before) = binaries(options)?;
            plan.endpoints = Local::endpoints(plan.nodes);
            plan.versions = before
                .iter()
                .chain([&binary])
                .map(|path| version(path))
                .collect::<Result<_, _>>()?;
            plan.write(&folder)?;
            pulse::feel(&folder, journal.clone())?;
            let flags = &options.server_flag;
            let local = Local::launch(&plan, folder.clone(), journal.clone(), binary, before, flags).await?;
            Target::Local(Box::new(local))
        }
        Where::Kubernetes => {
            let kubernetes = Kubernetes::find(Release {
                name: options.release.clone(),
                namespace: options.namespace.clone(),
                partition_hook: options.partition_hook.clone(),
                image_after: options.image_after.clone(),
            });
            let target = Target::Kubernetes(kubernetes.await?);
            plan.nodes = target.members().len() as u64;
            if let Target::Kubernetes(kubernetes) = &target {
                plan.endpoints.clone_from(&options.endpoint);
                if plan.endpoints.is_empty() {
                    plan.endpoints = kubernetes.forward()?;
                }
                plan.versions = kubernetes.versions().await;
            }
            plan.write(&folder)?;
            target
        }
    };
    run::run(&plan, &folder, target, journal, interrupted).await?;
    let code = verdict(&folder)?;
    if code == ExitCode::SUCCESS && !options.keep_data {
        // The disk of the last founder is a mount, which goes with us.
        for node in 1..=plan.nodes + plan.schedule.len() as u64 {
            let _ = std::fs::remove_dir_all(folder.join(format!("node-{node}")));
        }
    }
    Ok(code)
}

fn plan(options: &Run) -> anyhow::Result<Plan> {
    let file = options
        .schedule
        .as_deref()
        .map(schedule::File::read)
        .transpose()?;
    let from_file = file.as_ref();
    let minutes = options.minutes.map(|minutes| minutes * 60.0);
    let load_s = minutes.or_else(|| from_file?.load_s).unwrap_or(180.0);
    let calm_s = (options.calm as f64).min(load_s / 2.0);
    let local = options.target == Where::Local;
    let steady = (1..=options.queues).map(|queue| format!("steady-{queue}"));
    let fifo = (1..=options.queues).map(|queue| format!("steady-{queue}.fifo"));
    let mut plan = Plan {
        seed: options.seed,
        nodes: options.nodes.or_else(|| from_file?.nodes).unwrap_or(3),
        load_ms: (load_s * 1000.0) as u64,
        calm_ms: (calm_s * 1000.0) as u64,
        drain_ms: options.drain * 1000,
        endpoints: Vec::new(),
        steady: steady.chain(fifo).collect(),
        rate: options.rate,
        workloads: Vec::new(),
        partitions: 1,
        partitions_max: 1,
        fifo_partitions: 1,
        checkpoint_bytes: 0,
        clock_slack_ms: if local { 0 } else { options.clock_slack },
        versions: Vec::new(),
        schedule: Vec::new(),
    };
    plan.draw_load(options.workloads);
    if !local {
        // How a release is set is not known; these are what rules have to allow for.
        plan.partitions_max = 64;
    }
    plan.schedule = match file {
        Some(file) => file.fault,
        None => schedule::draw(
            plan.seed,
            Duration::from_secs_f64(load_s - calm_s),
            &kinds(options)?,
        ),
    };
    Ok(plan)
}

fn kinds(options: &Run) -> anyhow::Result<Vec<&'static faults::Fault>> {
    let Some(names) = &options.faults else {
        return Ok(match options.target {
            Where::Local => faults::DRAWN.to_vec(),
            Where::Kubernetes => faults::DRAWN_ON_KUBERNETES.to_vec(),
        });
    };
    let known = |name: &String| faults::named(name).with_context(|| format!("there is no fault {name:?}"));
    names.iter().map(known).collect()
}

fn binaries(options: &Run) -> anyhow::Result<(PathBuf, Option<PathBuf>)> {
    let beside = std::env::current_exe()?.with_file_name("millrace");
    let binary = options.binary.clone().unwrap_or(beside);
    let before = options
        .binary_before
        .as_ref()
        .map(|path| path.canonicalize())
        .transpose()?;
    let hint = "build it with `cargo build -p node`, or say --binary";
    let binary = binary
        .canonicalize()
        .with_context(|| format!("{}: {hint}", binary.display()))?;
    Ok((binary, before))
}

fn version(binary: &Path) -> anyhow::Result<String> {
    let output = std::process::Command::new(binary).arg("--version").output();
    let output = output.with_context(|| binary.display().to_string())?;
    ensure!(
        output.status.success(),
        "{} does not say its version",
        binary.display()
    );
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(format!("{text} ({})", binary.display()))
}

fn verdict(folder: &Path) -> anyhow::Result<ExitCode> {
    let judged = judge::judge(folder)?;
    print!("{}", report::write(folder, &judged)?);
    println!("\nThe report is {}", folder.join("report.html").display());
    Ok(match (judged.violations.is_empty(), judged.interrupted) {
        (true, false) => ExitCode::SUCCESS,
        (true, true) => ExitCode::from(UNFINISHED),
        (false, _) => ExitCode::FAILURE,
    })
}
