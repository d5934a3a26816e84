//! How well the machine itself is: a file beside the nodes' is synced again and again, and what takes long is told. No
//! cluster acknowledges a write sooner than its disk does, so that a gap at such a moment says nothing about it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::unbounded_channel;

use crate::journal::Journal;

const PAUSE: Duration = Duration::from_millis(100);
/// What a healthy disk never takes.
const LONG: Duration = Duration::from_millis(400);

/// Feels the disk under a folder until the harness ends.
///
/// # Errors
/// If no file can be made there.
pub fn feel(folder: &Path, journal: Rc<Journal>) -> anyhow::Result<()> {
    let mut file = File::create(folder.join("pulse"))?;
    let (tell, mut told) = unbounded_channel();
    // A thread of its own: a sync blocks, and so may the machine.
    std::thread::spawn(move || {
        loop {
            let began = Instant::now();
            let synced = file.write_all(&[0]).and_then(|()| file.sync_data());
            let took = began.elapsed();
            let over = synced.is_err() || took > LONG && tell.send(took).is_err();
            if over {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    });
    tokio::task::spawn_local(async move {
        while let Some(took) = told.recv().await {
            let took = took.as_secs_f64();
            journal.note(format!(
                "this machine's disk took {took:.1} s for one sync of one byte"
            ));
        }
    });
    Ok(())
}
