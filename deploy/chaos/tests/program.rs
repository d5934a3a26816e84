//! The program as people and scripts use it. A whole run needs namespaces, and is a section of its own in the checks.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

fn chaos(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(words)
        .output()
        .expect("the program runs")
}

/// A run of one second in which one message was sent and acknowledged, and received if nothing is wrong.
fn write_run(folder: &Path, received: bool) {
    let plan = json!({
        "seed": 1, "nodes": 3, "load_ms": 1000, "calm_ms": 100, "drain_ms": 1000, "endpoints": [],
        "steady": ["steady-1"], "rate": 20, "workloads": [], "partitions": 1, "partitions_max": 1,
        "fifo_partitions": 1, "checkpoint_bytes": 1, "clock_slack_ms": 0, "versions": [], "schedule": [],
    });
    let began = |n: usize, operation: &str, input| {
        let at = 1_000 * n;
        json!({"began": {"n": n, "at": at, "client": "c0", "queue": "steady-1", "operation": operation, "input": input}})
    };
    let done =
        |n: usize, reply| json!({"done": {"n": n, "at": 1_000 * n + 500, "attempts": 1, "reply": reply}});
    let mut history = vec![
        json!({"clock": 1_000_000}),
        began(
            0,
            "CreateQueue",
            json!({"QueueName": "steady-1", "Attributes": {}}),
        ),
        done(0, json!({})),
        began(1, "SendMessage", json!({"MessageBody": "a <b>"})),
        done(1, json!({"MessageId": "id"})),
    ];
    if received {
        let message = json!({
            "MessageId": "id", "Body": "a <b>", "ReceiptHandle": "r", "Attributes": {"ApproximateReceiveCount": "1"},
        });
        history.push(began(2, "ReceiveMessage", json!({})));
        history.push(done(2, json!({"Messages": [message]})));
        history.push(began(3, "DeleteMessage", json!({"ReceiptHandle": "r"})));
        history.push(done(3, json!({})));
    }
    history.push(json!("emptied"));
    let events = [
        json!({"unix_ms": 1_000_100, "event": "begun", "fault": 0, "kind": "kill", "what": "node 1", "hit": ["steady-1"]}),
        json!({"unix_ms": 1_000_200, "event": "over", "fault": 0}),
        json!({"unix_ms": 1_000_300, "event": "healed", "fault": 0}),
    ];
    let lines = |all: &[serde_json::Value]| all.iter().map(|line| format!("{line}\n")).collect::<String>();
    for (name, text) in [
        ("plan.json", plan.to_string()),
        ("history.jsonl", lines(&history)),
        ("events.jsonl", lines(&events)),
    ] {
        std::fs::write(folder.join(name), text).expect("the folder is writable");
    }
}

#[test]
fn a_good_run_is_judged_good_and_a_report_is_written() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path(), true);
    let output = chaos(&["judge", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(text.contains("PASSED") && text.contains("| kill | 1 |"), "{text}");
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("PASSED"));
}

#[test]
fn a_lost_message_fails_the_run() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path(), false);
    let output = chaos(&["judge", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(
        text.contains("FAILED: 1 violation") && text.contains("lost"),
        "{text}"
    );
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("a &lt;b&gt;"), "what clients sent is no markup");
}

#[test]
fn a_folder_without_a_run_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        chaos(&["judge", folder.path().to_str().unwrap()]).status.code(),
        Some(1)
    );
    assert_eq!(
        chaos(&["run", "--schedule", "/nonexistent"]).status.code(),
        Some(1)
    );
}

#[test]
fn every_fault_is_listed() {
    let output = chaos(&["faults"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for name in [
        "kill",
        "pause",
        "one_way",
        "disk_full",
        "rolling_upgrade",
        "leave",
    ] {
        assert!(
            text.lines().any(|line| line.starts_with(&format!("{name} "))),
            "{name}: {text}"
        );
    }
}
