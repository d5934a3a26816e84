//! How calls become facts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::facts::{Change, Delete, Delivery, Facts, Fate, Purge, Receive, Send};
use super::settings::Span;
use super::{Call, History, Outcome};

/// The attributes that count messages: together they say whether a queue has any.
pub const COUNTS: [&str; 3] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
];

impl History {
    /// What happened, by queue.
    pub fn facts(&self) -> BTreeMap<String, Facts> {
        let mut all: BTreeMap<String, Facts> = BTreeMap::new();
        // Settings first: a receive may end before the call that created its queue is known to have.
        for call in &self.0 {
            let facts = all.entry(call.queue.clone()).or_default();
            facts.access(call);
            facts.deleted |= call.operation == "DeleteQueue";
        }
        for facts in all.values_mut() {
            facts.visibility = facts.settings("VisibilityTimeout");
            facts.retention = facts.settings("MessageRetentionPeriod");
        }
        for call in &self.0 {
            if let Some(facts) = all.get_mut(&call.queue) {
                facts.take(call);
            }
        }
        all
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// SQS has most numbers as texts.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn seconds(value: &Value) -> Option<Duration> {
    number(value).map(Duration::from_secs)
}

/// The entries of a call, each with its fate and its part of the reply: a call that is no batch is its
/// own only entry.
pub(super) fn entries(call: &Call) -> Vec<(&Value, Fate, &Value)> {
    let Some(entries) = call.input["Entries"].as_array() else {
        return vec![match &call.outcome {
            Outcome::Done(reply) => (&call.input, Fate::Done, reply),
            Outcome::Refused(error) => (&call.input, Fate::Refused, error),
            Outcome::Unknown(_) => (&call.input, Fate::Unknown, &Value::Null),
        }];
    };
    let find = |list: &'static str, entry: &Value| {
        let reply = call.outcome.done()?;
        reply[list]
            .as_array()?
            .iter()
            .find(|result| result["Id"] == entry["Id"])
    };
    entries
        .iter()
        .map(|entry| match &call.outcome {
            Outcome::Refused(error) => (entry, Fate::Refused, error),
            Outcome::Unknown(_) => (entry, Fate::Unknown, &Value::Null),
            Outcome::Done(_) => match (find("Successful", entry), find("Failed", entry)) {
                (Some(result), _) => (entry, Fate::Done, result),
                (None, Some(result)) if result["SenderFault"] == true => (entry, Fate::Refused, result),
                // Not the sender's fault: it may have been done.
                _ => (entry, Fate::Unknown, &Value::Null),
            },
        })
        .collect()
}

impl Facts {
    fn take(&mut self, call: &Call) {
        for (_, fate, error) in entries(call) {
            // A task may have ended before it is cancelled.
            if fate == Fate::Refused && call.operation != "CancelMessageMoveTask" {
                let code = error["__type"].as_str().or_else(|| error["Code"].as_str());
                self.refusals
                    .push((call.number, code.unwrap_or("no code").to_owned()));
            }
        }
        match call.operation {
            "SendMessage" | "SendMessageBatch" => self.sends.extend(sends(call)),
            "ReceiveMessage" => self.receive(call),
            "DeleteMessage" | "DeleteMessageBatch" => {
                for (entry, fate, _) in entries(call) {
                    self.deletes.push(Delete {
                        call: call.number,
                        message_id: self.message(entry),
                        began: call.began,
                        ended: call.ended,
                        fate,
                    });
                }
            }
            "ChangeMessageVisibility" | "ChangeMessageVisibilityBatch" => {
                for (entry, fate, _) in entries(call) {
                    self.changes.push(Change {
                        call: call.number,
                        message_id: self.message(entry),
                        receipt: text(&entry["ReceiptHandle"]),
                        visibility: seconds(&entry["VisibilityTimeout"]).unwrap_or_default(),
                        began: call.began,
                        ended: call.ended,
                        fate,
                    });
                }
            }
            "PurgeQueue" => {
                let (_, fate, _) = entries(call)[0];
                self.purges.push(Purge {
                    call: call.number,
                    began: call.began,
                    ended: call.ended,
                    fate,
                });
            }
            "GetQueueAttributes" if says_empty(call) => {
                self.emptied.push((call.began, call.ended));
            }
            "ListMessageMoveTasks" => self.moves = moved(call),
            _ => {}
        }
    }

    fn receive(&mut self, call: &Call) {
        let messages = call.outcome.done().and_then(|reply| reply["Messages"].as_array());
        let (_, fate, _) = entries(call)[0];
        let attempt = optional(&call.input["ReceiveRequestAttemptId"]);
        let is_repeat = attempt.is_some() && self.deliveries.iter().any(|known| known.attempt == attempt);
        self.receives.push(Receive {
            call: call.number,
            began: call.began,
            ended: call.ended,
            attempts: call.attempts,
            fate,
            messages: messages.map_or(0, Vec::len),
            attempt: attempt.clone(),
        });
        for message in messages.into_iter().flatten() {
            let delivery = Delivery {
                call: call.number,
                body: text(&message["Body"]),
                message_id: text(&message["MessageId"]),
                receipt: text(&message["ReceiptHandle"]),
                group: optional(&message["Attributes"]["MessageGroupId"]),
                count: number(&message["Attributes"]["ApproximateReceiveCount"]).unwrap_or_default(),
                began: call.began,
                ended: call.ended,
                visibility: seconds(&call.input["VisibilityTimeout"]).map_or(self.visibility, Span::of),
                attempt: attempt.clone(),
            };
            self.receipts
                .insert(delivery.receipt.clone(), delivery.message_id.clone());
            if is_repeat {
                self.repeats.push(delivery);
            } else {
                self.deliveries.push(delivery);
            }
        }
    }

    fn message(&self, entry: &Value) -> String {
        let receipt = entry["ReceiptHandle"].as_str().unwrap_or_default();
        self.receipts.get(receipt).cloned().unwrap_or_default()
    }
}

/// The three numbers of messages, as far as they were asked for all together.
fn says_empty(call: &Call) -> bool {
    let Some(reply) = call.outcome.done() else {
        return false;
    };
    COUNTS.iter().all(|name| reply["Attributes"][*name] == "0")
}

/// What all move tasks have moved, unless one has not ended.
fn moved(call: &Call) -> Option<(usize, u64)> {
    let tasks = call.outcome.done()?["Results"].as_array()?;
    let ended = |task: &Value| task["Status"] == "COMPLETED" || task["Status"] == "CANCELLED";
    let moved = tasks
        .iter()
        .map(|task| number(&task["ApproximateNumberOfMessagesMoved"]));
    let total: Option<u64> = moved.sum();
    Some((call.number, total?)).filter(|_| tasks.iter().all(ended))
}

fn sends(call: &Call) -> impl Iterator<Item = Send> {
    entries(call).into_iter().map(|(entry, fate, result)| Send {
        call: call.number,
        body: text(&entry["MessageBody"]),
        group: optional(&entry["MessageGroupId"]),
        deduplication: optional(&entry["MessageDeduplicationId"]),
        delay: seconds(&entry["DelaySeconds"]),
        began: call.began,
        ended: call.ended,
        fate,
        message_id: text(&result["MessageId"]),
        sequence: result["SequenceNumber"]
            .as_str()
            .and_then(|number| number.parse().ok()),
    })
}
