//! What the leaders of groups know of them: how large they are, and how their moves get on. The node that leads the catalog asks
//! all nodes from time to time. Who does not answer leaves what was known.

use std::collections::{BTreeMap, BTreeSet};
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
use super::stalls::{Stall, Stalls};

/// How often nodes are asked.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Groups in one answer: about 10 KB. Who leads more is asked again.
const GROUPS_MAX: usize = 1_000;
/// A group that nobody has told of for so long has no leader, or is new.
const PATIENCE: Duration = Duration::from_secs(30);

/// A group that nobody has told of for so long has no leader: each node is asked several times meanwhile.
const UNLED: Duration = Duration::from_secs(15);
/// A move that has made no progress for so long is stuck.
const STILL: Duration = Duration::from_secs(30);

/// What a leader tells of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    group: u64,
    bytes: u64,
    moving: Option<Stall>,
}

/// What one node tells: the groups that it leads.
pub fn tell(groups: &Groups, stalls: &Stalls, asked: &pb::Sizes) -> pb::SizesReply {
    let now = Instant::now();
    let all = groups.list().into_iter();
    let mut led = all.filter(|group| group.id().0 > asked.after && group.leads_with_all());
    let mut reply = pb::SizesReply::default();
    for group in led.by_ref().take(GROUPS_MAX) {
        reply.groups.push(group.id().0);
        reply.bytes.push(group.replica().read(Machine::message_bytes));
        reply
            .moving
            .extend(stalls.of(group.id(), now).map(|stall| pb::Moving {
                group: group.id().0,
                still_ms: u64::try_from(stall.still.as_millis()).unwrap_or(u64::MAX),
                reason: stall.reason,
            }));
    }
    reply.more = led.next().is_some();
    reply
}

/// What the leader of the catalog has been told since it became that.
pub struct Survey {
    groups: Arc<Groups>,
    peers: Arc<Peers>,
    stalls: Arc<Stalls>,
    sizes: Sizes,
    /// When each group was last told of, and, if it was on its way, how that got on.
    led: BTreeMap<u64, (Instant, Option<Stall>)>,
    began: Instant,
    asked: Option<Instant>,
    asking: JoinSet<(NodeId, Option<Vec<Told>>)>,
    answered: BTreeSet<NodeId>,
}

impl Survey {
    /// Knows nothing yet. `stalls` are the moves that this node carries out.
    pub fn new(groups: Arc<Groups>, peers: Arc<Peers>, stalls: Arc<Stalls>) -> Survey {
        Survey {
            groups,
            peers,
            stalls,
            sizes: Sizes::default(),
            led: BTreeMap::new(),
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
                for told in told {
                    self.sizes.told(told.group, told.bytes, now);
                    self.led.insert(told.group, (now, told.moving));
                }
            }
        }
        self.sizes.retain(existing);
        self.led.retain(|group, _| existing.contains(group));
        let is_time = self
            .asked
            .is_none_or(|asked| now.duration_since(asked) >= INTERVAL);
        if !is_time || !self.asking.is_empty() {
            return;
        }
        self.asked = Some(now);
        for node in nodes {
            let (groups, peers) = (self.groups.clone(), self.peers.clone());
            let stalls = self.stalls.clone();
            self.asking.spawn(async move {
                let is_me = node == groups.me();
                let told = all(|asked| {
                    let (groups, peers, stalls) = (groups.clone(), peers.clone(), stalls.clone());
                    async move {
                        if is_me {
                            Ok(tell(&groups, &stalls, &asked))
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

    /// Whether a leader has told of a group lately.
    pub fn is_led(&self, group: u64) -> bool {
        let told = self.led.get(&group);
        told.is_some_and(|(at, _)| at.elapsed() < UNLED)
    }

    /// Why a group that is on its way gets no further; nothing if it does, or if it is too early to say.
    pub fn stuck(&self, group: u64) -> Option<String> {
        if !self.is_led(group) {
            let is_over = self.began.elapsed() >= UNLED;
            return is_over.then(|| "it has no leader, perhaps no majority".to_owned());
        }
        let (_, moving) = self.led.get(&group)?;
        let stall = moving.as_ref().filter(|stall| stall.still >= STILL)?;
        Some(stall.reason.clone())
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
async fn all<F>(ask: impl Fn(pb::Sizes) -> F) -> Result<Vec<Told>, CallError>
where
    F: Future<Output = Result<pb::SizesReply, CallError>>,
{
    let mut told: Vec<Told> = Vec::new();
    loop {
        let after = told.last().map_or(0, |told| told.group);
        let reply = ask(pb::Sizes { after }).await?;
        let is_last = !reply.more;
        told.extend(in_words(reply).skip_while(|told| told.group <= after));
        // An answer that does not go on would be asked for again for ever.
        if is_last || told.last().is_none_or(|told| told.group == after) {
            return Ok(told);
        }
    }
}

fn in_words(reply: pb::SizesReply) -> impl Iterator<Item = Told> {
    let moving = reply.moving.into_iter().map(|moving| {
        let still = Duration::from_millis(moving.still_ms);
        let reason = moving.reason;
        (moving.group, Stall { still, reason })
    });
    let mut moving: BTreeMap<u64, Stall> = moving.collect();
    let sized = reply.groups.into_iter().zip(reply.bytes);
    sized.map(move |(group, bytes)| Told {
        group,
        bytes,
        moving: moving.remove(&group),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(groups: &[u64], more: bool) -> pb::SizesReply {
        pb::SizesReply {
            groups: groups.to_vec(),
            bytes: groups.iter().map(|group| group * 100).collect(),
            more,
            moving: Vec::new(),
        }
    }

    fn told(group: u64, bytes: u64) -> Told {
        Told {
            group,
            bytes,
            moving: None,
        }
    }

    #[tokio::test]
    async fn long_answers_are_asked_for_in_parts() {
        let pages = [(0, vec![3, 5], true), (5, vec![6], true), (6, vec![9], false)];
        let answer = all(|asked| {
            let page = pages.iter().find(|(after, ..)| *after == asked.after);
            let (_, groups, more) = page.unwrap();
            std::future::ready(Ok(reply(groups, *more)))
        });
        let expected = [told(3, 300), told(5, 500), told(6, 600), told(9, 900)];
        assert_eq!(answer.await.unwrap(), expected);
        let stuck = all(|_| std::future::ready(Ok(reply(&[1], true))));
        assert_eq!(stuck.await.unwrap(), [told(1, 100)]);
    }

    #[test]
    fn each_group_gets_what_was_told_of_its_own_move() {
        let reason = "node 4 is not up to date yet".to_owned();
        let mut reply = reply(&[3, 5], false);
        reply.moving = vec![pb::Moving {
            group: 5,
            still_ms: 2_000,
            reason: reason.clone(),
        }];
        let still = Duration::from_secs(2);
        let moving = Some(Stall { still, reason });
        let five = Told {
            moving,
            ..told(5, 500)
        };
        assert_eq!(in_words(reply).collect::<Vec<_>>(), [told(3, 300), five]);
    }
}
