//! Requests as they happen: how many, how they ended, and how long they took.
//!
//! A request costs a look-up among some dozen operations and four atomic additions; only failures take a lock of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use raft::histogram::Histogram;

use super::page::Page;
use super::{
    CONNECTIONS, CONNECTIONS_MAX, POLLS_MAX, QUEUES_GROWN, RECEIVE_WAIT, REQUEST_DURATION, REQUESTS,
    REQUESTS_IN_FLIGHT, REQUESTS_REFUSED,
};
use crate::config::Limits;

/// Operations and, for each of them, failures of different kinds that are told apart. Services have fewer; whatever would make
/// more of them must not make more lines of metrics.
const KINDS_MAX: usize = 128;
/// What all others are called.
const OTHER: &str = "Other";

/// From 50 us to 26 s.
type Durations = Histogram<50_000, 21>;
/// From 1 ms to 33 s.
type Waits = Histogram<1_000_000, 17>;

/// The metrics that are counted as things happen; the others are read when somebody asks.
#[derive(Default)]
pub struct Requests {
    operations: RwLock<BTreeMap<&'static str, Arc<Operation>>>,
    waits: Waits,
    refused: AtomicU64,
    connections: AtomicI64,
    in_flight: AtomicU64,
    grown: AtomicU64,
}

#[derive(Default)]
struct Operation {
    durations: Durations,
    /// Successes with the usual status.
    succeeded: AtomicU64,
    /// The others by status and code.
    others: Mutex<BTreeMap<(u16, &'static str), u64>>,
}

impl Requests {
    /// A request begins; ask [`Started`] for its end.
    pub fn started(&self) -> Started<'_> {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        Started(self)
    }

    /// Requests being worked on.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// A request is answered: with this HTTP status and, if it failed, AWS error code. Of the time that it took it `waited` for a
    /// message.
    pub fn answered(
        &self,
        operation: &'static str,
        status: u16,
        code: Option<&'static str>,
        took: Duration,
        waited: Duration,
    ) {
        let known = self.operations.read().get(operation).cloned();
        let operation = known.unwrap_or_else(|| self.new_operation(operation));
        operation.durations.count_time(took.saturating_sub(waited));
        if !waited.is_zero() {
            self.waits.count_time(waited);
        }
        match code {
            None if status == 200 => drop(operation.succeeded.fetch_add(1, Ordering::Relaxed)),
            code => operation.count_other(status, code.unwrap_or_default()),
        }
    }

    fn new_operation(&self, name: &'static str) -> Arc<Operation> {
        let mut operations = self.operations.write();
        let is_known = operations.contains_key(name);
        let name = if is_known || operations.len() < KINDS_MAX {
            name
        } else {
            OTHER
        };
        operations.entry(name).or_default().clone()
    }

    /// A request was refused because the node had too much to do.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A client's connection opened or closed.
    pub fn connections_changed(&self, by: i64) {
        self.connections.fetch_add(by, Ordering::Relaxed);
    }

    /// A queue got more partitions.
    pub fn queue_grew(&self) {
        self.grown.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn collect(&self, limits: &Limits, page: &mut Page) {
        for (name, operation) in self.operations.read().iter() {
            let mut answered = |status: u16, code: &'static str, count: u64| {
                page.counter(
                    &REQUESTS,
                    [(*name).into(), status.to_string().into(), code.into()],
                    count,
                );
            };
            answered(200, "", operation.succeeded.load(Ordering::Relaxed));
            for ((status, code), count) in operation.others.lock().iter() {
                answered(*status, code, *count);
            }
            page.histogram(
                &REQUEST_DURATION,
                [(*name).into()],
                &operation.durations.counted(),
            );
        }
        page.histogram(&RECEIVE_WAIT, [], &self.waits.counted());
        page.counter(&REQUESTS_REFUSED, [], self.refused.load(Ordering::Relaxed));
        page.gauge(&REQUESTS_IN_FLIGHT, [], self.in_flight());
        let connections = self.connections.load(Ordering::Relaxed);
        page.gauge(&CONNECTIONS, [], u64::try_from(connections).unwrap_or(0));
        page.gauge(&CONNECTIONS_MAX, [], limits.connections);
        page.gauge(&POLLS_MAX, [], limits.polls);
        page.counter(&QUEUES_GROWN, [], self.grown.load(Ordering::Relaxed));
    }
}

impl Operation {
    fn count_other(&self, status: u16, code: &'static str) {
        let mut others = self.others.lock();
        let is_known = others.contains_key(&(status, code));
        let kind = if is_known || others.len() < KINDS_MAX {
            (status, code)
        } else {
            (0, OTHER)
        };
        *others.entry(kind).or_default() += 1;
    }
}

/// A request under way.
pub struct Started<'a>(&'a Requests);

impl Drop for Started<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ALL;
    use super::*;

    const WORK: Duration = Duration::from_millis(2);

    fn page(requests: &Requests) -> Page {
        let mut page = Page::new(ALL);
        requests.collect(&Limits::default(), &mut page);
        page
    }

    #[test]
    fn requests_are_counted_by_how_they_end() {
        let requests = Requests::default();
        for _ in 0..3 {
            requests.answered("SendMessage", 200, None, WORK, Duration::ZERO);
        }
        requests.answered(
            "SendMessage",
            400,
            Some("QueueDoesNotExist"),
            WORK,
            Duration::ZERO,
        );
        requests.answered("Unknown", 400, Some("InvalidAction"), WORK, Duration::ZERO);
        assert_eq!(
            page(&requests).lines(&REQUESTS),
            [
                "{operation=\"SendMessage\",status=\"200\",code=\"\"} 3",
                "{operation=\"SendMessage\",status=\"400\",code=\"QueueDoesNotExist\"} 1",
                "{operation=\"Unknown\",status=\"200\",code=\"\"} 0",
                "{operation=\"Unknown\",status=\"400\",code=\"InvalidAction\"} 1",
            ]
        );
    }

    #[test]
    fn waiting_is_no_work() {
        let requests = Requests::default();
        let waited = Duration::from_secs(20);
        requests.answered("ReceiveMessage", 200, None, waited + WORK, waited);
        requests.answered("ReceiveMessage", 200, None, WORK, Duration::ZERO);
        let work = page(&requests).lines(&REQUEST_DURATION);
        assert_eq!(work[0], "_sum{operation=\"ReceiveMessage\"} 0.004");
        assert!(
            work.contains(&"_bucket{le=\"0.0032\",operation=\"ReceiveMessage\"} 2".to_owned()),
            "{work:?}"
        );
        let waits = page(&requests).lines(&RECEIVE_WAIT);
        assert_eq!(waits[..2], ["_sum 20.0", "_count 1"]);
    }

    #[test]
    fn the_number_of_lines_is_bounded() {
        let requests = Requests::default();
        for status in 0..1_000 {
            requests.answered("SendMessage", 1_000 + status, Some("Odd"), WORK, Duration::ZERO);
        }
        let name = |n: usize| -> &'static str { Box::leak(format!("Operation{n}").into_boxed_str()) };
        for n in 0..1_000 {
            requests.answered(name(n), 200, None, WORK, Duration::ZERO);
        }
        assert!(requests.operations.read().len() <= KINDS_MAX + 1);
        let lines = page(&requests).lines(&REQUESTS);
        assert!(lines.len() < 3 * KINDS_MAX, "{}", lines.len());
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("{operation=\"Other\",status=\"200\""))
        );
    }

    #[test]
    fn what_is_under_way_is_known() {
        let requests = Requests::default();
        let started = (requests.started(), requests.started());
        requests.connections_changed(2);
        requests.connections_changed(-1);
        requests.refused();
        requests.queue_grew();
        let lines = |metric| page(&requests).lines(metric);
        assert_eq!(lines(&REQUESTS_IN_FLIGHT), ["2"]);
        assert_eq!(lines(&CONNECTIONS)[0], "1");
        assert_eq!(page(&requests).lines(&REQUESTS_REFUSED), ["1"]);
        assert_eq!(page(&requests).lines(&QUEUES_GROWN), ["1"]);
        drop(started);
        assert_eq!(requests.in_flight(), 0);
    }
}
