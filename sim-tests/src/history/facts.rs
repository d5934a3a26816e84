//! A history by queue and by kind of fact. How calls become facts is in `read.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::settings::{Access, Span};

/// What became of a call, or of an entry of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was done.
    Done,
    /// It was not.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// One message that was sent, alone or in a batch.
#[derive(Clone, Debug)]
pub struct Send {
    /// The call's number.
    pub call: usize,
    /// Unique in the whole run, unless the workload sends it again under the same deduplication id.
    pub body: String,
    /// Its message group.
    pub group: Option<String>,
    /// Its deduplication id, if one was given.
    pub deduplication: Option<String>,
    /// Its own delay.
    pub delay: Option<Duration>,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// What became of it.
    pub fate: Fate,
    /// What the cluster calls it, if that was answered.
    pub message_id: String,
    /// FIFO: its place.
    pub sequence: Option<u128>,
}

/// One message in the reply of a receive.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The call's number.
    pub call: usize,
    /// The message.
    pub body: String,
    /// What the cluster calls it.
    pub message_id: String,
    /// The handle of this delivery.
    pub receipt: String,
    /// Its message group.
    pub group: Option<String>,
    /// Which delivery of the message it is, as the cluster counts.
    pub count: u64,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// How long it is invisible from the moment at which the cluster handed it out.
    pub visibility: Span,
    /// The attempt id of the call, if it had one.
    pub attempt: Option<String>,
}

/// One receive, whatever came of it.
#[derive(Clone, Debug)]
pub struct Receive {
    /// The call's number.
    pub call: usize,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// How often it was tried.
    pub attempts: usize,
    /// What became of it.
    pub fate: Fate,
    /// How many messages it brought.
    pub messages: usize,
    /// Its attempt id, if it had one.
    pub attempt: Option<String>,
}

/// One message that somebody deleted, or tried to.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The call's number.
    pub call: usize,
    /// Which.
    pub message_id: String,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// What became of it.
    pub fate: Fate,
}

/// One change of a message's visibility, or the attempt.
#[derive(Clone, Debug)]
pub struct Change {
    /// The call's number.
    pub call: usize,
    /// Which.
    pub message_id: String,
    /// The handle that was given.
    pub receipt: String,
    /// How long it is invisible from then on.
    pub visibility: Duration,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// What became of it.
    pub fate: Fate,
}

/// A purge of the whole queue, or the attempt.
#[derive(Clone, Debug)]
pub struct Purge {
    /// The call's number.
    pub call: usize,
    /// When the call began.
    pub began: Duration,
    /// When the call ended.
    pub ended: Duration,
    /// What became of it.
    pub fate: Fate,
}

/// What happened to one queue. Each list is in the order in which the calls ended.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Messages sent.
    pub sends: Vec<Send>,
    /// Messages received. Of all calls under one attempt id, those of the first one that brought any.
    pub deliveries: Vec<Delivery>,
    /// Messages received by further calls under an attempt id.
    pub repeats: Vec<Delivery>,
    /// Receives.
    pub receives: Vec<Receive>,
    /// Messages deleted.
    pub deletes: Vec<Delete>,
    /// Visibilities changed.
    pub changes: Vec<Change>,
    /// Purges.
    pub purges: Vec<Purge>,
    /// Attributes set and got.
    pub accesses: Vec<Access>,
    /// What its move tasks, all ended, say that they have moved together: the call's number, and the messages.
    pub moves: Option<(usize, u64)>,
    /// When it was seen without any message, in any state: the intervals of the calls that said so.
    pub emptied: Vec<(Duration, Duration)>,
    /// The retentions that it had.
    pub retention: Span,
    /// The visibility timeouts that it had.
    pub visibility: Span,
    /// Whether somebody deleted it, or tried to.
    pub deleted: bool,
    /// What was refused: the call's number, and the code.
    pub refusals: Vec<(usize, String)>,
    /// By receipt handle.
    pub(crate) receipts: BTreeMap<String, String>,
}

impl Send {
    /// FIFO: what tells whether it is the same message again. Without an id of its own, the body does.
    pub fn key(&self) -> Option<&str> {
        self.group.as_ref()?;
        Some(self.deduplication.as_deref().unwrap_or(&self.body))
    }
}

impl Facts {
    /// Whether it orders by message group: then its messages have sequence numbers.
    pub fn is_fifo(&self) -> bool {
        self.sends.iter().any(|send| send.sequence.is_some())
    }

    /// Each message that was acknowledged, by its id, with the first acknowledgement.
    pub fn acknowledged(&self) -> BTreeMap<&str, &Send> {
        let mut all = BTreeMap::new();
        for send in self.sends.iter().filter(|send| send.fate == Fate::Done) {
            all.entry(send.message_id.as_str()).or_insert(send);
        }
        all
    }

    /// The keys that were sent more than once, see [`Send::key`].
    pub fn repeated(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let keys = self.sends.iter().filter_map(Send::key);
        keys.filter(|key| !seen.insert(*key)).collect()
    }

    /// Whether a message's key was sent more than once.
    pub fn sent_again(repeated: &BTreeSet<&str>, send: &Send) -> bool {
        send.key().is_some_and(|key| repeated.contains(key))
    }
}
