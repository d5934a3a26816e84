//! The other nodes, as this one reaches them. How long a call takes is not told: receives wait at the other node for as long as
//! they like. Calls without a reply are: a node that is paused or slow answers heartbeats too late.

use raft::peers::{Peers, Unanswered};
use raft::types::NodeId;

use super::page::Page;
use super::{PEER_CONNECTED, PEER_UNANSWERED, PEERS_CONNECTED};

/// `is_member` says who belongs to the cluster: a link to a node that was removed needs nobody's attention.
pub(super) fn collect(peers: &Peers, is_member: impl Fn(NodeId) -> bool, page: &mut Page) {
    let links = peers.links().into_iter().filter(|(node, _)| is_member(*node));
    let mut connected = 0_usize;
    for (node, link) in links {
        connected += usize::from(link.is_connected());
        show(node, link.is_connected(), link.unanswered(), page);
    }
    page.gauge(&PEERS_CONNECTED, [], connected);
}

fn show(node: NodeId, is_connected: bool, unanswered: Unanswered, page: &mut Page) {
    page.gauge(&PEER_CONNECTED, [node.0.to_string().into()], is_connected);
    for (reason, calls) in [
        ("unreachable", unanswered.unreachable),
        ("timeout", unanswered.timeout),
        ("overloaded", unanswered.overloaded),
    ] {
        page.counter(
            &PEER_UNANSWERED,
            [node.0.to_string().into(), reason.into()],
            calls,
        );
    }
}

#[cfg(test)]
mod tests {
    use raft::env::Env;

    use super::super::ALL;
    use super::*;

    #[tokio::test]
    async fn nodes_that_are_known_and_not_reached_are_told() {
        let peers = Peers::new(Env::real().unwrap(), NodeId(1));
        peers.set_address(NodeId(2), "127.0.0.1:1");
        peers.set_address(NodeId(3), "127.0.0.1:1");
        // One that was removed.
        assert!(peers.link(NodeId(3)).is_some());
        let link = peers.link(NodeId(2)).unwrap();
        let counts = raft::peers::pb::Counts {};
        let body = raft::peers::pb::frame::Body::Counts(counts);
        let limit = std::time::Duration::from_secs(1);
        assert!(link.call(raft::types::GroupId(1), body, limit).await.is_err());
        let page = || {
            let mut page = Page::new(ALL);
            collect(&peers, |node| node != NodeId(3), &mut page);
            page
        };
        assert_eq!(page().lines(&PEERS_CONNECTED), ["0"]);
        assert_eq!(page().lines(&PEER_CONNECTED), ["{peer=\"2\"} 0"]);
        let unanswered = page().lines(&PEER_UNANSWERED);
        assert_eq!(unanswered[0], "{peer=\"2\",reason=\"unreachable\"} 1");
        assert_eq!(unanswered[1], "{peer=\"2\",reason=\"timeout\"} 0");
    }
}
