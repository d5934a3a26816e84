//! What one node tells about itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use raft::group::Group;
use raft::groups::Groups;
use raft::machine::Machine;
use raft::quarantine::Quarantine;
use raft::types::{GroupId, NodeId};

use super::{Member, NodeStatus, QuarantinedReplica, Replica};
use crate::admin::Admin;
use crate::catalog::CatalogView;
use crate::cluster::pb;

/// How long the disk may take to tell what is on it. A checkpoint that is being written may be in the way.
const DISK_TIMEOUT: Duration = Duration::from_millis(500);

/// What this node tells.
pub async fn of_node(admin: &Admin, catalog: Option<&Arc<CatalogView>>) -> NodeStatus {
    let members = catalog.map_or_else(Vec::new, |catalog| {
        let member = |n: raft::command::catalog::NodeRecord| Member {
            id: n.node_id,
            api: n.api_address,
            peer: n.peer_address,
            admin: n.admin_address,
            zone: n.zone,
            version: n.version,
        };
        catalog.nodes().into_iter().map(member).collect()
    });
    // Before the open ones: what is opened meanwhile must not be missing in both.
    let on_disk = on_disk(&admin.node.groups).await;
    let closed = on_disk.map(|on_disk| closed(admin, catalog, on_disk));
    let groups = admin.node.groups.list();
    let replicas = groups.iter().map(|group| {
        let leadership = group.leadership();
        let progress = group.progress();
        let record = catalog.and_then(|c| c.read(|c| c.group(group.id()).cloned()));
        let placed = match &record {
            Some(record) => record.replicas.clone(),
            None => group
                .members()
                .0
                .iter()
                .chain(&group.members().1)
                .map(|n| n.0)
                .collect(),
        };
        Replica {
            group: group.id().0,
            kind: if group.id() == GroupId::CATALOG {
                "catalog"
            } else {
                "queue"
            }
            .to_owned(),
            queue: record
                .and_then(|r| r.queue)
                .map(|q| format!("{}/{}/{}", q.account, q.region, q.name)),
            placed,
            term: leadership.term,
            leader: leadership.leader.map(|n: NodeId| n.0),
            leads: leadership.leads,
            applied: progress.applied,
            last: progress.last,
            checkpointed: progress.checkpointed,
            first: progress.first,
            bytes: group.replica().read(Machine::message_bytes),
            verified: verified(admin.node.me.node_id, group),
            level: group.replica().read(Machine::level).0,
            last_entry: group.last_entry(),
            applied_ms: group.replica().read(Machine::now).0,
            leads_with_lease: group.leads_with_lease(),
            voters: group
                .voter_sets()
                .iter()
                .map(|set| set.iter().map(|node| node.0).collect())
                .collect(),
        }
    });
    let clock = admin.node.clock.standing();
    let full = admin.node.admission.own();
    NodeStatus {
        node: admin.node.me.node_id,
        cluster: admin.node.peers.cluster(),
        ready: admin.node.readiness.is_ready(),
        members,
        replicas: replicas.collect(),
        clock_offset_ms: clock.offset_ms,
        clock_agreed: clock.agreed,
        disk_full: full.disk,
        memory_full: full.memory,
        planned: admin.node.outlook.planned(),
        stuck: admin.node.outlook.stuck(),
        quarantined: quarantined(&admin.node.groups, catalog),
        put_aside: put_aside(&admin.node.groups),
        level: catalog.map_or(0, |catalog| catalog.read(|c| c.level().0)),
        closed,
    }
}

/// Groups that this node has anything of; none if the disk does not tell in time.
async fn on_disk(groups: &Groups) -> Option<BTreeSet<GroupId>> {
    let told = tokio::time::timeout(DISK_TIMEOUT, groups.on_disk()).await;
    let mut on_disk = told.ok()?.ok()?;
    // A replica that waits for another one's state has an empty log.
    for id in groups.wal().groups() {
        if groups.wal().group(id).range().end == 0 {
            on_disk.remove(&id);
        }
    }
    Some(on_disk)
}

/// What is on the disk, or was placed here when the group was created, and is out of service only for now.
fn closed(admin: &Admin, catalog: Option<&Arc<CatalogView>>, mut groups: BTreeSet<GroupId>) -> Vec<u64> {
    let me = admin.node.me.node_id;
    if let Some(catalog) = catalog {
        catalog.read(|c| {
            let born = c.groups().filter(|group| group.was_born_on(me));
            let here = born.filter(|group| group.members.contains(&me));
            groups.extend(here.map(|group| GroupId(group.group_id)));
        });
    }
    let is_known =
        |id: &GroupId| admin.node.groups.get(*id).is_some() || admin.node.groups.quarantine_of(*id).is_some();
    let closed = groups
        .into_iter()
        .filter(|id| *id != GroupId::CATALOG && !is_known(id));
    closed.map(|id| id.0).collect()
}

fn quarantined(groups: &Groups, catalog: Option<&Arc<CatalogView>>) -> Vec<QuarantinedReplica> {
    let replica = |quarantine: Quarantine| QuarantinedReplica {
        group: quarantine.group.0,
        queue: catalog
            .and_then(|c| c.read(|c| c.group(quarantine.group).and_then(|g| g.queue.clone())))
            .map(|q| format!("{}/{}/{}", q.account, q.region, q.name)),
        cause: quarantine.broken.cause.name().to_owned(),
        index: quarantine.broken.index,
        reason: quarantine.broken.reason,
        since_ms: quarantine.since.0,
        version: quarantine.version,
        log_file: groups
            .log_aside(quarantine.group)
            .map(|file| file.display().to_string()),
    };
    groups.quarantined().into_iter().map(replica).collect()
}

fn verified(node: u64, group: &Group) -> pb::Verified {
    let seen = group.verification();
    pb::Verified {
        node,
        pass: seen.pass,
        slices: seen.slices,
        equal: seen.equal,
        unequal: seen.unequal,
        divergence: seen.divergence.unwrap_or_default(),
    }
}

fn put_aside(groups: &Groups) -> Vec<pb::PutAside> {
    let put_aside = groups.put_aside().into_iter().map(|aside| pb::PutAside {
        group: aside.group.0,
        file: aside.path.display().to_string(),
        reason: aside.reason,
    });
    put_aside.collect()
}
