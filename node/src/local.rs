//! Commands at their group's leader: the end of every route.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, Either, FutureExt};
use prost::Message;
use raft::command::Reply;
use raft::group::{Group, NotDone, not_done_to};
use raft::groups::Groups;
use raft::peers::pb::{self, command_reply};
use raft::types::GroupId;

use crate::admission::Admission;
use crate::placement::candidates;
use crate::polls::Polls;

/// What became of a command.
pub struct Done {
    /// The machine's reply.
    pub reply: Reply,
    /// How long a receive waited for a message.
    pub waited: Duration,
}

impl Done {
    fn at_once(reply: Reply) -> Done {
        let waited = Duration::ZERO;
        Done { reply, waited }
    }
}

/// Executes commands on groups that this node leads.
pub struct Local {
    groups: Arc<Groups>,
    polls: Arc<Polls>,
    admission: Arc<Admission>,
}

impl Local {
    /// Over this node's replicas and its waiting receives.
    pub fn new(groups: Arc<Groups>, polls: Arc<Polls>, admission: Arc<Admission>) -> Arc<Local> {
        Arc::new(Local {
            groups,
            polls,
            admission,
        })
    }

    /// Queues a command now and gives a future of its reply. `receive` says that it is a receive,
    /// and how long it may wait for a message.
    pub fn execute(
        &self,
        group: GroupId,
        command: Bytes,
        receive: Option<Duration>,
    ) -> impl Future<Output = Result<Done, NotDone>> + Send + use<> {
        let id = group;
        let Some(group) = self.groups.get(id) else {
            let why = match self.groups.quarantine_of(id) {
                Some(_) => NotDone::Quarantined,
                None => NotDone::Stopped,
            };
            return Either::Left(std::future::ready(Err(why)));
        };
        if !group.leadership().leads {
            let leader = group.leadership().leader.filter(|l| *l != self.groups.me());
            return Either::Left(std::future::ready(Err(NotDone::NotLeader(leader))));
        }
        if receive.is_none() && self.admission.refuses(&group, &command) {
            return Either::Left(std::future::ready(Err(NotDone::Busy)));
        }
        Either::Right(match receive {
            None if group.id() == GroupId::CATALOG => {
                // In a box, because the whole call would be a type too deep for the compiler.
                Either::Left(Either::Left(to_catalog(group, command).boxed()))
            }
            None => Either::Left(Either::Right(
                group.propose(command).map(|reply| reply.map(Done::at_once)),
            )),
            Some(wait) => Either::Right(self.polls.clone().receive(group, command, wait)),
        })
    }

    /// How many messages a queue partition has, as this node knows.
    pub fn counts(&self, group: GroupId) -> pb::CountsReply {
        let Some(group) = self.groups.get(group) else {
            return pb::CountsReply::default();
        };
        let leadership = group.leadership();
        let counts = group.replica().read(|machine| {
            let now = group.time(machine);
            machine.as_queue().map(|queue| queue.counts(now))
        });
        let counts = counts.unwrap_or_default();
        pb::CountsReply {
            leads: leadership.leads && group.leads_with_lease(),
            leader: leadership.leader.map_or(0, |n| n.0),
            visible: counts.visible,
            in_flight: counts.in_flight,
            delayed: counts.delayed,
        }
    }

    /// The same for a command that another node forwarded.
    pub fn forwarded(&self, group: GroupId, command: pb::Command) -> BoxFuture<'static, pb::CommandReply> {
        if self.groups.get(group).is_none() && self.groups.quarantine_of(group).is_none() {
            let gone = pb::NotDone {
                reason: pb::not_done::Reason::NoSuchGroup.into(),
                leader: 0,
            };
            return std::future::ready(reply_of(command_reply::Reply::NotDone(gone))).boxed();
        }
        let wait = command.receive.then(|| Duration::from_millis(command.wait_ms));
        let done = self.execute(group, command.command, wait);
        async move {
            let done = done.await;
            let waited_us = done.as_ref().map_or(0, |done| done.waited.as_micros());
            let reply = reply_of(match done.map(|done| done.reply) {
                Ok(Reply::Queue(reply)) => command_reply::Reply::Queue(reply.encode_to_vec().into()),
                Ok(Reply::Catalog(reply)) => command_reply::Reply::Catalog(reply.encode_to_vec().into()),
                // What is unread has been read by the proposer.
                Ok(Reply::Unintelligible | Reply::Unread(_)) => command_reply::Reply::NotDone(pb::NotDone {
                    reason: pb::not_done::Reason::Unintelligible.into(),
                    leader: 0,
                }),
                Err(not_done) => command_reply::Reply::NotDone(not_done_to(&not_done)),
            });
            pb::CommandReply {
                waited_us: u64::try_from(waited_us).unwrap_or(u64::MAX),
                ..reply
            }
        }
        .boxed()
    }
}

/// A command to the catalog, which this node leads: the leader adds what only it knows.
async fn to_catalog(catalog: Arc<Group>, command: Bytes) -> Result<Done, NotDone> {
    let command = candidates::name(&catalog, command).await?;
    catalog.propose(command).await.map(Done::at_once)
}

fn reply_of(reply: command_reply::Reply) -> pb::CommandReply {
    pb::CommandReply {
        reply: Some(reply),
        waited_us: 0,
    }
}
