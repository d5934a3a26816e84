//! The leader's part: one walk over the whole state.

use std::time::Duration;

use prost::Message;

use super::{Mark, Marked, SLICE_BYTES, Slice};
use crate::command::Batch;
use crate::group::types::Payload;
use crate::group::{Group, NotDone};
use crate::machine::Position;

/// How long a leader's own digest may take, behind whatever its worker of checkpoints has to do.
const OWN_TIMEOUT: Duration = Duration::from_secs(60);
/// Slices of a pass: a state of a terabyte.
const SLICES_MAX: u64 = 1 << 22;

/// A pass that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Its name, which replicas show, too.
    pub pass: u64,
    /// How many slices it had.
    pub slices: u64,
}

impl Group {
    /// Puts the marks of one pass into the log, a slice after the other with this pause in between.
    /// What other replicas find is in their own [`Group::verification`].
    ///
    /// # Errors
    /// If this replica does not lead, or the state is replaced meanwhile.
    pub async fn verify(&self, pause: Duration) -> Result<Pass, NotDone> {
        let pass = self.parts.env.random.next_u64().max(1);
        let (mut claim, mut at) = (None, Position::default());
        for number in 0..SLICES_MAX {
            let slice = Slice {
                number,
                table: at.table,
                next: at.next,
                bytes_max: SLICE_BYTES as u64,
            };
            let mark = Mark {
                pass,
                slice: Some(slice),
                claim,
                slices: 0,
            };
            self.write_mark(mark).await?;
            let own = self.replica.ledger().own(pass, number);
            let own = tokio::time::timeout(OWN_TIMEOUT, own).await;
            let own = own.ok().flatten().ok_or(NotDone::Busy)?;
            claim = Some(own.claim);
            match own.next {
                Some(next) => at = next,
                None => {
                    let slices = number + 1;
                    self.write_mark(Mark {
                        pass,
                        slice: None,
                        claim,
                        slices,
                    })
                    .await?;
                    return Ok(Pass { pass, slices });
                }
            }
            tokio::time::sleep(pause).await;
        }
        Err(NotDone::Busy)
    }

    /// A batch of no commands, at no time, changes nothing.
    async fn write_mark(&self, mark: Mark) -> Result<(), NotDone> {
        let mut batch = Batch::default().encode_to_vec();
        // Messages that follow each other are one with the fields of both.
        batch.extend(Marked { mark: Some(mark) }.encode_to_vec());
        let payload = Payload {
            batch: batch.into(),
            level: Default::default(),
        };
        let written = self.raft.client_write(payload).await;
        written.map(drop).map_err(|_| match self.replica.has_ended() {
            true => NotDone::Stopped,
            false => NotDone::NotLeader(self.leadership().leader),
        })
    }
}
