//! The network of a local cluster: a namespace for each node, all of them on a bridge in the harness's own namespace,
//! where the clients are. Nothing of it is seen from the machine's network.
//!
//! A node that shall not reach another one gets a neighbour entry for it that leads nowhere: packets leave, and nobody
//! takes them, as with a dead cable, in that direction only. That takes no firewall. What takes the kernel's help
//! (loss, delay, rate) is tried out once, and left out where it does not work.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::process::Command;
use std::rc::Rc;

use anyhow::{Context, ensure};

use crate::journal::Journal;
use crate::target::{CLIENTS, Shape, unsupported};

/// The end of the address of the bridge, where clients are.
const BRIDGE: u64 = 254;
/// A neighbour that does not exist.
const NOWHERE: &str = "02:00:00:00:ff:ff";

/// The network.
pub struct Net {
    /// How often each direction is cut.
    cuts: RefCell<BTreeMap<(u64, u64), usize>>,
    abilities: Cell<Option<Abilities>>,
    journal: Rc<Journal>,
}

#[derive(Clone, Copy)]
struct Abilities {
    netem: bool,
    nft: bool,
    tbf: bool,
}

/// The address of a node, or of the clients.
pub(super) fn address(node: u64) -> String {
    format!("10.77.0.{}", if node == CLIENTS { BRIDGE } else { node })
}

/// The file that names a node's network namespace.
pub(super) fn namespace(node: u64) -> String {
    format!("/run/netns/node{node}")
}

fn hardware(node: u64) -> String {
    let end = if node == CLIENTS { BRIDGE } else { node };
    format!("02:00:00:00:00:{end:02x}")
}

impl Net {
    /// The network without a node.
    ///
    /// # Errors
    /// If the kernel refuses it.
    pub fn create(journal: Rc<Journal>) -> anyhow::Result<Net> {
        ip("link set lo up")?;
        ip(&format!("link add br0 address {} type bridge", hardware(CLIENTS)))?;
        ip(&format!("addr add {}/24 dev br0", address(CLIENTS)))?;
        ip("link set br0 up")?;
        Ok(Net {
            cuts: RefCell::default(),
            abilities: Cell::new(None),
            journal,
        })
    }

    /// Adds a node's namespace.
    pub(super) fn add(&self, node: u64) -> anyhow::Result<()> {
        ip(&format!("netns add node{node}"))?;
        ip(&format!(
            "link add veth{node} type veth peer name eth0 netns node{node}"
        ))?;
        ip(&format!("link set veth{node} master br0 up"))?;
        for line in [
            "link set lo up".to_owned(),
            format!("link set eth0 address {} up", hardware(node)),
            format!("addr add {}/24 dev eth0", address(node)),
        ] {
            ip(&format!("-n node{node} {line}"))?;
        }
        if self.abilities.get().is_none() {
            self.abilities.set(Some(self.try_out(node)));
        }
        Ok(())
    }

    /// Nothing passes from one node to another any more.
    pub(super) fn cut(&self, from: u64, to: u64) -> anyhow::Result<()> {
        *self.cuts.borrow_mut().entry((from, to)).or_default() += 1;
        neighbour(from, to, NOWHERE)
    }

    /// Everything passes again, unless somebody else cut it as well.
    pub(super) fn mend(&self, from: u64, to: u64) -> anyhow::Result<()> {
        let mut cuts = self.cuts.borrow_mut();
        if let Some(times) = cuts.get_mut(&(from, to)) {
            *times -= 1;
            if *times > 0 {
                return Ok(());
            }
            cuts.remove(&(from, to));
        }
        neighbour(from, to, &hardware(to))
    }

    /// Makes a node's link worse, in both directions.
    pub(crate) fn shape(&self, node: u64, shape: Shape) -> anyhow::Result<()> {
        let can = self.abilities.get().context("there is no node yet")?;
        match shape {
            Shape::Loss { permille } if can.netem => {
                self.both(node, &format!("netem loss {}%", permille as f64 / 10.0))
            }
            Shape::Loss { permille } if can.nft => self.drop_some(node, permille),
            Shape::Loss { .. } => unsupported("this kernel has no netem, and there is no nftables"),
            Shape::Delay { ms } if can.netem => self.both(node, &format!("netem delay {ms}ms limit 10000")),
            Shape::Delay { .. } => unsupported("this kernel has no netem"),
            Shape::Rate { kbit } if can.tbf => {
                self.both(node, &format!("tbf rate {kbit}kbit burst 32kb latency 400ms"))
            }
            Shape::Rate { .. } => unsupported("this kernel has no token bucket filter"),
        }
    }

    /// Makes it good again.
    pub(crate) fn unshape(&self, node: u64) -> anyhow::Result<()> {
        // What there is depends on the shape; what is not there cannot be taken away.
        let _ = inside(node, "tc qdisc del dev eth0 root");
        let _ = run(&format!("tc qdisc del dev veth{node} root"));
        let _ = inside(node, "nft delete table inet chaos");
        Ok(())
    }

    fn both(&self, node: u64, discipline: &str) -> anyhow::Result<()> {
        inside(node, &format!("tc qdisc replace dev eth0 root {discipline}"))?;
        run(&format!("tc qdisc replace dev veth{node} root {discipline}"))
    }

    fn drop_some(&self, node: u64, permille: u64) -> anyhow::Result<()> {
        inside(node, "nft add table inet chaos")?;
        for (chain, device) in [("input", "iifname"), ("output", "oifname")] {
            let hook = format!("{{ type filter hook {chain} priority 0 ; }}");
            inside(node, &format!("nft add chain inet chaos {chain} {hook}"))?;
            let random = format!("numgen random mod 1000 < {permille} drop");
            inside(
                node,
                &format!("nft add rule inet chaos {chain} {device} eth0 {random}"),
            )?;
        }
        Ok(())
    }

    fn try_out(&self, node: u64) -> Abilities {
        let shaped = |discipline: &str| {
            let works = inside(node, &format!("tc qdisc replace dev eth0 root {discipline}")).is_ok();
            let _ = inside(node, "tc qdisc del dev eth0 root");
            works
        };
        let can = Abilities {
            netem: shaped("netem loss 1%"),
            tbf: shaped("tbf rate 1mbit burst 32kb latency 400ms"),
            nft: self.drop_some(node, 1).is_ok(),
        };
        let _ = inside(node, "nft delete table inet chaos");
        let say = |works| if works { "works" } else { "does not work" };
        self.journal.note(format!(
            "on this kernel netem {}, a token bucket filter {}, nftables {}",
            say(can.netem),
            say(can.tbf),
            say(can.nft),
        ));
        can
    }
}

fn neighbour(from: u64, to: u64, hardware: &str) -> anyhow::Result<()> {
    let (inside, device) = match from {
        CLIENTS => (String::new(), "br0"),
        node => (format!("-n node{node} "), "eth0"),
    };
    ip(&format!(
        "{inside}neigh replace {} lladdr {hardware} dev {device} nud permanent",
        address(to)
    ))
}

fn ip(words: &str) -> anyhow::Result<()> {
    run(&format!("ip {words}"))
}

/// Runs a command in a node's namespace.
fn inside(node: u64, command: &str) -> anyhow::Result<()> {
    run(&format!("nsenter --net={} -- {command}", namespace(node)))
}

/// Runs a command whose words have no blanks in them.
fn run(command: &str) -> anyhow::Result<()> {
    let mut words = command.split_whitespace();
    let program = words.next().context("an empty command")?;
    let output = Command::new(program).args(words).output();
    let output = output.with_context(|| format!("{program} cannot be run; is it installed?"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command}: {}", error.trim());
    Ok(())
}
