//! Whole clusters whose groups differ in size, and change it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::super::super::sizes::Sizes;
use super::*;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// How often sizes are told, as in `survey.rs`.
const TOLD: Duration = Duration::from_secs(5);

fn sized(id: u64, replicas: &[u64], bytes: u64) -> Placed {
    Placed {
        bytes: Some(bytes),
        ..group(id, replicas)
    }
}

fn places(groups: &[Placed]) -> Vec<BTreeSet<u64>> {
    let replicas = groups.iter().map(|group| group.replicas.iter().copied());
    replicas.map(BTreeSet::from_iter).collect()
}

/// A cluster as time goes by: groups are told to be of some size, and changes of the plan are carried out at once.
struct Life {
    nodes: Vec<Node>,
    groups: Vec<Placed>,
    sizes: Sizes,
    now: Instant,
}

impl Life {
    fn new(nodes: Vec<Node>, groups: Vec<Placed>) -> Life {
        Life {
            nodes,
            groups,
            sizes: Sizes::default(),
            now: Instant::now(),
        }
    }

    /// Tells sizes once, and gives how many replicas then move until all is at rest.
    fn tell(&mut self, mut size: impl FnMut(&Placed) -> u64) -> usize {
        self.now += TOLD;
        for group in &mut self.groups {
            self.sizes.told(group.id, size(group), self.now);
            group.bytes = self.sizes.bytes(group.id);
        }
        let before = places(&self.groups);
        settle(&self.nodes, &mut self.groups, 3);
        let after = places(&self.groups);
        let moved = before.iter().zip(&after);
        let moved = moved.map(|(before, after)| after.difference(before).count());
        moved.sum()
    }
}

#[test]
fn large_groups_are_spread_over_nodes() {
    let mut groups = vec![
        sized(1, &[1], 10 * BYTES_WEIGHT),
        sized(2, &[1], 10 * BYTES_WEIGHT),
        sized(3, &[2], 0),
        sized(4, &[2], 0),
    ];
    assert_eq!(settle(&nodes("1 2"), &mut groups, 1), 1);
    let large: Vec<u64> = groups[..2].iter().map(|group| group.replicas[0]).collect();
    assert_ne!(large[0], large[1], "{groups:?}");
}

#[test]
fn as_long_as_a_size_is_unknown_nodes_are_not_evened_out() {
    let mut groups: Vec<Placed> = (1..=8).map(|id| sized(id, &[1, 2, 3], 0)).collect();
    groups[7].bytes = None;
    let before = places(&groups);
    settle(&nodes("1 2 3 4"), &mut groups, 3);
    assert_eq!(places(&groups), before);
    // What must go goes.
    settle(&nodes("1 2 3! 4"), &mut groups, 3);
    assert!(
        groups.iter().all(|group| !group.replicas.contains(&3)),
        "{groups:?}"
    );
}

#[test]
fn a_replica_does_not_move_if_that_gains_next_to_nothing() {
    // 1 would have 10 units less and 2 as much more: a gap of 11 the other way round.
    let mut groups = vec![
        sized(1, &[1], 10 * BYTES_WEIGHT),
        sized(2, &[1], 10 * BYTES_WEIGHT),
        sized(3, &[2], 9 * BYTES_WEIGHT),
    ];
    assert_eq!(settle(&nodes("1 2"), &mut groups, 1), 0);
    // A twentieth of what they have is even enough, however many small groups could make up for it.
    let small = (4..20).map(|id| sized(id, &[1 + id % 2], 0));
    let mut groups: Vec<Placed> = [
        sized(1, &[1], 41 * BYTES_WEIGHT),
        sized(2, &[2], 39 * BYTES_WEIGHT),
    ]
    .into_iter()
    .chain(small)
    .collect();
    assert_eq!(settle(&nodes("1 2"), &mut groups, 1), 0);
}

#[test]
fn any_uneven_cluster_comes_to_rest_with_few_moves() {
    let mut bits = 11;
    for round in 0..300 {
        let count = 4 + below(&mut bits, 5);
        let all: Vec<Node> = (1..=count).flat_map(|id| nodes(&id.to_string())).collect();
        let mut groups: Vec<Placed> = (1..=10 + below(&mut bits, 50))
            .map(|id| {
                let first = below(&mut bits, count);
                let replicas: Vec<u64> = (0..3).map(|n| 1 + (first + n) % count).collect();
                let size = [0, 100 * MIB, GIB, 20 * GIB][below(&mut bits, 4) as usize];
                sized(id, &replicas, size / 2 + below(&mut bits, 1 + size))
            })
            .collect();
        let changes = settle(&all, &mut groups, 3);
        // Each replica moves once or so; leaders may change besides.
        let count = groups.len();
        assert!(
            changes <= 4 * count,
            "round {round}: {changes} changes of {count} groups"
        );
        let state = State::of(&all, &groups);
        let on = || state.weights.values().copied();
        let gap = on().fold(0.0, f64::max) - on().fold(f64::INFINITY, f64::min);
        let largest = groups.iter().map(weight).fold(0.0, f64::max);
        // Nothing is as large as what the fullest node could give to the emptiest.
        let left = (largest / WORTHWHILE).max(largest + state.slack / 2.0);
        assert!(gap <= left.max(state.slack), "round {round}: {:?}", state.weights);
    }
}

#[test]
fn sizes_that_jitter_move_nothing_once_all_is_settled() {
    let mut bits = 5;
    for round in 0..10 {
        let groups: Vec<Placed> = (1..=20).map(|id| group(id, &[1, 2, 3])).collect();
        let typical: Vec<u64> = groups
            .iter()
            .map(|_| [0, 40 * MIB, GIB, 30 * GIB][below(&mut bits, 4) as usize])
            .collect();
        let mut life = Life::new(nodes("1 2 3 4 5 6"), groups);
        let mut jittering = |group: &Placed| {
            let size = typical[group.id as usize - 1];
            size / 10 * 7 + below(&mut bits, 1 + size / 10 * 6)
        };
        let first = life.tell(&mut jittering);
        assert!(first > 0, "round {round}: nothing was uneven at first");
        // Two hours.
        for tick in 0..1_440 {
            assert_eq!(life.tell(&mut jittering), 0, "round {round}: at {tick}");
        }
    }
}

#[test]
fn a_queue_that_fills_and_drains_does_not_take_replicas_to_and_fro() {
    for minutes in [1, 3, 9, 30] {
        let groups: Vec<Placed> = (1..=24)
            .map(|id| group(id, &[1 + id % 4, 1 + (id + 1) % 4, 1 + (id + 2) % 4]))
            .collect();
        let mut life = Life::new(nodes("1 2 3 4"), groups);
        let (ticks, mut moves) = (minutes * 12, 0);
        // Twelve hours.
        for tick in 0..8_640 {
            let is_full = (tick / ticks) % 2 == 1;
            let size = |group: &Placed| if group.id == 1 && is_full { GIB } else { 0 };
            moves += life.tell(size);
        }
        let cycles = 8_640 / (2 * ticks);
        if minutes < 10 {
            assert!(moves <= 12, "every {minutes} min: {moves} moves in all");
        } else {
            assert!(
                (1..=24).contains(&(moves / cycles)),
                "every {minutes} min: {moves} moves"
            );
        }
    }
}

#[test]
fn what_a_drained_queue_had_is_soon_forgotten() {
    let all = nodes("1 2 3 4");
    let groups: Vec<Placed> = (1..=12).map(|id| group(id, &[1, 2, 3])).collect();
    let mut life = Life::new(all.clone(), groups);
    for _ in 0..3 {
        life.tell(|group| if group.id == 1 { 20 * GIB } else { 0 });
    }
    assert_eq!(shares(&life.groups)[&4].0, 11, "all but the large one");
    for _ in 0..121 {
        life.tell(|_| 0);
    }
    for node in &all {
        assert_eq!(shares(&life.groups)[&node.id].0, 9, "node {}", node.id);
    }
}
