//! What dead nodes had is placed elsewhere: as much at a time as the bounds allow, and whatever else stands still.

use super::*;

const MIB: u64 = 1 << 20;
const BOUNDS: Bounds = Bounds {
    few: 4,
    bytes: 256 * MIB,
};

fn sized(id: u64, bytes: u64) -> Placed {
    Placed {
        bytes: Some(bytes),
        ..group(id, &[1, 2, 3])
    }
}

fn on_its_way(id: u64, replicas: &[u64]) -> Placed {
    Placed {
        is_settled: false,
        ..group(id, replicas)
    }
}

fn planned(nodes: &[Node], groups: &[Placed]) -> Vec<u64> {
    let planned = plan(nodes, groups, 3, BOUNDS);
    planned.iter().map(|group| group.id).collect()
}

#[test]
fn many_small_groups_go_at_a_time_and_few_large_ones() {
    let nodes = nodes("1 2 3! 4");
    let count = |groups: Vec<Placed>| planned(&nodes, &groups).len();
    let all = |bytes| (1..=1_000).map(move |id| sized(id, bytes));
    assert_eq!(count(all(0).collect()), 256);
    assert_eq!(count(all(2 * MIB).collect()), 128);
    assert_eq!(count(all(100 * MIB).collect()), 4);
    assert_eq!(count(all(u64::MAX).collect()), 4);
    // Large ones are among the few; small ones take what they leave.
    let bytes = |id: &u64| {
        if id.is_multiple_of(2) { 60 * MIB } else { 10 * MIB }
    };
    let mixed = (1..=100).map(|id| sized(id, bytes(&id)));
    let chosen = planned(&nodes, &mixed.collect::<Vec<_>>());
    assert!(chosen.iter().map(bytes).sum::<u64>() <= 256 * MIB, "{chosen:?}");
    assert!(chosen.len() > 4, "{chosen:?}");
}

#[test]
fn groups_of_unknown_size_are_taken_for_large_ones() {
    let unknown = (1..=20).map(|id| Placed {
        bytes: None,
        ..group(id, &[1, 2, 3])
    });
    let unknown: Vec<Placed> = unknown.collect();
    assert_eq!(planned(&nodes("1 2 3! 4"), &unknown).len(), 4);
}

#[test]
fn what_is_on_its_way_takes_its_room() {
    let moving = (1..=3).map(|id| Placed {
        bytes: Some(80 * MIB),
        ..on_its_way(id, &[1, 2, 4])
    });
    let groups: Vec<Placed> = moving.chain((4..=99).map(|id| sized(id, MIB))).collect();
    assert_eq!(planned(&nodes("1 2 3! 4"), &groups), (4..=19).collect::<Vec<_>>());
}

#[test]
fn moves_that_make_no_progress_do_not_keep_others_from_beginning() {
    let nodes = nodes("1 2 3! 4");
    let still = (1..=300).map(|id| on_its_way(id, &[1, 2, 4]));
    let mut groups: Vec<Placed> = still.chain((301..=304).map(|id| sized(id, 300 * MIB))).collect();
    assert_eq!(planned(&nodes, &groups), [0; 0]);
    for group in &mut groups[..300] {
        group.is_stuck = true;
    }
    assert_eq!(planned(&nodes, &groups), [301, 302, 303, 304]);
    // Nor do they keep nodes from being evened out.
    let nodes = super::nodes("1 2 3 4");
    for group in &mut groups[300..] {
        group.replicas = vec![1, 2, 4];
    }
    let evened = plan(&nodes, &groups, 3, BOUNDS);
    assert!(!evened.is_empty());
    assert!(evened.iter().all(|group| group.id > 300), "{evened:?}");
}

/// Two of a group's three nodes are dead. Nobody knows yet that it is stuck when it is first planned.
#[test]
fn groups_without_a_majority_do_not_stop_the_repair_of_others() {
    let nodes = nodes("1 2 3! 4! 5 6");
    let unled = (1..=20).map(|id| Placed {
        is_led: false,
        ..group(id, &[1, 3, 4])
    });
    let mut groups: Vec<Placed> = unled.chain((21..=60).map(|id| group(id, &[1, 2, 3]))).collect();
    let mut rounds = 0;
    while groups[20..].iter().any(|group| group.replicas.contains(&3)) {
        rounds += 1;
        assert!(rounds <= 20, "the others are not repaired: {groups:?}");
        for planned in plan(&nodes, &groups, 3, FOUR) {
            let id = planned.id;
            groups[id as usize - 1] = Placed {
                is_settled: id > 20,
                ..planned
            };
        }
        // What has no leader is found to be stuck later; the others have arrived by then.
        for group in groups.iter_mut().filter(|group| !group.is_settled) {
            group.is_stuck = true;
        }
    }
    assert_eq!(rounds, 10, "four at a time, as if the others were not there");
}

#[test]
fn groups_without_a_leader_come_last() {
    let unled = (1..=300).map(|id| Placed {
        is_led: false,
        ..group(id, &[1, 2, 3])
    });
    let groups: Vec<Placed> = unled.chain((301..=310).map(|id| sized(id, 0))).collect();
    let chosen = planned(&nodes("1 2 3! 4"), &groups);
    assert_eq!(chosen.len(), 256);
    assert!((301..=310).all(|id| chosen.contains(&id)), "{chosen:?}");
}

/// As many as may be on their way went to a node that is dead now: each goes elsewhere in its own room.
#[test]
fn groups_that_went_to_a_node_that_died_go_elsewhere_though_all_room_is_taken() {
    let groups: Vec<Placed> = (1..=4).map(|id| on_its_way(id, &[1, 2, 3])).collect();
    let chosen = plan(&nodes("1 2 3! 4"), &groups, 3, FOUR);
    assert_eq!(chosen.len(), 4, "{chosen:?}");
    assert!(chosen.iter().all(|group| !group.replicas.contains(&3)));
}
