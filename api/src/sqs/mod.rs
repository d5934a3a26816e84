//! The Simple Queue Service: its table of operations, and what its operations share.
//!
//! One file for each operation, with its `Input` (checked in two steps: what can be said without
//! the queue when it is decoded, the rest against [`attributes::QueueSettings`]) and its `Output`.

use crate::protocol::{self, Member, OperationSpec, Service};

pub mod attributes;
pub mod batch;
pub mod body;
pub mod dead_letters;
pub mod errors;
pub mod md5;
pub mod message;
pub mod message_attributes;
pub mod move_task;
pub mod page;
pub mod queue_arn;
pub mod queue_name;
pub mod queue_url;
pub mod receipt;
pub mod sequence_number;
pub mod tags;
mod wire;

pub mod add_permission;
pub mod cancel_message_move_task;
pub mod change_message_visibility;
pub mod change_message_visibility_batch;
pub mod create_queue;
pub mod delete_message;
pub mod delete_message_batch;
pub mod delete_queue;
pub mod get_queue_attributes;
pub mod get_queue_url;
pub mod list_dead_letter_source_queues;
pub mod list_message_move_tasks;
pub mod list_queue_tags;
pub mod list_queues;
pub mod purge_queue;
pub mod receive_message;
pub mod remove_permission;
pub mod send_message;
pub mod send_message_batch;
pub mod set_queue_attributes;
pub mod start_message_move_task;
pub mod tag_queue;
pub mod untag_queue;

/// How protocols see SQS. Names and items are those of the service model of 2012-11-05.
pub static SERVICE: Service = Service {
    name: "sqs",
    json_target: "AmazonSQS",
    json_namespace: "com.amazonaws.sqs",
    query_compatible: true,
    xml_namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
    members: &[
        Member::list("AWSAccountIds", "AWSAccountId"),
        Member::list("Actions", "ActionName"),
        Member::list("AttributeNames", "AttributeName"),
        Member::map("Attributes", "Attribute", "Name", "Value"),
        Member::list("BinaryListValues", "BinaryListValue"),
        Member::list("Failed", "BatchResultErrorEntry"),
        Member::list("MessageAttributeNames", "MessageAttributeName"),
        Member::map("MessageAttributes", "MessageAttribute", "Name", "Value"),
        Member::list("MessageSystemAttributeNames", "MessageSystemAttributeName"),
        Member::map(
            "MessageSystemAttributes",
            "MessageSystemAttribute",
            "Name",
            "Value",
        ),
        Member::list("Messages", "Message"),
        Member::list("QueueUrls", "QueueUrl"),
        Member::list("StringListValues", "StringListValue"),
        Member::list("TagKeys", "TagKey"),
        Member::map("Tags", "Tag", "Key", "Value"),
        // Two members of the model begin with a small letter.
        Member::list("queueUrls", "QueueUrl"),
        Member::map("tags", "Tag", "Key", "Value"),
    ],
    resource_member: Some("QueueUrl"),
    operation: |name| Operation::named(name).map(protocol::Operation::Sqs),
};

/// The output of operations that answer nothing but success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Done {}

macro_rules! operations {
    ($($name:ident { on_resource: $on_resource:literal, has_result: $has_result:literal, members: $members:expr })*) => {
        /// The operations.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                $name,
            )*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &[Operation] = &[$(Operation::$name),*];

            /// Its row in the table.
            pub fn spec(self) -> &'static OperationSpec {
                match self {
                    $(Operation::$name => {
                        static SPEC: OperationSpec = OperationSpec {
                            name: stringify!($name),
                            on_resource: $on_resource,
                            has_result: $has_result,
                            members: $members,
                        };
                        &SPEC
                    })*
                }
            }

            /// The operation of that name.
            pub fn named(name: &str) -> Option<Operation> {
                match name {
                    $(stringify!($name) => Some(Operation::$name),)*
                    _ => None,
                }
            }
        }
    };
}

operations! {
    AddPermission { on_resource: true, has_result: false, members: &[] }
    CancelMessageMoveTask { on_resource: false, has_result: true, members: &[] }
    ChangeMessageVisibility { on_resource: true, has_result: false, members: &[] }
    ChangeMessageVisibilityBatch { on_resource: true, has_result: true, members: &[
        Member::list("Entries", "ChangeMessageVisibilityBatchRequestEntry"),
        Member::list("Successful", "ChangeMessageVisibilityBatchResultEntry"),
    ] }
    CreateQueue { on_resource: false, has_result: true, members: &[] }
    DeleteMessage { on_resource: true, has_result: false, members: &[] }
    DeleteMessageBatch { on_resource: true, has_result: true, members: &[
        Member::list("Entries", "DeleteMessageBatchRequestEntry"),
        Member::list("Successful", "DeleteMessageBatchResultEntry"),
    ] }
    DeleteQueue { on_resource: true, has_result: false, members: &[] }
    GetQueueAttributes { on_resource: true, has_result: true, members: &[] }
    GetQueueUrl { on_resource: true, has_result: true, members: &[] }
    ListDeadLetterSourceQueues { on_resource: true, has_result: true, members: &[] }
    ListMessageMoveTasks { on_resource: false, has_result: true, members: &[
        Member::list("Results", "ListMessageMoveTasksResultEntry"),
    ] }
    ListQueueTags { on_resource: true, has_result: true, members: &[] }
    ListQueues { on_resource: false, has_result: true, members: &[] }
    PurgeQueue { on_resource: true, has_result: false, members: &[] }
    ReceiveMessage { on_resource: true, has_result: true, members: &[] }
    RemovePermission { on_resource: true, has_result: false, members: &[] }
    SendMessage { on_resource: true, has_result: true, members: &[] }
    SendMessageBatch { on_resource: true, has_result: true, members: &[
        Member::list("Entries", "SendMessageBatchRequestEntry"),
        Member::list("Successful", "SendMessageBatchResultEntry"),
    ] }
    SetQueueAttributes { on_resource: true, has_result: false, members: &[] }
    StartMessageMoveTask { on_resource: false, has_result: true, members: &[] }
    TagQueue { on_resource: true, has_result: false, members: &[] }
    UntagQueue { on_resource: true, has_result: false, members: &[] }
}
