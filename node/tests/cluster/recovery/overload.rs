//! More than the bounds allow, and requests that make no sense: each gets its error, the rest goes on.

use std::net::SocketAddr;
use std::time::Duration;

use super::{create, receive, receive_exactly, send};
use crate::harness::{Answer, Cluster, client, client_within, raw, send_raw};

const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.0");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const SENDERS: usize = 40;
const POLLS: usize = 6;
const POLLS_MAX: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn excess_requests_are_throttled() {
    let cluster = Cluster::start_with(3, &["--max-requests", "1"]);
    let api = cluster.addresses()[0];
    let here = client(&cluster.endpoint(0));
    let url = create(&here, "throttled", 30).await;
    let sends: Vec<_> = (0..SENDERS)
        .map(|n| {
            let url = url.clone();
            tokio::task::spawn_blocking(move || {
                let body = serde_json::json!({"QueueUrl": url, "MessageBody": format!("m{n}")});
                (n, json(api, "SendMessage", body.to_string().as_bytes()))
            })
        })
        .collect();
    let (mut sent, mut throttled) = (std::collections::BTreeMap::new(), 0);
    for outcome in sends {
        let (n, answer) = outcome.await.unwrap();
        if answer.status == 200 {
            let reply: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            sent.insert(format!("m{n}"), reply["MessageId"].as_str().unwrap().to_owned());
        } else {
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(answer.body.contains("#RequestThrottled\""), "{answer:?}");
            throttled += 1;
        }
    }
    assert!(
        !sent.is_empty() && throttled > 0,
        "{} of {SENDERS} were taken",
        sent.len()
    );
    // What was throttled was not taken.
    receive_exactly(&here, &url, &sent).await;
    assert!(cluster.is_ready(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn excess_polls_are_throttled() {
    let mut cluster = Cluster::start_with(3, &["--max-polls", &POLLS_MAX.to_string()]);
    let url = create(&client(&cluster.endpoint(0)), "polled", 30).await;
    let leader = cluster.leader_of("polled");
    let api = cluster.addresses()[leader];
    let polls: Vec<_> = (0..POLLS)
        .map(|_| {
            let url = url.clone();
            tokio::task::spawn_blocking(move || {
                let body = serde_json::json!({"QueueUrl": url, "WaitTimeSeconds": 3});
                json(api, "ReceiveMessage", body.to_string().as_bytes())
            })
        })
        .collect();
    let mut waited = 0;
    for poll in polls {
        let answer = poll.await.unwrap();
        if answer.status == 200 {
            waited += 1;
        } else {
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(answer.body.contains("#RequestThrottled\""), "{answer:?}");
        }
    }
    assert_eq!(waited, POLLS_MAX);
    // Their places are free again.
    let here = client(&cluster.endpoint(leader));
    send(&here, &url, "still here").await;
    assert_eq!(receive(&here, &url, 1, 3).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_gets_an_error_and_does_no_harm() {
    let mut cluster = Cluster::start(1);
    let api = cluster.addresses()[0];
    let here = client_within(
        &cluster.endpoint(0),
        Duration::from_secs(5),
        Duration::from_secs(20),
    );
    let url = create(&here, "nonsense", 30).await;

    let long = vec![b'x'; 7 << 20];
    expect(
        &json(api, "SendMessage", &long),
        413,
        "#RequestEntityTooLargeException\"",
    );
    expect(
        &post(api, &[FORM], &long),
        413,
        "<Code>RequestEntityTooLarge</Code>",
    );
    expect(
        &json(api, "SendMessage", b"{\"QueueUrl\": "),
        400,
        "#SerializationException\"",
    );
    expect(
        &json(api, "SendMessage", b"[1, 2]"),
        400,
        "#SerializationException\"",
    );
    expect(
        &json(api, "SendMessage", &[0xff; 64]),
        400,
        "#SerializationException\"",
    );
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let deep = [&b"{\"QueueUrl\":"[..], &deep, b"}"].concat();
    expect(&json(api, "SendMessage", &deep), 400, "#SerializationException\"");
    expect(
        &json(api, "MakeCoffee", b"{}"),
        400,
        "#UnknownOperationException\"",
    );
    expect(
        &post(api, &[FORM], b"Action=MakeCoffee&Version=2012-11-05"),
        400,
        "<Code>InvalidAction</Code>",
    );
    expect(
        &post(api, &[FORM], b"Version=2012-11-05"),
        400,
        "<Code>MissingAction</Code>",
    );
    expect(&post(api, &[FORM], b"Action=SendMessage&%zz=%"), 400, "<Code>");
    expect(&raw(api, "GET", "/nowhere", &[], b"").unwrap(), 400, "<Code>");

    let no_http: [&[u8]; 4] = [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        &[
            0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x0d, 0x0a, 0x0d, 0x0a,
        ],
        b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthese are no frames at all, but many bytes",
    ];
    for bytes in no_http {
        // An answer of HTTP or none: the connection ends, which is what this waits for.
        if let Ok(answer) = send_raw(api, bytes) {
            let text = String::from_utf8_lossy(&answer);
            assert!(!text.contains(" 200 "), "{text}");
        }
    }

    assert!(cluster.runs(0) && cluster.is_ready(0));
    let log = cluster.log(0);
    assert!(!log.contains("panicked"), "{log}");
    let sent = super::send_each(&here, &url, std::iter::once("after all".to_owned())).await;
    receive_exactly(&here, &url, &sent).await;
}

fn json(api: SocketAddr, operation: &str, body: &[u8]) -> Answer {
    post(
        api,
        &[JSON, ("x-amz-target", &format!("AmazonSQS.{operation}"))],
        body,
    )
}

fn post(api: SocketAddr, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    raw(api, "POST", "/", headers, body).unwrap()
}

fn expect(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.body.contains(words), "no {words} in {answer:?}");
}
