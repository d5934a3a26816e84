//! Writes down what clients see, while they see it.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::Message;
use aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::history::{Delete, Delivery, History, Send};

/// Collects the history of one queue from many clients.
pub(crate) struct Recorder {
    start: Instant,
    history: Mutex<History>,
    acknowledged: watch::Sender<usize>,
}

impl Recorder {
    /// An empty history of a queue with this visibility timeout.
    pub(crate) fn new(visibility: Duration) -> Self {
        let history = Mutex::new(History {
            visibility,
            ..History::default()
        });
        Self {
            start: Instant::now(),
            history,
            acknowledged: watch::Sender::new(0),
        }
    }

    /// The time on the history's clock.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// A send has ended.
    pub(crate) fn sent(&self, send: Send) {
        let counts = usize::from(send.acknowledged.is_some());
        self.history.lock().sends.push(send);
        self.acknowledged.send_modify(|n| *n += counts);
    }

    /// The call of that number, begun then, has just received these messages.
    pub(crate) fn received(&self, call: usize, began: Duration, messages: &[Message]) {
        let mut history = self.history.lock();
        let ended = self.now();
        let text = |field: Option<&str>| field.unwrap_or("(absent)").to_owned();
        history.deliveries.extend(messages.iter().map(|message| {
            Delivery {
                body: text(message.body()),
                message_id: text(message.message_id()),
                call,
                began,
                ended,
                group: message
                    .attributes()
                    .and_then(|all| all.get(&MessageGroupId))
                    .cloned(),
            }
        }));
    }

    /// A delete that began then has just ended.
    pub(crate) fn deleted(&self, message_id: &str, began: Duration, success: bool) {
        let acknowledged = success.then(|| self.now());
        self.history.lock().deletes.push(Delete {
            message_id: message_id.to_owned(),
            began,
            acknowledged,
        });
    }

    /// How many sends were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        *self.acknowledged.borrow()
    }

    /// Waits until so many sends were acknowledged.
    pub(crate) async fn acknowledges(&self, count: usize) {
        let mut changes = self.acknowledged.subscribe();
        // The sender is ours, so it cannot be gone.
        let _ = changes.wait_for(|n| *n >= count).await;
    }

    /// What was seen so far.
    pub(crate) fn history(&self) -> History {
        self.history.lock().clone()
    }
}
