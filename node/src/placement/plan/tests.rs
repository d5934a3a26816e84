use super::*;

mod bytes;
mod replaced;

const FOUR: Bounds = Bounds::count(4);

/// Nodes such as `1a 2b 3c! 4`: number, zone, and `!` if it is not open.
fn nodes(text: &str) -> Vec<Node> {
    let node = |word: &str| {
        let number = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        let rest = &word[number.len()..];
        Node {
            id: number.parse().unwrap(),
            zone: rest.trim_end_matches('!').to_owned(),
            is_open: !rest.ends_with('!'),
            is_there: true,
        }
    };
    text.split_whitespace().map(node).collect()
}

fn group(id: u64, replicas: &[u64]) -> Placed {
    Placed {
        id,
        version: 0,
        replicas: replicas.to_vec(),
        is_settled: true,
        is_stuck: false,
        is_led: true,
        bytes: Some(0),
    }
}

/// Carries out plans until nothing changes any more; gives how many changes that took.
fn settle(nodes: &[Node], groups: &mut [Placed], wanted: usize) -> usize {
    let mut changes = 0;
    loop {
        let planned = plan(nodes, groups, wanted, FOUR);
        if planned.is_empty() {
            return changes;
        }
        for changed in planned {
            let group = groups.iter_mut().find(|group| group.id == changed.id).unwrap();
            assert_ne!(*group, changed);
            *group = changed;
            changes += 1;
        }
        assert!(
            changes < 20 * groups.len() + 20,
            "it does not come to rest: {groups:?}"
        );
    }
}

/// The next of a series of numbers below a bound that look random.
fn below(bits: &mut u64, bound: u64) -> u64 {
    *bits = bits
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*bits >> 33) % bound
}

fn shares(groups: &[Placed]) -> BTreeMap<u64, (usize, usize)> {
    let mut shares: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for group in groups {
        for (position, node) in group.replicas.iter().enumerate() {
            let share = shares.entry(*node).or_default();
            share.0 += 1;
            share.1 += usize::from(position == 0);
        }
    }
    shares
}

#[test]
fn a_new_node_gets_its_share_of_replicas_and_leaders() {
    let mut groups: Vec<Placed> = (1..=20)
        .map(|id| group(id, &[1 + id % 3, 1 + (id + 1) % 3, 1 + (id + 2) % 3]))
        .collect();
    assert!(plan(&nodes("1 2 3"), &groups, 3, FOUR).is_empty(), "it is even");
    let changes = settle(&nodes("1 2 3 4"), &mut groups, 3);
    for (node, (replicas, leads)) in shares(&groups) {
        assert_eq!((replicas, leads), (15, 5), "node {node}");
    }
    assert!(changes <= 15 + 10, "{changes} changes");
}

#[test]
fn replicas_leave_a_node_that_is_not_open() {
    let mut groups: Vec<Placed> = (1..=8)
        .map(|id| group(id, &[1 + id % 4, 1 + (id + 1) % 4, 1 + (id + 2) % 4]))
        .collect();
    settle(&nodes("1 2 3! 4"), &mut groups, 3);
    let shares = shares(&groups);
    assert_eq!(shares.get(&3), None);
    assert_eq!(shares[&1].0, 8);
}

#[test]
fn one_that_has_nowhere_to_go_stays_but_does_not_lead() {
    let nodes = nodes("1! 2 3");
    let mut groups = vec![group(1, &[1, 2, 3]), group(2, &[2, 3, 1])];
    settle(&nodes, &mut groups, 3);
    assert!(
        groups
            .iter()
            .all(|group| group.replicas.len() == 3 && group.replicas[0] != 1),
        "{groups:?}"
    );
    assert!(is_stuck(&nodes, &groups, 1));
}

#[test]
fn one_whose_only_place_is_away_is_stuck_until_it_is_back() {
    let mut nodes = nodes("1 2 3! 4");
    let mut groups = vec![group(1, &[3, 1, 2])];
    assert!(!is_stuck(&nodes, &groups, 3));
    nodes[3].is_there = false;
    settle(&nodes, &mut groups, 3);
    assert_eq!(groups[0].replicas, [1, 2, 3], "it leads no more");
    assert!(is_stuck(&nodes, &groups, 3));
    // Nor may it go where another node drains.
    nodes[3].is_there = true;
    nodes[3].is_open = false;
    assert!(is_stuck(&nodes, &groups, 3));
    nodes[3].is_open = true;
    settle(&nodes, &mut groups, 3);
    assert!(!is_stuck(&nodes, &groups, 3), "nothing is there any more");
}

#[test]
fn groups_get_the_replicas_that_they_lack_and_no_more() {
    let mut groups = vec![group(1, &[1]), group(2, &[1, 2]), group(3, &[1, 2, 3, 4])];
    settle(&nodes("1 2 3 4"), &mut groups, 3);
    assert!(groups.iter().all(|group| group.replicas.len() == 3), "{groups:?}");
}

#[test]
fn zones_come_before_even_shares() {
    let mut groups: Vec<Placed> = (1..=6).map(|id| group(id, &[1, 2, 3])).collect();
    let nodes = nodes("1a 2a 3b 4c 5c");
    settle(&nodes, &mut groups, 3);
    for group in &groups {
        let mut zones: Vec<&str> = group
            .replicas
            .iter()
            .map(|id| nodes[*id as usize - 1].zone.as_str())
            .collect();
        zones.sort_unstable();
        assert_eq!(zones, ["a", "b", "c"], "{group:?}");
    }
    // Within the zones they are even.
    let shares = shares(&groups);
    assert_eq!(
        (shares[&1].0, shares[&2].0, shares[&4].0, shares[&5].0),
        (3, 3, 3, 3)
    );
}

#[test]
fn nothing_goes_to_a_node_that_is_away() {
    let mut nodes = nodes("1 2 3 4");
    nodes[3].is_there = false;
    let mut groups: Vec<Placed> = (1..=8).map(|id| group(id, &[1, 2, 3])).collect();
    groups.push(group(9, &[1, 2]));
    settle(&nodes, &mut groups, 3);
    assert!(
        groups.iter().all(|group| !group.replicas.contains(&4)),
        "{groups:?}"
    );
}

#[test]
fn what_is_on_its_way_is_waited_for_unless_it_cannot_arrive() {
    let mut groups: Vec<Placed> = (1..=8).map(|id| group(id, &[1, 2, 3])).collect();
    for group in &mut groups[..2] {
        group.is_settled = false;
    }
    assert_eq!(plan(&nodes("1 2 3! 4"), &groups[2..], 3, FOUR).len(), 4);
    let planned = plan(&nodes("1 2 3 4"), &groups, 3, FOUR);
    assert!(planned.is_empty(), "{planned:?}");
    let planned = plan(&nodes("1 2 3! 4"), &groups, 3, FOUR);
    let ids: Vec<u64> = planned.iter().map(|group| group.id).collect();
    assert_eq!(
        ids,
        [1, 2, 3, 4],
        "those that go to a lost node go elsewhere in their own room, and others take what is left"
    );
}

#[test]
fn any_cluster_comes_to_rest_and_is_even_then() {
    let mut bits = 7;
    let mut below = |bound| below(&mut bits, bound);
    for round in 0..200 {
        let count = 3 + below(5);
        let nodes: Vec<Node> = (1..=count)
            .map(|id| Node {
                id,
                zone: ["", "a", "b", "c"][below(4) as usize].to_owned(),
                is_open: id <= 3 || below(4) > 0,
                is_there: true,
            })
            .collect();
        let mut groups: Vec<Placed> = (1..=below(30))
            .map(|id| {
                let first = below(count);
                let replicas = (0..1 + below(3)).map(|n| 1 + (first + n) % count).collect();
                Placed {
                    bytes: Some(below(3) * below(BYTES_WEIGHT)),
                    ..group(id, &Vec::from_iter::<Vec<u64>>(replicas))
                }
            })
            .collect();
        settle(&nodes, &mut groups, 3);
        for group in &groups {
            assert_eq!(group.replicas.len(), 3, "round {round}");
            assert!(
                group.replicas.iter().all(|id| nodes[*id as usize - 1].is_open),
                "round {round}"
            );
        }
    }
}
