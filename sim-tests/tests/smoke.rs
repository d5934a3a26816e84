//! A cluster is born in simulation, loses its nodes' unsynced data one after the other, and still
//! has every message.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sim_tests::{client, cluster};

const SEED: u64 = 7;
const MESSAGES: usize = 20;

#[test]
fn acknowledged_messages_survive_crashes() {
    let mut sim = cluster::simulation(SEED, Duration::from_secs(120));
    cluster::add(&mut sim, SEED, 3);
    let (crash, crashes) = std::sync::mpsc::channel();
    sim.client("client", async move { scenario(crash).await.map_err(Into::into) });
    while !sim.step().expect("the scenario succeeds") {
        if let Ok(id) = crashes.try_recv() {
            // Power loss: what was not synced is gone.
            sim.crash(cluster::host(id));
            sim.bounce(cluster::host(id));
        }
    }
}

async fn scenario(crash: std::sync::mpsc::Sender<u64>) -> anyhow::Result<()> {
    let hosts: Vec<String> = (1..=3).map(cluster::host).collect();
    let created = client::call(&hosts, "CreateQueue", "create", &json!({"QueueName": "q"}), 100).await?;
    let url = created["QueueUrl"].as_str().unwrap_or_default().to_owned();
    let mut sent = BTreeSet::new();
    for n in 0..MESSAGES {
        if n % 5 == 2 {
            crash.send(1 + (n as u64 / 5) % 3)?;
        }
        let body = format!("message {n}");
        let input = json!({"QueueUrl": url, "MessageBody": body});
        client::call(&hosts, "SendMessage", &format!("send-{n}"), &input, 100).await?;
        sent.insert(body);
    }
    let mut received = BTreeSet::new();
    while received.len() < MESSAGES {
        let invocation = format!("receive-{}-{:?}", received.len(), turmoil::elapsed());
        let input = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5});
        let reply = client::call(&hosts, "ReceiveMessage", &invocation, &input, 100).await?;
        let messages = reply["Messages"].as_array().cloned().unwrap_or_default();
        anyhow::ensure!(
            !messages.is_empty(),
            "{} of {MESSAGES} messages came",
            received.len()
        );
        for message in messages {
            let body = message["Body"].as_str().unwrap_or_default().to_owned();
            anyhow::ensure!(received.insert(body.clone()), "{body} came twice");
        }
    }
    anyhow::ensure!(received == sent, "what came is not what was sent");
    let counts = json!({"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]});
    let reply = client::call(&hosts, "GetQueueAttributes", "counts", &counts, 100).await?;
    anyhow::ensure!(
        reply["Attributes"]["ApproximateNumberOfMessages"] == "0",
        "{reply}"
    );
    Ok(())
}
