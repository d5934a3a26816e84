//! The clients of a run, in a process of their own: the steady load by which availability is measured, and workloads
//! of the simulation. All calls go through the AWS SDK for Rust, and all are recorded.
//!
//! The process says `loading` once it has begun, and ends when every queue has been emptied. A line on its standard
//! input, or the end of it, ends it at once.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sim_tests::now;
use sim_tests::rng::Rng;
use sim_tests::scenario::Scenario;
use sim_tests::workload::{Context, Run, WORKLOADS};
use tokio::io::AsyncReadExt;
use tokio::task::LocalSet;

use crate::plan::Plan;
use crate::record::{Line, Record, unix_ms};
use sdk::Sdk;

mod calls;
mod failure;
mod sdk;
mod steady;

/// Runs the clients of the plan in this folder.
///
/// # Errors
/// If there is no plan, or no history can be written.
pub fn run(folder: &Path) -> anyhow::Result<()> {
    let plan = Rc::new(Plan::read(folder)?);
    let record = Arc::new(Record::create(folder)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    now::begin();
    record.add(&Line::Clock(unix_ms()));
    println!("loading");
    let sdk = Arc::new(Sdk::new(&plan, record.clone()));
    LocalSet::new().block_on(&runtime, async {
        let mut stdin = tokio::io::stdin();
        tokio::select! {
            // Whoever tells us to end means it.
            biased;
            _ = stdin.read_u8() => record.add(&Line::Hanging(sdk.under_way())),
            () = all(&plan, &sdk) => record.add(&Line::Emptied),
        }
    });
    // The runtime's thread may still wait for standard input.
    runtime.shutdown_background();
    Ok(())
}

async fn all(plan: &Rc<Plan>, sdk: &Arc<Sdk>) {
    let scenario = Arc::new(scenario(plan));
    let rng = Rng::new(plan.seed).child("clients");
    let context = |number: usize, name: &str| Context {
        name: format!("{name}-{number}"),
        client: Arc::new(sdk.client(format!("c{number}"))),
        rng: rng.child(&format!("{name} {number}")),
        scenario: scenario.clone(),
    };
    let mut work: Vec<(String, Run)> = Vec::new();
    for name in &plan.steady {
        let (plan, sdk) = (plan.clone(), sdk.clone());
        let context = context(work.len(), name);
        let run = steady::run(plan, sdk, name.clone(), context);
        work.push((name.clone(), Box::pin(run)));
    }
    for name in &plan.workloads {
        if let Some(workload) = WORKLOADS.iter().find(|workload| workload.name == name) {
            work.push((name.clone(), (workload.run)(context(work.len(), name))));
        }
    }
    let named = work
        .into_iter()
        .enumerate()
        .map(|(number, (name, run))| async move {
            if let Err(error) = run.await {
                sdk.record.add(&Line::Failed(format!("{name}: {error:#}")));
            }
            sdk.under_way.done(&format!("c{number}"));
        });
    futures::future::join_all(named).await;
}

/// What workloads look at.
fn scenario(plan: &Plan) -> Scenario {
    Scenario {
        nodes: plan.nodes,
        begin: Duration::ZERO,
        load_end: Duration::from_millis(plan.load_ms),
        deadline: Duration::from_millis(plan.load_ms + plan.drain_ms),
        partitions: plan.partitions,
        partitions_max: plan.partitions_max,
        fifo_partitions: plan.fifo_partitions,
        clients: Vec::new(),
        schedule: Vec::new(),
        ..Scenario::draw(plan.seed)
    }
}
