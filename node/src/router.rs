//! Brings a command to the leader of its group, wherever that is, and its reply back. The one
//! place that retries: changes of leadership and broken connections are its business until the
//! request's deadline. That is safe because every command carries an invocation, under which the
//! machine answers a repetition with the first reply.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;
use raft::command::Reply;
use raft::command::catalog::CatalogReply;
use raft::command::queue::QueueReply;
use raft::group::NotDone;
use raft::groups::Groups;
use raft::peers::pb::{self, command_reply, frame::Body, not_done::Reason};
use raft::peers::{CallError, Peers};
use raft::types::{GroupId, NodeId};
use tokio::time::Instant;

use crate::catalog::CatalogView;
use crate::local::{Done, Local};

/// How long a node is trusted to answer a command, beyond the time a receive may wait. Then the
/// command is sent again, to whoever leads by then.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before a repetition, while nobody leads.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// As long as a replica here knows no leader, another one is asked at every so many attempts.
const PROBE_ATTEMPTS: usize = 8;
/// Leaders remembered at most.
const HINTS_MAX: usize = 65_536;

/// Why a command has no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No leader could be reached in time. The command may or may not have taken effect.
    #[error("no leader of {0} answered in time")]
    Unavailable(GroupId),
    /// The group has too much to do. The command was not taken.
    #[error("{0} is overloaded")]
    Busy(GroupId),
    /// So many of the group's replicas are quarantined that it has no majority. An operator has to act.
    #[error("{0} is quarantined on a majority of its replicas")]
    Quarantined(GroupId),
    /// The group was deleted. The command may have taken effect before.
    #[error("{0} does not exist any more")]
    NoSuchGroup(GroupId),
}

/// A command on its way.
#[derive(Clone, Debug)]
pub struct Command {
    /// The group.
    pub group: GroupId,
    /// Nodes that have a replica, in case this one has none.
    pub replicas: Arc<[NodeId]>,
    /// The encoded command.
    pub bytes: Bytes,
    /// Set for a receive: how long it may wait for a message.
    pub receive: Option<Duration>,
}

/// Routes commands.
pub struct Router {
    groups: Arc<Groups>,
    peers: Arc<Peers>,
    local: Arc<Local>,
    patience: Duration,
    /// Last known leaders of groups that have no replica here.
    hints: Mutex<BTreeMap<GroupId, NodeId>>,
    /// Set once this node belongs to a cluster.
    catalog: OnceLock<Arc<CatalogView>>,
}

enum Attempt {
    Done(Done),
    Failed(RouteError),
    /// Try again; perhaps that node leads.
    Again(Option<NodeId>),
    /// That node's replica is out of service.
    Quarantined,
}

/// The nodes whose replicas of a group were found quarantined while a command was on its way.
struct Broken<'a> {
    me: NodeId,
    replicas: &'a [NodeId],
    nodes: BTreeSet<NodeId>,
    /// Which of the others is asked next.
    next: usize,
}

impl Broken<'_> {
    /// Adds a node. Returns whether the group can have no leader any more: a majority of its replicas is quarantined.
    fn has_majority(&mut self, node: NodeId) -> bool {
        self.nodes.insert(node);
        let broken = self.replicas.iter().filter(|node| self.nodes.contains(node));
        !self.replicas.is_empty() && broken.count() > self.replicas.len() / 2
    }

    /// The node to ask: `known`, or another replica in turn if that one is quarantined. With none known, another one is asked now
    /// and then: it may be quarantined.
    fn choose(&mut self, known: Option<NodeId>, attempt: usize) -> Option<NodeId> {
        match known {
            Some(node) if !self.nodes.contains(&node) => return known,
            None if self.nodes.is_empty() && !(attempt + 1).is_multiple_of(PROBE_ATTEMPTS) => return None,
            _ => {}
        }
        let others: Vec<NodeId> = self
            .replicas
            .iter()
            .copied()
            .filter(|node| *node != self.me && !self.nodes.contains(node))
            .collect();
        self.next += 1;
        (!others.is_empty()).then(|| others[self.next % others.len()])
    }
}

impl Router {
    /// A router over this node's replicas and its peers.
    pub fn new(groups: Arc<Groups>, peers: Arc<Peers>, local: Arc<Local>, patience: Duration) -> Arc<Router> {
        Arc::new(Router {
            groups,
            peers,
            local,
            patience,
            hints: Mutex::default(),
            catalog: OnceLock::new(),
        })
    }

    /// Lets the router know what exists.
    pub fn set_catalog(&self, catalog: Arc<CatalogView>) {
        // There is only one catalog: a second call changes nothing.
        let _ = self.catalog.set(catalog);
    }

    /// Gets `command` done.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn command(&self, command: Command) -> Result<Reply, RouteError> {
        let mut waited = Duration::ZERO;
        self.command_waiting(command, &mut waited).await
    }

    /// The same; adds to `waited` the time in which a receive waited for a message. If its leader is lost meanwhile, nobody knows
    /// how much that was, and all counts as such: what the loss costs is the time until the next attempt.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn command_waiting(
        &self,
        command: Command,
        waited: &mut Duration,
    ) -> Result<Reply, RouteError> {
        let begun = Instant::now();
        let wait = command.receive.unwrap_or_default();
        let deadline = begun + wait + self.patience;
        let mut hint = None;
        let mut broken = Broken {
            me: self.peers.me(),
            replicas: &command.replicas,
            nodes: BTreeSet::new(),
            next: 0,
        };
        if self.groups.quarantine_of(command.group).is_some() && broken.has_majority(self.peers.me()) {
            return Err(RouteError::Quarantined(command.group));
        }
        for attempt in 0.. {
            let target = broken.choose(self.target(&command, hint, attempt), attempt);
            let attempted = Instant::now();
            let outcome = match target {
                Some(node) => {
                    let left = wait.saturating_sub(begun.elapsed());
                    self.attempt(node, &command, left, deadline).await
                }
                None => Attempt::Again(None),
            };
            match outcome {
                Attempt::Done(done) => {
                    *waited += done.waited.min(attempted.elapsed());
                    return Ok(done.reply);
                }
                Attempt::Failed(error) => return Err(error),
                Attempt::Quarantined if target.is_some_and(|node| broken.has_majority(node)) => {
                    return Err(RouteError::Quarantined(command.group));
                }
                again @ (Attempt::Again(_) | Attempt::Quarantined) => {
                    let leader = match again {
                        Attempt::Again(leader) => leader,
                        _ => None,
                    };
                    if !wait.is_zero() {
                        *waited += attempted.elapsed();
                    }
                    hint = leader.filter(|l| Some(*l) != target);
                    if hint.is_none() {
                        self.hints.lock().remove(&command.group);
                        if self.was_deleted(command.group) {
                            return Err(RouteError::NoSuchGroup(command.group));
                        }
                        self.pause(&command).await;
                    }
                    if Instant::now() >= deadline {
                        return Err(RouteError::Unavailable(command.group));
                    }
                }
            }
        }
        Err(RouteError::Unavailable(command.group))
    }

    /// The numbers of messages of a partition, from its leader; nothing if none can be reached in time.
    pub async fn counts(&self, group: GroupId, replicas: &[NodeId]) -> Option<pb::CountsReply> {
        let begun = Instant::now();
        for attempt in 0.. {
            let known = self.groups.get(group).and_then(|g| g.leadership().leader);
            let target = known.or_else(|| replicas.get(attempt % replicas.len().max(1)).copied())?;
            let counts = if target == self.peers.me() {
                Some(self.local.counts(group))
            } else {
                self.counts_from(target, group).await
            };
            if let Some(counts) = counts.filter(|c| c.leads) {
                return Some(counts);
            }
            if begun.elapsed() > self.patience || self.was_deleted(group) {
                break;
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        None
    }

    async fn counts_from(&self, node: NodeId, group: GroupId) -> Option<pb::CountsReply> {
        let link = self.peers.link(node)?;
        match link
            .call(group, Body::Counts(pb::Counts {}), ATTEMPT_TIMEOUT)
            .await
        {
            Ok(Body::CountsReply(counts)) => Some(counts),
            _ => None,
        }
    }

    /// Waits until this node's replica of a new group knows a leader, within a bound; not at all if
    /// the group has no replica here.
    pub async fn wait_for_leader(&self, group: GroupId) {
        let led = async {
            loop {
                if let Some(group) = self.groups.get(group) {
                    let seen = group.leadership();
                    if seen.leader.is_some() {
                        return;
                    }
                    group.leadership_changed(seen).await;
                } else if self.is_elsewhere(group) {
                    return;
                } else {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        };
        // Without one by then, the first message waits for it.
        let _ = tokio::time::timeout(ATTEMPT_TIMEOUT, led).await;
    }

    /// Whether a group may have a leader: this node knows of one, or has no replica that would.
    pub fn may_be_led(&self, group: GroupId) -> bool {
        let here = self.groups.get(group);
        here.is_none_or(|group| group.leadership().leader.is_some() || !group.votes())
    }

    /// Whether the catalog, as far as this node knows it, places the group on other nodes only.
    fn is_elsewhere(&self, group: GroupId) -> bool {
        let me = self.peers.me().0;
        self.catalog
            .get()
            .is_some_and(|c| c.read(|c| c.group(group).is_some_and(|g| !g.members.contains(&me))))
    }

    /// Whether this node knows that the group was deleted. It may be, and not known here yet.
    fn was_deleted(&self, group: GroupId) -> bool {
        self.catalog
            .get()
            .is_some_and(|c| c.read(|c| c.was_deleted(group)))
    }

    /// Remembers who leads a group that has no replica here. Only a hint: when there are too many,
    /// those of deleted groups go, and if that does not help, all.
    fn remember(&self, group: GroupId, leader: NodeId) {
        let mut hints = self.hints.lock();
        if hints.len() >= HINTS_MAX {
            hints.retain(|group, _| !self.was_deleted(*group));
            if hints.len() > HINTS_MAX / 2 {
                hints.clear();
            }
        }
        hints.insert(group, leader);
    }

    /// Which node to ask: the hinted one, the leader that this replica knows, or a replica in turn.
    fn target(&self, command: &Command, hint: Option<NodeId>, attempt: usize) -> Option<NodeId> {
        if hint.is_some() {
            return hint;
        }
        if let Some(group) = self.groups.get(command.group) {
            let leader = group.leadership().leader;
            // A replica that joins, or that has left, may never hear of one.
            if leader.is_some() || group.votes() {
                return leader;
            }
        }
        if let Some(known) = self.hints.lock().get(&command.group) {
            return Some(*known);
        }
        let others: Vec<NodeId> = command
            .replicas
            .iter()
            .copied()
            .filter(|n| *n != self.peers.me())
            .collect();
        (!others.is_empty()).then(|| others[attempt % others.len()])
    }

    async fn attempt(&self, node: NodeId, command: &Command, wait: Duration, deadline: Instant) -> Attempt {
        if node == self.peers.me() {
            let done = self.local.execute(
                command.group,
                command.bytes.clone(),
                command.receive.map(|_| wait),
            );
            return tokio::select! {
                // A reply that has come is taken even if the leader changed meanwhile.
                biased;
                done = done => match done {
                    Ok(done) => Attempt::Done(done),
                    Err(NotDone::NotLeader(leader)) => Attempt::Again(leader),
                    Err(NotDone::Busy) => Attempt::Failed(RouteError::Busy(command.group)),
                    Err(NotDone::Stopped) => Attempt::Again(None),
                    Err(NotDone::Quarantined) => Attempt::Quarantined,
                },
                () = self.leader_changed_from(command.group, node) => Attempt::Again(None),
                () = tokio::time::sleep_until(deadline) => {
                    Attempt::Failed(RouteError::Unavailable(command.group))
                }
            };
        }
        let Some(link) = self.peers.link(node) else {
            return Attempt::Again(None);
        };
        let body = Body::Command(pb::Command {
            command: command.bytes.clone(),
            receive: command.receive.is_some(),
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        });
        let call = link.call(command.group, body, wait + ATTEMPT_TIMEOUT);
        tokio::select! {
            // A reply that has come is taken even if the leader changed meanwhile.
            biased;
            reply = call => match reply {
                Ok(body) => self.remote_reply(node, command.group, body),
                Err(CallError::Overloaded(_)) => Attempt::Failed(RouteError::Busy(command.group)),
                Err(
                    CallError::Unreachable(_)
                    | CallError::Timeout(_)
                    | CallError::Failed(..)
                    | CallError::Superseded(..),
                ) => Attempt::Again(None),
            },
            () = self.leader_changed_from(command.group, node) => Attempt::Again(None),
        }
    }

    fn remote_reply(&self, node: NodeId, group: GroupId, body: Body) -> Attempt {
        let Body::CommandReply(pb::CommandReply {
            reply: Some(reply),
            waited_us,
        }) = body
        else {
            return Attempt::Again(None);
        };
        let waited = Duration::from_micros(waited_us);
        let done = |reply| Attempt::Done(Done { reply, waited });
        let reply = match reply {
            command_reply::Reply::Queue(bytes) => QueueReply::decode(bytes).map(Reply::Queue),
            command_reply::Reply::Catalog(bytes) => CatalogReply::decode(bytes).map(Reply::Catalog),
            command_reply::Reply::NotDone(not_done) => {
                return match not_done.reason() {
                    Reason::NotLeader => {
                        Attempt::Again((not_done.leader != 0).then_some(NodeId(not_done.leader)))
                    }
                    Reason::Busy => Attempt::Failed(RouteError::Busy(group)),
                    Reason::Unintelligible => done(Reply::Unintelligible),
                    Reason::Quarantined => Attempt::Quarantined,
                    // A replica that is not open there may be opening, or be gone for good: the
                    // catalog knows.
                    Reason::NoSuchGroup | Reason::Stopped | Reason::Unspecified => Attempt::Again(None),
                };
            }
        };
        let Ok(reply) = reply else {
            return Attempt::Again(None);
        };
        if self.groups.get(group).is_none() {
            self.remember(group, node);
        }
        done(reply)
    }

    /// Returns when this node's replica of the group follows another leader than `node`.
    async fn leader_changed_from(&self, group: GroupId, node: NodeId) {
        let Some(group) = self.groups.get(group) else {
            return std::future::pending().await;
        };
        loop {
            let seen = group.leadership();
            if seen.leader.is_some_and(|leader| leader != node) {
                return;
            }
            group.leadership_changed(seen).await;
        }
    }

    /// Waits for a reason to try again: another leader, or a little time.
    async fn pause(&self, command: &Command) {
        let pause = tokio::time::sleep(RETRY_PAUSE);
        let Some(group) = self.groups.get(command.group) else {
            return pause.await;
        };
        tokio::select! {
            // The order does not matter: both only end the pause.
            biased;
            () = group.leadership_changed(group.leadership()) => {}
            () = pause => {}
        }
    }
}
