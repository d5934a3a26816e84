//! What the idempotency window keeps of an answer: little, and for a receive only which deliveries
//! were made.
//!
//! A receive whose reply was lost must not leave its messages hidden: the retry gets the same
//! deliveries again, with the same receipts and deadlines, as far as they still are in flight. If
//! none is, the retry is a receive like any other. A receive that found nothing is not remembered.

use bytes::{Buf, BufMut, Bytes};
use prost::Message as _;

use super::dedup::Original;
use super::message_id::MessageId;
use super::recall;
use crate::command::queue::{
    Delivered, Outcome, Outcomes, QueueAnswer, QueueOp, Receipt, Received, Sent, SentEntry,
};
use crate::machine::row::LoadError;
use crate::machine::tables;
use crate::machine::window::Remember;

/// An answer in the window.
#[derive(Clone)]
pub(super) enum Remembered {
    /// To a send of one message, which most are.
    SentOne(Original),
    /// To a send.
    Sent(Box<[Original]>),
    /// To a receive: the deliveries.
    Received(Box<[Receipt]>),
    /// To the other operations.
    Outcomes(Box<[i32]>),
    /// To a recall: the send will never take effect.
    Recalled,
}

impl Remembered {
    /// What to remember of an answer. `None` if the call may as well be made again.
    pub(super) fn of(answer: &QueueAnswer) -> Option<Remembered> {
        match answer {
            QueueAnswer::Sent(sent) => Some(Remembered::sent(sent.entries.iter().map(original))),
            QueueAnswer::Received(received) if received.messages.is_empty() => None,
            QueueAnswer::Received(received) => {
                let receipts = received.messages.iter().filter_map(|message| message.receipt);
                Some(Remembered::Received(receipts.collect()))
            }
            QueueAnswer::Outcomes(answer) => Some(Remembered::Outcomes(answer.outcomes.clone().into())),
            refused @ QueueAnswer::Refused(_) => recall::is_recalled(refused).then_some(Remembered::Recalled),
        }
    }

    /// The first answer again, if it is one to this operation. `held` gives a delivery that still is in flight.
    pub(super) fn again(
        &self,
        op: &QueueOp,
        held: impl Fn(&Receipt) -> Option<Delivered>,
    ) -> Option<QueueAnswer> {
        match (self, op) {
            (Remembered::SentOne(sent), QueueOp::Send(_) | QueueOp::Recall(_)) => {
                Some(QueueAnswer::Sent(Sent {
                    entries: vec![sent_entry(sent)],
                }))
            }
            (Remembered::Sent(sent), QueueOp::Send(_) | QueueOp::Recall(_)) => {
                Some(QueueAnswer::Sent(Sent {
                    entries: sent.iter().map(sent_entry).collect(),
                }))
            }
            (Remembered::Recalled, QueueOp::Send(_) | QueueOp::Recall(_)) => {
                Some(QueueAnswer::Refused(Outcome::Recalled.into()))
            }
            (Remembered::Received(receipts), QueueOp::Receive(_)) => {
                let messages: Vec<_> = receipts.iter().filter_map(held).collect();
                (!messages.is_empty()).then_some(QueueAnswer::Received(Received { messages }))
            }
            (
                Remembered::Outcomes(outcomes),
                QueueOp::Delete(_) | QueueOp::ChangeVisibility(_) | QueueOp::Purge(_) | QueueOp::Configure(_),
            ) => Some(QueueAnswer::Outcomes(Outcomes {
                outcomes: outcomes.to_vec(),
            })),
            _ => None,
        }
    }

    fn sent(mut entries: impl ExactSizeIterator<Item = Original>) -> Remembered {
        if entries.len() == 1
            && let Some(only) = entries.next()
        {
            return Remembered::SentOne(only);
        }
        Remembered::Sent(entries.collect())
    }
}

fn original(entry: &SentEntry) -> Original {
    let mut id = MessageId::default();
    id.copy_from_slice(&entry.message_id);
    Original {
        id,
        sequence: entry.sequence,
    }
}

fn sent_entry(sent: &Original) -> SentEntry {
    SentEntry {
        message_id: Bytes::copy_from_slice(&sent.id),
        sequence: sent.sequence,
    }
}

/// As a row holds it. Exactly one of the kinds is set; lists of a kind run in parallel.
#[derive(Clone, PartialEq, prost::Message)]
struct RememberedRecord {
    /// 1 sent, 2 received, 3 outcomes, 4 recalled.
    #[prost(uint32, tag = "1")]
    kind: u32,
    /// Sent: 16 bytes for each.
    #[prost(bytes = "bytes", tag = "2")]
    message_ids: Bytes,
    /// Sent and received.
    #[prost(uint64, repeated, tag = "3")]
    sequences: Vec<u64>,
    /// Received.
    #[prost(uint32, repeated, tag = "4")]
    deliveries: Vec<u32>,
    /// Outcomes.
    #[prost(int32, repeated, tag = "5")]
    outcomes: Vec<i32>,
}

impl Remember for Remembered {
    fn to_bytes(&self) -> Bytes {
        let mut record = RememberedRecord::default();
        let mut add_sent = |sent: &[Original]| {
            let mut ids = Vec::with_capacity(sent.len() * size_of::<MessageId>());
            sent.iter().for_each(|sent| ids.put_slice(&sent.id));
            record.kind = 1;
            record.message_ids = ids.into();
            record.sequences = sent.iter().map(|sent| sent.sequence).collect();
        };
        match self {
            Remembered::SentOne(sent) => add_sent(std::slice::from_ref(sent)),
            Remembered::Sent(sent) => add_sent(sent),
            Remembered::Received(receipts) => {
                record.kind = 2;
                record.sequences = receipts.iter().map(|receipt| receipt.sequence).collect();
                record.deliveries = receipts.iter().map(|receipt| receipt.delivery).collect();
            }
            Remembered::Outcomes(outcomes) => {
                record.kind = 3;
                record.outcomes = outcomes.to_vec();
            }
            Remembered::Recalled => record.kind = 4,
        }
        record.encode_to_vec().into()
    }

    fn heap_bytes(&self) -> u64 {
        let bytes = match self {
            Remembered::SentOne(_) | Remembered::Recalled => 0,
            Remembered::Sent(sent) => size_of_val(&**sent),
            Remembered::Received(receipts) => size_of_val(&**receipts),
            Remembered::Outcomes(outcomes) => size_of_val(&**outcomes),
        };
        bytes as u64
    }

    fn from_bytes(bytes: &Bytes) -> Result<Remembered, LoadError> {
        let mut record = RememberedRecord::decode(bytes.clone())
            .map_err(|error| LoadError::undecodable(tables::INVOCATIONS, error))?;
        let sequences = record.sequences.into_iter();
        match record.kind {
            1 if record.message_ids.len() == sequences.len() * size_of::<MessageId>() => {
                Ok(Remembered::sent(sequences.map(|sequence| {
                    let mut id = MessageId::default();
                    record.message_ids.copy_to_slice(&mut id);
                    Original { id, sequence }
                })))
            }
            2 if record.deliveries.len() == sequences.len() => {
                let receipts = sequences.zip(record.deliveries);
                let receipts = receipts.map(|(sequence, delivery)| Receipt { sequence, delivery });
                Ok(Remembered::Received(receipts.collect()))
            }
            3 => Ok(Remembered::Outcomes(record.outcomes.into())),
            4 => Ok(Remembered::Recalled),
            1 | 2 => Err(LoadError::Damaged(
                "an answer whose lists differ in length".into(),
            )),
            0 => Err(LoadError::Damaged("an answer of no kind".into())),
            kind => Err(LoadError::TooNew(format!(
                "a remembered answer of kind {kind}, and this version knows 1 to 4"
            ))),
        }
    }
}
