//! The time of a group that is ahead of the clocks.
//!
//! A machine's time is the latest that any leader stamped, and never goes back. Leaders of versions
//! before the agreed clock stamped what their own clock showed. One that was 400 days ahead for a
//! second has put its groups 400 days ahead for good. If later leaders stamped the agreed time,
//! such a group's time would stand still until the clocks have caught up: no visibility timeout and
//! no delay would end, nothing would expire, no window would forget.
//!
//! So the leader of a group that is ahead by more than [`AHEAD_MS_MAX`] goes on from the group's
//! own time, at the pace of the clock that is never set. Nothing but the stamps differs: machines
//! apply them as ever, and replicas stay equal whatever each of them thinks of the pace.
//!
//! Why nothing expires by it: between two stamps a group's time goes on by no more than the time
//! that has really passed, or to the agreed time if that is later, as in every other group. A clock
//! that jumps cannot move it, because the pace is measured by the uptime. The time is not set back,
//! which would end what is remembered in the wrong order, and what was sent since keeps its age.
//!
//! Each replica keeps the pace, not only the leader, so that time goes on over a change of leaders.
//! A replica that was restarted begins at the last stamp: time that passed without any stamp while
//! no replica was up is not counted, and what waits for it takes longer, never shorter.
//!
//! A group that is a little ahead waits for the clocks: agreed times of two nodes differ by less
//! than the bound.

use std::time::Duration;

use parking_lot::Mutex;

use super::Group;
use super::replica::Replica;
use crate::env::Env;
use crate::level::Level;
use crate::machine::Machine;
use crate::types::Millis;

/// A group that is ahead of the agreed time by at most this waits for it, in milliseconds. Twice what
/// the clocks of two nodes that use the agreed time can differ by.
pub const AHEAD_MS_MAX: u64 = 60_000;

/// Keeps the time of a group that is ahead.
#[derive(Default)]
pub(super) struct Pace(Mutex<Option<Since>>);

/// What the group's time was at a moment of the uptime.
#[derive(Clone, Copy)]
struct Since {
    time: Millis,
    uptime: Duration,
}

impl Since {
    fn at(self, uptime: Duration) -> Millis {
        let passed = uptime.saturating_sub(self.uptime).as_millis();
        self.time.after(Millis(u64::try_from(passed).unwrap_or(u64::MAX)))
    }
}

impl Pace {
    /// What to take for the time in a group whose latest stamp is `latest`.
    fn time(&self, latest: Millis, agreed: Millis, uptime: Duration) -> Millis {
        if latest <= agreed.after(Millis(AHEAD_MS_MAX)) {
            return agreed;
        }
        let mut since = self.0.lock();
        let kept = since.map(|since| since.at(uptime));
        match kept.filter(|kept| *kept >= latest) {
            Some(kept) => kept,
            None => {
                let time = latest;
                *since = Some(Since { time, uptime });
                time
            }
        }
    }
}

impl Replica {
    /// What time it is for this group's machine, if the agreed time is `agreed`. Below level 1 that
    /// is the agreed time: leaders of the version before stamp that, too.
    pub(super) fn time(&self, machine: &Machine, agreed: Millis, env: &Env) -> Millis {
        match machine.level() >= Level::ONE {
            true => self.pace().time(machine.now(), agreed, env.uptime.uptime()),
            false => agreed,
        }
    }
}

impl Group {
    /// Whether this node knows the agreed time. Until then it proposes nothing, and cannot say what
    /// time has brought.
    pub fn knows_time(&self) -> bool {
        self.parts.env.clock.stamp().is_some()
    }

    /// What time it is for this group, whose machine this is: the agreed time, unless the group is
    /// ahead of it. 0 while the time is unknown, so that nothing is due.
    pub fn time(&self, machine: &Machine) -> Millis {
        let env = &self.parts.env;
        match env.clock.stamp() {
            Some(agreed) => self.replica.time(machine, agreed, env),
            None => env.clock.now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;
    const NOW: u64 = 20_000 * DAY;

    fn at(pace: &Pace, latest: u64, agreed: u64, uptime_s: u64) -> u64 {
        let uptime = Duration::from_secs(uptime_s);
        pace.time(Millis(latest), Millis(agreed), uptime).0
    }

    #[test]
    fn a_group_that_is_not_ahead_goes_by_the_agreed_time() {
        let pace = Pace::default();
        for latest in [0, NOW - DAY, NOW, NOW + AHEAD_MS_MAX] {
            assert_eq!(at(&pace, latest, NOW, 5), NOW);
        }
        assert!(pace.0.lock().is_none());
    }

    #[test]
    fn a_group_that_is_ahead_goes_on_at_the_pace_of_the_uptime() {
        let (pace, ahead) = (Pace::default(), NOW + 400 * DAY);
        assert_eq!(at(&pace, ahead, NOW, 100), ahead);
        assert_eq!(at(&pace, ahead, NOW + 3_000, 103), ahead + 3_000);
        // Whatever the clocks do.
        assert_eq!(at(&pace, ahead, NOW + 300 * DAY, 104), ahead + 4_000);
        assert_eq!(at(&pace, ahead, NOW - 300 * DAY, 105), ahead + 5_000);
        // Another leader stamped a little more, or a little less.
        assert_eq!(at(&pace, ahead + 5_500, NOW, 105), ahead + 5_500);
        assert_eq!(at(&pace, ahead + 5_500, NOW, 107), ahead + 7_500);
        assert_eq!(at(&pace, ahead + 7_000, NOW, 107), ahead + 7_500);
    }

    #[test]
    fn clocks_that_have_caught_up_count_and_a_later_setback_moves_nothing() {
        let (pace, ahead) = (Pace::default(), NOW + 400 * DAY);
        assert_eq!(at(&pace, ahead, NOW, 100), ahead);
        let agreed = ahead + 9_000;
        assert_eq!(at(&pace, ahead, agreed, 101), agreed);
        assert_eq!(at(&pace, agreed, NOW, 101), agreed);
        assert_eq!(at(&pace, agreed, NOW, 102), agreed + 1_000);
        // One that is about to end stays within bounds.
        assert_eq!(at(&pace, u64::MAX, NOW, 103), u64::MAX);
        assert_eq!(at(&pace, u64::MAX, NOW, 104), u64::MAX);
    }
}
