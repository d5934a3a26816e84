//! Says in the log when a node's clock is off, when the time is unknown, and when that has ended.

use std::time::Duration;

use tokio::time::Instant;

use super::{AgreedClock, Standing};

/// Looks in a row that must find the same before it is said: one may follow a pause of this
/// process.
const LOOKS: u32 = 3;
/// How often what lasts is said again.
const AGAIN: Duration = Duration::from_secs(60);

/// What was found at the last looks, and said.
#[derive(Default)]
pub(crate) struct Report {
    seen: Trouble,
    looks: u32,
    said: Option<(Trouble, Instant)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trouble {
    #[default]
    None,
    /// The own clock is off.
    Off,
    /// The time is unknown, and nothing can be written.
    Unknown,
}

impl Report {
    /// Looks at the clock, about once a second.
    pub(crate) fn look(&mut self, clock: &AgreedClock) {
        let standing = clock.standing();
        let ended = self.said;
        match self.due(standing, Instant::now()) {
            Some(Trouble::Off) => tracing::error!(
                offset_ms = standing.offset_ms.unwrap_or_default(),
                agreed = standing.agreed,
                "this node's clock is off; the agreed time is used instead. Correct the clock"
            ),
            Some(Trouble::Unknown) => tracing::error!(
                clocks = clock.clocks(),
                "the time is unknown: no majority of clocks agrees. Nothing is written by this node until \
                 one does. Correct the clocks, or start the nodes that are missing"
            ),
            Some(Trouble::None) if ended.is_some() => {
                tracing::info!("this node's clock is right again");
            }
            Some(Trouble::None) | None => {}
        }
    }

    fn due(&mut self, standing: Standing, now: Instant) -> Option<Trouble> {
        let found = match standing.offset_ms {
            None => Trouble::Unknown,
            Some(_) if standing.is_off() => Trouble::Off,
            Some(_) => Trouble::None,
        };
        self.looks = if found == self.seen { self.looks + 1 } else { 1 };
        self.seen = found;
        let is_due = match self.said {
            None => found != Trouble::None,
            Some((said, _)) if said != found => true,
            Some((_, at)) => found != Trouble::None && now.duration_since(at) >= AGAIN,
        };
        if !is_due || self.looks < LOOKS {
            return None;
        }
        self.said = (found != Trouble::None).then_some((found, now));
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_said_and_said_again_and_its_end_too() {
        let begin = Instant::now();
        let mut report = Report::default();
        let mut said = Vec::new();
        for second in 0..200 {
            let offset_ms = match second {
                0..10 | 150.. => Some(5),
                // Only for a moment.
                20 | 30 => Some(90_000),
                40..110 => Some(-2_000),
                110..120 => None,
                _ => Some(0),
            };
            let standing = Standing {
                offset_ms,
                agreed: true,
            };
            if let Some(trouble) = report.due(standing, begin + Duration::from_secs(second)) {
                said.push((second, trouble));
            }
        }
        let expected = [
            (42, Trouble::Off),
            (102, Trouble::Off),
            (112, Trouble::Unknown),
            (122, Trouble::None),
        ];
        assert_eq!(said, expected);
    }
}
