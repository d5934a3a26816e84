//! Amazon SQS, API version 2012-11-05: its operations, and how it spells things.

use crate::protocol::{ListName, Table};

pub mod attributes;
pub mod batch;
pub mod change_message_visibility;
pub mod create_queue;
pub mod delete_message;
pub mod errors;
pub mod get_queue_attributes;
pub mod list_queues;
pub mod message;
pub mod message_attributes;
pub mod queue_url;
pub mod receipt;
pub mod receive_message;
pub mod send_message;
pub mod set_queue_attributes;
mod text;

pub use attributes::QueueSettings;
pub use queue_url::QueueRef;
pub use receipt::ReceiptHandle;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The operations.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// The operation of that name.
            pub fn from_name(name: &str) -> Option<Operation> {
                match name {
                    $(stringify!($name) => Some(Operation::$name),)*
                    _ => None,
                }
            }

            /// Its name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Operation::$name => stringify!($name),)*
                }
            }
        }
    };
}

operations! {
    /// Sets when a received message is visible again.
    ChangeMessageVisibility,
    /// The same for up to ten messages.
    ChangeMessageVisibilityBatch,
    /// Makes a queue.
    CreateQueue,
    /// Removes a received message.
    DeleteMessage,
    /// The same for up to ten messages.
    DeleteMessageBatch,
    /// Removes a queue.
    DeleteQueue,
    /// Tells a queue's attributes.
    GetQueueAttributes,
    /// Tells a queue's URL.
    GetQueueUrl,
    /// Lists queues.
    ListQueues,
    /// Removes all messages of a queue.
    PurgeQueue,
    /// Receives up to ten messages.
    ReceiveMessage,
    /// Sends a message.
    SendMessage,
    /// Sends up to ten messages.
    SendMessageBatch,
    /// Changes a queue's attributes.
    SetQueueAttributes,
}

impl Operation {
    /// Whether it is about a queue named by URL: only then may it be posted to that URL itself.
    pub fn has_queue_url(self) -> bool {
        !matches!(
            self,
            Operation::CreateQueue | Operation::ListQueues | Operation::GetQueueUrl
        )
    }
}

/// How SQS spells things.
pub static TABLE: Table = Table {
    json_target: "AmazonSQS",
    json_namespace: "com.amazonaws.sqs",
    xml_namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
    lists: &[
        list("*", "Attributes", "Attribute", ("Name", "Value")),
        list("*", "tags", "Tag", ("Key", "Value")),
        list("*", "AttributeNames", "AttributeName", NO_ENTRY),
        list("*", "MessageAttributeNames", "MessageAttributeName", NO_ENTRY),
        list(
            "*",
            "MessageSystemAttributeNames",
            "MessageSystemAttributeName",
            NO_ENTRY,
        ),
        list("*", "MessageAttributes", "MessageAttribute", ("Name", "Value")),
        list(
            "*",
            "MessageSystemAttributes",
            "MessageSystemAttribute",
            ("Name", "Value"),
        ),
        list("*", "Messages", "Message", NO_ENTRY),
        list("*", "QueueUrls", "QueueUrl", NO_ENTRY),
        list("*", "Failed", "BatchResultErrorEntry", NO_ENTRY),
        list(
            "SendMessageBatch",
            "Entries",
            "SendMessageBatchRequestEntry",
            NO_ENTRY,
        ),
        list(
            "SendMessageBatch",
            "Successful",
            "SendMessageBatchResultEntry",
            NO_ENTRY,
        ),
        list(
            "DeleteMessageBatch",
            "Entries",
            "DeleteMessageBatchRequestEntry",
            NO_ENTRY,
        ),
        list(
            "DeleteMessageBatch",
            "Successful",
            "DeleteMessageBatchResultEntry",
            NO_ENTRY,
        ),
        list(
            "ChangeMessageVisibilityBatch",
            "Entries",
            "ChangeMessageVisibilityBatchRequestEntry",
            NO_ENTRY,
        ),
        list(
            "ChangeMessageVisibilityBatch",
            "Successful",
            "ChangeMessageVisibilityBatchResultEntry",
            NO_ENTRY,
        ),
    ],
};

const NO_ENTRY: (&str, &str) = ("", "");

const fn list(
    operation: &'static str,
    member: &'static str,
    flattened: &'static str,
    entry: (&'static str, &'static str),
) -> ListName {
    ListName {
        operation,
        member,
        flattened,
        entry,
    }
}
