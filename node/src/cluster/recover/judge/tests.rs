//! What is lost, and what only seems to be.

use super::super::samples::{closed, cluster, group, quarantine, replica, replica_of};
use super::*;

#[test]
fn each_set_of_a_joint_configuration_needs_its_majority() {
    let joint: &[&[u64]] = &[&[1, 2, 3], &[3, 4, 5]];
    let of = |nodes: &[u64]| {
        let states = nodes.iter().map(|node| replica_of(*node, 2, 9, joint)).collect();
        let mut group = group(1, "0/r/q", &[3, 4, 5], states);
        group.moving = vec![1, 2, 3, 4, 5];
        judge(&group, &cluster(nodes))
    };
    assert_eq!(of(&[1, 2]), Verdict::Lost, "a majority of the old set only");
    assert_eq!(of(&[4, 5]), Verdict::Lost, "a majority of the new set only");
    assert_eq!(of(&[2, 3, 4]), Verdict::HasMajority);
}

#[test]
fn the_most_complete_log_knows_the_voters() {
    let states = vec![
        replica_of(1, 2, 9, &[&[1, 2, 3]]),
        replica_of(2, 2, 10, &[&[2, 4, 5]]),
    ];
    let mut group = group(1, "0/r/q", &[2, 4, 5], states);
    group.moving = vec![1, 2, 3, 4, 5];
    assert_eq!(judge(&group, &cluster(&[1, 2])), Verdict::Lost);
    group.replica_states[0].voters = vec![pb::VoterSet { nodes: vec![2] }];
    assert_eq!(judge(&group, &cluster(&[1, 2])), Verdict::Lost);
    group.replica_states[1].voters = vec![pb::VoterSet { nodes: vec![1, 2, 4] }];
    assert_eq!(judge(&group, &cluster(&[1, 2])), Verdict::HasMajority);
}

#[test]
fn without_voters_the_placement_counts() {
    let two = vec![replica(1, 1, 9), replica(2, 1, 9)];
    let mut group = group(1, "0/r/q", &[1, 2, 3], two);
    assert_eq!(judge(&group, &cluster(&[1, 2])), Verdict::HasMajority);
    group.replica_states.truncate(1);
    assert_eq!(judge(&group, &cluster(&[1, 2])), Verdict::Lost);
    group.replica_states[0].leads = true;
    assert_eq!(judge(&group, &cluster(&[1, 2])), Verdict::HasMajority);
}

#[test]
fn a_replica_that_is_not_open_yet_is_not_lost() {
    let group = group(7, "0/r/q", &[1, 2, 3], vec![replica(1, 1, 9)]);
    let mut status = cluster(&[1, 2]);
    assert_eq!(judge(&group, &status), Verdict::Lost, "node 2 has nothing of it");
    closed(&mut status, 2, &[7]);
    assert_eq!(judge(&group, &status), Verdict::NotOpen(vec![2]));
    let mut whole = group.clone();
    whole.replica_states.push(replica(3, 1, 9));
    assert_eq!(judge(&whole, &status), Verdict::HasMajority, "without node 2");
    closed(&mut status, 2, &[8]);
    assert_eq!(judge(&group, &status), Verdict::Lost);
    status.nodes[1].ready = false;
    assert_eq!(judge(&group, &status), Verdict::NotOpen(vec![2]));
    status.nodes[1].ready = true;
    status.nodes[1].closed = None;
    assert_eq!(
        judge(&group, &status),
        Verdict::NotOpen(vec![2]),
        "it did not say"
    );
    status.nodes[1].alive = false;
    assert_eq!(judge(&group, &status), Verdict::Lost);
}

#[test]
fn a_survivor_that_is_not_in_the_new_epoch_yet_is_waited_for() {
    let mut group = group(7, "0/r/q", &[1], vec![replica_of(1, 5, 9, &[&[1, 2, 3]])]);
    group.epoch = 1;
    assert_eq!(judge(&group, &cluster(&[1])), Verdict::NotOpen(vec![1]));
    group.replica_states = vec![replica_of(1, 1 << 32, 10, &[&[1]])];
    assert_eq!(judge(&group, &cluster(&[1])), Verdict::HasMajority);
}

#[test]
fn a_quarantined_replica_is_not_lost() {
    let mut status = cluster(&[1, 2]);
    quarantine(&mut status, 2, 7);
    let mut of_three = group(7, "0/r/q", &[1, 2, 3], vec![replica(1, 1, 9)]);
    assert_eq!(judge(&of_three, &status), Verdict::Quarantined(vec![2]));
    of_three.replica_states.clear();
    assert_eq!(
        judge(&of_three, &status),
        Verdict::Quarantined(vec![2]),
        "it is all there is"
    );
    let of_five = group(7, "0/r/q", &[1, 2, 3, 4, 5], vec![replica(1, 1, 9)]);
    assert_eq!(
        judge(&of_five, &status),
        Verdict::Lost,
        "two of five are no majority"
    );
}

#[test]
fn only_members_go_on() {
    let silent = group(7, "0/r/q", &[1, 2, 3], vec![]);
    assert_eq!(judge(&silent, &cluster(&[4])), Verdict::Gone);
    let stranger = group(7, "0/r/q", &[1, 2, 3], vec![replica(4, 1, 9)]);
    assert_eq!(judge(&stranger, &cluster(&[4])), Verdict::Gone);
}
