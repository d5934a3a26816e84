//! Each worker is a thread of its own, because its step blocks on the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};

use crate::env::{Waker, Workers};

/// Runs workers as threads.
pub struct ThreadWorkers;

impl Workers for ThreadWorkers {
    fn run(&self, name: &str, mut step: Box<dyn FnMut() + Send>) -> Waker {
        let signal = Arc::new(Signal::default());
        let seen = signal.clone();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                loop {
                    // A wake-up that came before the last waker went is still served.
                    let over = seen.over.load(Ordering::Acquire);
                    if seen.woken.swap(false, Ordering::AcqRel) {
                        step();
                    } else if over {
                        break;
                    } else {
                        thread::park();
                    }
                }
            })
            .expect("the operating system gives a thread to each of a node's few workers")
            .thread()
            .clone();
        let last = Last { signal, thread };
        Waker(Arc::new(move || last.wake()))
    }
}

#[derive(Default)]
struct Signal {
    /// Set by wakers, cleared before each step: any number of wake-ups make one step.
    woken: AtomicBool,
    /// No waker is left.
    over: AtomicBool,
}

/// Owned by the wakers' closure; its drop means that no waker is left.
struct Last {
    signal: Arc<Signal>,
    thread: Thread,
}

impl Last {
    fn wake(&self) {
        if !self.signal.woken.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        self.signal.over.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn steps_run_when_woken_and_end_with_the_last_waker() {
        let (stepped, steps) = mpsc::channel();
        let waker = ThreadWorkers.run("test", Box::new(move || stepped.send(()).unwrap()));
        waker.wake();
        steps.recv().unwrap();
        let clone = waker.clone();
        drop(waker);
        clone.wake();
        steps.recv().unwrap();
        clone.wake();
        drop(clone);
        // The last wake-up is served, then the thread drops the step and with it the sender.
        steps.recv().unwrap();
        assert!(steps.recv().is_err());
    }
}
