//! Where groups should live, given where they do: what to change next. Pure, so that it can be tested on whole clusters.
//!
//! In this order: replicas leave nodes that drain or are dead; groups get as many replicas as they are to have; replicas of a
//! group go to different zones; nodes get even shares of replicas, counted with what they weigh; nodes lead even numbers of
//! groups. Each change makes the cluster strictly better by that measure, so that it comes to rest.
//!
//! Weights change by themselves (`sizes.rs` says which of their changes count). Nodes are even enough if they differ by little
//! of what they have, and no replica moves that weighs nearly as much as the whole difference: moving it would gain less than it costs.

use std::collections::BTreeMap;

mod room;

pub use room::Bounds;
use room::Room;

/// A node that replicas may be on.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its number.
    pub id: u64,
    /// Its zone; without one it is in a zone of its own.
    pub zone: String,
    /// Whether replicas may stay on it.
    pub is_open: bool,
    /// Whether it is there to take more.
    pub is_there: bool,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its number.
    pub id: u64,
    /// The version of its placement.
    pub version: u64,
    /// Where it lives, the one that is to lead first.
    pub replicas: Vec<u64>,
    /// Whether it has got there.
    pub is_settled: bool,
    /// Whether it has made no progress on its way there for long.
    pub is_stuck: bool,
    /// Whether a leader has told of it lately. Without one it cannot move.
    pub is_led: bool,
    /// The size of its state, if it is known. As long as one is not, nodes are not evened out.
    pub bytes: Option<u64>,
}

impl Placed {
    /// Whether it is on its way and gets on.
    pub fn is_moving(&self) -> bool {
        !self.is_settled && !self.is_stuck
    }
}

/// So many bytes count as much as a replica without any.
const BYTES_WEIGHT: u64 = 64 << 20;
/// Nodes that differ by less than this, in replicas without bytes, are even,
const EVEN: f64 = 1.0;
/// and with it by this part of the bytes that a node has on average.
const EVEN_BYTES: f64 = 0.1;
/// A replica moves if it weighs no more than this part of the difference between two nodes: for each byte that goes over the
/// network, they come closer by half a byte.
const WORTHWHILE: f64 = 0.8;

/// The groups that should change, as they should be. `wanted` is how many replicas a group is to have. `bounds` say how much may
/// be on its way at a time: what is already counts.
pub fn plan(nodes: &[Node], groups: &[Placed], wanted: usize, bounds: Bounds) -> Vec<Placed> {
    let mut state = State::of(nodes, groups);
    let mut room = Room::beside(bounds, groups);
    let mut changes: BTreeMap<u64, Placed> = BTreeMap::new();
    // Groups that can move come first: the others would only take room until they are found to be stuck.
    let led = groups.iter().filter(|group| group.is_led);
    let others = groups.iter().filter(|group| !group.is_led);
    for group in led.chain(others) {
        // One that goes to a node that was lost meanwhile has its room already.
        if let Some(changed) = state.repair(group, wanted)
            && (group.is_moving() || room.take(group))
        {
            state.replace(group, &changed);
            changes.insert(group.id, changed);
        }
    }
    // Only a cluster in which nothing is amiss is evened out, or else the last node that is left would be filled up.
    let is_at_rest = changes.is_empty() && !groups.iter().any(Placed::is_moving);
    let are_known = groups.iter().all(|group| group.bytes.is_some());
    if is_at_rest && are_known {
        for _ in 0..bounds.few {
            let Some((group, changed)) = state.even(groups, &changes) else {
                break;
            };
            state.replace(group, &changed);
            changes.insert(changed.id, changed);
        }
    }
    if is_at_rest && changes.is_empty() {
        changes.extend(state.even_leaders(groups).map(|changed| (changed.id, changed)));
    }
    changes.into_values().collect()
}

/// Whether any replica on a node where none may stay has nowhere to go: all that could take it have one, or are away.
pub fn is_stuck(nodes: &[Node], groups: &[Placed], node: u64) -> bool {
    let takes = |group: &Placed| {
        let mut others = nodes.iter().filter(|other| other.is_open && other.is_there);
        others.any(|other| !group.replicas.contains(&other.id))
    };
    let mut here = groups.iter().filter(|group| group.replicas.contains(&node));
    here.any(|group| !takes(group))
}

struct State<'a> {
    nodes: BTreeMap<u64, &'a Node>,
    /// What each node carries.
    weights: BTreeMap<u64, f64>,
    leads: BTreeMap<u64, usize>,
    /// How much two nodes may differ.
    slack: f64,
}

impl<'a> State<'a> {
    fn of(nodes: &'a [Node], groups: &[Placed]) -> State<'a> {
        let mut state = State {
            nodes: nodes.iter().map(|node| (node.id, node)).collect(),
            weights: nodes.iter().map(|node| (node.id, 0.0)).collect(),
            leads: nodes.iter().map(|node| (node.id, 0)).collect(),
            slack: EVEN + EVEN_BYTES * mean_bytes(nodes, groups),
        };
        for group in groups {
            state.count(group, 1);
        }
        state
    }

    fn count(&mut self, group: &Placed, by: i8) {
        for node in &group.replicas {
            *self.weights.entry(*node).or_default() += f64::from(by) * weight(group);
        }
        if let Some(leader) = group.replicas.first() {
            let leads = self.leads.entry(*leader).or_default();
            *leads = leads.saturating_add_signed(by.into());
        }
    }

    fn replace(&mut self, group: &Placed, changed: &Placed) {
        self.count(group, -1);
        self.count(changed, 1);
    }

    fn is_open(&self, node: u64) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.is_open)
    }

    /// What is amiss with a group, put right by one change.
    fn repair(&self, group: &Placed, wanted: usize) -> Option<Placed> {
        if !group.is_settled {
            // Only if it could not get there: one of those that it goes to is gone.
            let is_lost = group.replicas.iter().any(|node| !self.is_open(*node));
            return is_lost.then(|| self.moved_off(group)).flatten();
        }
        if group.replicas.iter().any(|node| !self.is_open(*node)) {
            let leader = group.replicas.first().filter(|node| !self.is_open(**node));
            return self
                .moved_off(group)
                .or_else(|| self.led_by_another(group, *leader?));
        }
        if group.replicas.len() < wanted
            && let Some(new) = self.best(&group.replicas)
        {
            return Some(with(group, [group.replicas.as_slice(), &[new]].concat()));
        }
        if group.replicas.len() > wanted {
            let surplus = self.most_dispensable(&group.replicas)?;
            return Some(with(group, without(&group.replicas, surplus)));
        }
        self.spread(group)
    }

    /// Replaces a replica that may not stay.
    fn moved_off(&self, group: &Placed) -> Option<Placed> {
        let leaving = *group.replicas.iter().find(|node| !self.is_open(**node))?;
        let rest = without(&group.replicas, leaving);
        let new = self.best(&rest)?;
        Some(with(group, replaced(&group.replicas, leaving, new)))
    }

    /// A replica that cannot move at least does not lead.
    fn led_by_another(&self, group: &Placed, leader: u64) -> Option<Placed> {
        let open = group.replicas.iter().filter(|node| self.is_open(**node));
        let new = *open.min_by_key(|node| (self.leads[*node], **node))?;
        let rest = without(&without(&group.replicas, new), leader);
        Some(with(group, [&[new], rest.as_slice(), &[leader]].concat()))
    }

    /// Moves a replica into a zone that has none, if two are in one.
    fn spread(&self, group: &Placed) -> Option<Placed> {
        let crowded = group.replicas.iter().rev();
        let mut crowded =
            crowded.filter(|node| self.neighbours(&without(&group.replicas, **node), **node) > 0);
        let from = *crowded.next()?;
        let rest = without(&group.replicas, from);
        let new = self.best(&rest)?;
        let is_better = self.neighbours(&rest, new) < self.neighbours(&rest, from);
        is_better.then(|| with(group, replaced(&group.replicas, from, new)))
    }

    /// The open node for one more replica beside these.
    fn best(&self, beside: &[u64]) -> Option<u64> {
        let free = self
            .nodes
            .values()
            .filter(|node| node.is_open && node.is_there && !beside.contains(&node.id));
        let best = free.min_by(|a, b| {
            let key = |node: &Node| (self.neighbours(beside, node.id), self.weights[&node.id]);
            let ((zone_a, weight_a), (zone_b, weight_b)) = (key(a), key(b));
            zone_a
                .cmp(&zone_b)
                .then(weight_a.total_cmp(&weight_b))
                .then(a.id.cmp(&b.id))
        });
        best.map(|node| node.id)
    }

    /// Whose replica would be missed least: in the most crowded zone, on the fullest node.
    fn most_dispensable(&self, replicas: &[u64]) -> Option<u64> {
        let most = replicas.iter().max_by(|a, b| {
            let zone = |node: u64| self.neighbours(&without(replicas, node), node);
            zone(**a)
                .cmp(&zone(**b))
                .then(self.weights[*a].total_cmp(&self.weights[*b]))
        });
        most.copied()
    }

    /// How many of these are in the zone of `node`.
    fn neighbours(&self, beside: &[u64], node: u64) -> usize {
        let zone = |id: &u64| self.nodes.get(id).map_or("", |node| node.zone.as_str());
        let own = zone(&node);
        let same = beside
            .iter()
            .filter(|other| !own.is_empty() && zone(other) == own);
        same.count()
    }

    /// Moves one more replica from the fullest node that can give one to an emptier one, if that makes the two more even.
    fn even<'g>(
        &self,
        groups: &'g [Placed],
        changes: &BTreeMap<u64, Placed>,
    ) -> Option<(&'g Placed, Placed)> {
        let mut by_weight: Vec<u64> = self.nodes.values().filter(|n| n.is_open).map(|n| n.id).collect();
        by_weight.sort_by(|a, b| self.weights[a].total_cmp(&self.weights[b]).then(a.cmp(b)));
        for from in by_weight.iter().rev() {
            for to in &by_weight {
                let gap = self.weights[from] - self.weights[to];
                if gap <= self.slack {
                    break;
                }
                let can_move = |group: &&Placed| {
                    let rest = without(&group.replicas, *from);
                    group.is_settled
                        && !changes.contains_key(&group.id)
                        && self.nodes[to].is_there
                        && rest.len() < group.replicas.len()
                        && !rest.contains(to)
                        && self.neighbours(&rest, *to) <= self.neighbours(&rest, *from)
                        && weight(group) < gap - self.slack / 2.0
                        && weight(group) <= gap * WORTHWHILE
                };
                // The one that leaves the two most even; of those, one that is not led there.
                let unevenness = |group: &Placed| (gap - 2.0 * weight(group)).abs();
                let best = groups.iter().filter(can_move).min_by(|a, b| {
                    let leads = |group: &Placed| group.replicas.first() == Some(from);
                    unevenness(a)
                        .total_cmp(&unevenness(b))
                        .then(leads(a).cmp(&leads(b)))
                        .then(a.id.cmp(&b.id))
                });
                if let Some(group) = best {
                    return Some((group, with(group, replaced(&group.replicas, *from, *to))));
                }
            }
        }
        None
    }

    /// Has another node lead a group, if one leads at least two more than that one.
    fn even_leaders<'g>(&'g self, groups: &'g [Placed]) -> impl Iterator<Item = Placed> + 'g {
        let mut leads = self.leads.clone();
        groups
            .iter()
            .filter(|group| group.is_settled)
            .filter_map(move |group| {
                let leader = *group.replicas.first()?;
                let open = group.replicas.iter().filter(|node| self.is_open(**node));
                let least = *open.min_by_key(|node| (leads[*node], **node))?;
                if leads[&leader] < leads[&least] + 2 {
                    return None;
                }
                *leads.entry(leader).or_default() -= 1;
                *leads.entry(least).or_default() += 1;
                let rest = without(&group.replicas, least);
                Some(with(group, [&[least], rest.as_slice()].concat()))
            })
    }
}

fn weight(group: &Placed) -> f64 {
    1.0 + bytes_weight(group)
}

fn bytes_weight(group: &Placed) -> f64 {
    group.bytes.unwrap_or(0) as f64 / BYTES_WEIGHT as f64
}

/// What the bytes weigh that an open node has on average.
fn mean_bytes(nodes: &[Node], groups: &[Placed]) -> f64 {
    let open = nodes.iter().filter(|node| node.is_open).count().max(1);
    let all: f64 = groups
        .iter()
        .map(|group| bytes_weight(group) * group.replicas.len() as f64)
        .sum();
    all / open as f64
}

fn with(group: &Placed, replicas: Vec<u64>) -> Placed {
    Placed {
        replicas,
        ..group.clone()
    }
}

fn without(replicas: &[u64], node: u64) -> Vec<u64> {
    replicas.iter().copied().filter(|other| *other != node).collect()
}

/// The new one takes the other's place, but leads only if it has no company: it has everything yet to learn.
fn replaced(replicas: &[u64], old: u64, new: u64) -> Vec<u64> {
    let mut replicas = without(replicas, old);
    replicas.push(new);
    replicas
}

#[cfg(test)]
mod tests;
