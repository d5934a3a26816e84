//! Plays a schedule on a cluster: each fault once the former ones are healed, unless it is to overlap them.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use sim_tests::rng::Rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::faults;
use crate::journal::Event;
use crate::schedule::Occurrence;
use crate::stage::{Occasion, Stage};
use crate::target::Unsupported;

/// Between the healing of one fault and the next one: what it cost shall be told apart.
const SETTLE: Duration = Duration::from_secs(2);

/// Plays it from the moment at which clients began; nothing begins after `time`. Returns once all is healed.
pub async fn play(stage: &Rc<Stage>, schedule: &[Occurrence], began: Instant, time: Duration) {
    let mut running: JoinSet<()> = JoinSet::new();
    for (number, occurrence) in schedule.iter().enumerate() {
        let at = began + Duration::from_secs_f64(occurrence.at_s);
        // The end of the run comes first.
        tokio::select! {
            biased;
            () = stage.interrupted.cancelled() => break,
            () = sleep_until(at) => {}
        }
        if !occurrence.overlaps && !running.is_empty() {
            while running.join_next().await.is_some() {}
            tokio::time::sleep(SETTLE).await;
        }
        if stage.interrupted.is_cancelled() {
            break;
        }
        if began.elapsed() + Duration::from_secs_f64(occurrence.lasts_s) > time {
            skip(
                stage,
                number,
                occurrence,
                "there is no time left for it".to_owned(),
            );
            continue;
        }
        running.spawn_local(one(stage.clone(), number, occurrence.clone()));
    }
    while running.join_next().await.is_some() {}
}

async fn one(stage: Rc<Stage>, number: usize, occurrence: Occurrence) {
    let Some(fault) = faults::named(&occurrence.kind) else {
        return skip(&stage, number, &occurrence, "nobody knows it".to_owned());
    };
    let has_begun = Rc::new(Cell::new(false));
    let occasion = Occasion {
        rng: Rng::new(occurrence.seed),
        node: occurrence.node,
        number,
        kind: occurrence.kind.clone(),
        lasts: Duration::from_secs_f64(occurrence.lasts_s),
        journal: stage.journal.clone(),
        interrupted: stage.interrupted.clone(),
        has_begun: has_begun.clone(),
    };
    match (fault.run)(stage.clone(), occasion).await {
        Ok(()) => stage.journal.add(Event::Healed { fault: number }),
        Err(error) if !has_begun.get() && error.is::<Unsupported>() => {
            skip(&stage, number, &occurrence, error.to_string());
        }
        Err(error) => {
            let what = format!("fault {number} ({}): {error:#}", occurrence.kind);
            stage.journal.wrong("faults heal", what);
        }
    }
}

fn skip(stage: &Stage, fault: usize, occurrence: &Occurrence, why: String) {
    let kind = occurrence.kind.clone();
    stage.journal.add(Event::Skipped { fault, kind, why });
}
