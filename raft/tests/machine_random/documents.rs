//! What the catalog keeps of queues' documents, against naive readings of the same histories.

use std::collections::BTreeMap;

use prost::Message;
use raft::command::Reply;
use raft::command::catalog::{CatalogAnswer, CatalogCommand, CatalogOp, CatalogReply, ResourceKey};
use raft::machine::catalog::Catalog;
use raft::machine::{Machine, MachineKind};
use serde_json::Value;

use crate::{SEEDS, catalog_history};

/// The labels of a queue's permissions, in the order in which they were granted.
type Labels = BTreeMap<ResourceKey, Vec<String>>;

/// Permissions are those that were granted and not taken back; sources of dead letters are the queues
/// whose policy names the target.
#[test]
fn documents_say_what_was_done() {
    let (mut granted, mut sources) = (0, 0);
    for seed in SEEDS {
        let mut history = catalog_history::History::new(seed);
        let mut machine = Machine::new(MachineKind::Catalog);
        let mut labels = Labels::new();
        for _ in 0..200 {
            let batch = history.next_batch();
            let replies = machine.apply(&batch);
            for (command, reply) in batch.commands.iter().zip(replies).take(history.fresh()) {
                let command = CatalogCommand::decode(command.clone()).expect("it was encoded as one");
                note(&mut labels, command.op.expect("an operation"), reply);
            }
            let catalog = machine.as_catalog().expect("it was made as a catalog");
            granted += check_labels(catalog, &labels, seed);
            sources += check_sources(catalog, seed);
        }
    }
    assert!(granted > 1_000 && sources > 1_000, "the histories are too tame");
}

/// What a command that was not refused comes to.
fn note(labels: &mut Labels, op: CatalogOp, reply: Reply) {
    let Reply::Catalog(CatalogReply { answer: Some(answer) }) = reply else {
        // Below its level it is not known.
        let is_new = matches!(
            op,
            CatalogOp::CloseReplicas(_) | CatalogOp::RecoverGroup(_) | CatalogOp::EnterEpoch(_)
        );
        assert!(is_new, "{op:?}: {reply:?}");
        return;
    };
    if matches!(answer, CatalogAnswer::Refused(_)) {
        return;
    }
    match op {
        CatalogOp::DeleteQueue(key) => drop(labels.remove(&key)),
        CatalogOp::AddPermission(add) => {
            let of_queue = labels.entry(add.key.expect("a key")).or_default();
            of_queue.push(add.label);
        }
        CatalogOp::RemovePermission(remove) => {
            let of_queue = labels.entry(remove.key.expect("a key")).or_default();
            of_queue.retain(|label| *label != remove.label);
        }
        _ => {}
    }
}

fn check_labels(catalog: &Catalog, labels: &Labels, seed: u64) -> usize {
    let mut granted = 0;
    for queue in catalog.all_queues() {
        let policy = queue.attributes.get("Policy").map_or("{}", String::as_str);
        let policy: Value = serde_json::from_str(policy).expect("a policy is JSON");
        let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
        let found: Vec<&str> = statements.iter().filter_map(|s| s["Sid"].as_str()).collect();
        let expected = labels.get(queue.key.as_ref().expect("a key"));
        assert_eq!(found, expected.cloned().unwrap_or_default(), "seed {seed}");
        granted += found.len();
    }
    granted
}

fn check_sources(catalog: &Catalog, seed: u64) -> usize {
    let mut expected: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for queue in catalog.all_queues() {
        if let Some(policy) = queue.attributes.get("RedrivePolicy") {
            let policy: Value = serde_json::from_str(policy).expect("a redrive policy is JSON");
            let target = policy["deadLetterTargetArn"].as_str().expect("a target");
            let name = &queue.key.as_ref().expect("a key").name;
            expected.entry(target.to_owned()).or_default().push(name);
        }
    }
    let count = expected.values().map(Vec::len).sum();
    for (target, expected) in expected {
        let parts: Vec<&str> = target.split(':').collect();
        let target = ResourceKey {
            region: parts[3].to_owned(),
            account: parts[4].to_owned(),
            name: parts[5].to_owned(),
        };
        let found: Vec<&str> = catalog.dead_letter_sources(&target, None).collect();
        assert_eq!(found, expected, "seed {seed}");
    }
    count
}
