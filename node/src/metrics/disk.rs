//! The disk: what this node occupies of it and what is left. Walking through folders may wait for the disk, so that a worker does it
//! from time to time, and a scrape shows what it found last.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raft::env::{Env, Host, Space};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::page::Page;
use super::{DISK_FREE, DISK_SIZE, DISK_USED};

/// How often the folders are looked at.
const INTERVAL: Duration = Duration::from_secs(10);
/// The folders of the data folder that have something large in them.
const PARTS: [&str; 3] = ["wal", "checkpoints", "letters"];

/// What was found last.
#[derive(Clone, Default)]
pub struct DiskUsage(Arc<Mutex<Found>>);

#[derive(Clone, Default)]
struct Found {
    parts: Vec<(&'static str, u64)>,
    space: Option<Space>,
}

/// Looks at the disk until `stop`; not at all if the system tells nothing of it.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn watch(
    usage: DiskUsage,
    env: Env,
    data_dir: PathBuf,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    if env.host.space(&data_dir).is_none() {
        stop.cancelled().await;
        return Ok(());
    }
    let host = env.host.clone();
    let look = move || usage.look(&*host, &data_dir);
    let worker = env.workers.run("disk usage", Box::new(look));
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        worker.wake();
    }
    Ok(())
}

impl DiskUsage {
    fn look(&self, host: &dyn Host, data_dir: &Path) {
        // A folder that is not there yet has nothing in it.
        let parts = PARTS.map(|part| (part, host.occupied(&data_dir.join(part)).unwrap_or(0)));
        let found = Found {
            parts: parts.to_vec(),
            space: host.space(data_dir),
        };
        *self.0.lock() = found;
    }

    pub(super) fn collect(&self, page: &mut Page) {
        let found = self.0.lock().clone();
        for (part, bytes) in found.parts {
            page.gauge(&DISK_USED, [part.into()], bytes);
        }
        if let Some(space) = found.space {
            page.gauge(&DISK_FREE, [], space.free_bytes);
            page.gauge(&DISK_SIZE, [], space.total_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use raft::env::{NoHost, ProcessUsage};

    use super::super::ALL;
    use super::*;

    struct Made;

    impl Host for Made {
        fn process(&self) -> Option<ProcessUsage> {
            None
        }

        fn space(&self, _: &Path) -> Option<Space> {
            Some(Space {
                total_bytes: 100,
                free_bytes: 60,
            })
        }

        fn memory_limit(&self) -> Option<u64> {
            None
        }

        fn occupied(&self, folder: &Path) -> Option<u64> {
            match folder.to_str()? {
                "data/wal" => Some(30),
                "data/checkpoints" => Some(7),
                _ => None,
            }
        }
    }

    fn page(host: &dyn Host) -> Page {
        let usage = DiskUsage::default();
        usage.look(host, Path::new("data"));
        let mut page = Page::new(ALL);
        usage.collect(&mut page);
        page
    }

    #[test]
    fn parts_of_the_data_folder_are_told_apart() {
        let expected = [
            "{part=\"wal\"} 30",
            "{part=\"checkpoints\"} 7",
            "{part=\"letters\"} 0",
        ];
        assert_eq!(page(&Made).lines(&DISK_USED), expected);
        assert_eq!(page(&Made).lines(&DISK_FREE), ["60"]);
        assert_eq!(page(&Made).lines(&DISK_SIZE), ["100"]);
        assert!(page(&NoHost).lines(&DISK_FREE).is_empty());
    }
}
