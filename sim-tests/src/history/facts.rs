//! A history by queue and by kind of fact.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Call, History, Outcome};

/// What became of a call, or of an entry of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was done.
    Done,
    /// It was not.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// One message that was sent, alone or in a batch.
#[derive(Clone, Debug)]
pub struct Send {
    /// The call's number.
    pub call: usize,
    /// Unique in the whole run, unless the workload sends it again under the same deduplication id.
    pub body: String,
    /// Its message group.
    pub group: Option<String>,
    /// Its deduplication id, if one was given.
    pub deduplication: Option<String>,
    /// Its own delay.
    pub delay: Option<Duration>,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// What became of it.
    pub fate: Fate,
    /// What the cluster calls it, if that was answered.
    pub message_id: String,
    /// FIFO: its place.
    pub sequence: Option<u128>,
}

/// One message in the reply of a receive.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The call's number.
    pub call: usize,
    /// The message.
    pub body: String,
    /// What the cluster calls it.
    pub message_id: String,
    /// The handle of this delivery.
    pub receipt: String,
    /// Its message group.
    pub group: Option<String>,
    /// Which delivery of the message it is, as the cluster counts.
    pub count: u64,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// How long it is invisible, at least, from the moment at which the cluster handed it out.
    pub visibility: Duration,
}

/// One receive.
#[derive(Clone, Debug)]
pub struct Receive {
    /// The call's number.
    pub call: usize,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// How often it was tried.
    pub attempts: usize,
    /// How many messages it brought.
    pub messages: usize,
    /// How long what it took is invisible, at least and at most.
    pub visibility: (Duration, Duration),
    /// What became of it.
    pub fate: Fate,
}

/// One message that somebody deleted, or tried to.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The call's number.
    pub call: usize,
    /// Which.
    pub message_id: String,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// What became of it.
    pub fate: Fate,
}

/// One change of a message's visibility, or the attempt.
#[derive(Clone, Debug)]
pub struct Change {
    /// The call's number.
    pub call: usize,
    /// Which.
    pub message_id: String,
    /// By which delivery's handle.
    pub receipt: String,
    /// How long it is invisible from then on.
    pub visibility: Duration,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// What became of it.
    pub fate: Fate,
}

/// A purge of the whole queue, or the attempt.
#[derive(Clone, Debug)]
pub struct Purge {
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// What became of it.
    pub fate: Fate,
}

/// What happened to one queue. Each list is in the order in which the calls ended.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Messages sent.
    pub sends: Vec<Send>,
    /// Messages received.
    pub deliveries: Vec<Delivery>,
    /// Messages deleted.
    pub deletes: Vec<Delete>,
    /// Visibilities changed.
    pub changes: Vec<Change>,
    /// Purges.
    pub purges: Vec<Purge>,
    /// The shortest retention that it ever had.
    pub retention: Duration,
    /// The shortest visibility timeout that it ever had.
    pub visibility: Duration,
    /// The longest one.
    pub visibility_max: Duration,
    /// Whether somebody deleted it, or tried to.
    pub deleted: bool,
    /// The longest delay that it ever had.
    pub delay: Duration,
    /// Receives, whatever they brought.
    pub receives: Vec<Receive>,
    /// What was refused: the call's number, and the code.
    pub refusals: Vec<(usize, String)>,
    /// By receipt handle.
    receipts: BTreeMap<String, String>,
}

const DEFAULT_VISIBILITY: Duration = Duration::from_secs(30);
const DEFAULT_RETENTION: Duration = Duration::from_secs(4 * 24 * 3600);

impl History {
    /// What happened, by queue.
    pub fn facts(&self) -> BTreeMap<String, Facts> {
        let mut all: BTreeMap<String, Facts> = BTreeMap::new();
        // Settings first: a receive may end before the call that created its queue is known to have.
        for call in &self.0 {
            let facts = all.entry(call.queue.clone()).or_insert_with(|| Facts {
                retention: DEFAULT_RETENTION,
                visibility: DEFAULT_VISIBILITY,
                ..Facts::default()
            });
            facts.set(&call.input["Attributes"]);
            facts.deleted |= call.operation == "DeleteQueue";
        }
        for facts in all.values_mut() {
            facts.visibility_max = facts.visibility_max.max(facts.visibility);
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
fn entries(call: &Call) -> Vec<(&Value, Fate, &Value)> {
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
    fn set(&mut self, attributes: &Value) {
        if let Some(visibility) = seconds(&attributes["VisibilityTimeout"]) {
            self.visibility = self.visibility.min(visibility);
            self.visibility_max = self.visibility_max.max(visibility);
        }
        if let Some(delay) = seconds(&attributes["DelaySeconds"]) {
            self.delay = self.delay.max(delay);
        }
        if let Some(retention) = seconds(&attributes["MessageRetentionPeriod"]) {
            self.retention = self.retention.min(retention);
        }
    }

    fn take(&mut self, call: &Call) {
        for (_, fate, error) in entries(call) {
            if fate == Fate::Refused {
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
                let (began, ended) = (call.began, call.ended);
                self.purges.push(Purge { began, ended, fate });
            }
            _ => {}
        }
    }

    fn receive(&mut self, call: &Call) {
        let messages = call.outcome.done().and_then(|reply| reply["Messages"].as_array());
        let (_, fate, _) = entries(call)[0];
        self.receives.push(Receive {
            call: call.number,
            began: call.began,
            ended: call.ended,
            attempts: call.attempts,
            messages: messages.map_or(0, Vec::len),
            visibility: seconds(&call.input["VisibilityTimeout"])
                .map_or((self.visibility, self.visibility_max), |own| (own, own)),
            fate,
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
                visibility: seconds(&call.input["VisibilityTimeout"]).unwrap_or(self.visibility),
            };
            self.receipts
                .insert(delivery.receipt.clone(), delivery.message_id.clone());
            self.deliveries.push(delivery);
        }
    }

    fn message(&self, entry: &Value) -> String {
        let receipt = entry["ReceiptHandle"].as_str().unwrap_or_default();
        self.receipts.get(receipt).cloned().unwrap_or_default()
    }
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
