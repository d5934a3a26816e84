//! Asks the other nodes how they are: what their clocks show, and whether they are full.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::FutureExt;
use raft::groups::Groups;
use raft::peers::pb::{self, frame::Body};
use raft::peers::{CallError, Peers};
use raft::types::{GroupId, Millis, NodeId};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::admission::{Admission, Full};
use crate::clock::{AgreedClock, Report};

/// How often nodes are asked.
const INTERVAL: Duration = Duration::from_millis(500);
/// The same while the time is unknown.
const INTERVAL_UNKNOWN: Duration = Duration::from_millis(50);
/// How often the clock's standing is looked at, to tell of it.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How long an answer may take. A clock is known no better than that.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// What a node answered, and when it was asked. An error says that it is not heard.
type Answer = (NodeId, Instant, Result<Option<pb::NodeStateReply>, CallError>);

/// Asks until `stop`, which keeps the agreed clock right.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn keep(
    clock: Arc<AgreedClock>,
    admission: Arc<Admission>,
    groups: Arc<Groups>,
    peers: Arc<Peers>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut asking: JoinSet<Answer> = JoinSet::new();
    let mut asked: BTreeSet<NodeId> = BTreeSet::new();
    let mut report = Report::default();
    let (mut next, mut next_report) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            // Answers are worth less the older they are.
            biased;
            () = stop.cancelled() => return Ok(()),
            Some(Ok((node, at, answer))) = asking.join_next() => {
                asked.remove(&node);
                if let Ok(told) = answer {
                    clock.heard(node, at, told.as_ref().map(|state| Millis(state.clock_ms)));
                    admission.told(node, told.map(full).unwrap_or_default());
                    clock.decide(voters(&groups));
                }
            }
            () = tokio::time::sleep_until(next) => {
                clock.decide(voters(&groups));
                let now = Instant::now();
                if now >= next_report {
                    report.look(&clock);
                    next_report = now + REPORT_INTERVAL;
                }
                let free = peers.known().into_iter().filter(|node| asked.insert(*node));
                for node in free.collect::<Vec<_>>() {
                    asking.spawn(ask(peers.clone(), node));
                }
                let is_known = clock.standing().offset_ms.is_some();
                next = now + if is_known { INTERVAL } else { INTERVAL_UNKNOWN };
            }
        }
    }
}

/// Whose majority decides: nobody as long as this node has no catalog.
fn voters(groups: &Groups) -> BTreeSet<NodeId> {
    let catalog = groups.get(GroupId::CATALOG);
    catalog.map(|catalog| catalog.members().0).unwrap_or_default()
}

/// Asks a node. Nodes of a version before do not answer that, but they answer the call behind it
/// on the same stream: who answers only that one tells nothing.
async fn ask(peers: Arc<Peers>, node: NodeId) -> Answer {
    let asked = Instant::now();
    let Some(link) = peers.link(node) else {
        return (node, asked, Err(CallError::Unreachable(node)));
    };
    let state = link.call(GroupId::CATALOG, Body::NodeState(pb::NodeState {}), ANSWER_MAX);
    let no_group = GroupId(u64::MAX);
    let behind = link.call(no_group, Body::Counts(pb::Counts {}), ANSWER_MAX);
    tokio::pin!(state);
    tokio::select! {
        biased;
        answer = &mut state => (node, asked, answer.and_then(|body| told(node, body))),
        answer = behind => {
            let told = match state.now_or_never() {
                Some(answer) => answer.and_then(|body| told(node, body)),
                None => answer.map(|_| None),
            };
            (node, asked, told)
        }
    }
}

fn full(state: pb::NodeStateReply) -> Full {
    Full {
        disk: state.disk_full,
        memory: state.memory_full,
    }
}

fn told(node: NodeId, body: Body) -> Result<Option<pb::NodeStateReply>, CallError> {
    match body {
        Body::NodeStateReply(state) => Ok(Some(state)),
        _ => Err(CallError::Failed(node, "it answered something else".to_owned())),
    }
}
