//! The log, the checkpoints, and what goes through the groups' entrances.

use raft::group::Proposals;
use raft::groups::Groups;
use raft::machine::WindowStats;
use raft::store::CheckpointStats;
use raft::wal::{LogSpace, WalBatches, WalStats};

use super::page::Page;
use super::{
    BATCHES, BATCHES_IN_FLIGHT, CALLS_FORGOTTEN, CALLS_REMEMBERED, CHECKPOINT, CHECKPOINTS_FAILED,
    CHECKPOINTS_PUT_ASIDE, CHECKPOINTS_WAITING, COMMANDS, COMMANDS_REFUSED, FOLLOWERS_REVERTED,
    REPLICAS_DIVERGED, SNAPSHOT_SENT, SNAPSHOTS_INSTALLED, WAL_BATCH_BYTES, WAL_BATCH_RECORDS, WAL_BUDGET,
    WAL_NEEDED, WAL_QUEUED, WAL_SEGMENTS, WAL_SPACE, WAL_SYNC,
};

pub(super) fn collect(groups: &Groups, page: &mut Page) {
    let wal = groups.wal();
    log(&wal.stats(), &wal.batches(), page);
    page.gauge(&WAL_NEEDED, [], wal.stats().live_segments * wal.segment_bytes());
    page.gauge(&WAL_BUDGET, [], wal.budget_bytes());
    let without_space = match wal.space() {
        LogSpace::Ample => 0_u64,
        LogSpace::Low { .. } => 1,
        LogSpace::Full => 2,
    };
    page.gauge(&WAL_SPACE, [], without_space);
    checkpoints(&groups.checkpoints(), page);
    page.gauge(&REPLICAS_DIVERGED, [], diverged(groups));
    page.counter(&SNAPSHOT_SENT, [], groups.snapshot_bytes_sent());
    proposals(&groups.proposals(), page);
    remembered(&groups.remembered(), page);
    page.counter(&FOLLOWERS_REVERTED, [], groups.followers_reverted());
}

fn remembered(calls: &WindowStats, page: &mut Page) {
    page.gauge(&CALLS_REMEMBERED, [], calls.bytes);
    page.counter(&CALLS_FORGOTTEN, [], calls.forgotten_early);
}

fn diverged(groups: &Groups) -> usize {
    let groups = groups.list();
    let diverged = groups
        .iter()
        .filter(|group| group.verification().divergence.is_some());
    diverged.count()
}

fn log(stats: &WalStats, batches: &WalBatches, page: &mut Page) {
    page.histogram(&WAL_SYNC, [], &batches.sync_ns);
    page.histogram(&WAL_BATCH_RECORDS, [], &batches.records);
    page.histogram(&WAL_BATCH_BYTES, [], &batches.bytes);
    page.gauge(&WAL_QUEUED, [], stats.queued_bytes);
    page.gauge(&WAL_SEGMENTS, [], stats.live_segments);
}

fn checkpoints(stats: &CheckpointStats, page: &mut Page) {
    page.histogram(&CHECKPOINT, [], &stats.written_ns);
    page.counter(&CHECKPOINTS_FAILED, [], stats.failed);
    page.gauge(&CHECKPOINTS_WAITING, [], stats.waiting);
    page.gauge(&CHECKPOINTS_PUT_ASIDE, [], stats.put_aside);
    page.counter(&SNAPSHOTS_INSTALLED, [], stats.installed);
}

fn proposals(proposals: &Proposals, page: &mut Page) {
    page.counter(&BATCHES, [], proposals.batches);
    page.counter(&COMMANDS, [], proposals.commands);
    page.counter(&COMMANDS_REFUSED, [], proposals.refused);
    page.gauge(&BATCHES_IN_FLIGHT, [], proposals.in_flight);
}

#[cfg(test)]
mod tests {
    use raft::histogram::Counted;

    use super::super::ALL;
    use super::*;

    #[test]
    fn numbers_keep_their_units() {
        let counted = |greatest, count, sum| Counted {
            buckets: vec![(greatest, count), (u64::MAX, 0)],
            sum,
        };
        let batches = WalBatches {
            sync_ns: counted(10_000, 4, 2_000_000),
            records: counted(1, 4, 4),
            bytes: counted(256, 4, 800),
        };
        let stats = WalStats {
            queued_bytes: 12,
            live_segments: 3,
            ..Default::default()
        };
        let checkpoint = CheckpointStats {
            written_ns: counted(1_000_000, 1, 500_000),
            failed: 2,
            installed: 1,
            waiting: 4,
            put_aside: 7,
        };
        let through = Proposals {
            in_flight: 1,
            batches: 5,
            commands: 50,
            refused: 6,
        };
        let mut page = Page::new(ALL);
        log(&stats, &batches, &mut page);
        checkpoints(&checkpoint, &mut page);
        proposals(&through, &mut page);
        let calls = WindowStats {
            bytes: 70,
            forgotten_early: 8,
        };
        remembered(&calls, &mut page);
        let text = page.render();
        for line in [
            "millrace_wal_sync_duration_seconds_sum 0.002",
            "millrace_wal_sync_duration_seconds_bucket{le=\"0.00001\"} 4",
            "millrace_wal_batch_records_bucket{le=\"1.0\"} 4",
            "millrace_wal_batch_bytes_sum 800.0",
            "millrace_wal_queued_bytes 12",
            "millrace_wal_segments 3",
            "millrace_checkpoint_duration_seconds_count 1",
            "millrace_checkpoints_failed_total 2",
            "millrace_checkpoints_waiting 4",
            "millrace_checkpoints_put_aside 7",
            "millrace_snapshots_installed_total 1",
            "millrace_raft_batches_total 5",
            "millrace_raft_commands_total 50",
            "millrace_raft_commands_refused_total 6",
            "millrace_raft_batches_in_flight 1",
            "millrace_calls_remembered_bytes 70",
            "millrace_calls_forgotten_early_total 8",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line} in {text}");
        }
    }
}
