//! Random commands to a catalog.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use raft::command::Batch;
use raft::command::catalog::{
    AddPermission, CatalogCommand, CatalogOp, CreateQueue, NodeRecord, RemovePermission, ResourceKey,
    SetQueueAttributes, TagQueue, UntagQueue,
};
use raft::command::cluster::{
    AdmitNode, CloseReplicas, DrainNode, EnterEpoch, MoveGroup, RaiseLevel, RecoverGroup, RemoveNode,
    SettleGroup,
};
use raft::command::move_tasks::{CancelMoveTask, MovePart, ReportMoveTask, StartMoveTask};

use crate::random::Random;

pub(crate) struct History {
    random: Random,
    now: u64,
    last: Option<Bytes>,
    fresh: usize,
}

impl History {
    pub(crate) fn new(seed: u64) -> History {
        History {
            random: Random(seed),
            now: 1_000,
            last: None,
            fresh: 0,
        }
    }

    pub(crate) fn next_batch(&mut self) -> Batch {
        self.now += self.random.below(20_000);
        let mut commands: Vec<Bytes> = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let invocation = Bytes::from(self.random.bits().to_be_bytes().repeat(2));
            let op = Some(self.op());
            commands.push(CatalogCommand { invocation, op }.encode_to_vec().into());
        }
        self.fresh = commands.len();
        commands.extend(self.last.take().filter(|_| self.random.chance(30)));
        self.last = commands.first().cloned();
        Batch {
            now_ms: self.now,
            seed: self.random.bits(),
            commands,
            ..Batch::default()
        }
    }

    /// How many commands of the last batch were new; those behind them repeat an earlier call.
    pub(crate) fn fresh(&self) -> usize {
        self.fresh
    }

    fn op(&mut self) -> CatalogOp {
        let key = ResourceKey {
            account: format!("{:012}", self.random.below(2)),
            region: "r".into(),
            name: format!("q{}", self.random.below(12)),
        };
        let seconds = self.random.below(3).to_string();
        let mut attributes = BTreeMap::from([("VisibilityTimeout".to_owned(), seconds.clone())]);
        if self.random.chance(40) {
            attributes.insert("RedrivePolicy".to_owned(), self.redrive_policy());
        }
        match self.random.below(26) {
            20.. => self.cluster_op(),
            0..2 => CatalogOp::RegisterNode(NodeRecord {
                node_id: self.random.below(5),
                incarnation: Bytes::from(vec![self.random.below(2) as u8]),
                peer_address: format!("h:{}", self.random.below(3)),
                zone: format!("z{}", self.random.below(3)),
                version: "0.2.0+level.1".to_owned(),
                ..NodeRecord::default()
            }),
            2..6 => CatalogOp::CreateQueue(CreateQueue {
                key: Some(key),
                given: attributes.clone(),
                complete: attributes,
                tags: BTreeMap::new(),
                partitions: self.random.below(4) as u32,
                replicas: self.random.below(5) as u32,
                candidates: (0..self.random.below(4)).map(|_| self.random.below(6)).collect(),
            }),
            6..8 => CatalogOp::DeleteQueue(key),
            8..10 => CatalogOp::SetQueueAttributes(SetQueueAttributes {
                key: Some(key),
                changes: attributes,
                version: if self.random.chance(20) {
                    self.random.below(99)
                } else {
                    0
                },
            }),
            10 => CatalogOp::TagQueue(TagQueue {
                key: Some(key),
                tags: BTreeMap::from([(format!("t{}", self.random.below(3)), seconds)]),
                tags_max: 2,
            }),
            11..13 => CatalogOp::AddPermission(AddPermission {
                key: Some(key),
                label: format!("l{}", self.random.below(4)),
                accounts: vec![seconds],
                actions: vec!["SendMessage".into()],
                statements_max: 3,
                policy_bytes_max: 8192,
            }),
            13 => CatalogOp::RemovePermission(RemovePermission {
                key: Some(key),
                label: format!("l{}", self.random.below(4)),
            }),
            14..17 => CatalogOp::StartMoveTask(StartMoveTask {
                id: Bytes::from(vec![self.random.below(3) as u8]),
                destination: self.random.chance(30).then(|| key.clone()),
                source: Some(key),
                rate_max: 0,
                tasks_max: 3,
            }),
            17 => CatalogOp::CancelMoveTask(CancelMoveTask {
                id: Bytes::from(vec![self.random.below(3) as u8]),
                source: Some(key),
            }),
            18 => CatalogOp::ReportMoveTask(ReportMoveTask {
                number: self.random.below(200),
                part: Some(MovePart {
                    group: self.random.below(40),
                    to_move: Some(9),
                    moved: self.random.below(9),
                    ended: self.random.chance(60),
                }),
                failure: String::new(),
            }),
            _ => CatalogOp::UntagQueue(UntagQueue {
                key: Some(key),
                tag_keys: vec![format!("t{}", self.random.below(3))],
            }),
        }
    }

    /// What changes the nodes, and where groups live.
    fn cluster_op(&mut self) -> CatalogOp {
        let node_id = self.random.below(7);
        match self.random.below(16) {
            0..2 => CatalogOp::DrainNode(DrainNode {
                node_id,
                drain: self.random.chance(60),
            }),
            2 => CatalogOp::RemoveNode(RemoveNode { node_id }),
            3 => CatalogOp::AdmitNode(AdmitNode {
                node: self.random.chance(90).then(|| NodeRecord {
                    node_id,
                    incarnation: Bytes::from(vec![self.random.below(9) as u8]),
                    version: "0.2.0+level.1".to_owned(),
                    ..NodeRecord::default()
                }),
                above: self.random.below(6),
            }),
            4..9 => CatalogOp::MoveGroup(MoveGroup {
                group_id: self.random.below(40),
                version: self.random.below(4),
                replicas: (0..self.random.below(4)).map(|_| self.random.below(6)).collect(),
            }),
            9..12 => CatalogOp::SettleGroup(SettleGroup {
                group_id: self.random.below(40),
                version: self.random.below(4),
            }),
            12 => CatalogOp::RaiseLevel(RaiseLevel { to: 1 }),
            13 => CatalogOp::RecoverGroup(RecoverGroup {
                group_id: self.random.below(40),
                version: self.random.below(4),
                survivor: node_id,
                epoch: 1 + self.random.below(2),
            }),
            14 if self.random.chance(5) => CatalogOp::EnterEpoch(EnterEpoch {
                epoch: self.random.below(3),
            }),
            _ => CatalogOp::CloseReplicas(CloseReplicas {
                node_id,
                groups: (0..self.random.below(20))
                    .map(|_| self.random.below(40))
                    .collect(),
            }),
        }
    }

    /// One that often names no queue, or another account's.
    fn redrive_policy(&mut self) -> String {
        let (account, name) = (self.random.below(2), self.random.below(14));
        format!(r#"{{"deadLetterTargetArn":"arn:aws:sqs:r:{account:012}:q{name}","maxReceiveCount":3}}"#)
    }
}
