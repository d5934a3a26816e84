//! Commands to the catalog, made from a recipe: few names, and documents of all kinds.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use raft::command::catalog::{
    AddPartitions, AddPermission, CatalogCommand, CatalogOp, CreateQueue, NodeRecord, RemovePermission,
    ResourceKey, SetQueueAttributes, TagQueue, UntagQueue,
};
use raft::command::cluster::{
    AdmitNode, CloseReplicas, DrainNode, EnterEpoch, MoveGroup, RecoverGroup, RemoveNode, SettleGroup,
};
use raft::command::move_tasks::{CancelMoveTask, MovePart, ReportMoveTask, StartMoveTask};

use crate::recipe::Recipe;

/// Sources and targets of dead letters, and a name that would break a key.
const NAMES: [&str; 6] = ["orders", "dead", "orders.fifo", "dead.fifo", "", "a\0b"];
const DOCUMENTS: [&str; 12] = [
    "",
    r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":3}"#,
    r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":"3"}"#,
    r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:orders","maxReceiveCount":3}"#,
    r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":-1}"#,
    r#"{"redrivePermission":"denyAll"}"#,
    r#"{"redrivePermission":"allowAll"}"#,
    r#"{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:orders"]}"#,
    r#"{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Allow"}}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Sid":"a"},{"Sid":"b","Sid":"a"},{}]}"#,
    r#"{"Statement":null}"#,
    r#"[{"Statement":[]}]"#,
];
const ATTRIBUTES: [&str; 4] = ["RedrivePolicy", "RedriveAllowPolicy", "Policy", "DelaySeconds"];
const LABELS: [&str; 4] = ["a", "b", "", "\"\\"];

/// One command, encoded; now and then one that no version knows.
pub fn command(recipe: &mut Recipe) -> Bytes {
    if recipe.chance(3) {
        return Bytes::copy_from_slice(recipe.bytes());
    }
    let invocation = match recipe.below(4) {
        0 => Bytes::copy_from_slice(&[recipe.byte() % 4; 16]),
        _ => Bytes::new(),
    };
    let op = Some(op(recipe));
    CatalogCommand { invocation, op }.encode_to_vec().into()
}

/// A node, so that queues can be placed.
pub fn first_node() -> Bytes {
    let op = Some(CatalogOp::RegisterNode(node(1)));
    let invocation = Bytes::new();
    CatalogCommand { invocation, op }.encode_to_vec().into()
}

fn op(recipe: &mut Recipe) -> CatalogOp {
    match recipe.below(18) {
        15.. => cluster_op(recipe),
        0 => CatalogOp::RegisterNode(node(recipe.number())),
        1..=3 => CatalogOp::CreateQueue(CreateQueue {
            key: key(recipe),
            given: attributes(recipe),
            complete: attributes(recipe),
            tags: tags(recipe),
            partitions: recipe.small_number() % 4,
            replicas: recipe.small_number(),
            candidates: candidates(recipe),
        }),
        4 => CatalogOp::DeleteQueue(key(recipe).unwrap_or_default()),
        5 | 6 => CatalogOp::SetQueueAttributes(SetQueueAttributes {
            key: key(recipe),
            changes: attributes(recipe),
            version: if recipe.chance(20) { recipe.number() } else { 0 },
        }),
        7 => CatalogOp::TagQueue(TagQueue {
            key: key(recipe),
            tags: tags(recipe),
            tags_max: recipe.small_number(),
        }),
        8 => CatalogOp::UntagQueue(UntagQueue {
            key: key(recipe),
            tag_keys: tags(recipe).into_keys().collect(),
        }),
        9 => CatalogOp::AddPermission(AddPermission {
            key: key(recipe),
            label: text(recipe, &LABELS),
            accounts: vec!["000000000000".to_owned(); recipe.below(3)],
            actions: vec!["*".to_owned(); recipe.below(3)],
            statements_max: recipe.small_number(),
            policy_bytes_max: recipe.small_number().saturating_mul(100),
        }),
        10 => CatalogOp::RemovePermission(RemovePermission {
            key: key(recipe),
            label: text(recipe, &LABELS),
        }),
        11 => CatalogOp::StartMoveTask(StartMoveTask {
            id: Bytes::copy_from_slice(&[recipe.byte() % 4]),
            source: key(recipe),
            destination: key(recipe).filter(|key| !key.name.is_empty()),
            rate_max: recipe.small_number(),
            tasks_max: recipe.small_number(),
        }),
        12 => CatalogOp::CancelMoveTask(CancelMoveTask {
            id: Bytes::copy_from_slice(&[recipe.byte() % 4]),
            source: key(recipe),
        }),
        13 => CatalogOp::AddPartitions(AddPartitions {
            key: key(recipe),
            seen: recipe.small_number(),
            wanted: recipe.small_number(),
            replicas: recipe.small_number(),
            candidates: candidates(recipe),
        }),
        _ => CatalogOp::ReportMoveTask(ReportMoveTask {
            number: recipe.number(),
            part: recipe.chance(90).then(|| MovePart {
                group: recipe.number(),
                to_move: recipe.chance(50).then(|| recipe.number()),
                moved: recipe.number(),
                ended: recipe.chance(50),
            }),
            failure: text(recipe, &LABELS),
        }),
    }
}

/// What changes the nodes, and where groups live.
fn cluster_op(recipe: &mut Recipe) -> CatalogOp {
    match recipe.below(8) {
        0 => CatalogOp::DrainNode(DrainNode {
            node_id: recipe.number(),
            drain: recipe.chance(60),
        }),
        1 => CatalogOp::RemoveNode(RemoveNode {
            node_id: recipe.number(),
        }),
        2 => CatalogOp::AdmitNode(AdmitNode {
            node: recipe.chance(90).then(|| node(recipe.number())),
            above: recipe.number(),
        }),
        3 => CatalogOp::MoveGroup(MoveGroup {
            group_id: recipe.number(),
            version: recipe.small_number().into(),
            replicas: (0..recipe.below(4)).map(|_| recipe.number()).collect(),
        }),
        4 => CatalogOp::RecoverGroup(RecoverGroup {
            group_id: recipe.number(),
            version: recipe.small_number().into(),
            survivor: recipe.number(),
            epoch: recipe.number(),
        }),
        5 => CatalogOp::EnterEpoch(EnterEpoch {
            epoch: recipe.number(),
        }),
        6 => CatalogOp::CloseReplicas(CloseReplicas {
            node_id: recipe.number(),
            groups: (0..recipe.below(4)).map(|_| recipe.number()).collect(),
        }),
        _ => CatalogOp::SettleGroup(SettleGroup {
            group_id: recipe.number(),
            version: recipe.small_number().into(),
        }),
    }
}

/// Nodes that are there, unknown ones among them.
fn candidates(recipe: &mut Recipe) -> Vec<u64> {
    (0..recipe.below(4)).map(|_| recipe.number()).collect()
}

fn node(node_id: u64) -> NodeRecord {
    NodeRecord {
        node_id,
        incarnation: Bytes::from_static(b"incarnation"),
        zone: format!("zone {}", node_id % 2),
        ..NodeRecord::default()
    }
}

fn key(recipe: &mut Recipe) -> Option<ResourceKey> {
    let choice = recipe.byte();
    (choice < 250).then(|| ResourceKey {
        account: "000000000000".to_owned(),
        region: if choice < 225 { "us-east-1" } else { "eu-west-1" }.to_owned(),
        name: NAMES[usize::from(choice) % NAMES.len()].to_owned(),
    })
}

fn attributes(recipe: &mut Recipe) -> BTreeMap<String, String> {
    let pair = |recipe: &mut Recipe| (text(recipe, &ATTRIBUTES), text(recipe, &DOCUMENTS));
    (0..recipe.below(3)).map(|_| pair(recipe)).collect()
}

fn tags(recipe: &mut Recipe) -> BTreeMap<String, String> {
    let pair = |recipe: &mut Recipe| (text(recipe, &LABELS), text(recipe, &LABELS));
    (0..recipe.below(3)).map(|_| pair(recipe)).collect()
}

/// One of the texts, one of them with a change in it, or one of the fuzzer's own.
fn text(recipe: &mut Recipe, texts: &[&str]) -> String {
    let text = *recipe.pick(texts);
    match recipe.byte() {
        0..200 => text.to_owned(),
        200..240 => {
            let mut bytes = text.as_bytes().to_vec();
            let start = recipe.below(bytes.len() + 1);
            let end = start + recipe.below(bytes.len() - start + 1);
            bytes.splice(start..end, recipe.bytes().iter().copied());
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => recipe.text(),
    }
}
