//! What is decided, and what still holds later.

use super::super::samples::{closed, group, quarantine, replica, with};
use super::*;

fn flags(what: &str, survivor: Option<u64>) -> Flags {
    Flags {
        what: what.to_owned(),
        survivor,
        data_dir: None,
        dry_run: false,
        yes: true,
    }
}

fn planned(what: &str, survivor: Option<u64>, status: &pb::ClusterStatus) -> Result<Plan, String> {
    plan(&flags(what, survivor), status).map_err(|e| e.to_string())
}

fn ids(what: &str, status: &pb::ClusterStatus) -> Result<Vec<u64>, String> {
    let plan = planned(what, None, status)?;
    Ok(plan.requests.iter().map(|request| request.group).collect())
}

#[test]
fn only_groups_without_a_majority_are_chosen() {
    let groups = vec![
        group(1, "0/r/a", &[1, 2, 3], vec![replica(1, 1, 9)]),
        group(2, "0/r/a", &[1, 2, 3], vec![replica(1, 1, 9), replica(2, 1, 9)]),
        group(3, "0/r/b", &[1, 2, 3], vec![replica(3, 1, 9)]),
        group(4, "1/r/b", &[1, 2, 3], vec![replica(3, 1, 9)]),
        group(5, "0/r/c", &[1, 2, 3], vec![replica(1, 1, 9), replica(3, 1, 9)]),
    ];
    let status = with(&[1, 2, 3], groups);
    assert_eq!(ids("a", &status), Ok(vec![1]));
    assert_eq!(ids("4", &status), Ok(vec![4]));
    assert_eq!(ids("all", &status), Ok(vec![1, 3, 4]));
    assert_eq!(ids("1/r/b", &status), Ok(vec![4]));
    assert!(ids("b", &status).unwrap_err().contains("several queues"));
    assert!(ids("c", &status).unwrap_err().contains("has a majority"));
    assert!(ids("d", &status).unwrap_err().contains("no group or queue"));
}

#[test]
fn what_may_come_back_and_what_is_gone_is_left_out_and_named() {
    let mut status = with(
        &[1, 2, 3],
        vec![
            group(1, "0/r/lost", &[1, 4, 5], vec![replica(1, 1, 9)]),
            group(2, "0/r/closed", &[1, 2, 5], vec![replica(1, 1, 9)]),
            group(3, "0/r/quarantined", &[1, 3, 5], vec![replica(1, 1, 9)]),
            group(4, "0/r/gone", &[4, 5, 6], vec![]),
        ],
    );
    closed(&mut status, 2, &[2]);
    quarantine(&mut status, 3, 3);
    let plan = planned("all", None, &status).unwrap();
    assert_eq!(plan.requests.iter().map(|r| r.group).collect::<Vec<_>>(), [1]);
    let said = plan.left_out.join("\n");
    for (what, reason) in [
        (
            "closed",
            "node 2 answers, but its replica of group 2 is not open yet; wait until",
        ),
        ("quarantined", "`millrace cluster retry 3`"),
        ("gone", "nothing to go on from; delete the queue"),
    ] {
        assert!(said.contains(reason), "{said}");
        let refused = planned(what, None, &status).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
    status.groups.remove(0);
    assert!(
        planned("all", None, &status)
            .unwrap_err()
            .contains("not open yet")
    );
}

#[test]
fn the_most_complete_log_goes_on_unless_another_is_wished() {
    let states = vec![
        replica(1, 3, 50),
        replica(2, 4, 40),
        replica(3, 4, 41),
        replica(9, 5, 60),
    ];
    let group = group(7, "0/r/q", &[1, 2, 3, 4, 5, 6, 7], states);
    assert_eq!(survivor(&group, None).unwrap().node, 3);
    assert_eq!(survivor(&group, Some(1)).unwrap().node, 1);
    let error = survivor(&group, Some(5)).unwrap_err().to_string();
    assert!(error.contains("node 5 does not answer"), "{error}");
    let error = survivor(&group, Some(9)).unwrap_err().to_string();
    assert!(error.contains("node 9 is no member"), "{error}");
}

#[test]
fn all_skips_groups_of_which_the_wished_node_has_nothing() {
    let groups = vec![
        group(1, "0/r/a", &[1, 4, 5], vec![replica(1, 1, 9)]),
        group(2, "0/r/b", &[2, 4, 5], vec![replica(2, 1, 9)]),
    ];
    let status = with(&[1, 2], groups);
    let plan = planned("all", Some(2), &status).unwrap();
    assert_eq!(plan.requests.iter().map(|r| r.group).collect::<Vec<_>>(), [2]);
    let said = &plan.left_out[0];
    assert!(
        said.contains("node 2 does not answer with a replica of group 1"),
        "{said}"
    );
    assert!(
        planned("a", Some(2), &status)
            .unwrap_err()
            .contains("node 2 does not answer")
    );
}

#[test]
fn the_new_epoch_is_above_all_that_answer() {
    let states = vec![replica(1, (3 << 32) + 7, 9), replica(9, (4 << 32) + 1, 1)];
    let mut group = group(7, "0/r/q", &[1, 2, 3], states);
    assert_eq!(request(&group, None).unwrap().epoch, 5);
    group.epoch = 6;
    assert_eq!(request(&group, None).unwrap().epoch, 7);
}

#[test]
fn what_changed_since_the_operator_looked_is_not_done() {
    let lost = group(1, "0/r/a", &[1, 2, 3, 4, 5], vec![replica(1, 1, 9)]);
    let before = with(&[1], vec![lost.clone()]);
    let plan = planned("all", None, &before).unwrap();
    let later = |change: fn(&mut pb::Group)| {
        let mut group = lost.clone();
        change(&mut group);
        let status = with(&[1, 2], vec![group]);
        confirm(&flags("all", None), &plan.requests[0], &status).map_err(|e| e.to_string())
    };
    assert_eq!(
        later(|group| group.replica_states[0].last_index = Some(10)),
        Ok(())
    );
    let back = later(|group| group.replica_states.extend([replica(2, 1, 9), replica(3, 1, 9)]));
    assert!(back.unwrap_err().contains("majority again"));
    let moved = later(|group| group.version += 1);
    assert!(moved.unwrap_err().contains("moved or recovered meanwhile"));
    let recovered = later(|group| {
        group.epoch += 1;
        group.replica_states[0].last_term = Some(1 << 32);
    });
    assert!(recovered.unwrap_err().contains("moved or recovered meanwhile"));
    let other = later(|group| group.replica_states.push(replica(2, 1, 10)));
    assert!(other.unwrap_err().contains("on node 2"));
    let gone = confirm(&flags("all", None), &plan.requests[0], &with(&[1], vec![]));
    assert!(gone.unwrap_err().to_string().contains("deleted"));
}
