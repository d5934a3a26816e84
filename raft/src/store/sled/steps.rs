//! Small atomic steps.
//!
//! sled keeps every copy of a page that one batch made until the batch is done, and with them the buffers of
//! its log: a batch of 256 MiB takes gigabytes, which are given back slowly if at all. It also writes a batch's
//! rows in the order of a hash map. So nothing here is one large batch: what is large is many small ones, in
//! the order of the keys, and `write.rs` and `undo.rs` make them one step.

use std::ops::Range;

use sled::{Batch, Db, IVec};

use super::SledOptions;
use super::trouble::Trouble;

/// sled's buffers wait for the disk without a bound. So it is waited for whenever this much was given to them.
const UNWRITTEN_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) struct Steps {
    sled: Db,
    options: SledOptions,
    unwritten_bytes: usize,
}

/// What shall change at once.
#[derive(Default)]
pub(super) struct Step {
    batch: Batch,
    rows: usize,
    bytes: usize,
}

impl Step {
    pub(super) fn insert(&mut self, key: impl Into<IVec>, value: impl Into<IVec>) {
        let (key, value) = (key.into(), value.into());
        self.weigh(key.len() + value.len());
        self.batch.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: impl Into<IVec>) {
        let key = key.into();
        self.weigh(key.len());
        self.batch.remove(key);
    }

    /// Counts bytes that have to be held for this step beside what it writes.
    pub(super) fn weigh_more(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Counts a row.
    pub(super) fn weigh(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes += bytes;
    }
}

impl Steps {
    pub(super) fn new(sled: Db, options: SledOptions) -> Steps {
        Steps {
            sled,
            options,
            unwritten_bytes: 0,
        }
    }

    /// Whether a step has reached its bounds.
    pub(super) fn is_full(&self, step: &Step) -> bool {
        step.bytes >= self.options.step_bytes || step.rows >= self.options.step_rows
    }

    /// Changes what the step says, at once; it is durable after the next flush.
    pub(super) fn apply(&mut self, step: Step) -> Result<(), Trouble> {
        if step.rows == 0 {
            return Ok(());
        }
        if let Some(left) = &mut self.options.steps_max {
            *left = left
                .checked_sub(1)
                .ok_or_else(|| Trouble::Disk("this test's last step is done".into()))?;
        }
        self.unwritten_bytes += step.bytes;
        self.sled.apply_batch(step.batch)?;
        if self.unwritten_bytes >= UNWRITTEN_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Waits until sled's buffers are in its files.
    pub(super) fn flush(&mut self) -> Result<(), Trouble> {
        self.sled.flush()?;
        self.unwritten_bytes = 0;
        Ok(())
    }

    /// Removes all rows in a range, in many steps. If it is cut short, some are left.
    pub(super) fn remove_range(&mut self, range: Range<Vec<u8>>) -> Result<(), Trouble> {
        loop {
            let mut step = Step::default();
            for pair in self.sled.range(range.clone()) {
                let (key, value) = pair?;
                // The pages that hold the value live as long as the step.
                step.weigh_more(value.len());
                step.remove(key);
                if self.is_full(&step) {
                    break;
                }
            }
            if step.rows == 0 {
                return Ok(());
            }
            self.apply(step)?;
        }
    }
}
