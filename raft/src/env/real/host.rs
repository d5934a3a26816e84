//! Linux, as `/proc` and `statvfs` show it. Elsewhere most of this is not told.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use super::Watchdog;
use crate::env::{Host, ProcessUsage, Space, StandstillStats};

/// Blocks that `st_blocks` counts, whatever the file system's own are.
const BLOCK_BYTES: u64 = 512;
/// Clock ticks in a second, as `/proc` counts them: the kernel's `USER_HZ`, which is 100 wherever Rust runs on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// The operating system as it is.
#[derive(Default)]
pub struct LinuxHost {
    /// Who watches the threads of the runtime, if somebody does.
    pub watchdog: Option<Arc<Watchdog>>,
}

impl Host for LinuxHost {
    fn process(&self) -> Option<ProcessUsage> {
        let stat = Stat::of(&fs::read_to_string("/proc/self/stat").ok()?)?;
        let limit = getrlimit(Resource::Nofile).current;
        // The folder's own descriptor is among them while it is read.
        let descriptors = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
        Some(ProcessUsage {
            cpu: ticks(stat.cpu_ticks),
            resident_bytes: stat.resident_pages * rustix::param::page_size() as u64,
            virtual_bytes: stat.virtual_bytes,
            descriptors: descriptors.saturating_sub(1),
            descriptors_max: limit,
            threads: stat.threads,
            started: booted(&fs::read_to_string("/proc/stat").ok()?)? + ticks(stat.start_ticks),
        })
    }

    fn space(&self, path: &Path) -> Option<Space> {
        let told = rustix::fs::statvfs(path).ok()?;
        Some(Space {
            total_bytes: told.f_blocks.saturating_mul(told.f_frsize),
            free_bytes: told.f_bavail.saturating_mul(told.f_frsize),
        })
    }

    fn occupied(&self, folder: &Path) -> Option<u64> {
        let own = fs::symlink_metadata(folder).ok()?;
        let mut bytes = own.blocks() * BLOCK_BYTES;
        // What goes while this looks is not counted.
        for entry in fs::read_dir(folder).ok()?.flatten() {
            bytes += match entry.metadata() {
                Ok(file) if file.is_dir() => self.occupied(&entry.path()).unwrap_or(0),
                Ok(file) => file.blocks() * BLOCK_BYTES,
                Err(_) => 0,
            };
        }
        Some(bytes)
    }

    fn standstills(&self) -> Option<StandstillStats> {
        self.watchdog.as_ref().map(|watchdog| watchdog.stats())
    }
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND))
}

/// When the machine was started, from `/proc/stat`.
fn booted(text: &str) -> Option<Duration> {
    let seconds = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

/// The fields of `/proc/self/stat` that matter here (proc(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn of(text: &str) -> Option<Stat> {
        // The second field is a name in brackets, which may hold anything. The first one after it has number 3.
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Stat {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_confuses_nobody() {
        let text = "7 (a) b (c) S 1 2 3 0 -1 4194560 10 11 12 13 140 15 0 0 20 0 9 0 2200 4096000 24 18446744073709551615";
        let expected = Stat {
            cpu_ticks: 155,
            threads: 9,
            start_ticks: 2200,
            virtual_bytes: 4_096_000,
            resident_pages: 24,
        };
        assert_eq!(Stat::of(text), Some(expected));
        assert_eq!(Stat::of("7 (a) S 1"), None);
        assert_eq!(
            booted("cpu 1 2\nbtime 1700000000\nprocesses 3\n"),
            Some(Duration::from_secs(1_700_000_000))
        );
    }

    #[test]
    fn this_process_and_its_disk_are_known() {
        let usage = LinuxHost::default().process().unwrap();
        assert!(
            usage.resident_bytes > 1 << 20 && usage.virtual_bytes >= usage.resident_bytes,
            "{usage:?}"
        );
        assert!(usage.descriptors > 2 && usage.threads > 1, "{usage:?}");
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        assert!(usage.started < now, "{usage:?}");

        let dir = tempfile::tempdir().unwrap();
        let space = LinuxHost::default().space(dir.path()).unwrap();
        assert!(
            space.free_bytes <= space.total_bytes && space.total_bytes > 0,
            "{space:?}"
        );
        let empty = LinuxHost::default().occupied(dir.path()).unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        fs::write(dir.path().join("in/file"), vec![1; 100_000]).unwrap();
        assert!(LinuxHost::default().occupied(dir.path()).unwrap() >= empty + 100_000);
        assert_eq!(LinuxHost::default().occupied(&dir.path().join("nothing")), None);
    }
}
