//! A replica's part: cutting a slice, and taking its digest.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::ledger::Own;
use super::{Claim, Mark, Slice};
use crate::env::Io;
use crate::group::replica::{Replica, State};
use crate::machine::{Position, Row};
use crate::store::{encode, row_hash};
use crate::types::GroupId;

/// A slice that was cut.
pub(in crate::group) struct Cut {
    pass: u64,
    number: u64,
    rows: Vec<Row>,
    next: Option<Position>,
    _slot: OwnedSemaphorePermit,
}

impl Replica {
    /// Does what a mark says, under the state's lock, right after the entry that has the mark.
    pub(in crate::group) fn marked(&self, mark: &Mark, state: &State) -> Option<Cut> {
        let ledger = self.ledger();
        ledger.enter(mark.pass);
        if let Some(claim) = mark.claim {
            ledger.claimed(mark.pass, claim);
        }
        if mark.slices > 0 {
            ledger.end(mark.pass, mark.slices);
        }
        let Slice {
            number,
            table,
            next,
            bytes_max,
        } = mark.slice?;
        // One that has too much to do, as after a restart with many marks in its log, leaves the
        // slice out. It counts as not compared.
        let slot = self.slices().clone().try_acquire_owned().ok()?;
        let at = Position { table, next };
        let (rows, next) = state
            .machine
            .slice(at, usize::try_from(bytes_max).unwrap_or(usize::MAX));
        Some(Cut {
            pass: mark.pass,
            number,
            rows,
            next,
            _slot: slot,
        })
    }
}

impl Cut {
    /// Takes the digest of what was cut.
    pub(in crate::group) async fn look(self, group: GroupId, replica: Arc<Replica>, io: Io) {
        let Cut {
            pass,
            number,
            rows,
            next,
            _slot,
        } = self;
        let count = rows.len() as u64;
        let encoded = match encode(&io, rows).await {
            Ok(encoded) => encoded,
            Err(error) => {
                // Whoever needs the letter next sees to it.
                tracing::warn!(%group, %error, "a slice of the state cannot be compared");
                return;
            }
        };
        let hashes = encoded.iter().map(|(key, value)| row_hash(key, value));
        let digest = hashes.fold(0, u64::wrapping_add);
        let claim = Claim {
            number,
            rows: count,
            digest,
        };
        let before = replica.ledger().shown().divergence;
        replica.ledger().found(pass, Own { claim, next });
        let after = replica.ledger().shown().divergence;
        if before.is_none()
            && let Some(what) = after
        {
            tracing::error!(%group, what, "this replica's state differs from its leader's");
        }
    }
}
