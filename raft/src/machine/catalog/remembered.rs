//! What the idempotency window keeps of the catalog's answers: all of it. Such calls are rare.

use bytes::Bytes;
use prost::Message as _;

use crate::command::catalog::{CatalogAnswer, CatalogOp, CatalogReply};
use crate::machine::row::LoadError;
use crate::machine::tables;
use crate::machine::window::Remember;

/// An answer in the window.
#[derive(Clone)]
pub(super) struct Remembered {
    /// The kind of operation that it answers, as [`kind`] has it.
    pub(super) kind: u32,
    pub(super) answer: CatalogAnswer,
}

/// The kinds of operations. The numbers are on disk.
pub(super) fn kind(op: &CatalogOp) -> u32 {
    match op {
        CatalogOp::RegisterNode(_) => 1,
        CatalogOp::CreateQueue(_) => 2,
        CatalogOp::DeleteQueue(_) => 3,
        CatalogOp::SetQueueAttributes(_) => 4,
        CatalogOp::TagQueue(_) => 5,
        CatalogOp::UntagQueue(_) => 6,
        CatalogOp::AddPermission(_) => 7,
        CatalogOp::RemovePermission(_) => 8,
        CatalogOp::StartMoveTask(_) => 9,
        CatalogOp::CancelMoveTask(_) => 10,
        CatalogOp::ReportMoveTask(_) => 11,
        CatalogOp::AddPartitions(_) => 12,
        CatalogOp::MoveGroup(_) => 13,
        CatalogOp::SettleGroup(_) => 14,
        CatalogOp::DrainNode(_) => 15,
        CatalogOp::RemoveNode(_) => 16,
        CatalogOp::AdmitNode(_) => 17,
        CatalogOp::RaiseLevel(_) => 18,
        CatalogOp::RecoverGroup(_) => 20,
        CatalogOp::CloseReplicas(_) => 23,
        CatalogOp::EnterEpoch(_) => 24,
    }
}

/// As a row holds it.
#[derive(Clone, PartialEq, prost::Message)]
struct RememberedRecord {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(message, optional, tag = "2")]
    reply: Option<CatalogReply>,
}

impl Remember for Remembered {
    fn to_bytes(&self) -> Bytes {
        let reply = CatalogReply {
            answer: Some(self.answer.clone()),
        };
        RememberedRecord {
            kind: self.kind,
            reply: Some(reply),
        }
        .encode_to_vec()
        .into()
    }

    fn heap_bytes(&self) -> u64 {
        2 * self.answer.encoded_len() as u64
    }

    fn from_bytes(bytes: &Bytes) -> Result<Remembered, LoadError> {
        let record = RememberedRecord::decode(bytes.clone())
            .map_err(|error| LoadError::undecodable(tables::INVOCATIONS, error))?;
        let answer = record.reply.and_then(|reply| reply.answer);
        // No version writes none: it is one that was added since.
        let unknown = || LoadError::TooNew("a remembered answer that this version does not know".into());
        let answer = answer.ok_or_else(unknown)?;
        Ok(Remembered {
            kind: record.kind,
            answer,
        })
    }
}
