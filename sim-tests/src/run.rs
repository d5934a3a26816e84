//! Plays one scenario from its beginning to its verdict.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::client;
use crate::faults::FAULTS;
use crate::history::{History, Recorder};
use crate::host::{self, Host};
use crate::invariants;
use crate::panics;
use crate::pulse::Pulse;
use crate::rng::Rng;
use crate::scenario::{Occurrence, Scenario};
use crate::stage::{LATENCY_MIN, Stage};
use crate::timeline::{Line, Timeline};
use crate::violation::Violation;
use crate::watch::Watch;

/// 2033, so that no real date is mistaken for it.
const EPOCH: Duration = Duration::from_secs(2_000_000_000);
const TICK: Duration = Duration::from_millis(1);
/// How long a node that ended stays down.
const RESTART_PAUSE: Duration = Duration::from_millis(700);

/// What came of a run.
pub struct Outcome {
    /// What was played.
    pub scenario: Arc<Scenario>,
    /// What must not have happened; none if all is well.
    pub violations: Vec<Violation>,
    /// What happened.
    pub timeline: Vec<Line>,
    /// What the clients saw.
    pub history: History,
    /// How many steps replicas took, and a checksum over all of them.
    pub fingerprint: (u64, u64),
    /// Simulated time until the end.
    pub simulated: Duration,
}

impl Outcome {
    /// Nothing has happened yet.
    pub fn nothing(scenario: Arc<Scenario>) -> Outcome {
        Outcome {
            scenario,
            violations: Vec::new(),
            timeline: Vec::new(),
            history: History::default(),
            fingerprint: (0, 0),
            simulated: Duration::ZERO,
        }
    }

    /// How many faults had begun by its end.
    pub fn faults(&self) -> usize {
        let schedule = self.scenario.schedule.iter();
        schedule.filter(|fault| fault.at <= self.simulated).count()
    }
}

/// Plays a scenario, on the calling thread. Runs on several threads of one process disturb each other.
pub fn run(scenario: Scenario) -> Outcome {
    run_with(scenario, &Pulse::default())
}

/// Plays a scenario; `pulse` shows how far it is.
pub fn run_with(scenario: Scenario, pulse: &Pulse) -> Outcome {
    align_task_ids();
    let scenario = Arc::new(scenario);
    let timeline = Timeline::default();
    let watch = Watch::new(timeline.clone());
    let recorder = Recorder::new(timeline.clone());
    raft::group::runtime::seed_thread(Rng::new(scenario.seed).child("openraft").next());
    let mut outcome = Outcome::nothing(scenario.clone());
    panics::forget();
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut stage = stage(&scenario, &timeline, &watch, &recorder);
        play(&mut stage, &watch, pulse)
    }));
    let mut violations = watch.violations();
    match played {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let under_way = recorder.under_way.lines();
            violations.push(Violation::of_end(error.to_string(), &under_way, pulse.get()));
        }
        Err(panic) => violations.push(Violation::of_panic(&*panic, pulse.get())),
    }
    outcome.history = recorder.history();
    if violations.is_empty() {
        violations = invariants::of_history(&outcome.history, &scenario);
    }
    outcome.violations = violations;
    outcome.timeline = timeline.lines();
    outcome.fingerprint = watch.fingerprint();
    outcome.simulated = pulse.get();
    outcome
}

/// Makes the number of the next task a multiple of what tokio makes of it.
///
/// tokio numbers tasks across the whole process, and keeps those of a runtime in lists (four of them) by the
/// last bits of their numbers. When a host dies its tasks are dropped list by list, so that connections and
/// listeners close in an order that depends on how many tasks there were before the run.
fn align_task_ids() {
    const LISTS: u64 = 64;
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        return;
    };
    runtime.block_on(async {
        // The text of an id is its number.
        let next = || tokio::spawn(async {}).id().to_string().parse::<u64>();
        while next().is_ok_and(|id| id % LISTS != LISTS - 1) {}
    });
}

fn stage(
    scenario: &Arc<Scenario>,
    timeline: &Timeline,
    watch: &Arc<Watch>,
    recorder: &Arc<Recorder>,
) -> Stage {
    let mut rng = Rng::new(scenario.seed).child("turmoil");
    let mut builder = turmoil::Builder::new();
    builder
        .rng_seed(rng.next())
        .epoch(SystemTime::UNIX_EPOCH + EPOCH)
        .simulation_duration(scenario.deadline)
        .tick_duration(TICK)
        .min_message_latency(LATENCY_MIN)
        .max_message_latency(scenario.latency_max)
        // A replica's connections carry more than turmoil expects of a test.
        .tcp_capacity(65_536)
        .enable_random_order();
    builder.fs().block_size(512);
    if scenario.unsynced_may_survive {
        builder.fs().sync_probability(0.2);
    }
    let mut sim = builder.build();
    let mut hosts = Vec::new();
    for id in 1..=scenario.nodes {
        let host = Host::new(id, scenario.clone(), timeline.clone(), watch.clone());
        hosts.push(host.clone());
        sim.host(host::name(id), move || host.clone().live());
    }
    for this in &scenario.clients {
        let client = client::Host::new(*this, scenario.clone(), recorder.clone());
        sim.client(client::host(this.number), client.work());
    }
    Stage {
        sim,
        hosts,
        scenario: scenario.clone(),
        timeline: timeline.clone(),
        watch: watch.clone(),
        restarts: Vec::new(),
        held_up: BTreeSet::new(),
        steps: Vec::new(),
    }
}

fn play(stage: &mut Stage, watch: &Watch, pulse: &Pulse) -> turmoil::Result {
    let scenario = stage.scenario.clone();
    for occurrence in &scenario.schedule {
        let occurrence = occurrence.clone();
        stage.after(occurrence.at, move |stage| begin(stage, occurrence));
    }
    loop {
        let now = stage.now();
        pulse.set(now);
        while let Some(due) = stage.steps.iter().position(|(at, _)| *at <= now) {
            let (_, step) = stage.steps.remove(due);
            step(stage);
        }
        restart(stage, now);
        if scenario.ruin().is_some() && now >= scenario.load_end {
            return Ok(());
        }
        if stage.sim.step()? || !watch.violations().is_empty() {
            return Ok(());
        }
    }
}

fn begin(stage: &mut Stage, occurrence: Occurrence) {
    let Occurrence {
        number,
        fault,
        until,
        rng,
        ..
    } = occurrence;
    let ongoing = (FAULTS[fault].begin)(stage, rng);
    let name = FAULTS[fault].name;
    stage.timeline.add(
        stage.now(),
        "world",
        format!("fault {number} ({name}): {}", ongoing.what),
    );
    let left = until.saturating_sub(stage.now());
    stage.after(left, move |stage| {
        (ongoing.end)(stage);
        stage
            .timeline
            .add(stage.now(), "world", format!("fault {number} ({name}) is over"));
    });
}

/// Starts nodes again that ended by themselves.
fn restart(stage: &mut Stage, now: Duration) {
    for host in &stage.hosts {
        if host.take_ended() {
            stage.restarts.push((now + RESTART_PAUSE, host.id));
        }
    }
    while let Some(due) = stage.restarts.iter().position(|(at, _)| *at <= now) {
        let (_, node) = stage.restarts.remove(due);
        stage.sim.bounce(host::name(node));
    }
}
