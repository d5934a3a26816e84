//! Where the cluster runs, and what can be done to it there: processes of this machine, or a release on Kubernetes.

use std::fmt;

use serde::Deserialize;

pub mod kubernetes;
pub mod local;

use kubernetes::Kubernetes;
use local::Local;

use sim_tests::rng::Rng;

use crate::stage::Occasion;

/// Stands for the clients where nodes have numbers: nodes begin at 1.
pub const CLIENTS: u64 = 0;

/// Where the cluster runs.
pub enum Target {
    /// Processes in network namespaces of this machine.
    Local(Box<Local>),
    /// Pods.
    Kubernetes(Kubernetes),
}

/// What a target cannot do, and why. A fault that needs it is left out.
#[derive(Debug)]
pub struct Unsupported(pub String);

impl std::error::Error for Unsupported {}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fault cannot be made here.
pub(crate) fn unsupported<T>(why: impl Into<String>) -> anyhow::Result<T> {
    Err(Unsupported(why.into()).into())
}

/// What can be wrong with a link.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// So many of a thousand packets get lost.
    Loss {
        /// Of a thousand.
        permille: u64,
    },
    /// Packets take so much longer.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// It carries no more than this.
    Rate {
        /// Kilobits a second.
        kbit: u64,
    },
}

/// What a node says about itself, as far as faults need it.
#[derive(Debug, Default, Deserialize)]
pub struct Status {
    /// Its number in the cluster.
    #[serde(default)]
    pub node: u64,
    /// Its replicas.
    #[serde(default)]
    pub replicas: Vec<Replica>,
    /// The members that it knows.
    #[serde(default)]
    pub members: Vec<Member>,
}

/// A replica.
#[derive(Debug, Deserialize)]
pub struct Replica {
    /// `account/region/name` of its queue.
    pub queue: Option<String>,
    /// Whether it leads.
    pub leads: bool,
    /// The group.
    #[serde(default)]
    pub group: u64,
    /// Index after the last entry that it has applied.
    #[serde(default)]
    pub applied: u64,
    /// Index after the last entry of its log.
    #[serde(default)]
    pub last: u64,
}

/// A member.
#[derive(Debug, Deserialize)]
pub struct Member {
    /// Its number.
    pub id: u64,
    /// The version that it runs.
    #[serde(default)]
    pub version: String,
}

/// Does the same on either target.
macro_rules! either {
    ($self:ident, $target:ident => $does:expr) => {
        match $self {
            Target::Local($target) => $does,
            Target::Kubernetes($target) => $does,
        }
    };
}

/// Errors are those of the target; what it cannot do at all is an [`Unsupported`].
#[allow(clippy::missing_errors_doc)] // said above for all
impl Target {
    /// The nodes that belong to the cluster.
    pub fn members(&self) -> Vec<u64> {
        either!(self, target => target.members())
    }

    /// What a node says, if it says anything soon.
    pub async fn status(&self, node: u64) -> Option<Status> {
        either!(self, target => target.status(node).await)
    }

    /// Returns once a node is ready for clients.
    pub async fn await_ready(&self, node: u64) {
        either!(self, target => target.await_ready(node).await);
    }

    /// Ends a node at once.
    pub async fn kill(&self, node: u64) -> anyhow::Result<()> {
        either!(self, target => target.kill(node).await)
    }

    /// Starts a node that was killed, unless that happens by itself.
    pub async fn start(&self, node: u64) -> anyhow::Result<()> {
        either!(self, target => target.start(node).await)
    }

    /// Asks a node to end, and starts it again.
    pub async fn restart(&self, node: u64) -> anyhow::Result<()> {
        either!(self, target => target.restart(node).await)
    }

    /// Says to what an upgrade leads, before it is begun.
    pub fn begin_upgrade(&self) -> anyhow::Result<String> {
        either!(self, target => target.begin_upgrade())
    }

    /// Upgrades these nodes, one after the other.
    pub async fn upgrade(&self, nodes: &[u64]) -> anyhow::Result<()> {
        either!(self, target => target.upgrade(nodes).await)
    }

    /// Starts a further node, and says which.
    pub async fn join(&self) -> anyhow::Result<u64> {
        either!(self, target => target.join().await)
    }

    /// Whether nodes can leave the cluster at all.
    pub async fn can_leave(&self) -> anyhow::Result<()> {
        either!(self, target => target.can_leave().await)
    }

    /// The node that shall leave, if this one has just joined.
    pub fn leaver(&self, occasion: &mut Occasion, joined: Option<u64>) -> u64 {
        either!(self, target => target.leaver(occasion, joined))
    }

    /// Drains a node, takes it out of the cluster and ends it.
    pub async fn leave(&self, node: u64) -> anyhow::Result<()> {
        either!(self, target => target.leave(node).await)
    }

    /// Nothing passes from one node to another any more, or from or to [`CLIENTS`].
    pub async fn cut(&self, from: u64, to: u64) -> anyhow::Result<()> {
        either!(self, target => target.cut(from, to).await)
    }

    /// Everything passes again.
    pub async fn mend(&self, from: u64, to: u64) -> anyhow::Result<()> {
        either!(self, target => target.mend(from, to).await)
    }

    /// Stops a process without ending it.
    pub async fn freeze(&self, node: u64) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.freeze(node),
            Target::Kubernetes(_) => unsupported("kubectl cannot stop a process without ending it"),
        }
    }

    /// Lets it go on.
    pub async fn thaw(&self, node: u64) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.thaw(node),
            Target::Kubernetes(_) => unsupported("kubectl cannot let a process go on"),
        }
    }

    /// Makes a node's link worse.
    pub async fn shape(&self, node: u64, shape: Shape) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.net.shape(node, shape),
            Target::Kubernetes(_) => unsupported("kubectl cannot change a pod's link"),
        }
    }

    /// Makes it good again.
    pub async fn unshape(&self, node: u64) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.net.unshape(node),
            Target::Kubernetes(_) => unsupported("kubectl cannot change a pod's link"),
        }
    }

    /// The node whose disk can be filled.
    pub fn small_disk(&self) -> anyhow::Result<u64> {
        match self {
            Target::Local(local) => local.small_disk(),
            Target::Kubernetes(_) => unsupported("the image has nothing that could fill a volume"),
        }
    }

    /// Fills it.
    pub async fn fill_disk(&self, node: u64) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.fill_disk(node),
            Target::Kubernetes(_) => unsupported("the image has nothing that could fill a volume"),
        }
    }

    /// Makes room again.
    pub async fn free_disk(&self, node: u64) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.free_disk(node),
            Target::Kubernetes(_) => unsupported("the image has nothing that could fill a volume"),
        }
    }

    /// Ends these nodes at once and takes their data.
    pub async fn wipe(&self, nodes: &[u64]) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.wipe(nodes).await,
            Target::Kubernetes(_) => unsupported("data of a release is not touched"),
        }
    }

    /// Ends a node at once and spoils one of its files. Returns what was done to it.
    pub async fn spoil(&self, node: u64, rng: &mut Rng) -> anyhow::Result<String> {
        match self {
            Target::Local(local) => local.spoil(node, rng).await,
            Target::Kubernetes(_) => unsupported("data of a release is not touched"),
        }
    }

    /// Gives a node whose disk is spoilt an empty one and a new number, and takes its old number out of
    /// the cluster. Returns the last words of the node with the old one.
    pub async fn replace_disk(&self, node: u64) -> anyhow::Result<String> {
        match self {
            Target::Local(local) => local.replace_disk(node).await,
            Target::Kubernetes(_) => unsupported("data of a release is not touched"),
        }
    }

    /// How many receives wait at a node for messages, if it says anything soon.
    pub async fn waiting_receives(&self, node: u64) -> Option<u64> {
        match self {
            Target::Local(local) => local.waiting_receives(node).await,
            Target::Kubernetes(_) => None,
        }
    }

    /// Whether a node can go on without a majority.
    pub async fn can_recover(&self) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.can_recover().await,
            Target::Kubernetes(_) => unsupported("data of a release is not touched"),
        }
    }

    /// Has a node that is stopped go on with the catalog alone.
    pub async fn recover_catalog(&self, node: u64) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.recover_catalog(node).await,
            Target::Kubernetes(_) => unsupported("data of a release is not touched"),
        }
    }

    /// Has all queues without a majority go on with what this node has of them.
    pub async fn recover_groups(&self, node: u64) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.recover_groups(node).await,
            Target::Kubernetes(_) => unsupported("data of a release is not touched"),
        }
    }

    /// A node has no more reason to end by itself.
    pub fn is_sound(&self, node: u64) -> anyhow::Result<()> {
        match self {
            Target::Local(local) => local.is_sound(node),
            Target::Kubernetes(_) => Ok(()),
        }
    }

    /// The machine under a node.
    pub async fn machine(&self, node: u64) -> anyhow::Result<String> {
        match self {
            Target::Local(_) => unsupported("all nodes are on one machine"),
            Target::Kubernetes(kubernetes) => kubernetes.machine(node).await,
        }
    }

    /// Drains a machine.
    pub async fn drain_machine(&self, machine: &str) -> anyhow::Result<()> {
        match self {
            Target::Local(_) => unsupported("all nodes are on one machine"),
            Target::Kubernetes(kubernetes) => kubernetes.drain_machine(machine).await,
        }
    }

    /// Lets pods run on it again.
    pub async fn give_back(&self, machine: &str) -> anyhow::Result<()> {
        match self {
            Target::Local(_) => unsupported("all nodes are on one machine"),
            Target::Kubernetes(kubernetes) => kubernetes.give_back(machine).await,
        }
    }
}
