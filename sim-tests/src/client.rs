//! Who makes the calls of workloads, and the simulated host of one: it speaks AWS JSON and repeats a call as SDKs
//! do, under one invocation id, on server errors, throttling, and when no answer comes.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use node::cluster::pb::admin_client::AdminClient;
use parking_lot::Mutex;
use serde_json::Value;
use tonic::transport::Channel;
use turmoil::net::TcpStream;

use crate::history::{Call, Outcome, Recorder};
use crate::host::{ADMIN_PORT, API_PORT, PEER_PORT, name};
use crate::now::now;
use crate::rng::Rng;
use crate::scenario::{self, Scenario};
use crate::workload::{Context, WORKLOADS};
use crate::world::SimNet;

/// How long one attempt may take, beyond the time that a receive waits.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
const PAUSE_MS: u64 = 100;

/// The host of a client.
pub fn host(number: usize) -> String {
    format!("c{number}")
}

/// Makes calls and has them recorded. Simulated hosts do it over the simulated network; whoever does it otherwise can run
/// the same workloads on a real cluster.
pub trait Client {
    /// Calls an operation on a queue, or on none, which the history knows by a label, and repeats it as the manner says.
    fn call_so<'a>(
        &'a self,
        manner: Manner,
        queue: &'a str,
        operation: &'static str,
        input: Value,
    ) -> Answer<'a, Outcome>;

    /// Says what the workload is doing, for a run that hangs.
    fn phase(&self, what: String);

    /// The metrics of a node that have no labels, by name; none if it does not answer.
    fn gauges(&self, node: u64) -> Answer<'_, Option<BTreeMap<String, f64>>>;
}

/// What comes of a call.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A host that runs one workload.
pub struct Host {
    this: scenario::Client,
    scenario: Arc<Scenario>,
    recorder: Arc<Recorder>,
}

impl Host {
    /// One of a scenario's.
    pub fn new(this: scenario::Client, scenario: Arc<Scenario>, recorder: Arc<Recorder>) -> Host {
        Host {
            this,
            scenario,
            recorder,
        }
    }

    /// The host's software.
    pub async fn work(self) -> turmoil::Result {
        let scenario::Client { number, workload } = self.this;
        let workload = WORKLOADS[workload];
        let rng = Rng::new(self.scenario.seed).child(&format!("client {}", number));
        let host = host(number);
        let client = Simulated {
            host: host.clone(),
            nodes: (1..=self.scenario.nodes).map(name).collect(),
            rng: Mutex::new(rng.child("calls")),
            recorder: self.recorder.clone(),
        };
        let under_way = &self.recorder.under_way;
        under_way.phase(&host, format!("{} works", workload.name));
        tokio::time::sleep(self.scenario.begin).await;
        let context = Context {
            name: format!("{}-{}", workload.name, number),
            client: Arc::new(client),
            rng: rng.child(workload.name),
            scenario: self.scenario,
        };
        (workload.run)(context)
            .await
            .map_err(|error| format!("{}, client {}: {error:#}", workload.name, number))?;
        under_way.done(&host);
        Ok(())
    }
}

/// How a client goes about a call.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Whom it asks; any node at each attempt, if it is none in particular.
    pub node: Option<u64>,
    /// How often it asks.
    pub attempts: usize,
    /// How long one attempt may take, beyond the time that a receive waits.
    pub limit: Duration,
    /// How long it pauses between two attempts at most.
    pub pause_max_ms: u64,
    /// The replies to so many first attempts are lost: it waits for them as long as it may. Only in
    /// simulation.
    pub lost: usize,
}

impl Manner {
    /// As an SDK does by default.
    pub const PATIENT: Manner = Manner {
        node: None,
        attempts: 6,
        limit: ATTEMPT_TIMEOUT,
        pause_max_ms: 20_000,
        lost: 0,
    };
}

/// Makes calls over the simulated network.
struct Simulated {
    host: String,
    nodes: Vec<String>,
    rng: Mutex<Rng>,
    recorder: Arc<Recorder>,
}

impl Client for Simulated {
    fn call_so<'a>(
        &'a self,
        manner: Manner,
        queue: &'a str,
        operation: &'static str,
        input: Value,
    ) -> Answer<'a, Outcome> {
        Box::pin(self.call(manner, queue, operation, input))
    }

    fn phase(&self, what: String) {
        self.recorder.under_way.phase(&self.host, what);
    }

    fn gauges(&self, node: u64) -> Answer<'_, Option<BTreeMap<String, f64>>> {
        Box::pin(self.metrics(node))
    }
}

impl Simulated {
    async fn call(&self, manner: Manner, queue: &str, operation: &'static str, input: Value) -> Outcome {
        let invocation = format!("{:016x}{:016x}", self.draw(), self.draw());
        let wait = input["WaitTimeSeconds"].as_u64().unwrap_or(0);
        let limit = manner.limit + Duration::from_secs(wait);
        let body = Bytes::from(input.to_string());
        let began = now();
        let under_way = &self.recorder.under_way;
        let number = under_way.call(&self.host, operation, queue, &input, began);
        let mut attempts = 0;
        let outcome = loop {
            attempts += 1;
            let any = || self.rng.lock().pick(&self.nodes).clone();
            let node = manner.node.map_or_else(any, name);
            let attempt = attempt(&node, operation, (&invocation, attempts), body.clone());
            let attempt = async {
                let reply = attempt.await;
                if attempts <= manner.lost {
                    std::future::pending::<()>().await;
                }
                reply
            };
            let why = match tokio::time::timeout(limit, attempt).await {
                Ok(Ok((200, reply))) => break Outcome::Done(reply),
                Ok(Ok((status, reply))) if is_final(status, &reply) => break Outcome::Refused(reply),
                Ok(Ok((status, reply))) => format!("{status} {reply}"),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "no answer in time".to_owned(),
            };
            if attempts == manner.attempts {
                break Outcome::Unknown(why);
            }
            let pause = (PAUSE_MS << attempts).min(manner.pause_max_ms);
            let pause = self.rng.lock().range(pause / 2..pause);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        };
        under_way.ended(number);
        self.recorder.record(Call {
            number: 0,
            client: self.host.clone(),
            queue: queue.to_owned(),
            operation,
            began,
            ended: now(),
            attempts,
            input,
            outcome: outcome.clone(),
        });
        outcome
    }

    async fn metrics(&self, node: u64) -> Option<BTreeMap<String, f64>> {
        let node = name(node);
        let request = http::Request::get("/metrics").header("host", &node);
        let request = request.body(Full::default()).ok()?;
        let exchange = exchange(&node, ADMIN_PORT, request);
        let (_, text) = tokio::time::timeout(ATTEMPT_TIMEOUT, exchange).await.ok()?.ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Some(
            lines
                .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
                .collect(),
        )
    }

    fn draw(&self) -> u64 {
        self.rng.lock().next()
    }
}

/// A way to a node's admin service, on a connection of its own.
pub(crate) async fn admin(node: u64) -> Option<AdminClient<Channel>> {
    let address = format!("{}:{PEER_PORT}", name(node));
    let connecting = raft::peers::connect(Arc::new(SimNet), &address);
    let channel = tokio::time::timeout(ATTEMPT_TIMEOUT, connecting)
        .await
        .ok()?
        .ok()?;
    Some(AdminClient::new(channel))
}

/// SDKs repeat what the server could not do, and what it had no time for.
fn is_final(status: u16, reply: &Value) -> bool {
    let throttled = reply["__type"]
        .as_str()
        .is_some_and(|code| code.contains("Throttl") || code.contains("RequestThrottled"));
    status < 500 && !throttled
}

/// A call is known by its invocation's id, and by the number of the attempt at it.
async fn attempt(
    node: &str,
    operation: &str,
    (invocation, number): (&str, usize),
    body: Bytes,
) -> anyhow::Result<(u16, Value)> {
    let request = http::Request::post("/")
        .header("host", format!("{node}:{API_PORT}"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .header("amz-sdk-invocation-id", invocation)
        .header("amz-sdk-request", format!("attempt={number}; max=6"))
        .body(Full::new(body))?;
    let (status, body) = exchange(node, API_PORT, request).await?;
    if body.is_empty() {
        return Ok((status, Value::Null));
    }
    let body = serde_json::from_slice(&body).map_err(|error| anyhow!("not JSON: {error}"))?;
    Ok((status, body))
}

/// One request on a connection of its own.
async fn exchange(
    node: &str,
    port: u16,
    request: http::Request<Full<Bytes>>,
) -> anyhow::Result<(u16, Bytes)> {
    let stream = TcpStream::connect((node, port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}
