//! A wall clock that a test sets, for tests with real processes: faketime and its like do not reach
//! a program that reads the clock without the C library, and a container may not set the machine's
//! clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::{Clock, Env};
use crate::types::Millis;

/// Names the file, if a test wants to set the clock.
const VARIABLE: &str = "MILLRACE_TEST_CLOCK_OFFSET_FILE";
/// How long what the file said counts.
const READ_INTERVAL: Duration = Duration::from_millis(50);

struct ShiftedClock {
    real: Arc<dyn Clock>,
    file: PathBuf,
    read: Mutex<(Instant, i64)>,
}

impl Env {
    /// The same with a clock that is off by as many milliseconds as a file says, if the environment
    /// names one for a test. Says so loudly: nobody must run a cluster like that.
    pub fn with_test_clock(self) -> Env {
        let Some(file) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
            return self;
        };
        tracing::warn!(file = %file.display(), "{VARIABLE} is set: this node's clock is moved by a test");
        let read = Mutex::new((Instant::now(), offset(&file)));
        let real = self.clock;
        Env {
            clock: Arc::new(ShiftedClock { real, file, read }),
            ..self
        }
    }
}

/// What the file says; without one, or while it is being written, nothing.
fn offset(file: &std::path::Path) -> i64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

impl Clock for ShiftedClock {
    fn now(&self) -> Millis {
        let mut read = self.read.lock();
        if read.0.elapsed() >= READ_INTERVAL {
            *read = (Instant::now(), offset(&self.file));
        }
        Millis(self.real.now().0.saturating_add_signed(read.1))
    }
}
