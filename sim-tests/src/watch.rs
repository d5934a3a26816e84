//! What the replicas of all nodes did, checked while they do it: Raft's safety properties as the
//! invariants under `invariants/` state them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use raft::types::{GroupId, LogIndex, NodeId};
use raft::witness::{EntryMark, Kept, Witness};

use crate::invariants::RAFT;
use crate::timeline::Timeline;
use crate::violation::Violation;

/// A step of a replica, as the witness is told of it.
#[derive(Clone, Debug)]
pub enum Step {
    /// See [`Witness::voted`].
    Voted {
        /// The term of the vote.
        term: u64,
        /// Whom it is for.
        candidate: NodeId,
        /// Whether a majority has granted it.
        leads: bool,
    },
    /// See [`Witness::appended`].
    Appended(Vec<EntryMark>),
    /// See [`Witness::truncated`].
    Truncated(Option<LogIndex>),
    /// See [`Witness::opened`].
    Opened(Kept),
    /// See [`Witness::forgotten`].
    Forgotten,
    /// See [`Witness::left`].
    Left,
    /// See [`Witness::durable`].
    Durable(LogIndex),
    /// See [`Witness::applied`].
    Applied {
        /// Which.
        entry: EntryMark,
        /// Checksum of the state after it, for some entries.
        digest: Option<u64>,
    },
    /// See [`Witness::installed`].
    Installed {
        /// How many entries the state has.
        applied: u64,
        /// Checksum of the state.
        digest: u64,
    },
}

/// A property of steps, with a memory of what went before.
pub trait Property: Send {
    /// Looks at a step. An error is a violation, as a sentence.
    fn see(&mut self, node: NodeId, group: GroupId, step: &Step) -> Result<(), String>;
}

/// All that was seen.
pub struct Watch {
    seen: Mutex<Seen>,
    timeline: Timeline,
}

struct Seen {
    properties: Vec<(&'static str, Box<dyn Property>)>,
    violations: Vec<Violation>,
    leaders: BTreeMap<GroupId, (u64, NodeId)>,
    /// Deleted groups. A node whose catalog is behind may open one again, empty; nobody relies on it.
    forgotten: BTreeSet<GroupId>,
    votes: Last,
    appends: Last,
    steps: u64,
    hash: u64,
}

/// How often something happened, and on which node last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// How often.
    pub times: u64,
    /// Where.
    pub node: Option<NodeId>,
}

impl Last {
    fn happened(&mut self, node: NodeId) {
        self.times += 1;
        self.node = Some(node);
    }
}

/// Violations beyond these say nothing new.
const VIOLATIONS_MAX: usize = 20;
/// The state is compared after each entry whose index is a multiple of this, and more seldom the longer the
/// log is: a digest takes as long as the state is large, and states that differ go on to differ.
const DIGEST_EVERY: u64 = 8;

fn is_compared(index: LogIndex) -> bool {
    let every = (index.0 / 64).next_power_of_two().max(DIGEST_EVERY);
    index.0.is_multiple_of(every)
}

impl Watch {
    /// Nothing was seen yet.
    pub fn new(timeline: Timeline) -> Arc<Watch> {
        let seen = Mutex::new(Seen {
            properties: RAFT.iter().map(|(name, make)| (*name, make())).collect(),
            violations: Vec::new(),
            leaders: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            votes: Last::default(),
            appends: Last::default(),
            steps: 0,
            hash: 0,
        });
        Arc::new(Watch { seen, timeline })
    }

    /// The witness of one node.
    pub fn of(self: &Arc<Watch>, node: NodeId) -> Arc<dyn Witness> {
        let watch = self.clone();
        Arc::new(NodeWatch { node, watch })
    }

    /// The violations so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.seen.lock().violations.clone()
    }

    /// How many steps there were, and a checksum over all of them in their order.
    pub fn fingerprint(&self) -> (u64, u64) {
        let seen = self.seen.lock();
        (seen.steps, seen.hash)
    }

    /// The last leader of each group.
    pub fn leaders(&self) -> Vec<(GroupId, NodeId)> {
        let seen = self.seen.lock();
        seen.leaders
            .iter()
            .map(|(group, (_, node))| (*group, *node))
            .collect()
    }

    /// The last vote for somebody who was not elected yet.
    pub fn last_vote(&self) -> Last {
        self.seen.lock().votes
    }

    /// The last time that entries were handed to a log.
    pub fn last_append(&self) -> Last {
        self.seen.lock().appends
    }

    fn see(&self, node: NodeId, group: GroupId, step: &Step) {
        let mut seen = self.seen.lock();
        let at = turmoil::sim_elapsed().unwrap_or_default();
        let text = format!("{at:?} {node} {group} {step:?}");
        tracing::debug!("{text}");
        seen.steps += 1;
        seen.hash = (seen.hash.rotate_left(5) ^ u64::from(crc32c::crc32c(text.as_bytes())))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if matches!(step, Step::Forgotten) {
            seen.forgotten.insert(group);
            seen.leaders.remove(&group);
        }
        if seen.forgotten.contains(&group) {
            return;
        }
        match step {
            Step::Voted { leads: false, .. } => seen.votes.happened(node),
            Step::Appended(_) => seen.appends.happened(node),
            _ => {}
        }
        if let Step::Voted {
            term,
            candidate,
            leads: true,
        } = step
            && *candidate == node
            && seen.leaders.insert(group, (*term, node)) != Some((*term, node))
        {
            self.timeline.add_now(
                &crate::host::name(node.0),
                format!("leads {group} in term {term}"),
            );
        }
        let Seen {
            properties,
            violations,
            ..
        } = &mut *seen;
        for (name, property) in properties {
            if let Err(what) = property.see(node, group, step)
                && violations.len() < VIOLATIONS_MAX
            {
                let violation = Violation::of_steps(name, what, at);
                self.timeline.add(at, "check", format!("VIOLATION {violation}"));
                violations.push(violation);
            }
        }
    }
}

struct NodeWatch {
    node: NodeId,
    watch: Arc<Watch>,
}

impl Witness for NodeWatch {
    fn voted(&self, group: GroupId, term: u64, candidate: NodeId, leads: bool) {
        let step = Step::Voted {
            term,
            candidate,
            leads,
        };
        self.watch.see(self.node, group, &step);
    }

    fn appended(&self, group: GroupId, entries: &[EntryMark]) {
        self.watch
            .see(self.node, group, &Step::Appended(entries.to_vec()));
    }

    fn truncated(&self, group: GroupId, last: Option<LogIndex>) {
        self.watch.see(self.node, group, &Step::Truncated(last));
    }

    fn durable(&self, group: GroupId, last: LogIndex) {
        self.watch.see(self.node, group, &Step::Durable(last));
    }

    fn forgotten(&self, group: GroupId) {
        self.watch.see(self.node, group, &Step::Forgotten);
    }

    fn left(&self, group: GroupId) {
        self.watch.see(self.node, group, &Step::Left);
    }

    fn opened(&self, group: GroupId, kept: Kept) {
        self.watch.see(self.node, group, &Step::Opened(kept));
    }

    fn applied(&self, group: GroupId, entry: EntryMark, digest: &dyn Fn() -> u64) {
        let digest = is_compared(entry.index).then(digest);
        self.watch.see(self.node, group, &Step::Applied { entry, digest });
    }

    fn installed(&self, group: GroupId, applied: u64, digest: &dyn Fn() -> u64) {
        let step = Step::Installed {
            applied,
            digest: digest(),
        };
        self.watch.see(self.node, group, &step);
    }
}
