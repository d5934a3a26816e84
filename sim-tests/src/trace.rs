//! All that a run does, as text: every event of every crate at the debug level, under the spans it happened
//! in, which name the node, and with the simulated time. Steps of replicas, calls, and faults are events too.
//! Two runs of one scenario must give the same bytes.
//!
//! One thing is taken out: texts of [`std::time::Instant`]s. openraft prints the instants of its leases and
//! of votes. In a simulation they are right relative to each other, but count from the boot of the real
//! machine. See [`without_instants`].

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Level;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::pulse::Pulse;
use crate::run::{Outcome, run_with};
use crate::scenario::Scenario;

/// Plays a scenario on the calling thread, with the trace written to `to`.
pub fn traced(scenario: Scenario, to: impl Write + Send + 'static) -> Outcome {
    let pulse = Pulse::default();
    let sink = Sink(Arc::new(Mutex::new(to)));
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .with_ansi(false)
        .with_timer(SimulatedTime(pulse.clone()))
        .with_writer(move || sink.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || run_with(scenario, &pulse))
}

struct SimulatedTime(Pulse);

impl FormatTime for SimulatedTime {
    fn format_time(&self, to: &mut Writer<'_>) -> std::fmt::Result {
        write!(to, "{:>7}", self.0.get().as_millis())
    }
}

struct Sink<W>(Arc<Mutex<W>>);

impl<W> Clone for Sink<W> {
    fn clone(&self) -> Sink<W> {
        Sink(self.0.clone())
    }
}

/// The formatter writes each event at once.
impl<W: Write> Write for Sink<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = without_instants(&String::from_utf8_lossy(event));
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        to.write_all(text.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

/// A text without what real instants are printed as: `Instant { tv_sec: 5, tv_nsec: 7 }` by std, and
/// `12:34:56.789012` by openraft, which makes a time of day of it. Nothing else is touched.
pub fn without_instants(text: &str) -> String {
    const STD: &str = "Instant { tv_sec: ";
    const DAY: &[u8] = b"00:00:00.000000";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let is_time_of_day = next.is_ascii_digit() && rest.len() >= DAY.len() && {
            let mut pairs = rest.bytes().zip(DAY);
            pairs.all(|(byte, like)| byte == *like || (*like == b'0' && byte.is_ascii_digit()))
        };
        let skipped = if is_time_of_day {
            DAY.len()
        } else if rest.starts_with(STD) {
            rest.find('}').map_or(STD.len(), |end| end + 1)
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        };
        out.push_str("<instant>");
        rest = &rest[skipped..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::without_instants;

    #[test]
    fn instants_are_taken_out_and_nothing_else() {
        let text =
            "lease: TokioInstant(Instant { tv_sec: 12, tv_nsec: 345 }), vote@10:20:30.123456; 10:20 ü 1.5";
        assert_eq!(
            without_instants(text),
            "lease: TokioInstant(<instant>), vote@<instant>; 10:20 ü 1.5"
        );
    }
}
