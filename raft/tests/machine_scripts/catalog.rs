//! Stories of the catalog. Queues belong to account 1 in region r unless written `account/region/name`.
//!
//!     node 1 [disk=a] [zone=z] [peer=host:1] [runs=0.2.0+level.1]
//!     create NAME [partitions=1] [replicas=3] [there=1,2] [Attribute=value …] [call=KEY]
//!     grow NAME [from=1] [to=2] [replicas=3] [there=1,2]
//!     delete NAME [call=KEY]
//!     set NAME Attribute=value … [version=3] [call=KEY]   an empty value removes
//!     tag NAME key=value … [max=50] [call=KEY]
//!     untag NAME key … [call=KEY]
//!     permit NAME label=l accounts=1,2 actions=A,B [statements=20] [bytes=8192] [call=KEY]
//!     forbid NAME label=l [call=KEY]
//!     queues [prefix=p] [after=name]
//!     sources NAME [after=name]                 queues whose dead letters go there
//!     start NAME id=a [to=NAME] [rate=5] [most=100] [call=KEY]
//!     cancel NAME id=a [call=KEY]
//!     report NUMBER group=1 [to-move=5] [moved=5] [ended] [failure=text]
//!     tasks NAME                                move tasks, the latest first
//!     admit NUMBER [disk=a] [above=3]
//!     raise LEVEL                               the cluster's level
//!     drain NUMBER, undrain NUMBER, remove NUMBER
//!     place GROUP on=1,2,3 [version=0]
//!     settle GROUP [version=1]
//!     close NUMBER groups=1,2                   a node has closed its replicas of deleted groups
//!     recover GROUP on=1 [version=0] [epoch=1]  a group goes on with one replica
//!     epoch NUMBER                              the catalog goes on without its majority
//!     closings                                  deleted groups that nodes have not closed
//!     placement                                 where groups are and where they are to be
//!     queue NAME, groups, nodes, version, level, restart, garbage

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use raft::command::Reply;
use raft::command::catalog::{
    AddPartitions, AddPermission, CatalogAnswer, CatalogCommand, CatalogOp, CatalogReply, CreateQueue,
    NodeRecord, QueueRecord, RefusalReason, RemovePermission, ResourceKey, SetQueueAttributes, TagQueue,
    UntagQueue,
};
use raft::command::cluster::{
    AdmitNode, CloseReplicas, DrainNode, EnterEpoch, MoveGroup, RaiseLevel, RecoverGroup, RemoveNode,
    SettleGroup,
};
use raft::command::move_tasks::{CancelMoveTask, MovePart, MoveTask, ReportMoveTask, StartMoveTask};
use raft::machine::catalog::Catalog;
use raft::machine::{Machine, MachineKind};

use crate::check::Interpreter;
use crate::words::{Line, apply, number, reload};

pub(crate) struct Script {
    machine: Machine,
    now: u64,
}

impl Script {
    pub(crate) fn new() -> Script {
        Script {
            machine: Machine::new(MachineKind::Catalog),
            now: 0,
        }
    }

    fn catalog(&self) -> &Catalog {
        self.machine.as_catalog().expect("it was made as a catalog")
    }

    fn perform(&mut self, invocation: Bytes, op: CatalogOp) -> Vec<String> {
        let command = CatalogCommand {
            invocation,
            op: Some(op),
        };
        let told = match apply(&mut self.machine, self.now, command.encode_to_vec()) {
            Reply::Catalog(CatalogReply { answer: Some(answer) }) => tell(answer),
            other => format!("{other:?}"),
        };
        vec![told]
    }

    fn queues(&self, line: &Line) -> Vec<String> {
        let prefix = line.value("prefix").unwrap_or("");
        let queues = self.catalog().queues("1", "r", prefix, line.value("after"));
        queues
            .filter_map(|queue| Some(queue.key.as_ref()?.name.clone()))
            .collect()
    }

    fn closings(&self) -> Vec<String> {
        let nodes = (1..10).map(|node| (node, self.catalog().to_close(node).collect::<Vec<u64>>()));
        let waiting = nodes.filter(|(_, groups)| !groups.is_empty());
        waiting
            .map(|(node, groups)| format!("n{node} is to close {groups:?}"))
            .collect()
    }

    fn groups(&self) -> Vec<String> {
        let groups = self.catalog().groups().map(|group| {
            let queue = group.queue.clone().unwrap_or_default();
            format!("g{} on {:?} of {}", group.group_id, group.replicas, queue.name)
        });
        groups.collect()
    }

    fn placement(&self) -> Vec<String> {
        let groups = self.catalog().groups().map(|group| {
            let mut told = format!(
                "g{} version {} on {:?}",
                group.group_id, group.version, group.replicas
            );
            if !group.is_settled() {
                told += &format!(" members {:?}", group.members);
            }
            if !group.joined.is_empty() {
                told += &format!(" founded on {:?} joined by {:?}", group.founders, group.joined);
            }
            if group.epoch > 0 {
                told += &format!(" epoch {} from node {}", group.epoch, group.survivor);
            }
            told
        });
        groups.collect()
    }

    fn nodes(&self) -> Vec<String> {
        let nodes = self.catalog().nodes();
        let told = nodes.map(|node| {
            let drains = if self.catalog().drains(node.node_id) {
                ", drains"
            } else {
                ""
            };
            format!("{} at {:?}{drains}", node.node_id, node.peer_address)
        });
        told.collect()
    }
}

impl Interpreter for Script {
    fn obey(&mut self, line: &str) -> Vec<String> {
        let line = Line::parse(line, &mut self.now);
        let op = match line.verb {
            "node" => node(&line),
            "admit" => CatalogOp::AdmitNode(AdmitNode {
                node: match node(&line) {
                    CatalogOp::RegisterNode(node) => Some(node),
                    _ => None,
                },
                above: line.number("above").unwrap_or(0),
            }),
            "drain" | "undrain" => CatalogOp::DrainNode(DrainNode {
                node_id: number(line.words()[0]),
                drain: line.verb == "drain",
            }),
            "raise" => CatalogOp::RaiseLevel(RaiseLevel {
                to: number(line.words()[0]) as u32,
            }),
            "remove" => CatalogOp::RemoveNode(RemoveNode {
                node_id: number(line.words()[0]),
            }),
            "place" => CatalogOp::MoveGroup(MoveGroup {
                group_id: number(line.words()[0]),
                version: line.number("version").unwrap_or(0),
                replicas: line
                    .value("on")
                    .unwrap_or("")
                    .split_terminator(',')
                    .map(number)
                    .collect(),
            }),
            "settle" => CatalogOp::SettleGroup(SettleGroup {
                group_id: number(line.words()[0]),
                version: line.number("version").unwrap_or(1),
            }),
            "close" => CatalogOp::CloseReplicas(CloseReplicas {
                node_id: number(line.words()[0]),
                groups: numbers(line.value("groups")),
            }),
            "recover" => CatalogOp::RecoverGroup(RecoverGroup {
                group_id: number(line.words()[0]),
                version: line.number("version").unwrap_or(0),
                survivor: line.number("on").unwrap_or(0),
                epoch: line.number("epoch").unwrap_or(1),
            }),
            "epoch" => CatalogOp::EnterEpoch(EnterEpoch {
                epoch: number(line.words()[0]),
            }),
            "closings" => return self.closings(),
            "placement" => return self.placement(),
            "create" => create(&line),
            "grow" => CatalogOp::AddPartitions(AddPartitions {
                key: Some(key(line.words()[0])),
                seen: line.number("from").unwrap_or(1) as u32,
                wanted: line.number("to").unwrap_or(2) as u32,
                replicas: line.number("replicas").unwrap_or(3) as u32,
                candidates: numbers(line.value("there")),
            }),
            "delete" => CatalogOp::DeleteQueue(key(line.words()[0])),
            "set" => CatalogOp::SetQueueAttributes(SetQueueAttributes {
                key: Some(key(line.words()[0])),
                changes: attributes(&line),
                version: line.number("version").unwrap_or(0),
            }),
            "tag" => CatalogOp::TagQueue(TagQueue {
                key: Some(key(line.words()[0])),
                tags: tags(&line),
                tags_max: line.number("max").unwrap_or(50) as u32,
            }),
            "untag" => CatalogOp::UntagQueue(UntagQueue {
                key: Some(key(line.words()[0])),
                tag_keys: rest(&line).map(str::to_owned).collect(),
            }),
            "permit" => permit(&line),
            "forbid" => CatalogOp::RemovePermission(RemovePermission {
                key: Some(key(line.words()[0])),
                label: line.value("label").unwrap_or("").into(),
            }),
            "start" => CatalogOp::StartMoveTask(StartMoveTask {
                id: id(&line),
                source: Some(key(line.words()[0])),
                destination: line.value("to").map(key),
                rate_max: line.number("rate").unwrap_or(0) as u32,
                tasks_max: line.number("most").unwrap_or(100) as u32,
            }),
            "cancel" => CatalogOp::CancelMoveTask(CancelMoveTask {
                id: id(&line),
                source: Some(key(line.words()[0])),
            }),
            "report" => report(&line),
            "tasks" => {
                let tasks = self.catalog().move_tasks_of(&key(line.words()[0]));
                return tasks.map(tell_task).collect();
            }
            "queues" => return self.queues(&line),
            "sources" => {
                let target = key(line.words()[0]);
                let sources = self.catalog().dead_letter_sources(&target, line.value("after"));
                return sources.map(str::to_owned).collect();
            }
            "queue" => {
                let queue = self.catalog().queue(&key(line.words()[0]));
                return vec![queue.map_or("no such queue".into(), tell_queue)];
            }
            "groups" => return self.groups(),
            "nodes" => return self.nodes(),
            "version" => return vec![self.catalog().version().to_string()],
            "level" => return vec![self.catalog().level().to_string()],
            "restart" => {
                self.machine = reload(&self.machine);
                return Vec::new();
            }
            "garbage" => {
                let reply = apply(&mut self.machine, self.now, Bytes::from_static(b"\xff\xff"));
                return vec![format!("{reply:?}")];
            }
            verb => panic!("no such verb: {verb}"),
        };
        self.perform(line.invocation(), op)
    }
}

fn key(text: &str) -> ResourceKey {
    let parts: Vec<&str> = text.split('/').collect();
    let (account, region, name) = match parts[..] {
        [account, region, name] => (account, region, name),
        _ => ("1", "r", text),
    };
    ResourceKey {
        account: account.into(),
        region: region.into(),
        name: name.into(),
    }
}

fn node(line: &Line) -> CatalogOp {
    CatalogOp::RegisterNode(NodeRecord {
        node_id: number(line.words()[0]),
        incarnation: Bytes::copy_from_slice(line.value("disk").unwrap_or("a").as_bytes()),
        peer_address: line.value("peer").unwrap_or("").into(),
        zone: line.value("zone").unwrap_or("").into(),
        version: line.value("runs").unwrap_or("").into(),
        ..NodeRecord::default()
    })
}

/// Words such as `DelaySeconds=5`: names that begin with a capital letter.
fn attributes(line: &Line) -> BTreeMap<String, String> {
    let pairs = line.words().iter().filter_map(|word| word.split_once('='));
    let pairs = pairs.filter(|(name, _)| name.starts_with(char::is_uppercase));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The words after the queue's name, but for `max=` and `call=`.
fn rest<'a>(line: &'a Line) -> impl Iterator<Item = &'a str> {
    let words = line.words().iter().skip(1).copied();
    words.filter(|word| !word.starts_with("max=") && !word.starts_with("call="))
}

fn tags(line: &Line) -> BTreeMap<String, String> {
    let pairs = rest(line).filter_map(|word| word.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn permit(line: &Line) -> CatalogOp {
    let list = |name| {
        let texts = line.value(name).unwrap_or("").split(',');
        texts.map(str::to_owned).collect()
    };
    CatalogOp::AddPermission(AddPermission {
        key: Some(key(line.words()[0])),
        label: line.value("label").unwrap_or("").into(),
        accounts: list("accounts"),
        actions: list("actions"),
        statements_max: line.number("statements").unwrap_or(20) as u32,
        policy_bytes_max: line.number("bytes").unwrap_or(8192) as u32,
    })
}

fn id(line: &Line) -> Bytes {
    Bytes::copy_from_slice(line.value("id").unwrap_or("").as_bytes())
}

fn report(line: &Line) -> CatalogOp {
    CatalogOp::ReportMoveTask(ReportMoveTask {
        number: number(line.words()[0]),
        part: Some(MovePart {
            group: line.number("group").unwrap_or(0),
            to_move: line.number("to-move"),
            moved: line.number("moved").unwrap_or(0),
            ended: line.words().contains(&"ended"),
        }),
        failure: line.value("failure").unwrap_or("").into(),
    })
}

fn create(line: &Line) -> CatalogOp {
    let given = attributes(line);
    let mut complete = BTreeMap::from([
        ("DelaySeconds".to_owned(), "0".to_owned()),
        ("VisibilityTimeout".to_owned(), "30".to_owned()),
    ]);
    complete.extend(given.clone());
    CatalogOp::CreateQueue(CreateQueue {
        key: Some(key(line.words()[0])),
        given,
        complete,
        tags: BTreeMap::new(),
        partitions: line.number("partitions").unwrap_or(1) as u32,
        replicas: line.number("replicas").unwrap_or(3) as u32,
        candidates: numbers(line.value("there")),
    })
}

/// Numbers such as `1,2`.
fn numbers(text: Option<&str>) -> Vec<u64> {
    text.into_iter()
        .flat_map(|text| text.split(','))
        .map(number)
        .collect()
}

fn tell(answer: CatalogAnswer) -> String {
    match answer {
        CatalogAnswer::Done(_) => "done".into(),
        CatalogAnswer::Queue(queue) => tell_queue(&queue),
        CatalogAnswer::MoveTask(task) => tell_task(&task),
        CatalogAnswer::Node(node) => format!("node {}", node.node_id),
        CatalogAnswer::Refused(refusal) => {
            let reason = RefusalReason::try_from(refusal.reason).expect("a reason of this version");
            format!("refused: {reason:?} {}", refusal.subject)
        }
    }
}

fn tell_task(task: &MoveTask) -> String {
    let id = String::from_utf8_lossy(&task.id);
    let destination = task.destination.as_ref().map_or("its sources", |to| &to.name);
    let to_move = task.to_move().map_or("?".into(), |count| count.to_string());
    let mut told = format!("{}: {id} to {destination} {:?}", task.number, task.status());
    told += &format!(" moved {} of {to_move}", task.moved());
    told += &format!(" started {} rate {}", task.started_ms, task.rate_max);
    if !task.failure.is_empty() {
        told += &format!(" failure {}", task.failure);
    }
    told
}

fn tell_queue(queue: &QueueRecord) -> String {
    let name = queue.key.clone().unwrap_or_default().name;
    let attributes: Vec<String> = queue
        .attributes
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let tags = if queue.tags.is_empty() {
        String::new()
    } else {
        format!(" tags {:?}", queue.tags)
    };
    let growths = queue.growths.iter();
    let growths: String = growths
        .map(|growth| format!(" beyond {} at {}", growth.partitions, growth.at_ms))
        .collect();
    format!(
        "{name} version {} created {} modified {} groups {:?} {}{tags}{growths}",
        queue.version,
        queue.created_ms,
        queue.modified_ms,
        queue.partitions,
        attributes.join(" ")
    )
}
