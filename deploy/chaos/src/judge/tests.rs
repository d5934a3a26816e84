//! Histories with something planted in them.

use serde_json::{Value, json};

use super::*;
use crate::record::{Line, Record};

/// A run's record, call by call, each a millisecond long and a millisecond after the one before.
struct Story {
    folder: tempfile::TempDir,
    record: Record,
    at: u64,
}

impl Story {
    fn new() -> Story {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::create(folder.path()).unwrap();
        record.add(&Line::Clock(1_000));
        let mut story = Story {
            folder,
            record,
            at: 0,
        };
        let attributes = json!({"VisibilityTimeout": "15", "FifoQueue": "true"});
        story.call(
            "CreateQueue",
            json!({"QueueName": "q.fifo", "Attributes": attributes}),
            json!({}),
        );
        story
    }

    fn call(&mut self, operation: &str, input: Value, reply: Value) {
        let n = self.record.number();
        self.at += 1_000;
        self.record.add(&Line::Began {
            n,
            at: self.at,
            client: "c0".to_owned(),
            queue: "q.fifo".to_owned(),
            operation: operation.to_owned(),
            input,
        });
        self.at += 1_000;
        self.record.add(&Line::Done {
            n,
            at: self.at,
            attempts: 1,
            reply,
        });
    }

    fn send(&mut self, body: &str, sequence: u64) {
        let input = json!({"MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": body});
        let reply = json!({"MessageId": format!("id-{body}"), "SequenceNumber": sequence.to_string()});
        self.call("SendMessage", input, reply);
    }

    fn receive(&mut self, id: &str, body: &str) {
        let attributes = json!({"MessageGroupId": "g", "ApproximateReceiveCount": "1"});
        let receipt = format!("receipt-{id}");
        let message =
            json!({"MessageId": id, "Body": body, "ReceiptHandle": receipt, "Attributes": attributes});
        self.call("ReceiveMessage", json!({}), json!({"Messages": [message]}));
    }

    fn delete(&mut self, id: &str) {
        self.call(
            "DeleteMessage",
            json!({"ReceiptHandle": format!("receipt-{id}")}),
            json!({}),
        );
    }

    fn taken(&mut self, body: &str) {
        self.receive(&format!("id-{body}"), body);
        self.delete(&format!("id-{body}"));
    }

    /// The rules that are broken.
    fn verdict(self, events: &[Event], emptied: bool) -> Vec<String> {
        if emptied {
            self.record.add(&Line::Emptied);
        }
        let seen = record::read(self.folder.path()).unwrap();
        let entry = |event: &Event| Entry {
            unix_ms: 2_000,
            event: event.clone(),
        };
        let judged = of(plan(), seen, events.iter().map(entry).collect());
        judged
            .violations
            .into_iter()
            .map(|violation| violation.rule)
            .collect()
    }
}

fn plan() -> Plan {
    Plan {
        seed: 1,
        nodes: 3,
        load_ms: 1_000,
        calm_ms: 100,
        drain_ms: 1_000,
        endpoints: Vec::new(),
        steady: Vec::new(),
        rate: 1,
        workloads: Vec::new(),
        partitions: 1,
        partitions_max: 1,
        fifo_partitions: 1,
        checkpoint_bytes: 1,
        clock_slack_ms: 0,
        versions: Vec::new(),
        schedule: Vec::new(),
    }
}

fn two() -> Story {
    let mut story = Story::new();
    story.send("a", 1);
    story.send("b", 2);
    story
}

#[test]
fn a_good_run_is_good() {
    let mut story = two();
    story.taken("a");
    story.taken("b");
    assert_eq!(story.verdict(&[], true), [""; 0]);
}

#[test]
fn a_lost_message_is_found() {
    let mut story = two();
    story.taken("a");
    assert_eq!(story.verdict(&[], true), ["lost"]);
}

#[test]
fn what_was_not_emptied_is_not_lost_yet() {
    let mut story = two();
    story.taken("a");
    assert_eq!(story.verdict(&[Event::Interrupted], false), [""; 0]);
}

#[test]
fn a_doubled_message_is_found() {
    let mut story = two();
    story.taken("a");
    story.receive("id-a-again", "a");
    story.delete("id-a-again");
    story.taken("b");
    assert!(story.verdict(&[], true).contains(&"doubled".to_owned()));
}

#[test]
fn a_reordered_message_is_found() {
    let mut story = two();
    story.taken("b");
    story.taken("a");
    assert!(story.verdict(&[], true).contains(&"order".to_owned()));
}

#[test]
fn a_message_that_comes_back_after_its_delete_is_found() {
    let mut story = two();
    story.taken("a");
    story.taken("b");
    story.receive("id-a", "a");
    assert!(story.verdict(&[], true).contains(&"deleted".to_owned()));
}

#[test]
fn a_send_without_an_end_may_have_been_done() {
    let mut story = Story::new();
    let n = story.record.number();
    story.record.add(&Line::Began {
        n,
        at: story.at,
        client: "c0".to_owned(),
        queue: "q.fifo".to_owned(),
        operation: "SendMessage".to_owned(),
        input: json!({"MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "x"}),
    });
    story.taken("x");
    assert_eq!(story.verdict(&[], true), [""; 0]);
}

#[test]
fn what_the_harness_saw_counts() {
    let mut story = two();
    story.taken("a");
    story.taken("b");
    let wrong = Event::Wrong {
        rule: "nodes stay up".to_owned(),
        what: "node 1 ended".to_owned(),
    };
    assert_eq!(story.verdict(&[wrong], true), ["nodes stay up"]);
}
