//! The SDK's calls, in and out of the JSON that workloads and histories are written in. It is SQS's own: the members
//! of AWS JSON 1.0.

use aws_sdk_sqs::config::Builder as Config;
use aws_sdk_sqs::types::{BatchResultErrorEntry, Message};
use serde_json::{Value, json};
use sim_tests::history::Outcome;

use super::failure;
use super::sdk::Attempts;

mod entries;

/// How a call is made.
pub(super) struct How<'a> {
    pub(super) client: &'a aws_sdk_sqs::Client,
    pub(super) config: Config,
    pub(super) attempts: Attempts,
}

/// Sends what was built, and makes the reply JSON.
macro_rules! send {
    ($how:ident, $call:expr, $reply:expr) => {
        match $call
            .customize()
            .config_override($how.config)
            .interceptor($how.attempts)
            .send()
            .await
        {
            Ok(reply) => Outcome::Done($reply(reply)),
            Err(error) => failure::outcome(error),
        }
    };
}

/// Makes a call.
pub(super) async fn perform(how: How<'_>, operation: &str, input: &Value) -> Outcome {
    let client = how.client;
    let url = text(&input["QueueUrl"]);
    match operation {
        "CreateQueue" => {
            let call = client.create_queue().set_queue_name(text(&input["QueueName"]));
            let call = call.set_attributes(entries::attributes(&input["Attributes"]));
            send!(
                how,
                call,
                |reply: aws_sdk_sqs::operation::create_queue::CreateQueueOutput| {
                    json!({"QueueUrl": reply.queue_url})
                }
            )
        }
        "SetQueueAttributes" => {
            let call = client.set_queue_attributes().set_queue_url(url);
            let call = call.set_attributes(entries::attributes(&input["Attributes"]));
            send!(how, call, nothing)
        }
        "GetQueueAttributes" => {
            let names = list(&input["AttributeNames"]).iter().filter_map(Value::as_str);
            let names = names.map(Into::into).collect();
            let call = client
                .get_queue_attributes()
                .set_queue_url(url)
                .set_attribute_names(Some(names));
            send!(
                how,
                call,
                |reply: aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput| {
                    let all = reply.attributes.into_iter().flatten();
                    let all = all.map(|(name, value)| (name.as_str().to_owned(), value.into()));
                    json!({"Attributes": all.collect::<serde_json::Map<String, Value>>()})
                }
            )
        }
        "DeleteQueue" => send!(how, client.delete_queue().set_queue_url(url), nothing),
        "PurgeQueue" => send!(how, client.purge_queue().set_queue_url(url), nothing),
        "SendMessage" => {
            let call = client
                .send_message()
                .set_queue_url(url)
                .set_message_body(text(&input["MessageBody"]))
                .set_message_group_id(text(&input["MessageGroupId"]))
                .set_message_deduplication_id(text(&input["MessageDeduplicationId"]))
                .set_delay_seconds(number(&input["DelaySeconds"]));
            send!(
                how,
                call,
                |reply: aws_sdk_sqs::operation::send_message::SendMessageOutput| {
                    json!({"MessageId": reply.message_id, "SequenceNumber": reply.sequence_number})
                }
            )
        }
        "ReceiveMessage" => receive(how, input).await,
        "DeleteMessage" => {
            let call = client.delete_message().set_queue_url(url);
            send!(
                how,
                call.set_receipt_handle(text(&input["ReceiptHandle"])),
                nothing
            )
        }
        "ChangeMessageVisibility" => {
            let call = client
                .change_message_visibility()
                .set_queue_url(url)
                .set_receipt_handle(text(&input["ReceiptHandle"]))
                .set_visibility_timeout(number(&input["VisibilityTimeout"]));
            send!(how, call, nothing)
        }
        "SendMessageBatch" | "DeleteMessageBatch" | "ChangeMessageVisibilityBatch" => {
            batch(how, operation, input).await
        }
        "StartMessageMoveTask" | "ListMessageMoveTasks" | "CancelMessageMoveTask" => {
            move_tasks(how, operation, input).await
        }
        other => Outcome::Refused(json!({"__type": "not sent", "message": other})),
    }
}

async fn receive(how: How<'_>, input: &Value) -> Outcome {
    let names = list(&input["MessageSystemAttributeNames"])
        .iter()
        .filter_map(Value::as_str);
    let call = how
        .client
        .receive_message()
        .set_queue_url(text(&input["QueueUrl"]))
        .set_max_number_of_messages(number(&input["MaxNumberOfMessages"]))
        .set_wait_time_seconds(number(&input["WaitTimeSeconds"]))
        .set_visibility_timeout(number(&input["VisibilityTimeout"]))
        .set_receive_request_attempt_id(text(&input["ReceiveRequestAttemptId"]))
        .set_message_system_attribute_names(Some(names.map(Into::into).collect()));
    send!(
        how,
        call,
        |reply: aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput| {
            let messages = reply.messages.unwrap_or_default();
            json!({"Messages": messages.into_iter().map(message).collect::<Vec<_>>()})
        }
    )
}

async fn batch(how: How<'_>, operation: &str, input: &Value) -> Outcome {
    let (client, url) = (how.client, text(&input["QueueUrl"]));
    let all = &input["Entries"];
    match operation {
        "SendMessageBatch" => {
            let call = client
                .send_message_batch()
                .set_queue_url(url)
                .set_entries(entries::sends(all));
            send!(
                how,
                call,
                |reply: aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput| {
                    let done = reply.successful.iter().map(|one| {
                    json!({"Id": one.id, "MessageId": one.message_id, "SequenceNumber": one.sequence_number})
                });
                    results(done, reply.failed)
                }
            )
        }
        "DeleteMessageBatch" => {
            let call = client
                .delete_message_batch()
                .set_queue_url(url)
                .set_entries(entries::deletes(all));
            send!(
                how,
                call,
                |reply: aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchOutput| {
                    results(
                        reply.successful.iter().map(|one| json!({"Id": one.id})),
                        reply.failed,
                    )
                }
            )
        }
        _ => {
            let call = client.change_message_visibility_batch().set_queue_url(url);
            let call = call.set_entries(entries::changes(all));
            send!(
                how,
                call,
                |reply: aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchOutput| {
                    results(reply.successful.iter().map(|one| json!({"Id": one.id})), reply.failed)
                }
            )
        }
    }
}

async fn move_tasks(how: How<'_>, operation: &str, input: &Value) -> Outcome {
    let client = how.client;
    match operation {
        "StartMessageMoveTask" => {
            let call = client
                .start_message_move_task()
                .set_source_arn(text(&input["SourceArn"]))
                .set_destination_arn(text(&input["DestinationArn"]))
                .set_max_number_of_messages_per_second(number(&input["MaxNumberOfMessagesPerSecond"]));
            send!(
                how,
                call,
                |reply: aws_sdk_sqs::operation::start_message_move_task::StartMessageMoveTaskOutput| {
                    json!({"TaskHandle": reply.task_handle})
                }
            )
        }
        "ListMessageMoveTasks" => {
            let call = client
                .list_message_move_tasks()
                .set_source_arn(text(&input["SourceArn"]))
                .set_max_results(number(&input["MaxResults"]));
            send!(
                how,
                call,
                |reply: aws_sdk_sqs::operation::list_message_move_tasks::ListMessageMoveTasksOutput| {
                    let tasks = reply.results.unwrap_or_default().into_iter().map(|task| {
                        json!({
                            "TaskHandle": task.task_handle,
                            "Status": task.status,
                            "ApproximateNumberOfMessagesMoved": task.approximate_number_of_messages_moved,
                        })
                    });
                    json!({"Results": tasks.collect::<Vec<_>>()})
                }
            )
        }
        _ => {
            let call = client
                .cancel_message_move_task()
                .set_task_handle(text(&input["TaskHandle"]));
            send!(how, call, nothing)
        }
    }
}

fn nothing<T>(_: T) -> Value {
    Value::Null
}

fn message(message: Message) -> Value {
    let attributes = message.attributes.into_iter().flatten();
    let attributes = attributes.map(|(name, value)| (name.as_str().to_owned(), value.into()));
    json!({
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt_handle,
        "Body": message.body,
        "Attributes": attributes.collect::<serde_json::Map<String, Value>>(),
    })
}

fn results(done: impl Iterator<Item = Value>, failed: Vec<BatchResultErrorEntry>) -> Value {
    let failed = failed.into_iter().map(|one| {
        json!({"Id": one.id, "SenderFault": one.sender_fault, "Code": one.code, "Message": one.message})
    });
    json!({"Successful": done.collect::<Vec<_>>(), "Failed": failed.collect::<Vec<_>>()})
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &Value) -> Option<i32> {
    value.as_i64().and_then(|number| number.try_into().ok())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
