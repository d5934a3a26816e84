use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;

use super::*;
use crate::env::real::ThreadReaders;

/// A failed test ends instead of waiting for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes reads that tell when they have begun, and last until they are let go on.
struct Slow {
    begun: (Sender<()>, Receiver<()>),
    release: Sender<()>,
    go_on: Arc<Mutex<Receiver<()>>>,
}

impl Slow {
    fn new() -> Slow {
        let (release, go_on) = channel();
        Slow {
            begun: channel(),
            release,
            go_on: Arc::new(Mutex::new(go_on)),
        }
    }

    fn read(&self) -> impl FnOnce() + Send + use<> {
        let (begun, go_on) = (self.begun.0.clone(), self.go_on.clone());
        move || {
            begun.send(()).unwrap();
            go_on.lock().recv().unwrap();
        }
    }

    fn await_begun(&self, reads: usize) {
        for _ in 0..reads {
            self.begun.1.recv_timeout(PATIENCE).unwrap();
        }
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

/// Until every task had its turn on the only thread of a test's runtime.
async fn settle() {
    for _ in 0..2 * READS_MAX {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn reads_are_answered_while_others_block() {
    let (io, slow) = (Io::new(ThreadReaders::default()), Slow::new());
    let (reader, read) = (io.clone(), slow.read());
    let reading = tokio::spawn(async move { reader.run(read).await });
    settle().await;
    slow.await_begun(1);
    // The runtime's only thread is not the one that stands still.
    let read = in_time(io.run(|| 7)).await;
    assert_eq!(read.unwrap(), 7);
    assert_eq!((io.stats().waiting, io.free()), (1, READS_MAX - 1));
    slow.release.send(()).unwrap();
    in_time(reading).await.unwrap().unwrap();
    let stats = io.stats();
    assert_eq!((stats.waiting, stats.read_ns.count()), (0, 2));
    assert_eq!(io.free(), READS_MAX);
}

#[tokio::test]
async fn callers_beyond_the_bound_wait_and_those_who_leave_give_their_place_back() {
    let (io, slow) = (Io::new(ThreadReaders::default()), Slow::new());
    let spawn = || {
        let (reader, read) = (io.clone(), slow.read());
        tokio::spawn(async move { reader.run(read).await })
    };
    let mut readers: Vec<_> = (0..READS_MAX + 8).map(|_| spawn()).collect();
    settle().await;
    slow.await_begun(4);
    assert_eq!((io.stats().waiting, io.free()), (READS_MAX + 8, 0));
    // Some that are under way, some in the pool's queue, some that have no place yet.
    let gone = [0, 1, 10, 20, READS_MAX + 2, READS_MAX + 3];
    for reader in gone.iter().rev().map(|gone| readers.swap_remove(*gone)) {
        reader.abort();
        in_time(reader).await.unwrap_err();
    }
    assert_eq!(io.stats().waiting, READS_MAX + 2);
    for _ in 0..READS_MAX + 8 {
        slow.release.send(()).unwrap();
    }
    for outcome in in_time(join_all(readers)).await {
        outcome.unwrap().unwrap();
    }
    // Those that had begun ended by themselves; the others were never read.
    let all = in_time(io.0.slots.acquire_many(READS_MAX as u32)).await;
    assert!(all.is_ok());
    assert_eq!(io.stats().waiting, 0);
    assert_eq!(io.stats().read_ns.count(), (READS_MAX + 4) as u64);
}

#[tokio::test]
async fn a_read_that_panics_is_an_error_and_takes_no_thread_along() {
    let io = Io::new(ThreadReaders::default());
    for _ in 0..8 {
        let outcome: io::Result<()> = in_time(io.run(|| panic!("the test wants it"))).await;
        assert!(outcome.unwrap_err().to_string().contains("panicked"));
    }
    assert_eq!(in_time(io.run(|| 7)).await.unwrap(), 7);
    assert_eq!(io.free(), READS_MAX);
}

/// Says that the thread it lives on has ended.
struct OnThreadEnd(Sender<()>);

impl Drop for OnThreadEnd {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
    }
}

thread_local! {
    static END: std::cell::RefCell<Option<OnThreadEnd>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn threads_end_with_their_pool() {
    let pool = ThreadReaders::default();
    let (ended, has_ended) = channel();
    let (ran, has_run) = channel();
    let job = move || {
        END.set(Some(OnThreadEnd(ended)));
        ran.send(()).unwrap();
    };
    pool.run(Box::new(job)).unwrap();
    has_run.recv_timeout(PATIENCE).unwrap();
    assert!(has_ended.try_recv().is_err());
    drop(pool);
    has_ended.recv_timeout(PATIENCE).unwrap();
}
