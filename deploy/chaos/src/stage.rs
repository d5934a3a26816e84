//! What faults have in hand: the cluster as a whole, and the occasion on which they happen.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use sim_tests::rng::Rng;
use tokio_util::sync::CancellationToken;

use crate::journal::{Event, Journal};
use crate::target::Target;

/// A node that is not ready again so long after its fault was mended has not come back.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// How long a node may take to apply what others have, while nobody writes.
const CAUGHT_UP_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at that, and how many in a row must find nothing.
const LOOK: Duration = Duration::from_millis(200);
const QUIET_LOOKS: u32 = 5;

/// The cluster under test.
pub struct Stage {
    /// Where it runs.
    pub target: Target,
    /// What happens is told to it.
    pub journal: Rc<Journal>,
    /// The clients' process, while it runs.
    pub clients: Cell<Option<Pid>>,
    /// How many nodes founded it.
    pub founders: u64,
    /// The queues of the steady load.
    pub steady: Vec<String>,
    /// Cancelled when the run is to end.
    pub interrupted: CancellationToken,
}

impl Stage {
    /// Who leads which queue of the steady load, as far as nodes say so.
    pub async fn leaders(&self) -> BTreeMap<String, u64> {
        let mut leaders = BTreeMap::new();
        let members = self.target.members();
        let asked = members
            .iter()
            .map(|node| async { (*node, self.target.status(*node).await) });
        for (node, status) in futures::future::join_all(asked).await {
            for replica in status.into_iter().flat_map(|status| status.replicas) {
                let name = replica
                    .queue
                    .as_deref()
                    .and_then(|queue| queue.rsplit('/').next());
                if let Some(name) = name.filter(|_| replica.leads)
                    && self.steady.iter().any(|steady| steady == name)
                {
                    leaders.insert(name.to_owned(), node);
                }
            }
        }
        leaders
    }

    /// The queues of the steady load that these nodes lead.
    pub async fn led_by(&self, nodes: &[u64]) -> Vec<String> {
        let leaders = self.leaders().await.into_iter();
        leaders
            .filter(|(_, leader)| nodes.contains(leader))
            .map(|(queue, _)| queue)
            .collect()
    }

    /// A queue of the steady load and its leader, drawn; the occasion's node if it leads one.
    ///
    /// # Errors
    /// If no node says that it leads one.
    pub async fn any_leader(&self, occasion: &mut Occasion) -> anyhow::Result<(String, u64)> {
        let leaders: Vec<(String, u64)> = self.leaders().await.into_iter().collect();
        let wanted = leaders.iter().find(|(_, leader)| Some(*leader) == occasion.node);
        if let Some(found) = wanted {
            return Ok(found.clone());
        }
        anyhow::ensure!(!leaders.is_empty(), "no node says that it leads a queue");
        Ok(occasion.rng.pick(&leaders).clone())
    }

    /// All members but one.
    pub fn others(&self, node: u64) -> Vec<u64> {
        self.target
            .members()
            .into_iter()
            .filter(|other| *other != node)
            .collect()
    }

    /// From each of one side to each of the other.
    pub fn one_way(&self, from: &[u64], to: &[u64]) -> Vec<(u64, u64)> {
        from.iter().flat_map(|a| to.iter().map(|b| (*a, *b))).collect()
    }

    /// The same and back.
    pub fn both_ways(&self, one: &[u64], other: &[u64]) -> Vec<(u64, u64)> {
        [self.one_way(one, other), self.one_way(other, one)].concat()
    }

    /// Nothing passes from the first to the second of each pair any more.
    ///
    /// # Errors
    /// If the target cannot do it.
    pub async fn cut(&self, pairs: &[(u64, u64)]) -> anyhow::Result<()> {
        for (done, (from, to)) in pairs.iter().enumerate() {
            if let Err(error) = self.target.cut(*from, *to).await {
                self.mend(&pairs[..done]).await?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Everything passes again.
    ///
    /// # Errors
    /// If the target cannot do it.
    pub async fn mend(&self, pairs: &[(u64, u64)]) -> anyhow::Result<()> {
        for (from, to) in pairs {
            self.target.mend(*from, *to).await?;
        }
        Ok(())
    }

    /// Stops the clients' process without ending it, or lets it go on.
    ///
    /// # Errors
    /// If there is none.
    pub fn hold_clients(&self, hold: bool) -> anyhow::Result<()> {
        let clients = self.clients.get().context("there are no clients")?;
        let signal = if hold { Signal::STOP } else { Signal::CONT };
        Ok(kill_process(clients, signal)?)
    }

    /// Waits until no receive waits for messages, and a node has applied whatever the others have. The clients are
    /// held: nothing changes any more then.
    ///
    /// # Errors
    /// If it has not in time.
    pub async fn await_caught_up(&self, node: u64) -> anyhow::Result<()> {
        let caught_up = async {
            let mut looks = 0;
            while looks < QUIET_LOOKS {
                let is_quiet = self.nobody_waits().await && self.has_caught_up(node).await;
                looks = if is_quiet { looks + 1 } else { 0 };
                tokio::time::sleep(LOOK).await;
            }
        };
        let caught_up = tokio::time::timeout(CAUGHT_UP_LIMIT, caught_up).await;
        caught_up.with_context(|| format!("node {node} has not caught up after {CAUGHT_UP_LIMIT:?}"))
    }

    async fn nobody_waits(&self) -> bool {
        let mut waiting = 0;
        for node in self.target.members() {
            waiting += self.target.waiting_receives(node).await.unwrap_or(1);
        }
        waiting == 0
    }

    async fn has_caught_up(&self, node: u64) -> bool {
        let mut ends = BTreeMap::new();
        for other in self.others(node) {
            let Some(status) = self.target.status(other).await else {
                return false;
            };
            for replica in status.replicas {
                let end = ends.entry(replica.group).or_insert(0);
                *end = replica.last.max(*end);
            }
        }
        let here = self.target.status(node).await;
        here.is_some_and(|status| {
            let mut here = status.replicas.iter();
            here.all(|replica| replica.applied >= ends.get(&replica.group).copied().unwrap_or(0))
        })
    }

    /// Waits until these nodes say that they are ready for clients.
    ///
    /// # Errors
    /// If one is not in time.
    pub async fn await_ready(&self, nodes: &[u64]) -> anyhow::Result<()> {
        for node in nodes {
            let ready = self.target.await_ready(*node);
            let ready = tokio::time::timeout(READY_LIMIT, ready).await;
            ready.with_context(|| format!("node {node} is not ready after {READY_LIMIT:?}"))?;
        }
        Ok(())
    }
}

/// One occurrence of a fault.
pub struct Occasion {
    /// What it draws from.
    pub rng: Rng,
    /// The node that it hits, if that is not to be drawn.
    pub node: Option<u64>,
    pub(crate) number: usize,
    pub(crate) kind: String,
    pub(crate) lasts: Duration,
    pub(crate) journal: Rc<Journal>,
    pub(crate) interrupted: CancellationToken,
    pub(crate) has_begun: Rc<std::cell::Cell<bool>>,
}

impl Occasion {
    /// The node that it hits.
    pub fn node(&mut self, stage: &Stage) -> u64 {
        let members = stage.target.members();
        match self.node.filter(|node| members.contains(node)) {
            Some(node) => node,
            None => *self.rng.pick(&members),
        }
    }

    /// Whether somebody said which node.
    pub fn has_node(&self) -> bool {
        self.node.is_some()
    }

    /// Two groups of the members, neither of them empty.
    pub fn two_sides(&mut self, stage: &Stage) -> (Vec<u64>, Vec<u64>) {
        let mut all = stage.target.members();
        self.rng.shuffle(&mut all);
        let size = 1 + self.rng.below(all.len().saturating_sub(1).max(1));
        let rest = all.split_off(size.min(all.len()));
        (all, rest)
    }

    /// The fault has begun; `hit` are the queues that were led by nodes it hit.
    pub fn begun(&mut self, what: String, hit: Vec<String>) {
        self.has_begun.set(true);
        let (fault, kind) = (self.number, self.kind.clone());
        self.journal.add(Event::Begun {
            fault,
            kind,
            what,
            hit,
        });
    }

    /// Waits until its time is over, or the run is to end.
    pub async fn over(&self) {
        let time = tokio::time::sleep(self.lasts);
        // What comes first counts; both together are rare.
        tokio::select! {
            biased;
            () = self.interrupted.cancelled() => {}
            () = time => {}
        }
        self.journal.add(Event::Over { fault: self.number });
    }

    /// Whether the run is to end.
    pub fn interrupted(&self) -> bool {
        self.interrupted.is_cancelled()
    }
}
