//! A scrape: asks every part of a node for its numbers.

use std::sync::Arc;
use std::time::Duration;

use raft::command::catalog::NodeRecord;
use raft::env::Env;
use raft::group::Group;
use raft::groups::Groups;
use raft::peers::Peers;
use raft::quarantine::Cause;

use super::disk::DiskUsage;
use super::page::Page;
use super::queues::Queues;
use super::raft_state::{Seen, State};
use super::requests::Requests;
use super::{
    ALL, CATALOG_MOVE_TASKS, CATALOG_NODES, CATALOG_PARTITIONS, CATALOG_QUEUES, GROUPS_NOT_OPEN,
    GROUPS_QUARANTINED, GROUPS_STUCK, OF_GROUPS, POLLS_WAITING, admission, clock, groups, logs, peers,
    process,
};
use crate::admission::{Admission, Watched};
use crate::catalog::CatalogView;
use crate::clock::AgreedClock;
use crate::config::Limits;
use crate::placement::planner::Outlook;
use crate::polls::Polls;
use crate::readiness::Readiness;

/// Groups that are looked at before others of this thread have their turn.
const GROUPS_AT_ONCE: usize = 64;

/// What is counted as it happens, or kept from one scrape to the next.
#[derive(Default)]
pub struct Live {
    /// Requests.
    pub requests: Requests,
    /// The disk.
    pub disk: DiskUsage,
    /// Terms and leaders that were seen.
    pub seen: Seen,
}

/// The parts of a node that have something to tell.
#[derive(Clone)]
pub struct Sources {
    /// The outside world.
    pub env: Env,
    /// What is counted as it happens.
    pub live: Arc<Live>,
    /// The agreed clock.
    pub clock: Arc<AgreedClock>,
    /// Whether there is room for more.
    pub admission: Arc<Admission>,
    /// What that goes by.
    pub watched: Watched,
    /// The replicas.
    pub groups: Arc<Groups>,
    /// The other nodes.
    pub peers: Arc<Peers>,
    /// Waiting receives.
    pub polls: Arc<Polls>,
    /// What is planned, if this node leads the catalog.
    pub outlook: Arc<Outlook>,
    /// Health.
    pub readiness: Readiness,
    /// This node.
    pub me: NodeRecord,
    /// Bounds.
    pub limits: Limits,
    /// How long a follower waits for its leader.
    pub election_timeout: Duration,
}

impl Sources {
    /// The page `/metrics`. There is no catalog before the node belongs to a cluster.
    pub async fn all(&self, catalog: Option<&CatalogView>) -> Page {
        let mut page = Page::new(ALL);
        let now = self.env.clock.now();
        let open = self.groups.list();
        let mut state = State::new(self.election_timeout);
        let mut queues = Queues::default();
        self.each(&open, |group| {
            state.look(group, &self.live.seen);
            if let Some(catalog) = catalog {
                queues.look(group, catalog, now);
            }
        })
        .await;
        state.collect(&self.live.seen, &mut page);
        queues.collect(now, &mut page);
        self.live.requests.collect(&self.limits, &mut page);
        page.gauge(&POLLS_WAITING, [], self.polls.waiting());
        page.gauge(&GROUPS_STUCK, [], self.outlook.stuck().len());
        if let Some(catalog) = catalog {
            self.catalog(catalog, &mut page);
        }
        self.quarantines(&mut page);
        logs::collect(&self.groups, &mut page);
        self.live.disk.collect(&mut page);
        let is_member = |node| catalog.is_none_or(|catalog| catalog.read(|c| c.node(node).is_some()));
        peers::collect(&self.peers, is_member, &mut page);
        admission::collect(&self.admission, &self.watched, &mut page);
        clock::collect(self.clock.standing(), &mut page);
        let usage = self.env.host.process();
        process::collect_threads(&self.env, &mut page);
        process::collect(&self.me, self.readiness.is_ready(), usage.as_ref(), &mut page);
        page
    }

    /// The page `/metrics/groups`.
    pub async fn of_groups(&self, catalog: Option<&CatalogView>) -> Page {
        let mut page = Page::new(OF_GROUPS);
        self.each(&self.groups.list(), |group| {
            groups::look(group, &self.groups, catalog, &mut page);
        })
        .await;
        groups::holds(&self.groups, catalog, &mut page);
        page
    }

    async fn each(&self, groups: &[Arc<Group>], mut look: impl FnMut(&Group)) {
        for some in groups.chunks(GROUPS_AT_ONCE) {
            some.iter().for_each(|group| look(group));
            tokio::task::yield_now().await;
        }
    }

    fn quarantines(&self, page: &mut Page) {
        let quarantined = self.groups.quarantined();
        for cause in Cause::ALL {
            let of_cause = quarantined.iter().filter(|q| q.broken.cause == cause);
            page.gauge(&GROUPS_QUARANTINED, [cause.name().into()], of_cause.count());
        }
    }

    fn catalog(&self, catalog: &CatalogView, page: &mut Page) {
        let me = self.peers.me().0;
        catalog.read(|c| {
            page.gauge(&CATALOG_QUEUES, [], c.all_queues().count());
            page.gauge(&CATALOG_NODES, [], c.nodes().count());
            page.gauge(&CATALOG_MOVE_TASKS, [], c.active_move_tasks().count());
            page.gauge(
                &CATALOG_PARTITIONS,
                [],
                c.groups().filter(|g| g.queue.is_some()).count(),
            );
            let placed = c.groups().filter(|group| group.replicas.contains(&me));
            let closed =
                placed.filter(|group| self.groups.get(raft::types::GroupId(group.group_id)).is_none());
            page.gauge(&GROUPS_NOT_OPEN, [], closed.count());
        });
    }
}
