//! What faults can do to a running simulation.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use raft::level::Level;
use turmoil::Sim;

use crate::client;
use crate::host::{self, Harm, Host};
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::timeline::Timeline;
use crate::watch::Watch;

/// How long a message takes at least.
pub(crate) const LATENCY_MIN: Duration = Duration::from_millis(1);

/// Something to be done later.
pub(crate) type Step = Box<dyn FnOnce(&mut Stage)>;

/// The simulation, seen from outside.
pub struct Stage {
    pub(crate) sim: Sim<'static>,
    pub(crate) hosts: Vec<Arc<Host>>,
    /// The scenario that is played.
    pub scenario: Arc<Scenario>,
    pub(crate) timeline: Timeline,
    /// What replicas do.
    pub(crate) watch: Arc<Watch>,
    /// Nodes that ended by themselves, and when they are started again.
    pub(crate) restarts: Vec<(Duration, u64)>,
    /// Pairs of nodes between which all messages take just as long.
    pub(crate) held_up: BTreeSet<(u64, u64)>,
    /// What is to be done, and when.
    pub(crate) steps: Vec<(Duration, Step)>,
}

impl Stage {
    /// A node, drawn.
    pub fn any_node(&self, rng: &mut Rng) -> u64 {
        rng.range(1..self.scenario.nodes + 1)
    }

    /// A group of some nodes, and the others; neither is empty.
    pub fn two_sides(&self, rng: &mut Rng) -> (Vec<u64>, Vec<u64>) {
        let all: Vec<u64> = (1..=self.scenario.nodes).collect();
        let size = rng.range(1..self.scenario.nodes) as usize;
        let mut rest = all;
        let mut side = Vec::new();
        for _ in 0..size {
            side.push(rest.remove(rng.below(rest.len())));
        }
        (side, rest)
    }

    pub(crate) fn host(&self, node: u64) -> &Arc<Host> {
        &self.hosts[node as usize - 1]
    }

    /// Ends a node's process at once; what it wrote stays.
    pub fn kill(&mut self, node: u64) {
        self.host(node).hold(true);
        self.sim.bounce(host::name(node));
        self.restarts.retain(|(_, other)| *other != node);
    }

    /// Takes a node's power: what it did not sync is lost or torn.
    pub fn power_loss(&mut self, node: u64) {
        self.sim.crash(host::name(node));
        self.kill(node);
        self.harm(node, Harm::LostPages);
    }

    /// Lets a killed node start.
    pub fn start(&mut self, node: u64) {
        self.host(node).hold(false);
    }

    /// Asks a node to end. It is started again some time after it did.
    pub fn ask_to_end(&mut self, node: u64) {
        self.host(node).ask_to_end();
    }

    /// Has a node run with a level from its next life on, and asks it to end.
    pub(crate) fn run_level(&mut self, node: u64, level: Level) {
        self.host(node).set_level(level);
        self.ask_to_end(node);
    }

    /// Harms the disk of a node, which must be down.
    pub(crate) fn harm(&mut self, node: u64, harm: Harm) {
        self.host(node).harm(harm);
    }

    /// Harms the disk of the one node whose data may be destroyed, which must be down.
    pub(crate) fn harm_victim(&mut self, harm: Harm) {
        self.host(self.scenario.victim).harm(harm);
    }

    /// Nothing passes between two nodes any more, from the first to the second.
    pub fn cut(&mut self, from: u64, to: u64) {
        self.sim.partition_oneway(host::name(from), host::name(to));
    }

    /// Everything passes again.
    pub fn mend(&mut self, from: u64, to: u64) {
        self.sim.repair_oneway(host::name(from), host::name(to));
    }

    /// Cuts or mends a node from all clients.
    pub fn hide_from_clients(&mut self, node: u64, hidden: bool) {
        for client in &self.scenario.clients {
            let client = client::host(client.number);
            if hidden {
                self.sim.partition(host::name(node), client);
            } else {
                self.sim.repair(host::name(node), client);
            }
        }
    }

    /// Messages between two nodes take so long at most, unless they are [held up](Stage::hold_up).
    pub fn delay(&mut self, a: u64, b: u64, latency: Duration) {
        if self.held_up.contains(&(a.min(b), a.max(b))) {
            return;
        }
        self.sim
            .set_link_max_message_latency(host::name(a), host::name(b), latency);
    }

    /// Messages between two nodes take just so long.
    pub fn hold_up(&mut self, a: u64, b: u64, latency: Duration) {
        self.sim.set_link_latency(host::name(a), host::name(b), latency);
        self.held_up.insert((a.min(b), a.max(b)));
    }

    /// They take as long as any others again.
    pub fn hold_up_no_more(&mut self, a: u64, b: u64) {
        self.sim
            .set_link_latency(host::name(a), host::name(b), LATENCY_MIN);
        self.held_up.remove(&(a.min(b), a.max(b)));
        self.delay(a, b, self.scenario.latency_max);
    }

    /// Breaks the connections between two nodes now and then: so many of a thousand messages do.
    pub fn lose(&mut self, a: u64, b: u64, permille: u64) {
        self.sim
            .set_link_fail_rate(host::name(a), host::name(b), permille as f64 / 1000.0);
    }

    /// Does something some time from now.
    pub fn after(&mut self, pause: Duration, step: impl FnOnce(&mut Stage) + 'static) {
        self.steps.push((self.now() + pause, Box::new(step)));
    }

    /// Simulated time.
    pub fn now(&self) -> Duration {
        self.sim.elapsed()
    }
}
