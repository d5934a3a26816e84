//! Names the nodes that are there in commands that place new groups.
//!
//! Any node proposes such a command, but only the catalog's leader knows who answers, and only at
//! the moment at which it puts the command into the log. So the leader writes the candidates into
//! the command there; the machine chooses among them (`raft/src/machine/catalog/placement.rs`).

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use raft::command::catalog::{CatalogCommand, CatalogOp};
use raft::group::{Group, NotDone};
use raft::types::NodeId;

use super::heard::THERE;

/// Who was heard of within this time answers. Heartbeats come several times as often, and dead
/// nodes miss them all.
const ANSWERS: Duration = Duration::from_secs(1);

/// The encoded command with its candidates, if it places groups; otherwise as it is. `catalog` is
/// the catalog's group, which this node leads.
///
/// # Errors
/// [`NotDone::NotLeader`] if no majority confirms that this node leads.
pub async fn name(catalog: &Group, command: Bytes) -> Result<Bytes, NotDone> {
    let Some(mut placing) = placing(&command) else {
        return Ok(command);
    };
    if !catalog.leads_with_lease() {
        // A leader that was elected a moment ago has heard of nobody yet. Once it is confirmed, a
        // majority has answered.
        catalog.read_index().await?;
    }
    set(&mut placing, &living(catalog));
    Ok(placing.encode_to_vec().into())
}

/// The command, if it places groups. One that cannot be decoded goes into the log as it is, and is
/// refused there.
fn placing(command: &Bytes) -> Option<CatalogCommand> {
    let command = CatalogCommand::decode(command.clone()).ok()?;
    let places = matches!(
        command.op,
        Some(CatalogOp::CreateQueue(_) | CatalogOp::AddPartitions(_))
    );
    places.then_some(command)
}

/// `living` is what [`living`] gives.
fn set(command: &mut CatalogCommand, living: &[Living]) {
    match &mut command.op {
        Some(CatalogOp::CreateQueue(create)) => create.candidates = chosen(living, create.replicas),
        Some(CatalogOp::AddPartitions(add)) => add.candidates = chosen(living, add.replicas),
        _ => {}
    }
}

/// A node that is there. The best place for a group comes first: one that does not drain, and
/// answered last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Living {
    drains: bool,
    ago: Duration,
    node: NodeId,
}

/// This node, and those that answered it within [`THERE`], the best first.
fn living(catalog: &Group) -> Vec<Living> {
    let heard = catalog.heard().into_iter();
    let there = heard.filter_map(|(node, ago)| Some((node, ago.filter(|ago| *ago < THERE)?)));
    let there = there.chain([(catalog.me(), Duration::ZERO)]);
    let there: Vec<(NodeId, Duration)> = there.collect();
    let mut living: Vec<Living> = catalog.replica().read(|machine| {
        let drains = |node: NodeId| machine.as_catalog().is_some_and(|c| c.drains(node.0));
        let living = there.iter().map(|(node, ago)| Living {
            drains: drains(*node),
            ago: *ago,
            node: *node,
        });
        living.collect()
    });
    living.sort_unstable();
    living
}

/// Those who answer now and do not drain, or else as many of the best as a group has replicas. Who
/// missed a few heartbeats may be dead: two such nodes would leave a new group without a majority.
fn chosen(living: &[Living], replicas: u32) -> Vec<u64> {
    let answer = living.iter().filter(|l| !l.drains && l.ago < ANSWERS).count();
    let mut chosen: Vec<u64> = living.iter().map(|living| living.node.0).collect();
    chosen.truncate(answer.max(replicas as usize));
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use raft::command::catalog::{AddPartitions, CreateQueue, ResourceKey};

    use super::*;

    fn there(drains: bool, milliseconds: u64, node: u64) -> Living {
        Living {
            drains,
            ago: Duration::from_millis(milliseconds),
            node: NodeId(node),
        }
    }

    fn encoded(op: CatalogOp) -> Bytes {
        let invocation = Bytes::from_static(b"0123456789abcdef");
        let op = Some(op);
        CatalogCommand { invocation, op }.encode_to_vec().into()
    }

    #[test]
    fn who_was_not_heard_of_a_moment_ago_is_taken_only_where_others_do_not_suffice() {
        let ago = |milliseconds, node| there(false, milliseconds, node);
        let living = [ago(0, 4), ago(80, 5), ago(150, 1), ago(1400, 2), ago(3100, 3)];
        assert_eq!(chosen(&living, 3), [1, 4, 5]);
        assert_eq!(chosen(&living, 1), [1, 4, 5]);
        assert_eq!(chosen(&living, 4), [1, 2, 4, 5]);
        assert_eq!(chosen(&living, 7), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn who_drains_is_taken_only_where_others_do_not_suffice() {
        let mut living = [
            there(true, 0, 1),
            there(false, 90, 2),
            there(true, 10, 3),
            there(false, 70, 4),
        ];
        living.sort_unstable();
        assert_eq!(chosen(&living, 1), [2, 4]);
        assert_eq!(chosen(&living, 2), [2, 4]);
        assert_eq!(chosen(&living, 3), [1, 2, 4]);
    }

    #[test]
    fn only_commands_that_place_groups_are_rewritten_and_keep_all_else() {
        let key = Some(ResourceKey {
            name: "q".to_owned(),
            ..Default::default()
        });
        let create = CreateQueue {
            key: key.clone(),
            partitions: 3,
            candidates: vec![9],
            ..Default::default()
        };
        let add = AddPartitions {
            key,
            seen: 1,
            wanted: 2,
            ..Default::default()
        };
        let living = [there(false, 0, 1), there(false, 0, 3)];
        for op in [CatalogOp::CreateQueue(create), CatalogOp::AddPartitions(add)] {
            let mut command = placing(&encoded(op.clone())).unwrap();
            set(&mut command, &living);
            assert_eq!(&command.invocation[..], b"0123456789abcdef");
            match (command.op.unwrap(), op) {
                (CatalogOp::CreateQueue(named), CatalogOp::CreateQueue(before)) => {
                    let candidates = vec![1, 3];
                    assert_eq!(named, CreateQueue { candidates, ..before });
                }
                (CatalogOp::AddPartitions(named), CatalogOp::AddPartitions(before)) => {
                    let candidates = vec![1, 3];
                    assert_eq!(named, AddPartitions { candidates, ..before });
                }
                other => panic!("another command: {other:?}"),
            }
        }
        let delete = encoded(CatalogOp::DeleteQueue(ResourceKey::default()));
        assert_eq!(placing(&delete), None);
        assert_eq!(placing(&Bytes::from_static(b"\xff\xff")), None);
    }
}
