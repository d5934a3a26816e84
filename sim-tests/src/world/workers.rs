//! A node's blocking loops as tasks: the simulated disk belongs to the host's thread, and answers at
//! once. What a slow disk takes is waited for before each round.

use std::sync::Arc;

use raft::env::{Waker, Workers};
use tokio::sync::Notify;

use super::Dials;

pub(super) struct TaskWorkers(pub(super) Arc<Dials>);

impl Workers for TaskWorkers {
    fn run(&self, _: &str, mut step: Box<dyn FnMut() + Send>) -> Waker {
        let woken = Arc::new(Notify::new());
        let seen = Arc::downgrade(&woken);
        let dials = self.0.clone();
        tokio::spawn(async move {
            while let Some(woken) = seen.upgrade() {
                let notified = woken.clone().notified_owned();
                // Only wakers keep it from now on: dropped, they end the task.
                drop(woken);
                notified.await;
                if !dials.disk_delay().is_zero() {
                    tokio::time::sleep(dials.disk_delay()).await;
                }
                step();
            }
        });
        Waker(Arc::new(move || woken.notify_one()))
    }
}
