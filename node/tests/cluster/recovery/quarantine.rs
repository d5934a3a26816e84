//! A log entry on which the state machine panics: one queue stops, everywhere; the nodes and all other queues go on.

use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use serde_json::Value;

use super::{create, receive, send};
use crate::harness::{Cluster, client, poll, raw};

/// What the body is, and what has the machine panic on it: see `raft/src/planted.rs`.
const POISON: &str = "poison: the machine panics on this message";
const POISON_QUEUE: &str = "the-catalog-panics-on-this-queue";
const PLANTED: [(&str, &str); 1] = [("MILLRACE_POISON_PANICS", "1")];
const ALL: [usize; 3] = [0, 1, 2];
/// How long a node may take to say how it is.
const TOLD_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_entry_stops_one_queue_until_a_retry_with_a_fixed_program() {
    let mut cluster = Cluster::start(3);
    let any = client(&cluster.endpoint(0));
    let poisoned = create(&any, "poisoned", 30).await;
    let healthy = create(&any, "healthy", 0).await;
    send(&any, &poisoned, "before").await;
    begin_anew(&mut cluster, &PLANTED);

    for i in ALL {
        refused(&cluster, i, &poisoned).await;
        serves(&cluster, i, &healthy).await;
    }
    let told = quarantined(&cluster, 1);
    assert_eq!(told.len(), 3, "{told:?}");
    for replica in &told {
        assert_eq!(replica["queue"], "000000000000/us-east-1/poisoned");
        assert_eq!(replica["cause"], "entry");
        let reason = replica["reason"].as_str().unwrap();
        assert!(reason.contains("a poisoned message was sent"), "{reason}");
    }
    let table = cluster.status_text(0, &[]);
    assert!(table.contains("QUARANTINED"), "{table}");
    let recovered =
        tokio::task::block_in_place(|| cluster.operate(0, &["unsafe-recover", "poisoned", "--yes"]));
    let refused_with = recovered.unwrap_err();
    assert!(
        refused_with.contains("on nodes [1, 2, 3], and not lost") && refused_with.contains("cluster retry"),
        "{refused_with}"
    );
    for i in ALL {
        assert!(cluster.runs(i), "node {} ended", i + 1);
    }

    // A restart finds no node in a loop, and a retry with the same program no way past the entry.
    begin_anew(&mut cluster, &PLANTED);
    for i in ALL {
        serves(&cluster, i, &healthy).await;
        refused(&cluster, i, &poisoned).await;
    }
    let retried = tokio::task::block_in_place(|| cluster.operate(2, &["retry", "poisoned"]));
    assert!(retried.is_err(), "{retried:?}");
    refused(&cluster, 0, &poisoned).await;

    begin_anew(&mut cluster, &[]);
    let still = quarantined(&cluster, 0).len();
    assert!(still >= 2, "only an operator ends a quarantine: {still} left");
    tokio::task::block_in_place(|| cluster.operate(0, &["retry", "poisoned"])).unwrap();
    let any = client(&cluster.endpoint(2));
    let mut bodies = Vec::new();
    while bodies.len() < 2 {
        let messages = receive(&any, &poisoned, 10, 5).await;
        bodies.extend(messages.into_iter().map(|message| message.body.unwrap()));
    }
    assert!(
        bodies.contains(&"before".to_owned()) && bodies.contains(&POISON.to_owned()),
        "{bodies:?}"
    );
    assert_eq!(quarantined(&cluster, 0), [Value::Null; 0]);
}

/// The quarantine of the catalog lies in the node's folder. A file that cannot be read counts, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_quarantined_catalog_keeps_its_node_out_of_service_until_a_retry() {
    let mut cluster = Cluster::start(3);
    let any = client(&cluster.endpoint(0));
    let queue = create(&any, "served", 0).await;
    cluster.await_caught_up();
    cluster.kill(2);
    std::fs::write(
        cluster.data(2).join("quarantine").join("0"),
        b"not what was written",
    )
    .unwrap();
    cluster.launch(2);
    cluster.await_listening(2);

    let told = poll::until(TOLD_LIMIT, "the node to say what is quarantined", || {
        quarantined(&cluster, 2).into_iter().next()
    });
    let told = told.unwrap();
    assert_eq!(
        (&told["group"], &told["cause"]),
        (&Value::from(0), &Value::from("entry"))
    );
    assert!(!cluster.is_ready(2) && cluster.runs(2));
    for i in [0, 1] {
        serves(&cluster, i, &queue).await;
    }
    let metrics = raw(cluster.admin(2), "GET", "/metrics", &[], b"").unwrap().body;
    let line = metrics
        .lines()
        .find(|line| line.starts_with("millrace_raft_groups_quarantined{cause=\"entry\"}"));
    assert!(line.is_some_and(|line| line.ends_with(" 1")), "{line:?}");

    // Its data was never touched: nothing has to be sent again.
    tokio::task::block_in_place(|| cluster.operate(2, &["retry", "catalog"])).unwrap();
    let ready = poll::until(TOLD_LIMIT, "the node to be ready", || {
        cluster.is_ready(2).then_some(())
    });
    ready.unwrap();
    serves(&cluster, 2, &queue).await;
    assert_eq!(quarantined(&cluster, 2), [Value::Null; 0]);
}

/// The machine of the catalog panics on one node alone, while the node works. Its queues and the
/// catalog go on with the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_panics_on_one_node_is_quarantined_there_and_the_cluster_goes_on() {
    let mut cluster = Cluster::start(3);
    let any = client(&cluster.endpoint(0));
    let queue = create(&any, "served", 0).await;
    cluster.await_caught_up();
    cluster.kill(2);
    cluster.set_environment(&PLANTED);
    cluster.restart(&[2]);
    cluster.set_environment(&[]);
    serves(&cluster, 2, &queue).await;
    let poison = create(&any, POISON_QUEUE, 0).await;

    // The node begins a new life, and refuses connections for a moment.
    let told = poll::until(TOLD_LIMIT, "another node to say what is quarantined", || {
        quarantined(&cluster, 0).into_iter().next()
    });
    let told = told.unwrap();
    assert_eq!(told["node"], 3);
    assert_eq!(
        (&told["group"], &told["cause"]),
        (&Value::from(0), &Value::from("entry"))
    );
    let reason = told["reason"].as_str().unwrap();
    assert!(reason.contains("a poisoned queue was created"), "{reason}");
    let metrics = raw(cluster.admin(2), "GET", "/metrics", &[], b"").unwrap().body;
    let counted = "millrace_raft_groups_quarantined{cause=\"entry\"} 1";
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
    assert!(!cluster.is_ready(2) && cluster.runs(2));
    for i in [0, 1] {
        serves(&cluster, i, &queue).await;
        serves(&cluster, i, &poison).await;
    }
    let later = create(&any, "later", 0).await;

    // The same program panics again. One that can apply the entry lacks nothing.
    let retried = tokio::task::block_in_place(|| cluster.operate(2, &["retry", "catalog"]));
    assert!(retried.is_err(), "{retried:?}");
    poll::until(TOLD_LIMIT, "the catalog to be quarantined again", || {
        quarantined(&cluster, 0).into_iter().next()
    })
    .unwrap();
    assert!(cluster.runs(2));
    cluster.kill(2);
    cluster.launch(2);
    cluster.await_listening(2);
    poll::until(TOLD_LIMIT, "the quarantine to be known after a restart", || {
        quarantined(&cluster, 2).into_iter().next()
    })
    .unwrap();
    tokio::task::block_in_place(|| cluster.operate(2, &["retry", "catalog"])).unwrap();
    let ready = poll::until(TOLD_LIMIT, "the node to be ready", || {
        cluster.is_ready(2).then_some(())
    });
    ready.unwrap();
    for url in [&queue, &poison, &later] {
        serves(&cluster, 2, url).await;
    }
    assert_eq!(quarantined(&cluster, 2), [Value::Null; 0]);
}

/// Ends all nodes and starts them with this environment.
fn begin_anew(cluster: &mut Cluster, environment: &[(&'static str, &'static str)]) {
    ALL.iter().for_each(|i| cluster.kill(*i));
    cluster.set_environment(environment);
    cluster.restart(&ALL);
}

/// Sends the poisoned message by a node, and expects the service's error, by name.
async fn refused(cluster: &Cluster, i: usize, url: &str) {
    let client = client(&cluster.endpoint(i));
    let sent = client.send_message().queue_url(url).message_body(POISON);
    let error = sent.send().await.unwrap_err();
    assert_eq!(error.code(), Some("ServiceUnavailable"), "{error:?}");
}

async fn serves(cluster: &Cluster, i: usize, url: &str) {
    let client = client(&cluster.endpoint(i));
    let sent = send(&client, url, "hello").await;
    let received = receive(&client, url, 10, 5).await;
    assert!(
        received
            .iter()
            .any(|message| message.message_id.as_deref() == Some(&sent))
    );
}

fn quarantined(cluster: &Cluster, i: usize) -> Vec<Value> {
    cluster.status(i)["quarantined"].as_array().unwrap().clone()
}
