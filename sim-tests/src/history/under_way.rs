//! What has begun and not ended: when a run hangs, this says which workload does, and on what.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;

/// Everything under way.
#[derive(Default)]
pub struct UnderWay(Mutex<State>);

#[derive(Default)]
struct State {
    next: usize,
    calls: BTreeMap<usize, Begun>,
    workloads: BTreeMap<String, String>,
}

struct Begun {
    client: String,
    what: String,
    at: Duration,
}

impl UnderWay {
    /// A call begins. The number ends it.
    pub fn call(&self, client: &str, operation: &str, queue: &str, input: &Value, at: Duration) -> usize {
        let mut state = self.0.lock();
        state.next += 1;
        let number = state.next;
        let begun = Begun {
            client: client.to_owned(),
            what: format!("{operation} {queue} {input}"),
            at,
        };
        state.calls.insert(number, begun);
        number
    }

    /// A call has ended.
    pub fn ended(&self, number: usize) {
        self.0.lock().calls.remove(&number);
    }

    /// What a client's workload is doing now.
    pub fn phase(&self, client: &str, what: String) {
        self.0.lock().workloads.insert(client.to_owned(), what);
    }

    /// A client's workload is at its end.
    pub fn done(&self, client: &str) {
        self.0.lock().workloads.remove(client);
    }

    /// A line for each workload that has not ended, and for each of its calls.
    pub fn lines(&self) -> String {
        let state = self.0.lock();
        let mut lines = String::new();
        for (client, what) in &state.workloads {
            lines += &format!("\n    {client}: {what}");
            for call in state.calls.values().filter(|call| call.client == *client) {
                lines += &format!("\n        since {:.3} s: {}", call.at.as_secs_f64(), call.what);
            }
        }
        lines
    }
}
