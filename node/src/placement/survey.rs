//! How large groups are. Each node knows the sizes of those that it leads; the node that leads the catalog asks them all from time
//! to time. Who does not answer leaves what was known.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use raft::groups::Groups;
use raft::machine::Machine;
use raft::peers::pb::{self, frame::Body};
use raft::peers::{CallError, Peers};
use raft::types::{GroupId, NodeId};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::sizes::Sizes;

/// How often nodes are asked.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Groups in one answer: about 10 KB. Who leads more is asked again.
const GROUPS_MAX: usize = 1_000;
/// A group that nobody has told of for so long has no leader, or is new.
const PATIENCE: Duration = Duration::from_secs(30);

/// Groups and their bytes.
type Told = Vec<(u64, u64)>;

/// What one node tells: the groups that it leads.
pub fn tell(groups: &Groups, asked: &pb::Sizes) -> pb::SizesReply {
    let all = groups.list().into_iter();
    let mut led = all.filter(|group| group.id().0 > asked.after && group.leads_with_all());
    let mut reply = pb::SizesReply::default();
    for group in led.by_ref().take(GROUPS_MAX) {
        reply.groups.push(group.id().0);
        reply.bytes.push(group.replica().read(Machine::message_bytes));
    }
    reply.more = led.next().is_some();
    reply
}

/// What the leader of the catalog has been told since it became that.
pub struct Survey {
    groups: Arc<Groups>,
    peers: Arc<Peers>,
    sizes: Sizes,
    began: Instant,
    asked: Option<Instant>,
    asking: JoinSet<(NodeId, Option<Told>)>,
    answered: BTreeSet<NodeId>,
}

impl Survey {
    /// Knows nothing yet.
    pub fn new(groups: Arc<Groups>, peers: Arc<Peers>) -> Survey {
        Survey {
            groups,
            peers,
            sizes: Sizes::default(),
            began: Instant::now(),
            asked: None,
            asking: JoinSet::new(),
            answered: BTreeSet::new(),
        }
    }

    /// Takes in what was answered, and asks anew if it is time. `existing` are all groups.
    pub fn look(&mut self, nodes: impl Iterator<Item = NodeId>, existing: &BTreeSet<u64>) {
        let now = Instant::now();
        while let Some(answer) = self.asking.try_join_next() {
            if let Ok((node, Some(told))) = answer {
                self.answered.insert(node);
                for (group, bytes) in told {
                    self.sizes.told(group, bytes, now);
                }
            }
        }
        self.sizes.retain(existing);
        let is_time = self
            .asked
            .is_none_or(|asked| now.duration_since(asked) >= INTERVAL);
        if !is_time || !self.asking.is_empty() {
            return;
        }
        self.asked = Some(now);
        for node in nodes {
            let (groups, peers) = (self.groups.clone(), self.peers.clone());
            self.asking.spawn(async move {
                let is_me = node == groups.me();
                let told = all(|asked| {
                    let (groups, peers) = (groups.clone(), peers.clone());
                    async move {
                        if is_me {
                            Ok(tell(&groups, &asked))
                        } else {
                            ask(&peers, node, asked).await
                        }
                    }
                });
                let told = told.await;
                let told =
                    told.inspect_err(|error| tracing::debug!(%error, "the sizes of groups are unknown"));
                (node, told.ok())
            });
        }
    }

    /// What a group counts. Nothing is said of one that was not told, unless for long, while `there` have all told theirs.
    pub fn bytes(&self, group: u64, there: &BTreeSet<NodeId>) -> Option<u64> {
        let is_over = self.began.elapsed() >= PATIENCE && self.answered.is_superset(there);
        self.sizes.bytes(group).or(is_over.then_some(0))
    }
}

async fn ask(peers: &Arc<Peers>, node: NodeId, asked: pb::Sizes) -> Result<pb::SizesReply, CallError> {
    let link = peers.link(node).ok_or(CallError::Unreachable(node))?;
    let answer = link.call(GroupId::CATALOG, Body::Sizes(asked), ANSWER_MAX);
    match answer.await? {
        Body::SizesReply(reply) => Ok(reply),
        _ => Err(CallError::Failed(node, "it answered something else".to_owned())),
    }
}

/// Asks until there is no more.
async fn all<F>(ask: impl Fn(pb::Sizes) -> F) -> Result<Told, CallError>
where
    F: Future<Output = Result<pb::SizesReply, CallError>>,
{
    let mut told = Told::new();
    loop {
        let after = told.last().map_or(0, |(group, _)| *group);
        let reply = ask(pb::Sizes { after }).await?;
        let next = reply.groups.into_iter().zip(reply.bytes);
        told.extend(next.skip_while(|(group, _)| *group <= after));
        // An answer that does not go on would be asked for again for ever.
        if !reply.more || told.last().is_none_or(|(group, _)| *group == after) {
            return Ok(told);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(groups: &[u64], more: bool) -> pb::SizesReply {
        pb::SizesReply {
            groups: groups.to_vec(),
            bytes: groups.iter().map(|group| group * 100).collect(),
            more,
        }
    }

    #[tokio::test]
    async fn long_answers_are_asked_for_in_parts() {
        let pages = [(0, vec![3, 5], true), (5, vec![6], true), (6, vec![9], false)];
        let told = all(|asked| {
            let page = pages.iter().find(|(after, ..)| *after == asked.after);
            let (_, groups, more) = page.unwrap();
            std::future::ready(Ok(reply(groups, *more)))
        });
        assert_eq!(told.await.unwrap(), [(3, 300), (5, 500), (6, 600), (9, 900)]);
        let stuck = all(|_| std::future::ready(Ok(reply(&[1], true))));
        assert_eq!(stuck.await.unwrap(), [(1, 100)]);
    }
}
