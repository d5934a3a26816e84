//! One Raft group: propose a command, read the state, answer the other replicas. The only folder
//! where openraft's types appear; outside it, a group is what this file shows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::Fatal;
use openraft::{ChangeMembers, EmptyNode, ServerState};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::command::Reply;
use crate::command::queue::Delivered;
use crate::machine::queue::Unread;
use crate::machine::{Machine, MachineKind};
use crate::peers::pb;
use crate::planted::{Bug, planted};
use crate::quarantine::{Broken, Cause};
use crate::types::{GroupId, NodeId};
use crate::wal::GroupLog;

mod acks;
mod birth;
mod changes;
pub mod entry;
pub mod epoch;
mod followers;
pub mod log;
mod memory;
mod network;
mod offer;
mod open;
mod pace;
mod promise;
mod proposer;
mod pull;
mod pulls;
mod read_index;
mod replica;
mod reverted;
mod rpc;
pub mod runtime;
mod send_state;
mod served;
mod space;
mod state_machine;
mod transfer;
mod transfers;
pub mod types;
mod unwritten;
mod verify;
mod whole;
mod wire;

use acks::Acks;
pub use birth::{Birth, Origin};
pub use followers::Follower;
pub(crate) use memory::{Accountant, Memory};
pub use open::{OpenError, Timing};
pub(crate) use open::{Parts, open};
pub use pace::AHEAD_MS_MAX;
pub(crate) use proposer::InFlight;
pub use proposer::{Load, Proposals};
pub(crate) use pulls::Pulls;
pub use replica::Replica;
use reverted::Repair;
pub(crate) use reverted::Reversions;
pub(crate) use space::Pressure;
use state_machine::StateMachine;
use types::TypeConfig;
pub use verify::{Pass, Verification};

type RaftHandle = openraft::Raft<TypeConfig, StateMachine>;

/// What a leader puts before the next batch, in order: see [`crate::groups::Groups::open`].
pub type Prelude = dyn Fn(&Machine) -> Vec<Bytes> + Send + Sync;

/// Why a command has no reply. It may or may not take effect yet: whoever repeats it uses the same
/// invocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// This replica does not lead; perhaps that one does.
    #[error("this node does not lead the group")]
    NotLeader(Option<NodeId>),
    /// Too many commands are waiting.
    #[error("the group has too many commands waiting")]
    Busy,
    /// The replica has stopped.
    #[error("the replica has stopped")]
    Stopped,
    /// The replica is out of service until an operator retries, or its files are replaced.
    #[error("the replica is quarantined")]
    Quarantined,
}

/// What this node knows about a group's leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The current term.
    pub term: u64,
    /// The leader, if known. Stays the last one until another is elected.
    pub leader: Option<NodeId>,
    /// Whether that is this node.
    pub leads: bool,
}

/// Why a replica stopped, or has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It concerns this group alone: its replica is quarantined, and the node goes on.
    Broken(Broken),
    /// The log or the store has failed: the node must end.
    Storage(String),
}

impl Fault {
    fn task_ended(reason: &str) -> Fault {
        Fault::Broken(Broken {
            cause: Cause::Entry,
            index: None,
            reason: reason.to_owned(),
        })
    }
}

/// How far a replica is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Index after the last log entry.
    pub last: u64,
    /// Index after the last applied entry.
    pub applied: u64,
    /// Index after the last entry that a checkpoint covers.
    pub checkpointed: u64,
    /// Index of the first entry that is still in the log.
    pub first: u64,
}

/// This node's replica of one group.
pub struct Group {
    id: GroupId,
    kind: MachineKind,
    me: NodeId,
    lease: Duration,
    acks: Arc<Acks>,
    repair: Arc<Repair>,
    /// Until when, by uptime, it keeps what it promised before it was opened.
    promised_until: Option<Duration>,
    /// The last term in which this node set out to give its leadership away.
    given_up: AtomicU64,
    /// When it last asked somebody to take it.
    handed_over: Mutex<Option<Instant>>,
    raft: RaftHandle,
    replica: Arc<Replica>,
    log: GroupLog,
    proposer: proposer::Proposer,
    parts: Parts,
    /// This replica is about to end.
    closing: CancellationToken,
    /// The latest epoch that another replica has spoken in, if that is later than this one's.
    superseded: watch::Sender<u64>,
    /// The epoch of what its log had when it was opened, if it had anything.
    opened_in: Option<u64>,
}

impl Group {
    /// Its number.
    pub fn id(&self) -> GroupId {
        self.id
    }

    /// The node of this replica.
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// Its kind.
    pub fn kind(&self) -> MachineKind {
        self.kind
    }

    /// This node's copy of the state.
    pub fn replica(&self) -> &Arc<Replica> {
        &self.replica
    }

    /// Queues a command now; the future gives its reply when it is applied here, after it became
    /// durable on a majority.
    pub fn propose(&self, command: Bytes) -> impl Future<Output = Result<Reply, NotDone>> + Send + use<> {
        self.proposer.propose(command)
    }

    /// How much this replica's log has had to take in as a leader's.
    pub fn load(&self) -> Load {
        self.proposer.load()
    }

    /// Commands that wait here for a batch.
    pub fn waiting(&self) -> usize {
        self.proposer.waiting()
    }

    /// Reads what deliveries lack from this replica's files.
    ///
    /// # Errors
    /// [`NotDone::Stopped`] if it cannot be read: then the replica stops. [`NotDone::Busy`] if nothing can read now.
    pub async fn read_letters(&self, unread: Unread) -> Result<Vec<Delivered>, NotDone> {
        if unread.is_complete() {
            return Ok(unread.into_delivered());
        }
        let io = &self.parts.env.io;
        self.replica.read_files(io, move || unread.read()).await
    }

    /// Who leads, as far as this node knows.
    pub fn leadership(&self) -> Leadership {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        Leadership {
            term: metrics.vote.leader_id.term,
            leader: metrics.current_leader,
            leads: metrics.state == ServerState::Leader
                && metrics.current_leader == Some(self.me)
                && !self.replica.has_ended(),
        }
    }

    /// What this replica has voted for.
    fn promised(&self) -> types::Vote {
        let metrics = self.raft.server_metrics();
        metrics.borrow_watched().vote
    }

    /// Returns when what [`Group::leadership`] says may have changed from `seen`. That may be never:
    /// nothing changes any more once the replica has stopped.
    pub async fn leadership_changed(&self, seen: Leadership) {
        let mut metrics = self.raft.server_metrics();
        while self.leadership() == seen {
            if metrics.changed().await.is_err() {
                if self.leadership() == seen {
                    std::future::pending::<()>().await;
                }
                return;
            }
        }
    }

    /// Whether this node leads, as far as it knows, and has applied an entry of its own term and thereby all that its
    /// predecessors had acknowledged.
    pub fn leads_with_all(&self) -> bool {
        let leader = self.raft.as_leader();
        leader.is_ok_and(|leader| self.has_all_of(leader.term()))
    }

    /// Whether a majority has confirmed within the lease that this node leads; none if it does not, or needs nobody else.
    pub fn is_confirmed(&self) -> Option<bool> {
        let leader = self.raft.as_leader().ok()?;
        if self
            .followed_for(leader.term())
            .is_some_and(|age| age < self.lease)
        {
            return Some(true);
        }
        let needs_others = self.raft.voter_ids().any(|node| node != self.me);
        needs_others.then_some(false)
    }

    /// Whether an entry of a term has been applied.
    fn has_all_of(&self, term: u64) -> bool {
        let applied_term = self.replica.view(|s| s.applied.map(|id| *id.leader_id));
        applied_term == Some(term) && !self.replica.has_ended()
    }

    /// Whether this node [leads with all](Group::leads_with_all), and a majority confirmed it recently enough that no other leader
    /// can have been elected. What it reads is not stale if this is true before (then the state is
    /// recent) and after (then nobody else was leading).
    pub fn leads_with_lease(&self) -> bool {
        let Ok(leader) = self.raft.as_leader() else {
            return false;
        };
        if !self.has_all_of(leader.term()) {
            return false;
        }
        if planted(Bug::StaleRead) {
            return true;
        }
        let has_given_up = self.given_up.load(Ordering::Acquire) == leader.term();
        let age = self.followed_for(leader.term());
        !has_given_up && age.is_some_and(|age| age < self.lease)
    }

    /// How old a majority's word is that this node leads in a term, from when it was asked.
    fn followed_for(&self, term: u64) -> Option<Duration> {
        let now = self.parts.env.uptime.uptime();
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let voters = metrics.membership_config.membership().get_joint_config();
        let since = self.acks.followed_since(term, self.me, voters, now)?;
        Some(now.saturating_sub(since))
    }

    /// Waits until this replica has applied everything before `index`.
    ///
    /// # Errors
    /// [`NotDone::Stopped`] if the replica stops before.
    pub async fn wait_applied(&self, index: u64) -> Result<(), NotDone> {
        let mut applied = self.replica.applied();
        let reached = applied
            .wait_for(|now| *now >= index || self.replica.has_ended())
            .await;
        match reached {
            Ok(now) if *now >= index => Ok(()),
            _ => Err(NotDone::Stopped),
        }
    }

    /// How long a majority's word that this node leads is good for.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// Gives leadership to `to`, if this node has it. From now on, and for the rest of the term, the lease cannot be relied upon
    /// here, because voters elect a leader's chosen successor while it lasts; and nothing is proposed, whether the successor is
    /// elected or not. The other voters elect one of themselves if it is not. Who asks again before that could have come about
    /// disturbs nobody.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub async fn hand_over(&self, to: NodeId) -> Result<(), NotDone> {
        let term = self.leadership().term;
        let now = Instant::now();
        {
            let mut asked = self.handed_over.lock();
            let is_again = self.given_up.fetch_max(term, Ordering::AcqRel) == term;
            let last = asked.filter(|last| is_again && now.duration_since(*last) < 2 * self.lease);
            if last.is_some() {
                return Ok(());
            }
            *asked = Some(now);
        }
        self.raft
            .trigger()
            .transfer_leader(to)
            .await
            .map_err(|_| NotDone::Stopped)
    }

    /// Asks to be elected now instead of when the leader's time runs out.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub async fn campaign(&self) -> Result<(), NotDone> {
        self.raft
            .trigger()
            .elect(true)
            .await
            .map_err(|_| NotDone::Stopped)
    }

    /// Voters and learners, as this replica knows them.
    pub fn members(&self) -> (BTreeSet<NodeId>, BTreeSet<NodeId>) {
        (self.raft.voter_ids().collect(), self.raft.learner_ids().collect())
    }

    /// The voter sets of the last configuration in this replica's log: two while a change of members is joint, else one.
    /// Whatever is agreed upon needs a majority of each.
    pub fn voter_sets(&self) -> Vec<BTreeSet<NodeId>> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.membership().get_joint_config().clone()
    }

    /// Whether this replica is a voter, as far as it knows.
    pub fn votes(&self) -> bool {
        self.raft.voter_ids().any(|id| id == self.me)
    }

    /// The members, if they are all voters, agreed upon by a majority, and no change of them is under way as far as this
    /// replica has applied.
    pub fn settled_members(&self) -> Option<BTreeSet<NodeId>> {
        let membership = self.replica.view(|s| s.membership.membership().clone());
        let is_joint = membership.get_joint_config().len() != 1;
        let has_learners = membership.learner_ids().next().is_some();
        let is_last = self.raft.voter_ids().eq(membership.voter_ids());
        (!is_joint && !has_learners && is_last).then(|| membership.voter_ids().collect())
    }

    /// How long ago each follower last answered, if it ever did; empty on other replicas.
    pub fn heard(&self) -> Vec<(NodeId, Option<Duration>)> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let Some(heartbeat) = &metrics.heartbeat else {
            return Vec::new();
        };
        heartbeat
            .iter()
            .map(|(node, at)| (*node, at.as_ref().map(|at| at.elapsed())))
            .collect()
    }

    /// Makes `node` a learner: it gets the log but has no vote. Returns when that is agreed.
    ///
    /// # Errors
    /// As text; membership changes are repeated by whoever wants them.
    pub async fn add_learner(&self, node: NodeId) -> Result<(), String> {
        self.raft
            .add_learner(node, EmptyNode {}, false)
            .await
            .map(drop)
            .map_err(|e| e.to_string())
    }

    /// Makes exactly `voters` the voters; former voters become learners.
    ///
    /// # Errors
    /// As text; membership changes are repeated by whoever wants them.
    pub async fn set_voters(&self, voters: BTreeSet<NodeId>) -> Result<(), String> {
        self.raft
            .change_membership(voters, true)
            .await
            .map(drop)
            .map_err(|e| e.to_string())
    }

    /// Makes exactly `voters` the members: who was one and is not among them gets nothing any more.
    ///
    /// # Errors
    /// As text; membership changes are repeated by whoever wants them.
    pub async fn set_members(&self, voters: BTreeSet<NodeId>) -> Result<(), String> {
        self.raft
            .change_membership(voters, false)
            .await
            .map(drop)
            .map_err(|e| e.to_string())
    }

    /// Lets learners go.
    ///
    /// # Errors
    /// As text; membership changes are repeated by whoever wants them.
    pub async fn remove_learners(&self, nodes: BTreeSet<NodeId>) -> Result<(), String> {
        self.raft
            .change_membership(ChangeMembers::RemoveNodes(nodes), false)
            .await
            .map(drop)
            .map_err(|e| e.to_string())
    }

    /// How the comparison of this replica's state with its leader's stands.
    pub fn verification(&self) -> Verification {
        self.replica.ledger().shown()
    }

    /// The same, once it is like this.
    pub async fn verification_once(&self, is_so: impl Fn(&Verification) -> bool) -> Verification {
        self.replica.ledger().shown_once(is_so).await
    }

    /// How far this replica is.
    pub fn progress(&self) -> Progress {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        Progress {
            last: metrics.last_log_index.map_or(0, |i| i + 1),
            applied: *self.replica.applied().borrow(),
            checkpointed: self.replica.checkpointed(),
            first: metrics.purged.as_ref().map_or(0, |id| id.index + 1),
        }
    }

    /// Index and term of the last log entry; none if there is none.
    pub fn last_entry(&self) -> Option<(u64, u64)> {
        let metrics = self.raft.data_metrics();
        let metrics = metrics.borrow_watched();
        metrics.last_log.as_ref().map(|id| (id.index, *id.leader_id))
    }

    /// How far behind the leader's log each follower is, in entries; empty on other replicas.
    pub fn lags(&self) -> Vec<(NodeId, Option<u64>)> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let last = metrics.last_log_index.map_or(0, |i| i + 1);
        let Some(replication) = &metrics.replication else {
            return Vec::new();
        };
        replication
            .iter()
            .map(|(node, matched)| (*node, matched.as_ref().map(|m| last.saturating_sub(m.index + 1))))
            .collect()
    }

    /// Why the replica stopped, if it did, or has to be.
    pub fn fault(&self) -> Option<Fault> {
        if let Some(broken) = self.replica.broken() {
            return Some(Fault::Broken(broken.clone()));
        }
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        match &metrics.running_state {
            Err(Fatal::Panicked) => Some(Fault::task_ended("its Raft task has panicked")),
            Err(fault) => Some(Fault::Storage(fault.to_string())),
            Ok(()) if self.replica.has_ended() => Some(Fault::task_ended("its task has ended")),
            Ok(()) => None,
        }
    }

    /// Drops the state in memory of a replica that has been shut down. Who still reads finds an empty machine.
    pub(crate) fn drop_state(&self) {
        state_machine::discard(&self.parts.env.io, self.replica.take_machine());
    }

    /// Ends the replica's tasks.
    pub async fn shutdown(&self) {
        self.closing.cancel();
        self.repair.close();
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(group = %self.id, %error, "the replica's task had failed");
        }
    }
}

impl Drop for Group {
    /// openraft ends with its last handle, and its connections have one, too.
    fn drop(&mut self) {
        self.repair.close();
    }
}

/// The reply to a peer's forwarded command.
pub fn not_done_to(not_done: &NotDone) -> pb::NotDone {
    use pb::not_done::Reason;
    let (reason, leader) = match not_done {
        NotDone::NotLeader(leader) => (Reason::NotLeader, leader.map_or(0, |n| n.0)),
        NotDone::Busy => (Reason::Busy, 0),
        NotDone::Stopped => (Reason::Stopped, 0),
        NotDone::Quarantined => (Reason::Quarantined, 0),
    };
    pb::NotDone {
        reason: reason.into(),
        leader,
    }
}
