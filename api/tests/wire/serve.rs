//! A server without a cluster: decodes a request as the node does and answers from thin air.

use api::error::{self, ApiError};
use api::protocol::{Call, Input, Operation, recognise};
use api::sqs::attributes::{self, Map, QueueSettings};
use api::sqs::batch::{BatchOutput, DoneEntry, Entry, Failed};
use api::sqs::list_message_move_tasks::Task;
use api::sqs::message::{OutgoingMessage, PreparedMessage, SentBy};
use api::sqs::message_attributes::MessageAttribute;
use api::sqs::move_task::{Status, TaskHandle};
use api::sqs::queue_arn::QueueArn;
use api::sqs::queue_url::{QueueRef, queue_url};
use api::sqs::receipt::ReceiptHandle;
use api::sqs::receive_message::Delivered;
use api::sqs::sequence_number::SequenceNumber;
use api::sqs::tags::{TAGS_MAX, Tags};
use api::sqs::{self, Done, dead_letters, errors};
use api::types::{AccountId, MessageId};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use serde::Serialize;
use std::fmt::Debug;

const REQUEST_ID: &str = "8d4f1c06-0000-4000-8000-000000000001";
const MESSAGE_ID: MessageId = MessageId(*b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef");
const REDRIVE_POLICY: &str =
    r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":3}"#;

/// What became of a request.
pub(crate) struct Served {
    /// What the handler understood.
    pub(crate) decoded: Vec<String>,
    /// What it answered.
    pub(crate) response: Response<Bytes>,
}

/// Serves one request.
pub(crate) fn serve(head: &Parts, body: &Bytes) -> Served {
    match recognise(head, body) {
        Ok(call) => {
            let mut server = Server {
                decoded: vec![format!("{:?}", call.caller)],
                call,
            };
            let answer = server.dispatch();
            let response = answer.unwrap_or_else(|error| server.call.fail(&error, REQUEST_ID));
            Served {
                decoded: server.decoded,
                response,
            }
        }
        Err(refused) => Served {
            decoded: Vec::new(),
            response: refused.respond(REQUEST_ID),
        },
    }
}

fn task_handle(source: QueueArn) -> TaskHandle {
    let id = MESSAGE_ID.0;
    TaskHandle { id, source }
}

fn known_task(task: &TaskHandle) -> Result<(), ApiError> {
    if task.id == MESSAGE_ID.0 {
        Ok(())
    } else {
        Err(errors::no_such_move_task())
    }
}

struct Server {
    call: Call,
    decoded: Vec<String>,
}

type Answer = Result<Response<Bytes>, ApiError>;

impl Server {
    fn dispatch(&mut self) -> Answer {
        use sqs::Operation::*;
        let Operation::Sqs(operation) = self.call.operation;
        match operation {
            CreateQueue => self.create_queue(),
            GetQueueUrl => self.get_queue_url(),
            ListQueues => self.list_queues(),
            ListDeadLetterSourceQueues => self.list_dead_letter_source_queues(),
            DeleteQueue => {
                let input: sqs::delete_queue::Input = self.decode()?;
                exists(&input.queue)?;
                self.reply(&Done {})
            }
            PurgeQueue => {
                let input: sqs::purge_queue::Input = self.decode()?;
                exists(&input.queue)?;
                self.reply(&Done {})
            }
            GetQueueAttributes => self.get_queue_attributes(),
            SetQueueAttributes => {
                let input: sqs::set_queue_attributes::Input = self.decode()?;
                let changes = input.changes.against(&exists(&input.queue)?, 1)?;
                self.decoded.push(format!("changes {changes:?}"));
                self.reply(&Done {})
            }
            TagQueue => self.tag_queue(),
            UntagQueue => {
                let input: sqs::untag_queue::Input = self.decode()?;
                exists(&input.queue)?;
                self.reply(&Done {})
            }
            ListQueueTags => {
                let input: sqs::list_queue_tags::Input = self.decode()?;
                exists(&input.queue)?;
                let tags = tags(&input.queue);
                self.reply(&sqs::list_queue_tags::Output { tags })
            }
            AddPermission => {
                let input: sqs::add_permission::Input = self.decode()?;
                exists(&input.queue)?;
                self.reply(&Done {})
            }
            RemovePermission => {
                let input: sqs::remove_permission::Input = self.decode()?;
                exists(&input.queue)?;
                self.reply(&Done {})
            }
            StartMessageMoveTask => {
                let input: sqs::start_message_move_task::Input = self.decode()?;
                let task_handle = task_handle(input.source);
                self.reply(&sqs::start_message_move_task::Output { task_handle })
            }
            CancelMessageMoveTask => {
                let input: sqs::cancel_message_move_task::Input = self.decode()?;
                known_task(&input.task)?;
                self.reply(&sqs::cancel_message_move_task::Output {
                    approximate_number_of_messages_moved: 5,
                })
            }
            ListMessageMoveTasks => self.list_message_move_tasks(),
            SendMessage => self.send_message(),
            SendMessageBatch => self.send_message_batch(),
            ReceiveMessage => self.receive_message(),
            DeleteMessage => {
                let input: sqs::delete_message::Input = self.decode()?;
                exists(&input.queue)?;
                input.receipt?;
                self.reply(&Done {})
            }
            DeleteMessageBatch => {
                let input: sqs::delete_message_batch::Input = self.decode()?;
                self.reply(&done(input.entries))
            }
            ChangeMessageVisibility => {
                let input: sqs::change_message_visibility::Input = self.decode()?;
                exists(&input.queue)?;
                input.change?;
                self.reply(&Done {})
            }
            ChangeMessageVisibilityBatch => {
                let input: sqs::change_message_visibility_batch::Input = self.decode()?;
                self.reply(&done(input.entries))
            }
        }
    }

    fn decode<I: Input + Debug>(&mut self) -> Result<I, ApiError> {
        let input = self.call.decode::<I>()?;
        self.decoded.push(format!("{input:?}"));
        Ok(input)
    }

    fn reply<T: Serialize>(&self, output: &T) -> Answer {
        Ok(self.call.reply(output, REQUEST_ID))
    }

    fn url(&self, account: &AccountId, name: &str) -> String {
        queue_url(&self.call.host, account, name)
    }

    fn create_queue(&mut self) -> Answer {
        let input: sqs::create_queue::Input = self.decode()?;
        let queue_url = self.url(&self.call.caller.account, input.name.as_str());
        self.reply(&sqs::create_queue::Output { queue_url })
    }

    fn get_queue_url(&mut self) -> Answer {
        let input: sqs::get_queue_url::Input = self.decode()?;
        let account = input.owner.unwrap_or_else(|| self.call.caller.account.clone());
        let queue = QueueRef {
            account,
            name: input.name,
        };
        exists(&queue)?;
        self.reply(&sqs::get_queue_url::Output {
            queue_url: queue.url(&self.call.host),
        })
    }

    fn list_queues(&mut self) -> Answer {
        let input: sqs::list_queues::Input = self.decode()?;
        let account = self.call.caller.account.clone();
        let names = ["orders", "orders-old", "orders.fifo", "parcels"];
        let page = input.page(&self.call.caller)?;
        let after = page.after().unwrap_or_default().to_owned();
        let names = names.into_iter().filter(|name| name.starts_with(&input.prefix));
        let names = names.filter(|name| *name > after.as_str());
        self.reply(&sqs::list_queues::Output::new(&page, names, |name| {
            self.url(&account, name)
        }))
    }

    fn list_dead_letter_source_queues(&mut self) -> Answer {
        let input: sqs::list_dead_letter_source_queues::Input = self.decode()?;
        exists(&input.queue)?;
        let page = input.page(&self.call.caller.region)?;
        let after = page.after().unwrap_or_default().to_owned();
        let names: &[&str] = match input.queue.name.as_str() {
            "dead" => &["orders", "parcels", "returns"],
            _ => &[],
        };
        let names = names.iter().copied().filter(|name| *name > after.as_str());
        let owner = &input.queue.account;
        self.reply(&sqs::list_dead_letter_source_queues::Output::new(
            &page,
            names,
            |name| self.url(owner, name),
        ))
    }

    fn list_message_move_tasks(&mut self) -> Answer {
        let input: sqs::list_message_move_tasks::Input = self.decode()?;
        let running = Task {
            task_handle: Some(task_handle(input.source.clone())),
            status: Status::Running,
            source_arn: input.source.clone(),
            destination_arn: None,
            max_number_of_messages_per_second: None,
            approximate_number_of_messages_moved: 5,
            approximate_number_of_messages_to_move: Some(10),
            failure_reason: None,
            started_timestamp: 1_700_000_000_999,
        };
        let failed = Task {
            task_handle: None,
            status: Status::Failed,
            source_arn: input.source.clone(),
            destination_arn: Some(input.source.clone()),
            max_number_of_messages_per_second: Some(50),
            approximate_number_of_messages_moved: 0,
            approximate_number_of_messages_to_move: None,
            failure_reason: Some("CouldNotDetermineMessageSource".to_owned()),
            started_timestamp: 1_700_000_000_000,
        };
        let tasks = [running, failed].into_iter();
        let known = input.source.queue.name.as_str() == "dead";
        let results = tasks.take(input.results_max as usize).filter(|_| known);
        self.reply(&sqs::list_message_move_tasks::Output {
            results: results.collect(),
        })
    }

    fn tag_queue(&mut self) -> Answer {
        let input: sqs::tag_queue::Input = self.decode()?;
        exists(&input.queue)?;
        let mut tags = tags(&input.queue);
        tags.extend(input.tags);
        if tags.len() > TAGS_MAX as usize {
            return Err(errors::too_many_tags(input.queue.name.as_str()));
        }
        self.reply(&Done {})
    }

    fn get_queue_attributes(&mut self) -> Answer {
        let input: sqs::get_queue_attributes::Input = self.decode()?;
        let state = sqs::get_queue_attributes::QueueState {
            attributes: exists(&input.queue)?,
            arn: input.queue.arn(&self.call.caller.region),
            visible: 3,
            not_visible: 2,
            delayed: 1,
            created_ms: 1_700_000_000_999,
            modified_ms: 1_700_000_060_000,
        };
        self.reply(&input.output(&state))
    }

    fn send_message(&mut self) -> Answer {
        let input: sqs::send_message::Input = self.decode()?;
        let sequence = sequence(&input.queue);
        let message = self.prepare(input.message, &input.queue, SentBy::Single)?;
        self.reply(&sqs::send_message::Output::new(
            message.digests,
            MESSAGE_ID,
            sequence,
        ))
    }

    fn send_message_batch(&mut self) -> Answer {
        let input: sqs::send_message_batch::Input = self.decode()?;
        input.check(&QueueSettings::of(&exists(&input.queue)?))?;
        let mut output = sqs::send_message_batch::Output::default();
        for Entry { id, content } in input.entries {
            let prepared = content.and_then(|message| self.prepare(message, &input.queue, SentBy::Batch));
            match prepared {
                Ok(message) => output.successful.push(sqs::send_message_batch::Sent::new(
                    id,
                    message.digests,
                    MESSAGE_ID,
                    sequence(&input.queue),
                )),
                Err(error) => output.failed.push(Failed::new(id, &error)),
            }
        }
        self.reply(&output)
    }

    fn prepare(
        &mut self,
        message: OutgoingMessage,
        queue: &QueueRef,
        by: SentBy,
    ) -> Result<PreparedMessage, ApiError> {
        let message = message.prepare(&QueueSettings::of(&exists(queue)?), by)?;
        self.decoded.push(format!(
            "prepared delay_ms={} group={:?} deduplication_id={:?} trace_header={:?}",
            message.delay_ms, message.group, message.deduplication_id, message.trace_header
        ));
        Ok(message)
    }

    fn receive_message(&mut self) -> Answer {
        let input: sqs::receive_message::Input = self.decode()?;
        exists(&input.queue)?;
        let messages = if input.queue.name.as_str().starts_with("empty") {
            Vec::new()
        } else {
            vec![delivered(&input.queue)]
        };
        self.reply(&sqs::receive_message::Output::new(messages, &input.selection))
    }
}

/// What the node finds out, not the decoding: as the queue's name wants it.
fn failure(queue: &str) -> Option<ApiError> {
    Some(match queue {
        "missing" => errors::queue_does_not_exist(),
        "exists" => errors::queue_name_exists("DelaySeconds"),
        "deleted-recently" => errors::queue_deleted_recently(),
        "purged-recently" => errors::purge_queue_in_progress(queue),
        "full" => errors::too_many_in_flight(),
        "attempted" => errors::attempt_not_retryable("try-1"),
        "visible-again" => errors::message_not_inflight(),
        "gone" => errors::message_is_gone(ReceiptHandle {
            group: 7,
            sequence: 41,
            delivery: 2,
        }),
        "expired" => errors::receipt_handle_expired(ReceiptHandle {
            group: 7,
            sequence: 41,
            delivery: 2,
        }),
        "half-a-day" => errors::beyond_twelve_hours(43_200),
        "shared" => errors::label_exists("send-1"),
        "unshared" => errors::no_such_label("send-1"),
        "much-shared" => errors::too_much_in_policy("Statements", 21, 20),
        "target-missing" => dead_letters::target_does_not_exist(REDRIVE_POLICY),
        "target-of-others" => dead_letters::target_of_other_account(REDRIVE_POLICY),
        "target-elsewhere" => dead_letters::target_of_other_region(REDRIVE_POLICY),
        "target-of-other-type" => dead_letters::target_of_other_type(REDRIVE_POLICY),
        "target-denies" => dead_letters::target_denies(REDRIVE_POLICY),
        "throttled" => errors::request_throttled(),
        "unavailable" => error::service_unavailable(),
        "broken" => error::internal_failure(),
        "too-large" => error::request_too_large(2_000_000),
        "too-slow" => error::request_timeout(),
        "unsigned" => error::missing_authentication_token(),
        "denied" => error::access_denied("arn:aws:sqs:us-east-1:000000000000:denied"),
        _ => return None,
    })
}

/// The attributes of a queue, which its name decides.
fn exists(queue: &QueueRef) -> Result<Map, ApiError> {
    let name = queue.name.as_str();
    if let Some(error) = failure(name) {
        return Err(error);
    }
    let given: &[(&str, &str)] = match name.trim_end_matches(".fifo") {
        "by-content" => &[("ContentBasedDeduplication", "true")],
        "small" => &[("MaximumMessageSize", "1024")],
        "slow" => &[("DelaySeconds", "7")],
        "sealed" => &[("KmsMasterKeyId", "alias/aws/sqs")],
        _ => &[],
    };
    let given = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Ok(attributes::complete(&given, queue.name.is_fifo()))
}

/// The tags of a queue, which its name decides.
fn tags(queue: &QueueRef) -> Tags {
    let pairs: &[(&str, &str)] = match queue.name.as_str() {
        "tagged" => &[("Stage", ""), ("team", "shop & <more>")],
        _ => &[],
    };
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn sequence(queue: &QueueRef) -> Option<SequenceNumber> {
    queue.name.is_fifo().then_some(SequenceNumber(41))
}

fn delivered(queue: &QueueRef) -> Delivered {
    let attribute = |name: &str, data_type: &str, value: &'static [u8]| MessageAttribute {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        value: Bytes::from_static(value),
    };
    let fifo = queue.name.is_fifo();
    Delivered {
        receipt: ReceiptHandle {
            group: 7,
            sequence: 41,
            delivery: 2,
        },
        message_id: MESSAGE_ID,
        body: Bytes::from_static("<one> & \"two\"\r\n\té".as_bytes()),
        attributes: vec![
            attribute("count", "Number.int", b"17"),
            attribute("shop.city", "String", "Zürich".as_bytes()),
            attribute("shop.seal", "Binary.png", b"\x00\xff\x10"),
        ],
        trace_header: Some("Root=1-5759e988-bd862e3fe1be46a994272793".to_owned()),
        sender_id: "AKIDEXAMPLE".to_owned(),
        sent_ms: 1_700_000_000_123,
        first_received_ms: 1_700_000_001_456,
        receive_count: 2,
        group: if fifo { "g1".to_owned() } else { String::new() },
        deduplication_id: if fifo { "d1".to_owned() } else { String::new() },
        sequence_number: sequence(queue),
        dead_letter_source: String::new(),
    }
}

fn done<T>(entries: Vec<Entry<T>>) -> BatchOutput<DoneEntry> {
    let mut output = BatchOutput::default();
    for Entry { id, content } in entries {
        match content {
            Ok(_) => output.successful.push(DoneEntry { id }),
            Err(error) => output.failed.push(Failed::new(id, &error)),
        }
    }
    output
}
