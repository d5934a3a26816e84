//! The log's sizes on a small disk. With the usual ones the log alone would fill a disk of one
//! gigabyte before it had to let anything go.

use raft::env::Env;

use crate::config::Config;

/// Segments of the log that a disk holds at least. The log uses 16, and up to twice as many for a
/// while.
const SEGMENTS_PER_DISK: u64 = 64;
/// The least bytes of a segment: a batch must fit.
const SEGMENT_BYTES_MIN: u64 = 4 << 20;
/// A group's log may grow by this part of the disk before its state is written to a checkpoint.
const CHECKPOINTS_PER_DISK: u64 = 16;

/// Makes the log's segments and the distance between checkpoints smaller where the disk is small.
pub fn fit_disk(config: &mut Config, env: &Env) {
    let Some(space) = env.host.space(&config.data_dir) else {
        return;
    };
    let total = space.total_bytes;
    let segment = (total / SEGMENTS_PER_DISK).max(SEGMENT_BYTES_MIN);
    if segment < config.wal.segment_bytes {
        tracing::warn!(
            disk_bytes = total,
            segment_bytes = segment,
            "the disk is small: the log has smaller files than configured"
        );
        config.wal.segment_bytes = segment;
    }
    // A file of letters is freed as a whole.
    config.letters.file_bytes = config.letters.file_bytes.min(segment);
    config.checkpoint_bytes = config.checkpoint_bytes.min(total / CHECKPOINTS_PER_DISK);
}
