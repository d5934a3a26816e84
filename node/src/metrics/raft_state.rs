//! Agreement: the state of all groups with a replica here, in sums. What each of them is like is on a page of its own (`groups.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use raft::group::{Follower, Group, Leadership, Progress};
use raft::machine::Machine;
use raft::types::GroupId;

use super::page::Page;
use super::{
    APPLY_LAG, COMMANDS_WAITING, FOLLOWER_LAG, FOLLOWERS_SILENT, GROUPS, GROUPS_CRITICAL, GROUPS_DEGRADED,
    GROUPS_LEADERLESS, GROUPS_LED, LEADERSHIPS, REPLICAS_BYTES, TERMS, UNCHECKPOINTED,
};

/// A follower is silent that has not answered for so many election time-outs, and behind that lacks so many entries.
const SILENT_TIMEOUTS: u32 = 5;
const BEHIND_ENTRIES: u64 = 10_000;

/// What lasts from one scrape to the next: terms only rise, so that all are counted however rarely somebody looks.
#[derive(Default)]
pub struct Seen(Mutex<History>);

#[derive(Default)]
struct History {
    groups: BTreeMap<GroupId, Known>,
    terms: u64,
    leaderships: u64,
    /// The number of the look in which a group was there last.
    look: u64,
}

struct Known {
    term: u64,
    led_in: u64,
    look: u64,
}

/// The sums of one look at all groups.
pub(super) struct State {
    silent_after: Duration,
    open: usize,
    led: usize,
    leaderless: usize,
    degraded: usize,
    critical: usize,
    silent: usize,
    bytes: u64,
    waiting: usize,
    follower_lag: u64,
    apply_lag: u64,
    uncheckpointed: u64,
}

impl State {
    /// Followers have `election_timeout` for an answer, a few times.
    pub(super) fn new(election_timeout: Duration) -> State {
        State {
            silent_after: election_timeout * SILENT_TIMEOUTS,
            open: 0,
            led: 0,
            leaderless: 0,
            degraded: 0,
            critical: 0,
            silent: 0,
            bytes: 0,
            waiting: 0,
            follower_lag: 0,
            apply_lag: 0,
            uncheckpointed: 0,
        }
    }

    /// Looks at a group.
    pub(super) fn look(&mut self, group: &Group, seen: &Seen) {
        let leadership = group.leadership();
        seen.0.lock().note(group.id(), leadership);
        self.bytes += group.replica().read(Machine::message_bytes);
        self.waiting += group.waiting();
        self.count(leadership, group.progress(), &group.followers());
    }

    fn count(&mut self, leadership: Leadership, progress: Progress, followers: &[Follower]) {
        self.open += 1;
        self.leaderless += usize::from(leadership.leader.is_none());
        self.apply_lag = self.apply_lag.max(progress.last.saturating_sub(progress.applied));
        self.uncheckpointed += progress.applied.saturating_sub(progress.checkpointed);
        if !leadership.leads {
            return;
        }
        self.led += 1;
        let is_silent = |f: &&Follower| f.heard.is_none_or(|heard| heard > self.silent_after);
        let is_behind = |f: &&Follower| f.lag.is_none_or(|lag| lag > BEHIND_ENTRIES);
        self.silent += followers.iter().filter(is_silent).count();
        let lag = followers.iter().filter_map(|follower| follower.lag).max();
        self.follower_lag = self.follower_lag.max(lag.unwrap_or(0));
        let voters = followers.iter().filter(|follower| follower.votes);
        // With this node itself.
        let all = voters.clone().count() + 1;
        let fit = 1 + voters.filter(|f| !is_silent(f) && !is_behind(f)).count();
        self.degraded += usize::from(fit < all);
        self.critical += usize::from(fit < all && fit <= all / 2 + 1);
    }

    pub(super) fn collect(self, seen: &Seen, page: &mut Page) {
        page.gauge(&GROUPS, [], self.open);
        page.gauge(&GROUPS_LED, [], self.led);
        page.gauge(&REPLICAS_BYTES, [], self.bytes);
        page.gauge(&GROUPS_LEADERLESS, [], self.leaderless);
        page.gauge(&GROUPS_DEGRADED, [], self.degraded);
        page.gauge(&GROUPS_CRITICAL, [], self.critical);
        page.gauge(&FOLLOWERS_SILENT, [], self.silent);
        page.gauge(&FOLLOWER_LAG, [], self.follower_lag);
        page.gauge(&APPLY_LAG, [], self.apply_lag);
        page.gauge(&UNCHECKPOINTED, [], self.uncheckpointed);
        page.gauge(&COMMANDS_WAITING, [], self.waiting);
        let mut history = seen.0.lock();
        history.end_look();
        page.counter(&TERMS, [], history.terms);
        page.counter(&LEADERSHIPS, [], history.leaderships);
    }
}

impl History {
    fn note(&mut self, group: GroupId, leadership: Leadership) {
        let look = self.look;
        let known = self.groups.entry(group).or_insert(Known {
            term: leadership.term,
            led_in: 0,
            look,
        });
        known.look = look;
        self.terms += leadership.term.saturating_sub(known.term);
        known.term = known.term.max(leadership.term);
        if leadership.leads && leadership.term > known.led_in {
            known.led_in = leadership.term;
            self.leaderships += 1;
        }
    }

    /// What has not been seen since the look before is no longer here.
    fn end_look(&mut self) {
        let look = self.look;
        self.groups.retain(|_, known| known.look + 1 >= look);
        self.look += 1;
    }
}

#[cfg(test)]
mod tests {
    use raft::types::NodeId;

    use super::super::ALL;
    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(100);

    fn leadership(term: u64, leader: Option<u64>) -> Leadership {
        Leadership {
            term,
            leader: leader.map(NodeId),
            leads: leader == Some(1),
        }
    }

    fn follower(node: u64, lag: u64, heard_ms: u64) -> Follower {
        Follower {
            node: NodeId(node),
            votes: true,
            lag: Some(lag),
            heard: Some(Duration::from_millis(heard_ms)),
        }
    }

    fn counted(groups: &[(Leadership, &[Follower])]) -> State {
        let progress = Progress {
            last: 10,
            applied: 8,
            checkpointed: 5,
            first: 1,
        };
        let mut state = State::new(TIMEOUT);
        for (leadership, followers) in groups {
            state.count(*leadership, progress, followers);
        }
        state
    }

    #[test]
    fn a_group_that_lacks_replicas_is_noticed() {
        let led = leadership(3, Some(1));
        let (fit, silent, behind) = (follower(2, 0, 50), follower(3, 0, 600), follower(3, 20_000, 50));
        let learner = Follower {
            votes: false,
            ..behind
        };
        let unknown = Follower {
            lag: None,
            heard: None,
            ..fit
        };
        let noticed = |followers: &[Follower]| {
            let state = counted(&[(led, followers)]);
            (state.degraded, state.critical)
        };
        assert_eq!(noticed(&[fit, fit]), (0, 0));
        assert_eq!(noticed(&[fit, silent]), (1, 1), "of three two are left");
        assert_eq!(noticed(&[fit, behind]), (1, 1));
        assert_eq!(noticed(&[fit, unknown]), (1, 1));
        assert_eq!(noticed(&[fit, fit, learner]), (0, 0), "it has no vote");
        assert_eq!(noticed(&[fit, fit, fit, silent]), (1, 0), "of five four are left");
        assert_eq!(noticed(&[]), (0, 0), "alone on purpose");
    }

    #[test]
    fn groups_are_summed_up() {
        let (fit, silent) = (follower(2, 3, 50), follower(3, 7, 600));
        let state = counted(&[
            (leadership(1, Some(1)), &[fit, silent]),
            (leadership(1, Some(2)), &[]),
            (leadership(1, None), &[]),
        ]);
        let mut page = Page::new(ALL);
        state.collect(&Seen::default(), &mut page);
        let text = page.render();
        for line in [
            "millrace_raft_groups 3",
            "millrace_raft_groups_led 1",
            "millrace_raft_groups_leaderless 1",
            "millrace_raft_followers_silent 1",
            "millrace_raft_follower_lag_entries 7",
            "millrace_raft_apply_lag_entries 2",
            "millrace_raft_uncheckpointed_entries 9",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line}");
        }
    }

    #[test]
    fn terms_and_leaderships_are_counted_between_looks() {
        let mut history = History::default();
        let mut look = |groups: &[(u64, Leadership)]| {
            for (group, leadership) in groups {
                history.note(GroupId(*group), *leadership);
            }
            history.end_look();
            (history.terms, history.leaderships, history.groups.len())
        };
        assert_eq!(
            look(&[(1, leadership(7, Some(1))), (2, leadership(1, Some(2)))]),
            (0, 1, 2)
        );
        assert_eq!(
            look(&[(1, leadership(7, Some(1))), (2, leadership(1, Some(2)))]),
            (0, 1, 2)
        );
        assert_eq!(
            look(&[(1, leadership(9, Some(1))), (2, leadership(2, Some(1)))]),
            (3, 3, 2)
        );
        assert_eq!(look(&[(1, leadership(9, Some(2)))]), (3, 3, 2));
        assert_eq!(
            look(&[(1, leadership(9, Some(2)))]).2,
            1,
            "a closed group is forgotten"
        );
    }
}
