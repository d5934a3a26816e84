use super::*;

fn set(nodes: &[u64]) -> BTreeSet<NodeId> {
    nodes.iter().copied().map(NodeId).collect()
}

/// Who should vote, given the nodes, those that are about to go, who votes, and which learners are level.
fn wanted(nodes: &[u64], going: &[u64], voters: &[u64], level: &[u64]) -> Vec<u64> {
    wanted_in(&[], nodes, going, voters, level)
}

/// The same; the zone of node 1 comes first.
fn wanted_in(zones: &[&str], nodes: &[u64], going: &[u64], voters: &[u64], level: &[u64]) -> Vec<u64> {
    let members = members_in(zones, nodes, going, voters, level);
    members.wanted().into_iter().map(|node| node.0).collect()
}

fn members_in(zones: &[&str], nodes: &[u64], going: &[u64], voters: &[u64], level: &[u64]) -> Members {
    let zones = (1..).map(NodeId).zip(zones.iter().map(|zone| (*zone).to_owned()));
    Members {
        me: NodeId(voters[0]),
        nodes: set(nodes),
        staying: set(nodes).difference(&set(going)).copied().collect(),
        voters: set(voters),
        learners: set(nodes).difference(&set(voters)).copied().collect(),
        level: set(level),
        there: set(nodes).difference(&set(going)).copied().collect(),
        zones: zones.filter(|(_, zone)| !zone.is_empty()).collect(),
    }
}

/// Zones are worth less than a majority: two of five voters start anew while a third one goes.
#[test]
fn votes_stay_with_those_who_are_there() {
    let all = [1, 2, 3, 4, 5];
    let mut members = members_in(&["a", "a", "b", "b", "c"], &all, &[2], &all, &[]);
    members.there = set(&[1, 2, 4]);
    let wanted: Vec<u64> = members.wanted().into_iter().map(|node| node.0).collect();
    assert_eq!(wanted, [1, 4, 5], "two of three are there");
}

#[test]
fn voters_come_in_pairs_of_learners_that_caught_up() {
    assert_eq!(wanted(&[1, 2, 3], &[], &[1], &[2, 3]), [1, 2, 3]);
    assert_eq!(
        wanted(&[1, 2, 3], &[], &[1], &[2]),
        [1],
        "two voters bear no loss either"
    );
    assert_eq!(wanted(&[1, 2, 3, 4, 5], &[], &[1], &[2, 4, 5]), [1, 2, 4]);
    assert_eq!(wanted(&[1, 2, 3], &[], &[1, 2], &[3]), [1, 2, 3]);
    assert_eq!(wanted(&[1, 2, 3, 4, 5], &[], &[1, 2, 3], &[4]), [1, 2, 3]);
    let all = [1, 2, 3, 4, 5, 6];
    assert_eq!(wanted(&all, &[], &[1, 2, 3], &[4, 5, 6]), [1, 2, 3, 4, 5]);
    assert_eq!(wanted(&all, &[], &[1, 2, 3], &[]), [1, 2, 3]);
}

#[test]
fn who_goes_votes_until_another_can() {
    assert_eq!(wanted(&[1, 2, 3, 4], &[3], &[1, 2, 3], &[4]), [1, 2, 4]);
    assert_eq!(wanted(&[1, 2, 3, 4], &[3], &[1, 2, 3], &[]), [1, 2, 3]);
    assert_eq!(
        wanted(&[1, 2, 3], &[3], &[1, 2, 3], &[]),
        [1, 2, 3],
        "nobody else is there"
    );
    assert_eq!(
        wanted(&[1, 2, 3, 4, 5], &[4, 5], &[1, 2, 3, 4, 5], &[]),
        [1, 2, 3]
    );
    assert_eq!(wanted(&[1, 2, 3, 4, 5], &[5], &[1, 2, 3, 4, 5], &[]), [1, 2, 3]);
}

#[test]
fn who_was_removed_votes_no_more() {
    assert_eq!(wanted(&[1, 2], &[], &[1, 2, 3], &[]), [1, 2]);
    assert_eq!(wanted(&[1, 2, 4], &[], &[1, 2, 3], &[4]), [1, 2, 4]);
    assert_eq!(wanted(&[1], &[], &[1, 2, 3], &[]), [1]);
}

#[test]
fn voters_are_odd_and_at_most_five() {
    let wanted: Vec<usize> = (1..=8).map(voters_wanted).collect();
    assert_eq!(wanted, [1, 1, 3, 3, 5, 5, 5, 5]);
}

/// Carries out what is wanted until nothing changes; gives who votes then, and how many changes it took.
fn settle(zones: &[&str], going: &[u64], voters: &[u64]) -> (Vec<u64>, usize) {
    let nodes: Vec<u64> = (1..=zones.len() as u64).collect();
    let mut voters = voters.to_vec();
    for changes in 0..10 {
        let level: Vec<u64> = nodes
            .iter()
            .copied()
            .filter(|node| !voters.contains(node))
            .collect();
        let level: Vec<u64> = level.into_iter().filter(|node| !going.contains(node)).collect();
        let wanted = wanted_in(zones, &nodes, going, &voters, &level);
        if wanted == voters {
            return (voters, changes);
        }
        let new = wanted.iter().filter(|node| !voters.contains(node)).count();
        let is_exchange = going.is_empty() && wanted.len() == voters.len();
        assert!(
            !is_exchange || new == 1,
            "one vote at a time: {voters:?}, {wanted:?}"
        );
        voters = wanted;
    }
    panic!("it does not come to rest: {voters:?}");
}

#[test]
fn voters_are_spread_over_three_zones() {
    let six = ["a", "a", "b", "b", "c", "c"];
    assert_eq!(settle(&six, &[], &[1, 2, 3]), (vec![1, 2, 3, 4, 5], 1));
    let (voters, _) = settle(&["a", "a", "a", "b", "b", "b", "c", "c", "c"], &[], &[1, 2, 3]);
    let in_zone = |first: u64| {
        voters
            .iter()
            .filter(|node| (first..first + 3).contains(node))
            .count()
    };
    let mut counts = [in_zone(1), in_zone(4), in_zone(7)];
    counts.sort_unstable();
    assert_eq!(
        counts,
        [1, 2, 2],
        "{voters:?}: the loss of a zone leaves three of five"
    );
    // Five that vote already in two zones: one vote moves, and no more.
    assert_eq!(
        settle(&["a", "a", "a", "b", "b", "c"], &[], &[1, 2, 3, 4, 5]),
        (vec![1, 2, 4, 5, 6], 1)
    );
    // Four nodes have three voters.
    assert_eq!(settle(&["a", "a", "b", "c"], &[], &[1, 2, 3]), (vec![1, 3, 4], 1));
}

#[test]
fn one_zone_or_none_changes_nothing() {
    assert_eq!(settle(&["a"; 6], &[], &[1, 2, 3, 4, 5]), (vec![1, 2, 3, 4, 5], 0));
    assert_eq!(settle(&[""; 6], &[], &[2, 3, 4, 5, 6]), (vec![2, 3, 4, 5, 6], 0));
    // Some nodes have a zone: the others count as zones of their own.
    assert_eq!(
        settle(&["a", "a", "", "", ""], &[], &[1, 2, 3, 4, 5]),
        (vec![1, 2, 3, 4, 5], 0)
    );
}

#[test]
fn two_zones_and_uneven_ones_are_as_even_as_can_be() {
    let (voters, changes) = settle(&["a", "a", "a", "a", "a", "b", "b"], &[], &[1, 2, 3, 4, 5]);
    assert_eq!((voters, changes), (vec![1, 2, 3, 6, 7], 2));
    let (voters, changes) = settle(&["a", "a", "a", "a", "a", "b"], &[], &[1, 2, 3, 4, 5]);
    assert_eq!(
        (voters, changes),
        (vec![1, 2, 3, 4, 6], 1),
        "there is no more in zone b"
    );
}

#[test]
fn a_lost_zone_is_replaced_and_comes_back_without_to_and_fro() {
    let zones = ["a", "a", "b", "b", "c", "c"];
    let (voters, _) = settle(&zones, &[], &[1, 2, 3]);
    let (without, _) = settle(&zones, &[5, 6], &voters);
    assert_eq!(without.len(), 3, "of four that are left: {without:?}");
    let (back, _) = settle(&zones, &[], &without);
    let (again, changes) = settle(&zones, &[], &back);
    assert_eq!((again, changes), (back.clone(), 0));
    assert!(back.contains(&5) || back.contains(&6), "{back:?}");
}

#[test]
fn a_vote_moves_only_to_a_node_that_is_there() {
    let zones = (1..).map(NodeId).zip(["a", "a", "b", "c"].map(str::to_owned));
    let mut members = Members {
        me: NodeId(1),
        nodes: set(&[1, 2, 3, 4]),
        staying: set(&[1, 2, 3, 4]),
        voters: set(&[1, 2, 3]),
        learners: set(&[4]),
        level: set(&[4]),
        there: set(&[1, 2, 3]),
        zones: zones.collect(),
    };
    assert_eq!(members.wanted(), set(&[1, 2, 3]));
    members.there = set(&[1, 2, 3, 4]);
    assert_eq!(members.wanted(), set(&[1, 3, 4]));
}

#[test]
fn the_leader_keeps_its_vote_when_one_of_its_zone_moves() {
    let zones = (1..).map(NodeId).zip(["a", "a", "b", "c"].map(str::to_owned));
    let mut members = Members {
        me: NodeId(2),
        nodes: set(&[1, 2, 3, 4]),
        staying: set(&[1, 2, 3, 4]),
        voters: set(&[1, 2, 3]),
        learners: set(&[4]),
        level: set(&[4]),
        there: set(&[1, 2, 3, 4]),
        zones: zones.collect(),
    };
    assert_eq!(members.wanted(), set(&[2, 3, 4]));
    members.me = NodeId(1);
    assert_eq!(members.wanted(), set(&[1, 3, 4]));
}
