use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::reading::millis;
use super::*;

const NOW: u64 = 2_000_000_000_000;
const YEAR: u64 = 365 * 86_400_000;

/// A wall clock that can be set. It goes on with tokio's clock, which the test moves.
struct Wall {
    began: Instant,
    base: AtomicU64,
}

impl Clock for Wall {
    fn now(&self) -> Millis {
        Millis(self.base.load(Ordering::Relaxed)).after(millis(self.began.elapsed()))
    }
}

struct Case {
    wall: Arc<Wall>,
    clock: Arc<AgreedClock>,
    voters: BTreeSet<NodeId>,
}

impl Case {
    fn new(voters: u64, base: u64) -> Case {
        let wall = Arc::new(Wall {
            began: Instant::now(),
            base: AtomicU64::new(base),
        });
        Case {
            clock: AgreedClock::new(wall.clone(), NodeId(1)),
            wall,
            voters: (1..=voters).map(NodeId).collect(),
        }
    }

    /// The right time.
    fn time(&self) -> Millis {
        Millis(NOW).after(millis(self.wall.began.elapsed()))
    }

    /// Nodes from 2 on tell clocks that are so far off, and this one decides.
    fn hears(&self, offsets: &[i64]) {
        for (node, offset) in (2..).map(NodeId).zip(offsets) {
            let clock = Millis(self.time().0.saturating_add_signed(*offset));
            self.clock.heard(node, Instant::now(), Some(clock));
        }
        self.clock.decide(self.voters.clone());
    }

    /// How far what it would stamp is off.
    fn off(&self) -> Option<i64> {
        let stamp = self.clock.stamp()?;
        Some(stamp.0 as i64 - self.time().0 as i64)
    }
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_right_is_used_as_it_is() {
    let case = Case::new(3, NOW + 300);
    case.hears(&[-200, 100]);
    assert_eq!(case.off(), Some(300));
    assert_eq!(case.clock.standing().offset_ms, Some(200));
    pass(100).await;
    assert_eq!(case.off(), Some(300));
}

#[tokio::test(start_paused = true)]
async fn a_jump_of_the_own_clock_is_refused_at_once() {
    for jump in [YEAR as i64, -(YEAR as i64), 1_500, -1_500] {
        let case = Case::new(3, NOW);
        case.hears(&[0, 0]);
        case.wall
            .base
            .store(NOW.saturating_add_signed(jump), Ordering::Relaxed);
        assert_eq!(case.off(), Some(0), "before anybody is asked again");
        pass(1).await;
        case.hears(&[0, 0]);
        assert_eq!(case.off(), Some(0));
        assert_eq!(case.clock.standing().offset_ms, Some(jump));
        assert!(case.clock.standing().is_off());
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_starts_with_a_wrong_clock_stamps_nothing_before_a_majority_is_heard() {
    let case = Case::new(3, NOW + YEAR);
    case.hears(&[]);
    assert_eq!(case.off(), None);
    assert_eq!(case.clock.now(), Millis(0), "nothing is due");
    // One against one: nobody can tell.
    case.hears(&[0]);
    assert_eq!(case.off(), None);
    assert!(!case.clock.standing().agreed);
    case.hears(&[0, 20]);
    assert_eq!(case.off(), Some(20));
}

#[tokio::test(start_paused = true)]
async fn all_nodes_of_a_cluster_start_and_two_of_three_are_enough_if_they_agree() {
    let case = Case::new(3, NOW);
    case.hears(&[]);
    assert_eq!(case.off(), None);
    case.hears(&[700]);
    assert_eq!(case.off(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_was_agreed_goes_on_while_too_few_are_heard_or_they_contradict() {
    let case = Case::new(3, NOW);
    case.hears(&[0, 0]);
    pass(3_600).await;
    // None is heard, and the own clock jumps.
    case.wall.base.store(NOW + YEAR, Ordering::Relaxed);
    case.hears(&[]);
    assert_eq!(case.off(), Some(0));
    assert!(!case.clock.standing().agreed);
    // One is heard, and contradicts the own one.
    case.hears(&[0]);
    assert_eq!(case.off(), Some(0));
    // The own one is right again, and the other one is a year behind.
    case.wall.base.store(NOW, Ordering::Relaxed);
    pass(20).await;
    case.hears(&[-(YEAR as i64)]);
    assert_eq!(case.off(), Some(0));
    case.hears(&[-(YEAR as i64), 0]);
    assert!(case.clock.standing().agreed);
}

#[tokio::test(start_paused = true)]
async fn when_all_clocks_are_set_forward_the_time_follows() {
    // As after a pause of all machines, in which the monotonic clock stood still.
    let case = Case::new(3, NOW);
    case.hears(&[0, 0]);
    case.wall.base.store(NOW + 600_000, Ordering::Relaxed);
    pass(1).await;
    case.hears(&[600_000, 600_000]);
    assert_eq!(case.off(), Some(600_000));
    assert!(!case.clock.standing().is_off());
}

/// Node 3 tells a clock that is so far off; node 2 is not heard.
fn hears_only_the_third(case: &Case, offset: u64) {
    let clock = case.time().after(Millis(offset));
    case.clock.heard(NodeId(3), Instant::now(), Some(clock));
    case.clock.decide(case.voters.clone());
}

#[tokio::test(start_paused = true)]
async fn two_clocks_that_were_wrong_one_after_the_other_are_no_majority() {
    let year = YEAR as i64;
    let case = Case::new(3, NOW);
    for _ in 0..20 {
        case.hears(&[0, 0]);
        pass(1).await;
    }
    case.hears(&[year, 0]);
    // Node 2's clock is right again, but it is not heard; node 3's jumps even farther.
    for _ in 0..30 {
        pass(1).await;
        hears_only_the_third(&case, 3 * YEAR);
        assert_eq!(case.off(), Some(0));
    }
    // Node 2 is heard again.
    for _ in 0..30 {
        pass(1).await;
        case.hears(&[0, 3 * year]);
        assert_eq!(case.off(), Some(0));
    }
}

#[tokio::test(start_paused = true)]
async fn nor_are_they_for_a_node_that_has_just_started() {
    let year = YEAR as i64;
    let case = Case::new(3, NOW);
    case.hears(&[year]);
    for _ in 0..30 {
        pass(1).await;
        hears_only_the_third(&case, 2 * YEAR);
        assert_eq!(case.off(), None);
    }
    case.hears(&[0, 2 * year]);
    assert_eq!(case.off(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn nor_are_they_when_voters_are_added() {
    let year = YEAR as i64;
    let mut case = Case::new(3, NOW);
    case.hears(&[0, 0]);
    pass(1).await;
    case.hears(&[year, 0]);
    pass(1).await;
    case.voters = (1..=5).map(NodeId).collect();
    for (node, years) in [(3, 0), (4, 2), (5, 3)] {
        let clock = case.time().after(Millis(years * YEAR));
        case.clock.heard(NodeId(node), Instant::now(), Some(clock));
    }
    case.clock.decide(case.voters.clone());
    assert_eq!(case.off(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_some_seconds_off_counts_no_more_when_another_node_dies() {
    let case = Case::new(3, NOW + 25_000);
    case.hears(&[0, 0]);
    assert_eq!(case.off(), Some(0));
    for _ in 0..30 {
        pass(1).await;
        case.hears(&[0]);
        assert_eq!(case.off(), Some(0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_alone_takes_its_clock_as_it_is_at_the_start_and_refuses_jumps() {
    let case = Case::new(1, NOW);
    case.hears(&[]);
    assert_eq!(case.off(), Some(0));
    // Slow corrections are followed.
    for step in 1..10 {
        case.wall.base.store(NOW + 500 * step, Ordering::Relaxed);
        pass(1).await;
        case.hears(&[]);
    }
    assert_eq!(case.off(), Some(4_500));
    case.wall.base.store(NOW + YEAR, Ordering::Relaxed);
    case.hears(&[]);
    pass(100_000).await;
    case.hears(&[]);
    assert_eq!(case.off(), Some(4_500));
    assert!(case.clock.standing().is_off());
}

#[tokio::test(start_paused = true)]
async fn nodes_of_a_version_that_tells_no_clock_do_not_count() {
    let case = Case::new(3, NOW);
    case.clock.heard(NodeId(2), Instant::now(), None);
    case.hears(&[]);
    assert_eq!(case.off(), None, "node 3 may tell its own");
    case.clock.heard(NodeId(3), Instant::now(), None);
    case.hears(&[]);
    assert_eq!(case.off(), Some(0));
    // Both are upgraded.
    pass(1).await;
    case.hears(&[50, 50]);
    assert_eq!(case.clock.standing().offset_ms, Some(-50));
}
