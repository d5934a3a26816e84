//! Commands and replies of a queue partition.

use bytes::Bytes;

/// One command to a queue partition.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueueCommand {
    /// The idempotency key of the API call, 16 bytes, or empty for none. A command whose key is in
    /// the machine's window answers what the first one answered and changes nothing.
    #[prost(bytes = "bytes", tag = "1")]
    pub invocation: Bytes,
    /// What to do.
    #[prost(oneof = "QueueOp", tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 40, 50")]
    pub op: Option<QueueOp>,
}

/// The operations of a queue partition.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum QueueOp {
    /// Adds messages.
    #[prost(message, tag = "2")]
    Send(Send),
    /// Takes visible messages for a while.
    #[prost(message, tag = "3")]
    Receive(Receive),
    /// Removes received messages.
    #[prost(message, tag = "4")]
    Delete(Delete),
    /// Moves the end of received messages' invisibility.
    #[prost(message, tag = "5")]
    ChangeVisibility(ChangeVisibility),
    /// Removes every message.
    #[prost(message, tag = "6")]
    Purge(Purge),
    /// Adopts the queue's settings. Proposed by the group's leader whenever the catalog's are newer.
    #[prost(message, tag = "7")]
    Configure(Configure),
    /// Takes in messages that leave another partition.
    #[prost(message, tag = "8")]
    Import(Import),
    /// Ends departures: the messages have arrived, or cannot.
    #[prost(message, tag = "9")]
    Settle(Settle),
    /// Has messages leave for another partition on behalf of a move task.
    #[prost(message, tag = "10")]
    Move(Move),
    /// Finds what a send was answered, or keeps it from ever taking effect.
    #[prost(message, tag = "11")]
    Recall(Recall),
    /// Raises the partition's level. Proposed by the group's leader whenever the cluster's is higher.
    #[prost(message, tag = "40")]
    SetLevel(SetLevel),
    /// Drops messages that are past their retention, as every command does first. For a queue that gets no other command.
    #[prost(message, tag = "50")]
    Expire(Expire),
}

/// Adds messages, in order. Replies [`Sent`], an entry for each.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Send {
    /// The messages.
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<SendEntry>,
}

/// Settles what became of the send that has this command's invocation: before the queue grew, its place was here. Replies
/// [`Sent`] if it took effect. Else it never will, and the reply is `Refused(Recalled)`, as it is to the send if that comes late.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Recall {}

/// Drops messages past their retention, a bounded number of them. Proposed by the group's leader while there are any. Replies
/// [`Outcomes`] with no outcome.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Expire {}

/// Raises the level that the machine behaves by; a lower one than it has is ignored. Replies [`Outcomes`] with no outcome.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct SetLevel {
    /// The level.
    #[prost(uint32, tag = "1")]
    pub to: u32,
}

/// One message to add.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SendEntry {
    /// The body, UTF-8.
    #[prost(bytes = "bytes", tag = "1")]
    pub body: Bytes,
    /// Message attributes and stored system attributes, an encoded [`Attributes`]; empty if there
    /// are none. The machine does not look inside.
    #[prost(bytes = "bytes", tag = "2")]
    pub attributes: Bytes,
    /// Delay before it becomes visible; the queue's own delay is already taken into account.
    #[prost(uint64, tag = "3")]
    pub delay_ms: u64,
    /// Message group; empty for none. Always present on FIFO queues; on standard queues it is the message's tenant.
    #[prost(string, tag = "4")]
    pub group: String,
    /// Deduplication id (explicit or content based); empty on standard queues.
    #[prost(string, tag = "5")]
    pub deduplication_id: String,
}

/// The attributes of a message, as the node encodes them into [`SendEntry::attributes`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Attributes {
    /// Message attributes, sorted by name.
    #[prost(message, repeated, tag = "1")]
    pub message: Vec<MessageAttribute>,
    /// The X-Ray header (`AWSTraceHeader`), or empty.
    #[prost(string, tag = "2")]
    pub trace_header: String,
    /// The sender's identity (`SenderId`).
    #[prost(string, tag = "3")]
    pub sender_id: String,
    /// The ARN of the queue that it left as a dead letter (`DeadLetterQueueSourceArn`), or empty.
    #[prost(string, tag = "4")]
    pub dead_letter_source: String,
    /// How often it was received in queues that it has left.
    #[prost(uint32, tag = "5")]
    pub received_before: u32,
}

/// One message attribute.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MessageAttribute {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The full data type, such as `Number.int`.
    #[prost(string, tag = "2")]
    pub data_type: String,
    /// The value: UTF-8 for String and Number, any bytes for Binary.
    #[prost(bytes = "bytes", tag = "3")]
    pub value: Bytes,
}

/// Takes visible messages. Replies [`Received`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Receive {
    /// At most this many messages, 1 to 10. With 0 it never becomes an entry: whoever asks wants to be told of a message.
    #[prost(uint32, tag = "1")]
    pub max: u32,
    /// For how long they are invisible to others; 0 leaves them visible.
    #[prost(uint64, tag = "2")]
    pub visibility_ms: u64,
    /// A message that was received so often already leaves for the dead-letter queue instead; 0 for never.
    #[prost(uint32, tag = "3")]
    pub receives_max: u32,
    /// The dead-letter queue's partitions, of which the message group chooses ([`crate::machine::queue::share`]); one, if the
    /// group is of no importance. Without one, nothing leaves. (Unpacked, one is encoded as it was when there could be only one.)
    #[prost(uint64, repeated, packed = "false", tag = "4")]
    pub dead_letters: Vec<u64>,
    /// FIFO: the id under which the consumer repeats this receive if it must; empty for none.
    #[prost(string, tag = "5")]
    pub attempt: String,
    /// Only what this invocation or this attempt was given before, and nothing else.
    #[prost(bool, tag = "6")]
    pub again: bool,
    /// How many partitions of the queue the asker knows, for the time that it waits.
    #[prost(uint32, tag = "7")]
    pub partitions: u32,
}

/// Which delivery of which message a receipt handle stands for.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Receipt {
    /// The message's sequence within the partition.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// The number of the delivery: the message's receive count when it was handed out.
    #[prost(uint32, tag = "2")]
    pub delivery: u32,
}

/// Removes messages. Replies [`Outcomes`], one for each receipt.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Delete {
    /// The receipts.
    #[prost(message, repeated, tag = "1")]
    pub receipts: Vec<Receipt>,
}

/// Moves the end of invisibility. Replies [`Outcomes`], one for each entry.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ChangeVisibility {
    /// The changes.
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<VisibilityEntry>,
}

/// One change of visibility.
#[derive(Clone, PartialEq, prost::Message)]
pub struct VisibilityEntry {
    /// The delivery.
    #[prost(message, optional, tag = "1")]
    pub receipt: Option<Receipt>,
    /// Invisible for this long from now; 0 makes the message visible at once.
    #[prost(uint64, tag = "2")]
    pub visibility_ms: u64,
}

/// Removes every message, also those in flight and delayed. Replies [`Outcomes`] with one outcome.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Purge {
    /// Also a moment after another one: the queue's first partition has said that it may be.
    #[prost(bool, tag = "1")]
    pub forced: bool,
}

/// The settings that the machine itself needs. Replies [`Outcomes`] with no outcome.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Configure {
    /// The version of the queue's record in the catalog. An older one than the machine's is ignored.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// Whether the queue is FIFO. Never changes.
    #[prost(bool, tag = "2")]
    pub fifo: bool,
    /// Age at which messages are dropped.
    #[prost(uint64, tag = "3")]
    pub retention_ms: u64,
    /// Whether deduplication ids count within their message group only (`DeduplicationScope=messageGroup`).
    #[prost(bool, tag = "4")]
    pub deduplicate_by_group: bool,
    /// FIFO: the delay of all messages, those that are there already included. Absent in entries of older versions.
    #[prost(uint64, optional, tag = "5")]
    pub delay_ms: Option<u64>,
    /// How many partitions the queue has, for receives that wait. 0 in entries of older versions.
    #[prost(uint32, tag = "6")]
    pub partitions: u32,
}

/// Takes in messages that leave another partition, each once: of one partition, departures have rising
/// numbers, and what is not above the highest number seen is here already. Replies [`Outcomes`] with one outcome.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Import {
    /// The group of the partition that they leave.
    #[prost(uint64, tag = "1")]
    pub origin: u64,
    /// The messages, by their number.
    #[prost(message, repeated, tag = "2")]
    pub messages: Vec<Imported>,
}

/// A message from elsewhere. Unless it is made new, it keeps its id and, on a standard queue, the time at which it was sent.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Imported {
    /// The number of its departure.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// Message id, 16 bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub message_id: Bytes,
    /// The body.
    #[prost(bytes = "bytes", tag = "3")]
    pub body: Bytes,
    /// An encoded [`Attributes`].
    #[prost(bytes = "bytes", tag = "4")]
    pub attributes: Bytes,
    /// When it was sent.
    #[prost(uint64, tag = "5")]
    pub sent_ms: u64,
    /// When it was first received; 0 if that shall be forgotten.
    #[prost(uint64, tag = "6")]
    pub first_received_ms: u64,
    /// Message group, or empty.
    #[prost(string, tag = "7")]
    pub group: String,
    /// Deduplication id, or empty.
    #[prost(string, tag = "8")]
    pub deduplication_id: String,
    /// It becomes a new message, with an id and a time of its own.
    #[prost(bool, tag = "9")]
    pub made_new: bool,
}

/// Has messages leave on behalf of a move task. A task moves what was there when its first command came; of the messages
/// named here, those leave that a receive could have taken, in their order. Replies [`Outcomes`] with one outcome.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Move {
    /// The number of the task. A command of an older task than the latest one does nothing.
    #[prost(uint64, tag = "1")]
    pub task: u64,
    /// What is to leave.
    #[prost(message, repeated, tag = "2")]
    pub messages: Vec<Moved>,
    /// Nothing more leaves on behalf of the task after this.
    #[prost(bool, tag = "3")]
    pub close: bool,
}

/// One message to move.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Moved {
    /// Its sequence within the partition.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// The partition that it is to go to.
    #[prost(uint64, tag = "2")]
    pub target: u64,
}

/// Ends all departures up to a number that are for one partition. Replies [`Outcomes`] with one outcome.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Settle {
    /// The partition that the messages were to go to.
    #[prost(uint64, tag = "1")]
    pub target: u64,
    /// The number of the last departure that ends.
    #[prost(uint64, tag = "2")]
    pub up_to: u64,
    /// The target does not exist any more: the messages come back to their place in the order.
    #[prost(bool, tag = "3")]
    pub returned: bool,
}

/// What a command answered.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueueReply {
    /// The answer.
    #[prost(oneof = "QueueAnswer", tags = "1, 2, 3, 4")]
    pub answer: Option<QueueAnswer>,
}

/// The kinds of answers.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum QueueAnswer {
    /// To [`Send`].
    #[prost(message, tag = "1")]
    Sent(Sent),
    /// To [`Receive`].
    #[prost(message, tag = "2")]
    Received(Received),
    /// To all others.
    #[prost(message, tag = "3")]
    Outcomes(Outcomes),
    /// The whole command was refused: one of [`Outcome`], as a number.
    #[prost(enumeration = "Outcome", tag = "4")]
    Refused(i32),
}

/// To [`Send`]: an entry for each message, in order.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Sent {
    /// The messages.
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<SentEntry>,
}

/// A message that was added, or the one that it repeats (same deduplication id).
#[derive(Clone, PartialEq, prost::Message)]
pub struct SentEntry {
    /// Message id, 16 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub message_id: Bytes,
    /// Sequence within the partition; strictly rising.
    #[prost(uint64, tag = "2")]
    pub sequence: u64,
}

/// To [`Receive`]: the messages, in order; none if nothing was visible.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Received {
    /// The messages.
    #[prost(message, repeated, tag = "1")]
    pub messages: Vec<Delivered>,
}

/// One delivery of one message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Delivered {
    /// What its receipt handle stands for.
    #[prost(message, optional, tag = "1")]
    pub receipt: Option<Receipt>,
    /// Message id, 16 bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub message_id: Bytes,
    /// The body.
    #[prost(bytes = "bytes", tag = "3")]
    pub body: Bytes,
    /// As sent.
    #[prost(bytes = "bytes", tag = "4")]
    pub attributes: Bytes,
    /// When it was sent.
    #[prost(uint64, tag = "5")]
    pub sent_ms: u64,
    /// When it was first received.
    #[prost(uint64, tag = "6")]
    pub first_received_ms: u64,
    /// How often it was received, this time included.
    #[prost(uint32, tag = "7")]
    pub receive_count: u32,
    /// Message group, or empty.
    #[prost(string, tag = "8")]
    pub group: String,
    /// Deduplication id, or empty.
    #[prost(string, tag = "9")]
    pub deduplication_id: String,
}

/// To commands about received messages.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Outcomes {
    /// One for each receipt of the command, in order.
    #[prost(enumeration = "Outcome", repeated, tag = "1")]
    pub outcomes: Vec<i32>,
}

/// What became of one part of a command. Node code turns these into SQS errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Outcome {
    /// Never sent by this version.
    Unspecified = 0,
    /// Done, or already done before.
    Done = 1,
    /// FIFO: the receipt's visibility timeout has passed, or the message was handed out again.
    ReceiptExpired = 2,
    /// The message is no longer there.
    NoSuchMessage = 3,
    /// The message is not in flight.
    NotInFlight = 4,
    /// The message would be invisible for more than 12 hours since it was received.
    BeyondTwelveHours = 5,
    /// A purge was made less than 60 seconds ago.
    PurgeInProgress = 6,
    /// Too many messages are in flight.
    TooManyInFlight = 7,
    /// A receive with this attempt id was made before, and what it gave out is not as it was.
    AttemptNotRetryable = 8,
    /// The send never takes effect here: see [`Recall`].
    Recalled = 9,
    /// To a waiting receive: the queue has more partitions than the asker knows. It is no answer of the machine's.
    QueueGrew = 10,
}
