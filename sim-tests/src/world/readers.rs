//! Reads as tasks on the simulated host, whose disk belongs to its thread. What a slow disk takes
//! is waited for before each of them.

use std::io;
use std::sync::Arc;

use raft::env::{Blocking, Job};

use super::Dials;

pub(super) struct TaskReaders(pub(super) Arc<Dials>);

impl Blocking for TaskReaders {
    fn run(&self, job: Job) -> io::Result<()> {
        let delay = self.0.disk_delay();
        tokio::spawn(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            job();
        });
        Ok(())
    }
}
