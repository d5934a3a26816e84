//! What clients saw: the raw material of the checks.
//!
//! Times are measured from the start of the test on one clock, that of the test process. An interval
//! `[began, ended]` holds the moment at which the cluster did its part of a call, nothing more is known.

use std::time::Duration;

/// One call of SendMessage, the SDK's own retries included.
#[derive(Clone, Debug)]
pub(crate) struct Send {
    /// Unique over the whole test, so that only the cluster or the SDK can double it.
    pub(crate) body: String,
    /// FIFO only.
    pub(crate) group: Option<String>,
    /// Absent if the call failed after all retries: then the message may exist or not.
    pub(crate) acknowledged: Option<Acknowledged>,
}

/// What the cluster answered to a send.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Acknowledged {
    pub(crate) message_id: String,
    /// FIFO only.
    pub(crate) sequence: Option<u128>,
}

/// One message in the reply of one call of ReceiveMessage.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) body: String,
    pub(crate) message_id: String,
    /// Which call; deliveries of one call have the same.
    pub(crate) call: usize,
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    /// FIFO only.
    pub(crate) group: Option<String>,
}

/// One message that was deleted with success, or that a client tried to delete in vain.
#[derive(Clone, Debug)]
pub(crate) struct Delete {
    pub(crate) message_id: String,
    pub(crate) began: Duration,
    /// Absent if the call failed after all retries.
    pub(crate) acknowledged: Option<Duration>,
}

/// All that happened to one queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// For each group in the order in which its producer made the calls, one after the other.
    pub(crate) sends: Vec<Send>,
    /// In the order in which the replies came; within a reply in its order.
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) deletes: Vec<Delete>,
    /// The visibility timeout of the queue.
    pub(crate) visibility: Duration,
}
