//! What the watchdog's own thread knows of the others.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Beat, STANDSTILL, Watchdog};

/// A thread that stands still, or did.
#[derive(Clone, Debug)]
pub struct Standstill {
    /// The thread's name.
    pub thread: String,
    /// Where the task was spawned whose step it is.
    pub spawned_at: Option<&'static Location<'static>>,
    /// For how long by now, or altogether; to 10 ms.
    pub lasted: Duration,
    /// Whether it goes on again.
    pub over: bool,
}

pub(super) struct Watcher<T> {
    tell: T,
    threads: Vec<Seen>,
}

/// One thread as it was found last.
struct Seen {
    beat: Arc<Beat>,
    count: u64,
    still: Duration,
    /// How long it had stood still when that was told of last; zero if it was not.
    told: Duration,
}

impl<T: FnMut(Standstill)> Watcher<T> {
    pub(super) fn new(tell: T) -> Watcher<T> {
        Watcher {
            tell,
            threads: Vec::new(),
        }
    }

    /// Looks at every thread, some time after the last look.
    pub(super) fn look(&mut self, watchdog: &Watchdog, since: Duration) {
        self.meet(watchdog);
        let mut now = 0;
        for seen in &mut self.threads {
            let count = seen.beat.count.load(Ordering::Acquire);
            let is_same_step = count == seen.count && count % 2 == 1;
            if !is_same_step {
                seen.ended(watchdog, &mut self.tell);
                seen.count = count;
                continue;
            }
            seen.still += since;
            if seen.still < STANDSTILL {
                continue;
            }
            now += 1;
            let lasted = u64::try_from(seen.still.as_nanos()).unwrap_or(u64::MAX);
            watchdog.longest_ns.fetch_max(lasted, Ordering::Relaxed);
            if seen.told.is_zero() || seen.still >= 10 * seen.told {
                seen.told = seen.still;
                (self.tell)(seen.standstill(watchdog, false));
            }
        }
        watchdog.now.store(now, Ordering::Relaxed);
    }

    /// Takes in threads that are new, and lets go of those that have ended.
    fn meet(&mut self, watchdog: &Watchdog) {
        let mut threads = watchdog.threads.lock();
        // One is the watchdog's, one is this one's, and the third is the thread's own.
        threads.retain(|beat| {
            let known = self.threads.iter().any(|seen| Arc::ptr_eq(&seen.beat, beat));
            Arc::strong_count(beat) > 1 + usize::from(known)
        });
        self.threads
            .retain(|seen| threads.iter().any(|beat| Arc::ptr_eq(beat, &seen.beat)));
        for beat in threads.iter() {
            if !self.threads.iter().any(|seen| Arc::ptr_eq(&seen.beat, beat)) {
                self.threads.push(Seen {
                    beat: beat.clone(),
                    count: 0,
                    still: Duration::ZERO,
                    told: Duration::ZERO,
                });
            }
        }
    }
}

impl Seen {
    /// The step that it was in has ended.
    fn ended(&mut self, watchdog: &Watchdog, tell: &mut impl FnMut(Standstill)) {
        if !self.told.is_zero() {
            watchdog.lasted_ns.count_time(self.still);
            tell(self.standstill(watchdog, true));
        }
        (self.still, self.told) = (Duration::ZERO, Duration::ZERO);
    }

    fn standstill(&self, watchdog: &Watchdog, over: bool) -> Standstill {
        // By the time it is over, the thread has another task.
        let place = (!over).then(|| self.beat.place.load(Ordering::Relaxed));
        Standstill {
            thread: self.beat.thread.clone(),
            spawned_at: place.and_then(|place| watchdog.places.lock().get(&place).copied()),
            lasted: self.still,
            over,
        }
    }
}
