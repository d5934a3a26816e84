//! Each replica of this node, for whoever looks into what the sums say.

use raft::group::Group;
use raft::groups::Groups;
use raft::machine::Machine;
use raft::types::GroupId;

use super::page::Page;
use super::{
    GROUP_APPLIED, GROUP_BYTES, GROUP_CHECKPOINTED, GROUP_FIRST, GROUP_FOLLOWER_HEARD, GROUP_FOLLOWER_LAG,
    GROUP_LAST, GROUP_LEADER, GROUP_LEADS, GROUP_LOG, GROUP_LOG_HOLDS, GROUP_TERM, GROUP_WAITING,
};
use crate::catalog::CatalogView;

/// What the log keeps for each group, whether its replica is open or not.
pub(super) fn holds(groups: &Groups, catalog: Option<&CatalogView>, page: &mut Page) {
    for (group, bytes) in groups.wal().holds() {
        let labels = [group.0.to_string().into(), queue_of(group, catalog).into()];
        page.gauge(&GROUP_LOG_HOLDS, labels, bytes);
    }
}

fn queue_of(group: GroupId, catalog: Option<&CatalogView>) -> String {
    let key = catalog.and_then(|catalog| catalog.read(|c| c.group(group)?.queue.clone()));
    key.map_or_else(String::new, |key| {
        format!("{}/{}/{}", key.account, key.region, key.name)
    })
}

pub(super) fn look(group: &Group, groups: &Groups, catalog: Option<&CatalogView>, page: &mut Page) {
    let id = group.id().0.to_string();
    let queue = queue_of(group.id(), catalog);
    let labels = || [id.clone().into(), queue.clone().into()];
    let (leadership, progress) = (group.leadership(), group.progress());
    page.gauge(&GROUP_LEADS, labels(), leadership.leads);
    page.gauge(
        &GROUP_LEADER,
        labels(),
        leadership.leader.map_or(0, |node| node.0),
    );
    page.gauge(&GROUP_TERM, labels(), leadership.term);
    page.gauge(&GROUP_LAST, labels(), progress.last);
    page.gauge(&GROUP_APPLIED, labels(), progress.applied);
    page.gauge(&GROUP_CHECKPOINTED, labels(), progress.checkpointed);
    page.gauge(&GROUP_FIRST, labels(), progress.first);
    page.gauge(&GROUP_LOG, labels(), groups.wal().bytes_since_purge(group.id()));
    page.gauge(
        &GROUP_BYTES,
        labels(),
        group.replica().read(Machine::message_bytes),
    );
    page.gauge(&GROUP_WAITING, labels(), group.waiting());
    for follower in group.followers() {
        let labels = || {
            [
                id.clone().into(),
                queue.clone().into(),
                follower.node.0.to_string().into(),
            ]
        };
        if let Some(lag) = follower.lag {
            page.gauge(&GROUP_FOLLOWER_LAG, labels(), lag);
        }
        if let Some(heard) = follower.heard {
            page.gauge(&GROUP_FOLLOWER_HEARD, labels(), heard);
        }
    }
}
