//! The process: what it uses, and what it is.

use raft::command::catalog::NodeRecord;
use raft::env::{Env, ProcessUsage};

use super::page::Page;
use super::{
    BUILD, CPU, DESCRIPTORS, DESCRIPTORS_MAX, DISK_READ, DISK_READS_WAITING, READY, RESIDENT, STANDSTILL,
    STANDSTILL_LONGEST, STANDSTILL_NOW, STARTED, THREADS, VIRTUAL,
};

/// The threads that work, and those that read for them.
pub(super) fn collect_threads(env: &Env, page: &mut Page) {
    let reads = env.io.stats();
    page.histogram(&DISK_READ, [], &reads.read_ns);
    page.gauge(&DISK_READS_WAITING, [], reads.waiting);
    if let Some(still) = env.host.standstills() {
        page.histogram(&STANDSTILL, [], &still.lasted_ns);
        page.gauge(&STANDSTILL_LONGEST, [], still.longest);
        page.gauge(&STANDSTILL_NOW, [], still.now);
    }
}

pub(super) fn collect(me: &NodeRecord, ready: bool, usage: Option<&ProcessUsage>, page: &mut Page) {
    page.gauge(&READY, [], ready);
    let build = [me.node_version().release.into(), me.node_id.to_string().into()];
    page.gauge(&BUILD, build, 1_u64);
    let Some(usage) = usage else {
        return;
    };
    page.counter(&CPU, [], usage.cpu);
    page.gauge(&RESIDENT, [], usage.resident_bytes);
    page.gauge(&VIRTUAL, [], usage.virtual_bytes);
    page.gauge(&DESCRIPTORS, [], usage.descriptors);
    if let Some(max) = usage.descriptors_max {
        page.gauge(&DESCRIPTORS_MAX, [], max);
    }
    page.gauge(&THREADS, [], usage.threads);
    page.gauge(&STARTED, [], usage.started);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::ALL;
    use super::*;

    #[test]
    fn a_process_is_told_as_other_programs_tell_it() {
        let me = NodeRecord {
            node_id: 3,
            version: "1.2.3+level.1".to_owned(),
            ..Default::default()
        };
        let usage = ProcessUsage {
            cpu: Duration::from_millis(1_500),
            resident_bytes: 10,
            started: Duration::from_secs(1_700_000_000),
            ..Default::default()
        };
        let mut page = Page::new(ALL);
        collect(&me, true, Some(&usage), &mut page);
        let text = page.render();
        for line in [
            "millrace_ready 1",
            "millrace_build_info{version=\"1.2.3\",node=\"3\"} 1",
            "process_cpu_seconds_total 1.5",
            "process_resident_memory_bytes 10",
            "process_start_time_seconds 1700000000.0",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line} in {text}");
        }
        assert!(!text.contains("\nprocess_max_fds "), "there is no limit");
    }
}
