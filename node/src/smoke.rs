//! `millrace smoke`: sends a message through a cluster and receives it, as a client would, over HTTP. It is what
//! `helm test` runs: the image then tests itself, and nobody has to pull another one with an AWS client in it.

use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use http::{Request, Uri};
use raft::env::Env;
use serde_json::{Value, json};

use crate::fetch;

/// How long one call may take, with the wait of a receive in it.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a receive waits for the message.
const WAIT_SECONDS: u32 = 10;

/// Flags of `smoke`.
#[derive(Args, Debug)]
pub struct Flags {
    /// The AWS API of a node, or of a service in front of the nodes; `http` only.
    #[arg(long, env = "AWS_ENDPOINT_URL", default_value = "http://127.0.0.1:4566")]
    pub endpoint: Uri,
    /// The region that the requests are for.
    #[arg(long, env = "AWS_DEFAULT_REGION", default_value = "us-east-1")]
    pub region: String,
}

/// Creates a queue of its own, sends, receives and deletes a message, and deletes the queue. Prints each step.
///
/// # Errors
/// If a step fails, or another message is received than was sent.
pub async fn run(env: &Env, flags: &Flags) -> anyhow::Result<()> {
    let client = Client::new(env, flags)?;
    let name = format!("millrace-smoke-{:016x}", env.random.next_u64());
    let queue = client.call("CreateQueue", json!({ "QueueName": name })).await?;
    let queue = queue["QueueUrl"]
        .as_str()
        .context("CreateQueue gave no QueueUrl")?;
    let outcome = send_and_receive(&client, queue, &name).await;
    // The queue goes even if the message got lost, and that failure matters more than this one.
    let deleted = client.call("DeleteQueue", json!({ "QueueUrl": queue })).await;
    outcome?;
    deleted?;
    Ok(())
}

async fn send_and_receive(client: &Client<'_>, queue: &str, body: &str) -> anyhow::Result<()> {
    let send = json!({ "QueueUrl": queue, "MessageBody": body });
    let sent = client.call("SendMessage", send).await?;
    let receive = json!({ "QueueUrl": queue, "WaitTimeSeconds": WAIT_SECONDS });
    let received = client.call("ReceiveMessage", receive).await?;
    let message = &received["Messages"][0];
    anyhow::ensure!(
        message["Body"] == body && message["MessageId"] == sent["MessageId"],
        "sent {body} as {}, but received {received}",
        sent["MessageId"]
    );
    let delete = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
    client.call("DeleteMessage", delete).await?;
    Ok(())
}

/// A client of AWS JSON, without retries: what this command tells is what one call gave.
struct Client<'a> {
    env: &'a Env,
    address: String,
    authority: String,
    region: &'a str,
}

impl<'a> Client<'a> {
    fn new(env: &'a Env, flags: &'a Flags) -> anyhow::Result<Client<'a>> {
        let scheme = flags.endpoint.scheme_str();
        anyhow::ensure!(scheme == Some("http"), "{} is no http:// URL", flags.endpoint);
        let authority = flags.endpoint.authority().context("the endpoint has no host")?;
        let port = authority.port_u16().unwrap_or(80);
        Ok(Client {
            env,
            address: format!("{}:{port}", authority.host()),
            authority: authority.as_str().to_owned(),
            region: &flags.region,
        })
    }

    async fn call(&self, operation: &str, input: Value) -> anyhow::Result<Value> {
        let begun = Instant::now();
        let answer = tokio::time::timeout(CALL_TIMEOUT, self.attempt(operation, &input))
            .await
            .with_context(|| format!("{operation}: no answer in time"))?
            .with_context(|| format!("{operation} failed"))?;
        println!("{operation:<15} {:>6} ms", begun.elapsed().as_millis());
        Ok(answer)
    }

    async fn attempt(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        // Names account and region; the signature is nobody's, as long as none is checked.
        let scope = format!("millrace-smoke/20260101/{}/sqs/aws4_request", self.region);
        let request = Request::post("/")
            .header("host", &self.authority)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            )
            .body(Bytes::from(input.to_string()).into())?;
        let stream = self.env.net.connect(&self.address).await?;
        let answer = fetch::fetch(stream, request).await?;
        let (status, body) = (answer.status(), answer.into_body());
        anyhow::ensure!(
            status.is_success(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).context("the answer is no JSON")
    }
}
