//! The transport between nodes: one stream for each ordered pair of nodes, which carries the calls
//! of all groups one way and their replies back, batched. Snapshots have streams of their own, so
//! that they never delay a heartbeat. Every call has a deadline.
//!
//! It does not know what a command means, and retries nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use crate::env::Env;
use crate::level::Level;
use crate::types::NodeId;

mod channel;
mod level;
mod link;
pub mod server;
pub mod snapshot;
mod throttle;

/// The generated messages of `peer.proto`.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod pb {
    tonic::include_proto!("millrace.peer.v1");
}

pub use channel::connect;
use link::Ends;
pub use link::{CallError, Link, Unanswered};
pub use throttle::Throttle;

/// Largest message between peers: a batch of commands or a chunk of a snapshot, with room to spare.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// How long a connection attempt may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(1000);

/// The other nodes of the cluster: where they are, and a link to each.
pub struct Peers {
    env: Env,
    me: NodeId,
    /// The level that peers must know: the cluster's, as far as this node has heard.
    required: Arc<AtomicU32>,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    cluster: String,
    own_address: String,
    addresses: BTreeMap<NodeId, String>,
    links: BTreeMap<NodeId, Arc<Link>>,
}

impl Peers {
    /// Knows nobody yet.
    pub fn new(env: Env, me: NodeId) -> Arc<Peers> {
        Arc::new(Peers {
            env,
            me,
            required: Arc::default(),
            state: RwLock::default(),
        })
    }

    /// This node.
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// The cluster's id; empty before this node belongs to one.
    pub fn cluster(&self) -> String {
        self.state.read().cluster.clone()
    }

    /// Says which cluster this node belongs to. Streams of other clusters are refused.
    pub fn set_cluster(&self, cluster: &str) {
        self.state.write().cluster = cluster.to_owned();
    }

    /// The level that peers must know.
    pub fn required_level(&self) -> Level {
        Level(self.required.load(Ordering::Relaxed))
    }

    /// Says that the cluster has a level: no stream is opened any more with nodes that do not know it.
    pub fn require_level(&self, level: Level) {
        self.required.fetch_max(level.0, Ordering::Relaxed);
    }

    /// Says where this node is reached. Whoever it connects to is told.
    pub fn set_own_address(&self, address: &str) {
        self.state.write().own_address = address.to_owned();
    }

    /// Says where a node is. A changed address takes effect at the next connection.
    pub fn set_address(&self, node: NodeId, address: &str) {
        let mut state = self.state.write();
        if state.addresses.get(&node).is_some_and(|known| known == address) {
            return;
        }
        state.addresses.insert(node, address.to_owned());
        if let Some(link) = state.links.get(&node) {
            link.set_address(address);
        }
    }

    /// A node says itself where it is. That counts if nothing else is known.
    fn told_address(&self, node: NodeId, address: &str) {
        let mut state = self.state.write();
        let address = || address.to_owned();
        state.addresses.entry(node).or_insert_with(address);
    }

    /// Where a node is, if known.
    pub fn address(&self, node: NodeId) -> Option<String> {
        self.state.read().addresses.get(&node).cloned()
    }

    /// The nodes whose addresses are known, without this one.
    pub fn known(&self) -> Vec<NodeId> {
        let state = self.state.read();
        state
            .addresses
            .keys()
            .copied()
            .filter(|n| *n != self.me)
            .collect()
    }

    /// The link to a node, or nothing if its address is unknown. Connecting happens in the background.
    pub fn link(self: &Arc<Self>, node: NodeId) -> Option<Arc<Link>> {
        if let Some(link) = self.state.read().links.get(&node) {
            return Some(link.clone());
        }
        let mut state = self.state.write();
        let State {
            cluster,
            own_address,
            addresses,
            links,
        } = &mut *state;
        let address = addresses.get(&node)?;
        let required = self.required.clone();
        let start = || {
            let ends = Ends {
                me: self.me,
                cluster: cluster.clone(),
                address: own_address.clone(),
                node,
                required,
            };
            Link::start(self.env.clone(), ends, address.clone())
        };
        Some(links.entry(node).or_insert_with(start).clone())
    }

    /// Whether the link to a node is up; this node itself always is.
    pub fn is_connected(&self, node: NodeId) -> bool {
        node == self.me
            || self
                .state
                .read()
                .links
                .get(&node)
                .is_some_and(|l| l.is_connected())
    }

    /// The links that were asked for so far.
    pub fn links(&self) -> Vec<(NodeId, Arc<Link>)> {
        let state = self.state.read();
        state
            .links
            .iter()
            .map(|(node, link)| (*node, link.clone()))
            .collect()
    }

    /// The environment, for connections of other kinds (snapshots, greetings).
    pub fn env(&self) -> &Env {
        &self.env
    }
}
