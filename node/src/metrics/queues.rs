//! Queues: how much is in them and how old it is, as the leaders of their partitions know.
//!
//! A node tells of the partitions that it leads. Numbers of messages can be summed over nodes, of ages the greatest counts. A scrape
//! reads each partition once, at a cost that does not grow with its backlog, and lets others have their turn in between. However
//! many queues there are, no more than [`QUEUES_MAX`] have lines of their own: those with the most messages, since what has none
//! needs nobody's attention. The sums over all queues leave none out.

use std::collections::BTreeMap;

use raft::command::catalog::ResourceKey;
use raft::group::Group;
use raft::machine::queue::{Counts, Figures, Tally};
use raft::types::{GroupId, Millis};

use super::page::Page;
use super::{
    MESSAGES, MESSAGES_EXPIRED, OLDEST_AGE, QUEUE_DELAYED, QUEUE_DELETED, QUEUE_EXPIRED, QUEUE_IN_FLIGHT,
    QUEUE_OLDEST_AGE, QUEUE_RECEIVED, QUEUE_SENT, QUEUE_VISIBLE, QUEUES_LEFT_OUT, QUEUES_SHOWN,
};
use crate::catalog::CatalogView;

/// Queues with lines of their own: about ten lines each.
pub(super) const QUEUES_MAX: usize = 1_000;
/// Messages of a partition whose time has come since its last batch that a scrape looks at; see [`raft::machine::queue::Queue::figures`].
const CHANGES_MAX: usize = 10_000;

/// What a node knows of the queues whose partitions it leads.
#[derive(Default)]
pub(super) struct Queues(BTreeMap<ResourceKey, Queue>);

#[derive(Default)]
struct Queue {
    counts: Counts,
    expired: u64,
    oldest_sent: Option<Millis>,
    partitions: Vec<(GroupId, Tally)>,
}

impl Queue {
    fn messages(&self) -> u64 {
        self.counts.visible + self.counts.in_flight + self.counts.delayed
    }

    fn age_seconds(&self, now: Millis) -> f64 {
        let age = self.oldest_sent.map_or(0, |sent| now.0.saturating_sub(sent.0));
        age as f64 / 1e3
    }
}

impl Queues {
    /// Looks at a group, if it is a partition that this node leads for certain.
    pub(super) fn look(&mut self, group: &Group, catalog: &CatalogView, now: Millis) {
        if !group.leads_with_lease() {
            return;
        }
        let key = catalog.read(|c| c.group(group.id())?.queue.clone());
        let figures = group.replica().read(|machine| {
            let time = group.time(machine);
            let mut figures = machine.as_queue()?.figures(time, CHANGES_MAX);
            // The age counts in the time of the group, which may be ahead.
            let ahead = time.0.saturating_sub(now.0);
            let sent = figures.oldest_sent;
            figures.oldest_sent = sent.map(|sent| Millis(sent.0.saturating_sub(ahead)));
            Some(figures)
        });
        if let (Some(key), Some(figures)) = (key, figures) {
            self.add(key, group.id(), &figures);
        }
    }

    fn add(&mut self, key: ResourceKey, partition: GroupId, figures: &Figures) {
        let queue = self.0.entry(key).or_default();
        queue.counts.visible += figures.counts.visible;
        queue.counts.in_flight += figures.counts.in_flight;
        queue.counts.delayed += figures.counts.delayed;
        queue.expired += figures.expired;
        queue.oldest_sent = queue.oldest_sent.into_iter().chain(figures.oldest_sent).min();
        queue.partitions.push((partition, figures.tally));
    }

    pub(super) fn collect(self, now: Millis, page: &mut Page) {
        let sum = |count: fn(&Counts) -> u64| self.0.values().map(|queue| count(&queue.counts)).sum::<u64>();
        page.gauge(&MESSAGES, ["visible".into()], sum(|counts| counts.visible));
        page.gauge(&MESSAGES, ["in_flight".into()], sum(|counts| counts.in_flight));
        page.gauge(&MESSAGES, ["delayed".into()], sum(|counts| counts.delayed));
        page.gauge(
            &MESSAGES_EXPIRED,
            [],
            self.0.values().map(|queue| queue.expired).sum::<u64>(),
        );
        let ages = self.0.values().map(|queue| queue.age_seconds(now));
        page.gauge(&OLDEST_AGE, [], ages.fold(0.0, f64::max));

        let left_out = self.0.len().saturating_sub(QUEUES_MAX);
        page.gauge(&QUEUES_SHOWN, [], self.0.len() - left_out);
        page.gauge(&QUEUES_LEFT_OUT, [], left_out);
        let mut shown: Vec<_> = self.0.into_iter().collect();
        if left_out > 0 {
            // A stable sort: among equals the names decide, so that the same ones are shown each time.
            shown.sort_by_key(|(_, queue)| std::cmp::Reverse(queue.messages()));
            shown.truncate(QUEUES_MAX);
        }
        for (key, queue) in shown {
            show(&key, &queue, now, page);
        }
    }
}

fn show(key: &ResourceKey, queue: &Queue, now: Millis, page: &mut Page) {
    let labels = || {
        [
            key.account.clone().into(),
            key.region.clone().into(),
            key.name.clone().into(),
        ]
    };
    page.gauge(&QUEUE_VISIBLE, labels(), queue.counts.visible);
    page.gauge(&QUEUE_IN_FLIGHT, labels(), queue.counts.in_flight);
    page.gauge(&QUEUE_DELAYED, labels(), queue.counts.delayed);
    page.gauge(&QUEUE_OLDEST_AGE, labels(), queue.age_seconds(now));
    for (partition, tally) in &queue.partitions {
        let labels = || {
            let [account, region, name] = labels();
            [account, region, name, partition.0.to_string().into()]
        };
        page.counter(&QUEUE_SENT, labels(), tally.sent);
        page.counter(&QUEUE_RECEIVED, labels(), tally.received);
        page.counter(&QUEUE_DELETED, labels(), tally.deleted);
        page.counter(&QUEUE_EXPIRED, labels(), tally.expired);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ALL;
    use super::*;

    const NOW: Millis = Millis(100_000);

    fn key(name: &str) -> ResourceKey {
        ResourceKey {
            account: "0".to_owned(),
            region: "r".to_owned(),
            name: name.to_owned(),
        }
    }

    fn figures(visible: u64, oldest_sent: Option<u64>) -> Figures {
        Figures {
            counts: Counts {
                visible,
                in_flight: 1,
                delayed: 2,
            },
            oldest_sent: oldest_sent.map(Millis),
            expired: 3,
            tally: Tally {
                sent: 9,
                received: 8,
                deleted: 7,
                expired: 2,
            },
        }
    }

    fn page(queues: Queues) -> Page {
        let mut page = Page::new(ALL);
        queues.collect(NOW, &mut page);
        page
    }

    /// Two partitions of one queue, and another queue.
    fn some() -> Page {
        let mut queues = Queues::default();
        queues.add(key("a"), GroupId(1), &figures(5, Some(97_500)));
        queues.add(key("a"), GroupId(2), &figures(6, Some(90_000)));
        queues.add(key("b"), GroupId(3), &figures(0, None));
        page(queues)
    }

    #[test]
    fn partitions_of_a_queue_are_put_together() {
        let a = "{account=\"0\",region=\"r\",queue=\"a\"}";
        let b = "{account=\"0\",region=\"r\",queue=\"b\"}";
        assert_eq!(
            some().lines(&QUEUE_VISIBLE),
            [format!("{a} 11"), format!("{b} 0")]
        );
        assert_eq!(
            some().lines(&QUEUE_IN_FLIGHT),
            [format!("{a} 2"), format!("{b} 1")]
        );
        assert_eq!(some().lines(&MESSAGES_EXPIRED), ["9"]);
        assert_eq!(some().lines(&QUEUE_DELAYED), [format!("{a} 4"), format!("{b} 2")]);
        assert_eq!(
            some().lines(&QUEUE_OLDEST_AGE),
            [format!("{a} 10.0"), format!("{b} 0.0")]
        );
        assert_eq!(some().lines(&OLDEST_AGE), ["10.0"]);
        assert_eq!(some().lines(&MESSAGES)[0], "{state=\"visible\"} 11");
        let sent = some().lines(&QUEUE_SENT);
        assert_eq!(sent.len(), 3, "a line for each partition");
        assert_eq!(
            sent[1],
            "{account=\"0\",region=\"r\",queue=\"a\",partition=\"2\"} 9"
        );
        assert!(some().lines(&QUEUE_RECEIVED)[0].ends_with(" 8"));
        assert!(some().lines(&QUEUE_DELETED)[0].ends_with(" 7"));
    }

    #[test]
    fn of_too_many_queues_the_fullest_are_shown() {
        let mut queues = Queues::default();
        for n in 0..QUEUES_MAX as u64 + 10 {
            queues.add(
                key(&format!("queue-{n:05}")),
                GroupId(n + 1),
                &figures(n % 7, None),
            );
        }
        queues.add(key("z"), GroupId(9_999), &figures(1_000, None));
        let text = page(queues).render();
        let count = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(count("millrace_queue_messages_visible{"), QUEUES_MAX);
        assert_eq!(count("millrace_queue_messages_sent_total{"), QUEUES_MAX);
        assert!(text.contains("queue=\"z\"} 1000\n"), "the fullest");
        assert!(!text.contains("queue=\"queue-01001\"} 0\n"), "an empty one");
        assert!(text.contains("millrace_queues_left_out 11\n"));
        assert!(text.contains("millrace_queues_shown 1000\n"));
        assert!(text.contains("millrace_messages{state=\"in_flight\"} 1011\n"));
    }
}
