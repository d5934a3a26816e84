//! Commands and replies of the catalog: what exists and where it is placed.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::cluster::{
    AdmitNode, CloseReplicas, DrainNode, EnterEpoch, MoveGroup, RaiseLevel, RecoverGroup, RemoveNode,
    SettleGroup,
};
use super::move_tasks::{CancelMoveTask, MoveTask, ReportMoveTask, StartMoveTask};

/// One command to the catalog.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CatalogCommand {
    /// The idempotency key of the API call, 16 bytes, or empty; as for queues.
    #[prost(bytes = "bytes", tag = "1")]
    pub invocation: Bytes,
    /// What to do.
    #[prost(
        oneof = "CatalogOp",
        tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 23, 24"
    )]
    pub op: Option<CatalogOp>,
}

/// The operations of the catalog.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum CatalogOp {
    /// A node says who and where it is, at each start.
    #[prost(message, tag = "2")]
    RegisterNode(NodeRecord),
    /// Creates a queue, or finds the same one.
    #[prost(message, tag = "3")]
    CreateQueue(CreateQueue),
    /// Deletes a queue with all its partitions.
    #[prost(message, tag = "4")]
    DeleteQueue(ResourceKey),
    /// Changes attributes of a queue.
    #[prost(message, tag = "5")]
    SetQueueAttributes(SetQueueAttributes),
    /// Gives a queue tags.
    #[prost(message, tag = "6")]
    TagQueue(TagQueue),
    /// Takes tags from a queue.
    #[prost(message, tag = "7")]
    UntagQueue(UntagQueue),
    /// Adds a permission to a queue's policy.
    #[prost(message, tag = "8")]
    AddPermission(AddPermission),
    /// Removes one.
    #[prost(message, tag = "9")]
    RemovePermission(RemovePermission),
    /// Begins to move a queue's messages elsewhere.
    #[prost(message, tag = "10")]
    StartMoveTask(StartMoveTask),
    /// Has a move task end early.
    #[prost(message, tag = "11")]
    CancelMoveTask(CancelMoveTask),
    /// Tells how far a partition has got with a move task.
    #[prost(message, tag = "12")]
    ReportMoveTask(ReportMoveTask),
    /// Gives a standard queue more partitions.
    #[prost(message, tag = "13")]
    AddPartitions(AddPartitions),
    /// Gives a group other replicas.
    #[prost(message, tag = "14")]
    MoveGroup(MoveGroup),
    /// Says that a group has the replicas that it is to have.
    #[prost(message, tag = "15")]
    SettleGroup(SettleGroup),
    /// Has a node give away what it has.
    #[prost(message, tag = "16")]
    DrainNode(DrainNode),
    /// Takes a node out of the cluster.
    #[prost(message, tag = "17")]
    RemoveNode(RemoveNode),
    /// Takes a node in and gives it a number.
    #[prost(message, tag = "18")]
    AdmitNode(AdmitNode),
    /// Raises the cluster's level.
    #[prost(message, tag = "19")]
    RaiseLevel(RaiseLevel),
    /// Has a group that lost its majority for good go on with one replica.
    #[prost(message, tag = "20")]
    RecoverGroup(RecoverGroup),
    /// Says that a node has closed replicas of deleted groups.
    #[prost(message, tag = "23")]
    CloseReplicas(CloseReplicas),
    /// The catalog itself goes on without its majority.
    #[prost(message, tag = "24")]
    EnterEpoch(EnterEpoch),
}

/// Who a node is and where it is reached.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct NodeRecord {
    /// The node's number.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
    /// Random bits that the node's data folder was born with. The same number with other bits is
    /// another disk, which has forgotten its votes: it is refused.
    #[prost(bytes = "bytes", tag = "2")]
    pub incarnation: Bytes,
    /// `host:port` of its peer listener.
    #[prost(string, tag = "3")]
    pub peer_address: String,
    /// `host:port` of its AWS API.
    #[prost(string, tag = "4")]
    pub api_address: String,
    /// `host:port` of its admin listener.
    #[prost(string, tag = "5")]
    pub admin_address: String,
    /// Failure zone; empty if unknown.
    #[prost(string, tag = "6")]
    pub zone: String,
    /// The version of Millrace it runs, with its level: see [`NodeVersion`](crate::level::NodeVersion).
    #[prost(string, tag = "7")]
    pub version: String,
}

/// What names a resource: the same name may exist in other accounts and regions.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Message)]
pub struct ResourceKey {
    /// 12 digits.
    #[prost(string, tag = "1")]
    pub account: String,
    /// Such as `us-east-1`.
    #[prost(string, tag = "2")]
    pub region: String,
    /// The queue's name, with `.fifo` if it is FIFO.
    #[prost(string, tag = "3")]
    pub name: String,
}

/// Creates a queue. Replies `Queue` (new, or the existing one if it agrees) or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateQueue {
    /// The queue.
    #[prost(message, optional, tag = "1")]
    pub key: Option<ResourceKey>,
    /// The attributes that the caller gave, in canonical form; compared with an existing queue's.
    #[prost(btree_map = "string, string", tag = "2")]
    pub given: BTreeMap<String, String>,
    /// Every settable attribute of the new queue: the given ones over the defaults.
    #[prost(btree_map = "string, string", tag = "3")]
    pub complete: BTreeMap<String, String>,
    /// Tags of the new queue.
    #[prost(btree_map = "string, string", tag = "4")]
    pub tags: BTreeMap<String, String>,
    /// How many partitions it starts with.
    #[prost(uint32, tag = "5")]
    pub partitions: u32,
    /// How many replicas each partition wants; fewer if there are fewer nodes.
    #[prost(uint32, tag = "6")]
    pub replicas: u32,
    /// The nodes that answered the catalog's leader when it proposed the command, which is who sets
    /// them. Partitions go to these first. Empty if the leader did not say.
    #[prost(uint64, repeated, tag = "7")]
    pub candidates: Vec<u64>,
}

/// Changes attributes. Replies `Queue` or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetQueueAttributes {
    /// The queue.
    #[prost(message, optional, tag = "1")]
    pub key: Option<ResourceKey>,
    /// New values in canonical form; an empty value removes the attribute.
    #[prost(btree_map = "string, string", tag = "2")]
    pub changes: BTreeMap<String, String>,
    /// The version of the record that the changes were checked against; 0 for any. It is refused if the record has another
    /// one by now.
    #[prost(uint64, tag = "3")]
    pub version: u64,
}

/// Gives tags, or new values to tags that are there. Replies `Done` or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TagQueue {
    /// The queue.
    #[prost(message, optional, tag = "1")]
    pub key: Option<ResourceKey>,
    /// Tags by key.
    #[prost(btree_map = "string, string", tag = "2")]
    pub tags: BTreeMap<String, String>,
    /// How many tags the queue may have then.
    #[prost(uint32, tag = "3")]
    pub tags_max: u32,
}

/// Takes tags away. Replies `Done`, whether there were such tags or not, or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UntagQueue {
    /// The queue.
    #[prost(message, optional, tag = "1")]
    pub key: Option<ResourceKey>,
    /// The tags' keys.
    #[prost(string, repeated, tag = "2")]
    pub tag_keys: Vec<String>,
}

/// Adds a statement to a queue's policy. Replies `Done` or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AddPermission {
    /// The queue.
    #[prost(message, optional, tag = "1")]
    pub key: Option<ResourceKey>,
    /// What the statement is called; no other one of the policy may be called so.
    #[prost(string, tag = "2")]
    pub label: String,
    /// Who may, 12 digits each.
    #[prost(string, repeated, tag = "3")]
    pub accounts: Vec<String>,
    /// What they may do: names of operations, or `*`.
    #[prost(string, repeated, tag = "4")]
    pub actions: Vec<String>,
    /// How many statements the policy may have then.
    #[prost(uint32, tag = "5")]
    pub statements_max: u32,
    /// How long it may be then.
    #[prost(uint32, tag = "6")]
    pub policy_bytes_max: u32,
}

/// Removes a statement of a queue's policy. Replies `Done` or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RemovePermission {
    /// The queue.
    #[prost(message, optional, tag = "1")]
    pub key: Option<ResourceKey>,
    /// What the statement is called.
    #[prost(string, tag = "2")]
    pub label: String,
}

/// Gives a standard queue more partitions, unless it has another number than was seen. Replies `Queue` or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AddPartitions {
    /// The queue.
    #[prost(message, optional, tag = "1")]
    pub key: Option<ResourceKey>,
    /// How many it had when it was found to need more.
    #[prost(uint32, tag = "2")]
    pub seen: u32,
    /// How many it is to have.
    #[prost(uint32, tag = "3")]
    pub wanted: u32,
    /// How many replicas each new partition wants; fewer if there are fewer nodes.
    #[prost(uint32, tag = "4")]
    pub replicas: u32,
    /// As in [`CreateQueue`].
    #[prost(uint64, repeated, tag = "5")]
    pub candidates: Vec<u64>,
}

/// One growth of a queue.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Growth {
    /// How many partitions it had before.
    #[prost(uint32, tag = "1")]
    pub partitions: u32,
    /// When it grew.
    #[prost(uint64, tag = "2")]
    pub at_ms: u64,
}

/// A queue as the catalog holds it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct QueueRecord {
    /// The queue.
    #[prost(message, optional, tag = "1")]
    pub key: Option<ResourceKey>,
    /// Every settable attribute, in canonical form.
    #[prost(btree_map = "string, string", tag = "2")]
    pub attributes: BTreeMap<String, String>,
    /// Tags.
    #[prost(btree_map = "string, string", tag = "3")]
    pub tags: BTreeMap<String, String>,
    /// When it was created.
    #[prost(uint64, tag = "4")]
    pub created_ms: u64,
    /// When its attributes last changed.
    #[prost(uint64, tag = "5")]
    pub modified_ms: u64,
    /// Rises with each change of this record, across the whole catalog.
    #[prost(uint64, tag = "6")]
    pub version: u64,
    /// The groups of its partitions.
    #[prost(uint64, repeated, tag = "7")]
    pub partitions: Vec<u64>,
    /// How it came to have so many: the growths of the last hour, the oldest first.
    #[prost(message, repeated, tag = "8")]
    pub growths: Vec<Growth>,
}

/// Where a group lives and whose it is.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct GroupRecord {
    /// The group.
    #[prost(uint64, tag = "1")]
    pub group_id: u64,
    /// Nodes that are to have a replica; the first one is to lead if it can.
    #[prost(uint64, repeated, tag = "2")]
    pub replicas: Vec<u64>,
    /// The queue that it is a partition of.
    #[prost(message, optional, tag = "3")]
    pub queue: Option<ResourceKey>,
    /// Nodes that may have a replica: those above, and those that are no member any more only once the leader has said so. In
    /// order of number.
    #[prost(uint64, repeated, tag = "4")]
    pub members: Vec<u64>,
    /// The replicas that the group was made with, for ever.
    #[prost(uint64, repeated, tag = "5")]
    pub founders: Vec<u64>,
    /// Nodes that came to the group later, or came back to it, whether they still have a replica or not. In order of number.
    #[prost(uint64, repeated, tag = "6")]
    pub joined: Vec<u64>,
    /// Rises with each change of `replicas`.
    #[prost(uint64, tag = "7")]
    pub version: u64,
    /// The last version that the leader has carried out.
    #[prost(uint64, tag = "8")]
    pub settled: u64,
    /// How often the group had to go on without its majority. Replicas of earlier epochs are worth nothing.
    #[prost(uint64, tag = "11")]
    pub epoch: u64,
    /// The node whose replica began that epoch; 0 in epoch 0.
    #[prost(uint64, tag = "12")]
    pub survivor: u64,
}

impl GroupRecord {
    /// Whether the group's members are those that it is to have, as far as the catalog knows.
    pub fn is_settled(&self) -> bool {
        self.settled == self.version
    }

    /// Whether `node` had its replica from the beginning.
    pub fn was_born_on(&self, node: u64) -> bool {
        self.epoch == 0 && self.founders.contains(&node) && !self.joined.contains(&node)
    }
}

/// What a command answered.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CatalogReply {
    /// The answer.
    #[prost(oneof = "CatalogAnswer", tags = "1, 2, 3, 4, 5")]
    pub answer: Option<CatalogAnswer>,
}

/// The kinds of answers.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum CatalogAnswer {
    /// Done; no more to say.
    #[prost(message, tag = "1")]
    Done(Done),
    /// The queue as it now is.
    #[prost(message, tag = "2")]
    Queue(QueueRecord),
    /// Refused.
    #[prost(message, tag = "3")]
    Refused(CatalogRefusal),
    /// The move task as it now is.
    #[prost(message, boxed, tag = "4")]
    MoveTask(Box<MoveTask>),
    /// The node as it is known now.
    #[prost(message, tag = "5")]
    Node(NodeRecord),
}

/// Nothing more to say.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Done {}

/// Why the catalog refused.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CatalogRefusal {
    /// The reason.
    #[prost(enumeration = "RefusalReason", tag = "1")]
    pub reason: i32,
    /// What it is about: the attribute that differs, the node that is known otherwise, the redrive policy.
    #[prost(string, tag = "2")]
    pub subject: String,
}

/// Reasons for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum RefusalReason {
    /// Never sent by this version.
    Unspecified = 0,
    /// A queue of that name exists with another value of the attribute `subject`.
    QueueDiffers = 1,
    /// A queue of that name was deleted less than 60 seconds ago.
    QueueDeletedRecently = 2,
    /// There is no such queue.
    NoSuchQueue = 3,
    /// A node of that number exists with another data folder.
    NodeIsAnother = 4,
    /// There are no nodes to place a partition on.
    NoNodes = 5,
    /// A queue would have more tags than it may.
    TooManyTags = 6,
    /// The queue for dead letters that the redrive policy `subject` names does not exist.
    NoDeadLetterTarget = 7,
    /// It belongs to another account than the queue.
    DeadLetterTargetOfOtherAccount = 8,
    /// It is in another region than the queue.
    DeadLetterTargetOfOtherRegion = 9,
    /// One of the two is FIFO, the other is not.
    DeadLetterTargetOfOtherType = 10,
    /// Its redrive allow policy does not admit the queue.
    DeadLetterTargetDenies = 11,
    /// The policy has a statement that is called `subject`.
    LabelExists = 12,
    /// The policy has none that is called `subject`.
    NoSuchLabel = 13,
    /// The policy would have more statements than it may: `subject`, a number.
    TooManyStatements = 14,
    /// The policy would be longer than it may: `subject` bytes.
    PolicyTooLong = 15,
    /// No queue has the one named `subject` for its dead letters.
    NotForDeadLetters = 16,
    /// The queue `subject` that messages were to be moved to does not exist.
    NoMoveDestination = 17,
    /// Messages would move to the queue that they are in.
    MoveToItself = 18,
    /// One of the two is FIFO, the other is not.
    MoveDestinationOfOtherType = 19,
    /// Another move task of the queue has not ended.
    MoveTaskRuns = 20,
    /// As many move tasks of the account run as may.
    TooManyMoveTasks = 21,
    /// There is no such move task.
    NoSuchMoveTask = 22,
    /// The move task has ended, or is about to.
    MoveTaskRunsNot = 23,
    /// The queue's record has another version than the command was made for.
    QueueChanged = 24,
    /// The queue has no policy that a statement called `subject` could be removed from.
    NoPolicy = 25,
    /// The node `subject` was taken out of the cluster.
    NodeRemoved = 26,
    /// There is no node `subject`.
    NoSuchNode = 27,
    /// The node still has `subject` replicas.
    NodeHasReplicas = 28,
    /// There is no such group.
    NoSuchGroup = 29,
    /// The group's placement has another version than the command was made for.
    GroupChanged = 30,
    /// No replica could be placed so.
    BadPlacement = 31,
    /// The node `subject` does not know the level.
    NodeBelowLevel = 40,
    /// The node `subject` is held: the cluster's level must not rise.
    LevelHeld = 41,
}
