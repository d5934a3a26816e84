//! What nodes tell those who watch over them: that all that is declared is there, in the form that Prometheus reads, and that
//! the numbers follow what happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use node::metrics::{ALL, Declaration, Kind, OF_GROUPS};

use crate::harness::{Cluster, client, poll, raw, venv};

/// How long numbers may take to follow what happened.
const LIMIT: Duration = Duration::from_secs(30);

/// The values of a page by name and labels, as they stand there.
struct Values(BTreeMap<String, f64>);

impl Values {
    fn of(cluster: &Cluster, node: usize, path: &str) -> Option<Values> {
        let text = text(cluster, node, path)?;
        let values = text.lines().filter(|line| !line.starts_with('#'));
        let values = values.filter_map(|line| line.rsplit_once(' '));
        Some(Values(
            values
                .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
                .collect(),
        ))
    }

    /// The sum of a metric's values whose labels hold all of these texts.
    fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of_it = self.0.iter().filter(|(line, _)| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| {
                (rest.is_empty() || rest.starts_with('{')) && labels.iter().all(|label| rest.contains(label))
            })
        });
        of_it.map(|(_, value)| value).sum()
    }
}

fn text(cluster: &Cluster, node: usize, path: &str) -> Option<String> {
    let answer = raw(cluster.admin(node), "GET", path, &[], b"").ok()?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer.head.contains("content-type: application/openmetrics-text"),
        "{}",
        answer.head
    );
    Some(answer.body)
}

/// The sum over all nodes that answer.
fn sum(cluster: &Cluster, name: &str, labels: &[&str]) -> f64 {
    let nodes = (0..3).filter_map(|node| Values::of(cluster, node, "/metrics"));
    nodes.map(|values| values.sum(name, labels)).sum()
}

fn await_sum(cluster: &Cluster, name: &str, labels: &[&str], expected: f64) {
    let what = format!("{name} {labels:?} to be {expected}");
    let reached = poll::until(LIMIT, &what, || {
        (sum(cluster, name, labels) == expected).then_some(())
    });
    reached.unwrap_or_else(|reason| panic!("{reason}; it is {}", sum(cluster, name, labels)));
}

async fn create(sqs: &Client, name: &str) -> String {
    let create = sqs.create_queue().queue_name(name);
    let create = create.attributes(QueueAttributeName::VisibilityTimeout, "600");
    create.send().await.unwrap().queue_url.unwrap()
}

/// Sends five messages, receives two and deletes one of these; asks for a queue that is not there; and waits for a message in vain
/// at each node, so that some leader is asked from elsewhere.
async fn traffic(cluster: &Cluster) {
    let sqs = client(&cluster.endpoint(0));
    let url = create(&sqs, "measured").await;
    for n in 0..5 {
        let send = sqs.send_message().queue_url(&url);
        send.message_body(format!("message {n}")).send().await.unwrap();
    }
    let receive = sqs.receive_message().queue_url(&url);
    let received = receive.max_number_of_messages(2).send().await.unwrap();
    let received = received.messages.unwrap_or_default();
    assert_eq!(received.len(), 2);
    let handle = received[0].receipt_handle.clone().unwrap();
    let delete = sqs.delete_message().queue_url(&url).receipt_handle(handle);
    delete.send().await.unwrap();
    let missing = sqs
        .get_queue_url()
        .queue_name("missing")
        .send()
        .await
        .unwrap_err();
    assert!(missing.into_service_error().is_queue_does_not_exist());
    let empty = create(&sqs, "empty").await;
    for node in 0..3 {
        let sqs = client(&cluster.endpoint(node));
        let receive = sqs.receive_message().queue_url(&empty).wait_time_seconds(1);
        assert!(
            receive
                .send()
                .await
                .unwrap()
                .messages
                .unwrap_or_default()
                .is_empty()
        );
    }
}

fn is_whole(cluster: &Cluster, node: usize, path: &str, declared: &[&Declaration]) {
    let text = text(cluster, node, path).unwrap();
    assert!(text.ends_with("# EOF\n"));
    let mut told = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert!(told.insert(name, kind).is_none(), "{name} is there twice");
    }
    for metric in declared {
        let (name, kind) = match metric.kind {
            Kind::Counter => (metric.name.strip_suffix("_total").unwrap(), "counter"),
            Kind::Gauge => (metric.name, "gauge"),
            Kind::Histogram => (metric.name, "histogram"),
        };
        assert_eq!(told.remove(name), Some(kind), "{name}");
    }
    assert!(told.is_empty(), "not declared: {told:?}");
    let series: Vec<&str> = text
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.rsplit_once(' '))
        .map(|l| l.0)
        .collect();
    let unique: BTreeSet<_> = series.iter().collect();
    assert_eq!(unique.len(), series.len(), "a series is there twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_follow_what_happens() {
    let mut cluster = Cluster::start(3);
    let before: Vec<Values> = (0..3)
        .map(|node| Values::of(&cluster, node, "/metrics").unwrap())
        .collect();
    traffic(&cluster).await;

    for (node, before) in before.iter().enumerate() {
        is_whole(&cluster, node, "/metrics", ALL);
        is_whole(&cluster, node, "/metrics/groups", OF_GROUPS);
        let after = Values::of(&cluster, node, "/metrics").unwrap();
        for (line, value) in &before.0 {
            let rises = line.contains("_total") || line.contains("_count") || line.contains("_bucket");
            // A partition's numbers are told by its leader, which may have changed.
            if rises && !line.starts_with("millrace_queue_") {
                assert!(
                    after.0.get(line).is_some_and(|now| now >= value),
                    "node {node}: {line} fell"
                );
            }
        }
        for name in [
            "millrace_wal_sync_duration_seconds_count",
            "millrace_wal_batch_records_sum",
            "process_cpu_seconds_total",
        ] {
            assert!(
                after.sum(name, &[]) > before.sum(name, &[]),
                "node {node}: {name}"
            );
        }
        assert_eq!(
            after.sum("millrace_build_info", &[&format!("node=\"{}\"", node + 1)]),
            1.0
        );
        assert_eq!(after.sum("millrace_catalog_queues", &[]), 2.0);
    }

    let of_queue = [
        "account=\"000000000000\"",
        "region=\"us-east-1\"",
        "queue=\"measured\"",
    ];
    await_sum(&cluster, "millrace_queue_messages_visible", &of_queue, 3.0);
    await_sum(&cluster, "millrace_queue_messages_in_flight", &of_queue, 1.0);
    await_sum(&cluster, "millrace_queue_messages_sent_total", &of_queue, 5.0);
    await_sum(&cluster, "millrace_queue_messages_received_total", &of_queue, 2.0);
    await_sum(&cluster, "millrace_queue_messages_deleted_total", &of_queue, 1.0);
    await_sum(&cluster, "millrace_messages", &["state=\"visible\""], 3.0);
    assert!(sum(&cluster, "millrace_queue_oldest_message_age_seconds", &of_queue) > 0.0);

    let sent = ["operation=\"SendMessage\"", "status=\"200\""];
    await_sum(&cluster, "millrace_requests_total", &sent, 5.0);
    let missing = [
        "operation=\"GetQueueUrl\"",
        "status=\"400\"",
        "code=\"QueueDoesNotExist\"",
    ];
    await_sum(&cluster, "millrace_requests_total", &missing, 1.0);
    let received = ["operation=\"ReceiveMessage\""];
    await_sum(
        &cluster,
        "millrace_request_duration_seconds_count",
        &received,
        4.0,
    );
    await_sum(&cluster, "millrace_receive_wait_duration_seconds_count", &[], 3.0);
    let waited = sum(&cluster, "millrace_receive_wait_duration_seconds_sum", &[]);
    assert!(waited > 2.0, "three receives waited for a second each: {waited}");

    // The catalog and two queues.
    await_sum(&cluster, "millrace_raft_groups", &[], 9.0);
    await_sum(&cluster, "millrace_raft_groups_led", &[], 3.0);
    await_sum(&cluster, "millrace_raft_groups_degraded", &[], 0.0);
    let groups = Values::of(&cluster, 0, "/metrics/groups").unwrap();
    assert!(
        groups.sum(
            "millrace_raft_group_applied_index",
            &["queue=\"000000000000/us-east-1/measured\""]
        ) > 5.0
    );

    let mut parser = venv::script("metrics_format.py");
    parser.args((0..3).map(|node| cluster.admin(node).to_string()));
    let parsed = parser.output().unwrap();
    assert!(
        parsed.status.success(),
        "{}",
        String::from_utf8_lossy(&parsed.stderr)
    );

    let terms = sum(&cluster, "millrace_raft_terms_total", &[]);
    let away = cluster.leader_of("measured");
    cluster.kill(away);
    await_sum(&cluster, "millrace_raft_groups_led", &[], 3.0);
    await_sum(&cluster, "millrace_raft_groups_critical", &[], 3.0);
    let peer = format!("peer=\"{}\"", away + 1);
    await_sum(&cluster, "millrace_peer_connected", &[&peer], 0.0);
    assert!(sum(&cluster, "millrace_peer_calls_unanswered_total", &[&peer]) > 0.0);
    assert!(sum(&cluster, "millrace_raft_terms_total", &[]) > terms);
}
