use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::*;

/// A failed test ends instead of waiting for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// A runtime of one thread, watched.
fn runtime() -> (tokio::runtime::Runtime, Arc<Watchdog>, Receiver<Standstill>) {
    let mut builder = Builder::new_multi_thread();
    let watchdog = Watchdog::install(builder.worker_threads(1).thread_name("only one"));
    let (tell, told) = channel();
    let telling = move |standstill| drop(tell.send(standstill));
    watchdog.start(telling).unwrap();
    (builder.build().unwrap(), watchdog, told)
}

/// A step of a task that lasts until it is let go on.
fn block(runtime: &tokio::runtime::Runtime) -> (Sender<()>, u32) {
    let (release, go_on) = channel::<()>();
    let line = line!() + 1;
    runtime.spawn(async move { go_on.recv().unwrap() });
    (release, line)
}

#[test]
fn a_thread_is_told_of_while_it_stands_still_and_when_it_goes_on() {
    let (runtime, watchdog, told) = runtime();
    let (release, line) = block(&runtime);
    let still = told.recv_timeout(PATIENCE).unwrap();
    assert!(!still.over && still.lasted >= STANDSTILL, "{still:?}");
    assert_eq!(still.thread, "only one");
    let place = still.spawned_at.unwrap();
    assert!(place.file().ends_with("watchdog/tests.rs"), "{place}");
    assert_eq!(place.line(), line);
    // The next one to be told of is the same: nothing else has happened yet.
    let later = told.recv_timeout(PATIENCE).unwrap();
    assert!(!later.over && later.lasted >= 10 * STANDSTILL, "{later:?}");
    assert_eq!(watchdog.stats().now, 1);
    assert_eq!(watchdog.stats().lasted_ns.count(), 0);
    assert!(watchdog.stats().longest >= 10 * STANDSTILL);

    release.send(()).unwrap();
    let over = told.recv_timeout(PATIENCE).unwrap();
    assert!(over.over && over.lasted >= later.lasted, "{over:?}");
    assert_eq!(watchdog.stats().lasted_ns.count(), 1);
}

#[test]
fn one_long_step_is_told_of_and_many_short_ones_are_not() {
    let watchdog = Watchdog::default();
    let beat = watchdog.register();
    let told = std::cell::RefCell::new(Vec::new());
    let mut watcher = Watcher::new(|still: Standstill| told.borrow_mut().push((still.lasted, still.over)));
    let mut look = |steps: usize| {
        (0..steps).for_each(|_| step(&beat));
        watcher.look(&watchdog, LOOK);
        told.take()
    };
    // Waits for work.
    assert!((0..20).all(|_| look(0).is_empty()));
    // Is found within a step, another one each time.
    assert!((0..20).all(|round| look(if round == 0 { 1 } else { 2 }).is_empty()));
    // The same one from now on.
    let at = |looks: u32, over| vec![(looks * LOOK, over)];
    assert!((0..4).all(|_| look(0).is_empty()));
    assert_eq!(look(0), at(5, false));
    assert!((6..50).all(|_| look(0).is_empty()));
    assert_eq!(look(0), at(50, false));
    assert_eq!(watchdog.stats().now, 1);
    // Another step: it went on.
    assert_eq!(look(2), at(50, true));
    assert_eq!(watchdog.stats().now, 0);
    assert_eq!(watchdog.stats().longest, 50 * LOOK);
    assert_eq!(watchdog.stats().lasted_ns.count(), 1);
    assert!(look(1).is_empty());
}

#[test]
fn threads_that_have_ended_are_forgotten() {
    let watchdog = Watchdog::default();
    let mut watcher = Watcher::new(|_| ());
    let (first, second) = (watchdog.register(), watchdog.register());
    watcher.look(&watchdog, LOOK);
    drop(first);
    let third = watchdog.register();
    drop(third);
    watcher.look(&watchdog, LOOK);
    assert_eq!(watchdog.threads.lock().len(), 1);
    drop(second);
    watcher.look(&watchdog, LOOK);
    assert!(watchdog.threads.lock().is_empty());
}

#[test]
fn the_watchdog_ends_with_its_runtime() {
    let (runtime, watchdog, told) = runtime();
    runtime.block_on(async { tokio::spawn(async {}).await.unwrap() });
    let watched: Weak<Watchdog> = Arc::downgrade(&watchdog);
    drop((runtime, watchdog));
    // The sender goes with the thread.
    assert!(matches!(
        told.recv_timeout(PATIENCE),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
    ));
    assert!(watched.upgrade().is_none());
}
