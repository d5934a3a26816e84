//! A client of workloads that calls through the AWS SDK, with the SDK's own retries, and records each call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_sqs::Config;
use aws_sdk_sqs::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_sqs::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_sqs::error::BoxError;
use parking_lot::Mutex;
use serde_json::Value;
use sim_tests::client::{Answer, Client, Manner};
use sim_tests::history::{Outcome, UnderWay};
use sim_tests::now::now;

use super::calls;
use crate::plan::Plan;
use crate::record::{Line, Record, micros};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// An endpoint that failed while queues are emptied is not asked first for so long.
const PASSED_OVER: Duration = Duration::from_secs(5);

/// What all clients of a run share.
pub(crate) struct Sdk {
    client: aws_sdk_sqs::Client,
    endpoints: Vec<String>,
    /// Calls so far: each begins with another endpoint.
    calls: AtomicUsize,
    /// From then on queues are only emptied.
    load_end: Duration,
    /// When an endpoint failed, after that.
    failed: Mutex<BTreeMap<usize, Duration>>,
    pub(crate) record: Arc<Record>,
    pub(crate) under_way: UnderWay,
}

/// The SDK's own retries, as they are unless an application says otherwise.
pub(crate) const DEFAULT: Manner = Manner {
    attempts: 3,
    ..Manner::PATIENT
};

impl Sdk {
    pub(crate) fn new(plan: &Plan, record: Arc<Record>) -> Sdk {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "chaos"))
            .build();
        Sdk {
            client: aws_sdk_sqs::Client::from_conf(config),
            endpoints: plan.endpoints.clone(),
            calls: AtomicUsize::new(0),
            load_end: Duration::from_millis(plan.load_ms),
            failed: Mutex::default(),
            record,
            under_way: UnderWay::default(),
        }
    }

    /// A client of that name.
    pub(crate) fn client(self: &Arc<Sdk>, name: String) -> Named {
        Named {
            name,
            sdk: self.clone(),
        }
    }

    /// What has not ended.
    pub(crate) fn under_way(&self) -> String {
        self.under_way.lines()
    }

    async fn call(
        &self,
        client: &str,
        manner: Manner,
        queue: &str,
        operation: &'static str,
        input: Value,
    ) -> Outcome {
        let n = self.record.number();
        let began = now();
        let ticket = self.under_way.call(client, operation, queue, &input, began);
        self.record.add(&Line::Began {
            n,
            at: micros(began),
            client: client.to_owned(),
            queue: queue.to_owned(),
            operation: operation.to_owned(),
            input: input.clone(),
        });
        let attempts = Attempts::default();
        let first = self.first();
        let how = calls::How {
            client: &self.client,
            config: self.config(&manner, &input, first),
            attempts: attempts.clone(),
        };
        let outcome = calls::perform(how, operation, &input).await;
        let (at, attempts) = (micros(now()), attempts.0.load(Ordering::Relaxed));
        self.under_way.ended(ticket);
        self.note(first, attempts);
        self.record.add(&match outcome.clone() {
            Outcome::Done(reply) => Line::Done {
                n,
                at,
                attempts,
                reply,
            },
            Outcome::Refused(error) => Line::Refused {
                n,
                at,
                attempts,
                error,
            },
            Outcome::Unknown(why) => Line::Unknown { n, at, attempts, why },
        });
        outcome
    }

    /// The endpoint of a call's first attempt: each in turn, whatever its health. But a node that was taken out stays silent: while queues
    /// are emptied, one that failed is passed over for a while, as a load balancer would.
    fn first(&self) -> usize {
        let next = || self.calls.fetch_add(1, Ordering::Relaxed) % self.endpoints.len();
        let failed = self.failed.lock();
        let is_fit = |endpoint: &usize| failed.get(endpoint).is_none_or(|at| now() > *at + PASSED_OVER);
        let first = next();
        let others = (1..self.endpoints.len()).map(|_| next());
        std::iter::once(first).chain(others).find(is_fit).unwrap_or(first)
    }

    /// Notes which endpoints failed: all that were asked before the last one.
    fn note(&self, first: usize, attempts: usize) {
        if now() < self.load_end {
            return;
        }
        let mut failed = self.failed.lock();
        for attempt in 1..attempts.min(self.endpoints.len()) {
            failed.insert((first + attempt - 1) % self.endpoints.len(), now());
        }
    }

    /// What of the configuration a manner changes.
    fn config(&self, manner: &Manner, input: &Value, first: usize) -> aws_sdk_sqs::config::Builder {
        let wait = Duration::from_secs(input["WaitTimeSeconds"].as_u64().unwrap_or(0));
        let retries = RetryConfig::standard()
            .with_max_attempts(manner.attempts as u32)
            .with_max_backoff(Duration::from_millis(manner.pause_max_ms));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(manner.limit))
            .operation_attempt_timeout(manner.limit + wait)
            .build();
        let config = Config::builder().retry_config(retries).timeout_config(timeouts);
        let node = manner.node.and_then(|node| self.endpoints.get(node as usize - 1));
        config.endpoint_resolver(match node {
            Some(node) => Any::of(std::slice::from_ref(node), 0),
            None => Any::of(&self.endpoints, first),
        })
    }
}

/// One client.
pub(crate) struct Named {
    name: String,
    sdk: Arc<Sdk>,
}

impl Client for Named {
    fn call_so<'a>(
        &'a self,
        manner: Manner,
        queue: &'a str,
        operation: &'static str,
        input: Value,
    ) -> Answer<'a, Outcome> {
        Box::pin(self.sdk.call(&self.name, manner, queue, operation, input))
    }

    fn phase(&self, what: String) {
        self.sdk.under_way.phase(&self.name, what);
    }

    /// No workload of [`crate::plan::WORKLOADS`] asks for them.
    fn gauges(&self, _: u64) -> Answer<'_, Option<BTreeMap<String, f64>>> {
        Box::pin(std::future::ready(None))
    }
}

/// Sends each attempt of a call to the next of several endpoints, so that none is asked twice while there is another
/// one. It knows nothing of their health.
#[derive(Debug)]
struct Any {
    endpoints: Vec<String>,
    next: AtomicUsize,
}

impl Any {
    fn of(endpoints: &[String], first: usize) -> Any {
        Any {
            endpoints: endpoints.to_vec(),
            next: AtomicUsize::new(first),
        }
    }
}

impl ResolveEndpoint for Any {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.endpoints.len();
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.endpoints[next].clone()).build()))
    }
}

/// Counts how often the SDK tries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(Arc<AtomicUsize>);

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "attempts"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
