//! Whether this node is ready for clients: it belongs to a cluster, its catalog has caught up, and
//! the cluster knows where it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raft::command::catalog::NodeRecord;
use raft::env::Env;
use raft::peers::Peers;
use raft::peers::pb::HelloRequest;
use raft::types::NodeId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;

use crate::birth::greet;
use crate::catalog::CatalogView;
use crate::inbound::{Registration, register};
use crate::router::Router;

/// How long one try to catch up may take before the seeds are greeted again.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Shared by everybody who must know.
#[derive(Clone, Default)]
pub struct Readiness(Arc<State>);

#[derive(Default)]
struct State {
    ready: AtomicBool,
    changed: Notify,
}

impl Readiness {
    /// Whether clients may come.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// The node is going away.
    pub fn lost(&self) {
        self.set(false);
    }

    fn set(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    /// The standard gRPC health service, which says the same.
    pub async fn grpc_health(&self, end: CancellationToken) -> tonic::service::Routes {
        let (reporter, service) = tonic_health::server::health_reporter();
        reporter.set_service_status("", ServingStatus::NotServing).await;
        let state = self.clone();
        tokio::spawn(end.run_until_cancelled_owned(async move {
            loop {
                let changed = state.0.changed.notified();
                let status = if state.is_ready() {
                    ServingStatus::Serving
                } else {
                    ServingStatus::NotServing
                };
                reporter.set_service_status("", status).await;
                changed.await;
            }
        }));
        tonic::service::Routes::new(service)
    }
}

/// Works until this node is ready, then waits for `end`.
///
/// # Errors
/// If the cluster refuses this node.
#[allow(clippy::too_many_arguments)] // It touches every part of a node once, and nothing else does.
pub async fn achieve(
    readiness: Readiness,
    env: Env,
    seeds: Vec<String>,
    me: NodeRecord,
    catalog: Arc<CatalogView>,
    router: Arc<Router>,
    peers: Arc<Peers>,
    founders: usize,
    end: CancellationToken,
) -> anyhow::Result<()> {
    let achieving = async {
        loop {
            if catalog.catch_up(TRY_TIMEOUT).await.is_err() {
                find_members(&env, &seeds, &me, &peers).await;
                continue;
            }
            if !catalog.nodes().contains(&me) {
                match register(&router, me.clone()).await {
                    Ok(()) => continue,
                    Err(Registration::Refused(reason)) => {
                        anyhow::bail!("the cluster refuses this node: {reason}")
                    }
                    Err(Registration::NotNow(reason)) => tracing::debug!(reason, "not registered yet"),
                }
            } else if catalog.nodes().len() >= founders {
                // With fewer nodes known, a queue would get too few replicas.
                return Ok(());
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    };
    match end.run_until_cancelled(achieving).await {
        Some(achieved) => achieved?,
        None => return Ok(()),
    }
    readiness.set(true);
    tracing::info!("ready");
    end.cancelled().await;
    Ok(())
}

/// Asks the seeds who they are, because addresses may have changed since this node last ran, and gives
/// the other members among them. Takes a moment, so that callers may ask again and again.
pub async fn find_members(env: &Env, seeds: &[String], me: &NodeRecord, peers: &Arc<Peers>) -> Vec<NodeId> {
    let hello = HelloRequest {
        node: prost::Message::encode_to_vec(me).into(),
        ..Default::default()
    };
    let mut members = Vec::new();
    for seed in seeds {
        if let Some((reply, record)) = greet(env, seed, hello.clone()).await
            && reply.cluster == peers.cluster()
            && record.node_id != me.node_id
        {
            peers.set_address(NodeId(record.node_id), &record.peer_address);
            members.push(NodeId(record.node_id));
        }
    }
    tokio::time::sleep(RETRY_PAUSE).await;
    members
}
