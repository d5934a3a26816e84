//! All metrics of a node, declared once. Names follow Prometheus' conventions: base units, `_total`
//! for counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use raft::groups::Groups;

use crate::polls::Polls;
use crate::readiness::Readiness;

/// Labels of a request's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    /// The operation, such as `SendMessage`; `Unknown` if it was not recognised.
    pub operation: &'static str,
    /// The HTTP status.
    pub status: u16,
}

/// Labels of a request's duration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Operation {
    /// The operation.
    pub operation: &'static str,
}

/// The metrics that are counted as things happen; the others are read when somebody asks.
pub struct Metrics {
    requests: Family<Outcome, Counter>,
    durations: Family<Operation, Histogram>,
    refused: Counter,
    connections: Gauge,
    in_flight: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// All zero.
    pub fn new() -> Metrics {
        Metrics {
            requests: Family::default(),
            // 50 us to 26 s.
            durations: Family::new_with_constructor(|| Histogram::new(exponential_buckets(50e-6, 2.0, 20))),
            refused: Counter::default(),
            connections: Gauge::default(),
            in_flight: AtomicU64::new(0),
        }
    }

    /// A request begins; ask [`Started`] for its end.
    pub fn started(&self) -> Started<'_> {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        Started(self)
    }

    /// Requests being worked on.
    pub fn requests_in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// A request is answered.
    pub fn answered(&self, operation: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Outcome { operation, status }).inc();
        self.durations.get_or_create(&Operation { operation }).observe(took.as_secs_f64());
    }

    /// A request was refused because the node had too much to do.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// A client's connection opened or closed.
    pub fn connections_changed(&self, by: i64) {
        self.connections.inc_by(by);
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self, groups: &Groups, polls: &Polls, readiness: &Readiness) -> String {
        let mut registry = Registry::with_prefix("millrace");
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register("request_duration_seconds", "Time to answer, waits included", self.durations.clone());
        registry.register("requests_refused", "Requests refused for overload", self.refused.clone());
        registry.register("connections", "Open client connections", self.connections.clone());
        let gauge = |value: u64| ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register("requests_in_flight", "Requests being worked on", gauge(self.requests_in_flight()));
        registry.register("polls_waiting", "Receives that wait for a message", gauge(polls.waiting() as u64));
        registry.register("ready", "Whether the node is ready for clients", gauge(readiness.is_ready().into()));
        let open = groups.list();
        let led = open.iter().filter(|g| g.leadership().leads).count();
        registry.register("raft_groups", "Replicas open on this node", gauge(open.len() as u64));
        registry.register("raft_groups_led", "Groups that this node leads", gauge(led as u64));
        let wal = groups.wal().stats();
        registry.register("wal_syncs", "fdatasync calls of the log", ConstCounter::new(wal.syncs));
        registry.register("wal_sync_seconds", "Time spent in them", ConstCounter::new(wal.sync_time.as_secs_f64()));
        registry.register("wal_written_bytes", "Bytes written to the log", ConstCounter::new(wal.bytes));
        registry.register("wal_records", "Records written to the log", ConstCounter::new(wal.records));
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            tracing::error!("metrics could not be encoded");
        }
        text
    }
}

/// A request under way.
pub struct Started<'a>(&'a Metrics);

impl Drop for Started<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
