//! Tells of runtime threads that stand still.
//!
//! A task that blocks, or computes for long, keeps its thread from everything else: sockets,
//! timers, the heartbeats of other groups. tokio calls a hook before and after each step (poll) of
//! a task; ours count, and do nothing else. A thread of the operating system looks at the counters
//! from time to time, so that it tells of a thread while it stands still, also if the runtime has
//! only that one.
//!
//! It sees the steps of tasks. It does not see the future that the program's main thread runs
//! itself.

use std::cell::{OnceCell, RefCell};
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::runtime::{Builder, TaskMeta};

use crate::env::StandstillStats;
use crate::histogram::Histogram;

mod watcher;

pub use watcher::Standstill;
use watcher::Watcher;

/// A step of a task that lasts this long is told of.
pub const STANDSTILL: Duration = Duration::from_millis(50);
/// How often the counters are looked at, and how exact times are.
const LOOK: Duration = Duration::from_millis(10);

/// Watches the threads of one runtime.
#[derive(Default)]
pub struct Watchdog {
    threads: Mutex<Vec<Arc<Beat>>>,
    /// Where tasks were spawned, by the address of that place in the program.
    places: Mutex<FxHashMap<usize, &'static Location<'static>>>,
    /// From 50 ms to 51 s.
    lasted_ns: Histogram<50_000_000, 12>,
    longest_ns: AtomicU64,
    now: AtomicUsize,
}

/// The pulse of one thread.
struct Beat {
    thread: String,
    /// Rises at the beginning and at the end of each step: odd within one.
    count: AtomicU64,
    /// Where the task of the present step was spawned, as the address of a place.
    place: AtomicUsize,
}

thread_local! {
    /// Of this thread, which belongs to one runtime for ever.
    static BEAT: OnceCell<Arc<Beat>> = const { OnceCell::new() };
    /// Places that the watchdog knows already.
    static KNOWN: RefCell<FxHashSet<usize>> = RefCell::default();
}

impl Watchdog {
    /// Watches the threads of the runtime that is being built, which must be one of several
    /// threads: only those are its own.
    pub fn install(builder: &mut Builder) -> Arc<Watchdog> {
        let watchdog = Arc::<Watchdog>::default();
        let (spawning, beginning) = (watchdog.clone(), watchdog.clone());
        builder
            .on_task_spawn(move |task| spawning.spawned(task))
            .on_before_task_poll(move |task| beginning.begins(task))
            .on_after_task_poll(|_| ends());
        watchdog
    }

    /// Starts the thread that looks. It ends with the runtime, and tells of each thread that stands
    /// still: once, again when that lasts ten times as long, and when it is over.
    ///
    /// # Errors
    /// If the operating system has no thread.
    pub fn start(self: &Arc<Self>, tell: impl FnMut(Standstill) + Send + 'static) -> io::Result<()> {
        let watchdog = Arc::downgrade(self);
        let look = move || {
            let (mut watcher, mut before) = (Watcher::new(tell), Instant::now());
            while let Some(watchdog) = watchdog.upgrade() {
                let now = Instant::now();
                // If this thread was not run either, the whole process stood still, and no task of
                // it is to blame.
                watcher.look(&watchdog, (now - before).min(2 * LOOK));
                before = now;
                drop(watchdog);
                std::thread::sleep(LOOK);
            }
        };
        let thread = std::thread::Builder::new().name("watchdog".to_owned());
        thread.spawn(look).map(drop)
    }

    /// What was seen so far.
    pub fn stats(&self) -> StandstillStats {
        StandstillStats {
            lasted_ns: self.lasted_ns.counted(),
            longest: Duration::from_nanos(self.longest_ns.load(Ordering::Relaxed)),
            now: self.now.load(Ordering::Relaxed),
        }
    }

    fn spawned(&self, task: &TaskMeta<'_>) {
        let place = task.spawned_at();
        let is_new = KNOWN.with_borrow_mut(|known| known.insert(address(place)));
        if is_new {
            self.places.lock().insert(address(place), place);
        }
    }

    fn begins(&self, task: &TaskMeta<'_>) {
        BEAT.with(|beat| {
            let beat = beat.get_or_init(|| self.register());
            beat.place.store(address(task.spawned_at()), Ordering::Relaxed);
            step(beat);
        });
    }

    fn register(&self) -> Arc<Beat> {
        let thread = std::thread::current();
        let beat = Arc::new(Beat {
            thread: thread.name().unwrap_or_default().to_owned(),
            count: AtomicU64::new(0),
            place: AtomicUsize::new(0),
        });
        self.threads.lock().push(beat.clone());
        beat
    }
}

fn ends() {
    BEAT.with(|beat| beat.get().map(|beat| step(beat)));
}

/// Only the beat's own thread writes it.
fn step(beat: &Beat) {
    let count = beat.count.load(Ordering::Relaxed);
    beat.count.store(count + 1, Ordering::Release);
}

fn address(place: &'static Location<'static>) -> usize {
    std::ptr::from_ref(place).addr()
}

#[cfg(test)]
mod tests;
