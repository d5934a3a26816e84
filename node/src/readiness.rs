//! Whether this node is ready for clients: it belongs to a cluster, its catalog has caught up, and
//! the cluster knows where it is. That is checked again and again, so that balancers avoid a node that
//! is cut off. It still serves who comes nevertheless: perhaps the group in question has a majority.

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
use crate::levels;
use crate::router::Router;

/// How long one try to catch up may take before the seeds are greeted again.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// How often a ready node is checked, and how long one check may take.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Failed checks in a row after which the node is not ready; elections fail fewer.
const FAILURES_MAX: u32 = 3;

/// Shared by everybody who must know.
#[derive(Clone, Default)]
pub struct Readiness(Arc<State>);

#[derive(Default)]
struct State {
    ready: AtomicBool,
    was_ready: AtomicBool,
    leaving: AtomicBool,
    changed: Notify,
}

impl Readiness {
    /// Whether clients should come.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire) && !self.0.leaving.load(Ordering::Acquire)
    }

    /// Whether clients that come are served: once the node was ready, always.
    pub fn may_serve(&self) -> bool {
        self.0.was_ready.load(Ordering::Acquire)
    }

    /// The node is going away, and will not be ready again.
    pub fn lost(&self) {
        self.0.leaving.store(true, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    fn set(&self, ready: bool) {
        self.0.was_ready.fetch_or(ready, Ordering::AcqRel);
        self.0.ready.store(ready, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    /// Follows the outcome of a check; `failures` counts those that failed in a row.
    fn checked(&self, passed: bool, failures: &mut u32) {
        *failures = if passed { 0 } else { failures.saturating_add(1) };
        let was = self.0.ready.load(Ordering::Acquire);
        if passed && !was {
            tracing::info!("ready again");
            self.set(true);
        } else if *failures >= FAILURES_MAX && was {
            tracing::warn!("not ready: the catalog's leader cannot be reached");
            self.set(false);
        }
    }

    /// The standard gRPC health service, which says the same.
    pub async fn grpc_health(&self, end: CancellationToken) -> tonic::service::Routes {
        let (reporter, service) = tonic_health::server::health_reporter();
        reporter.set_service_status("", ServingStatus::NotServing).await;
        let state = self.clone();
        tokio::spawn(end.run_until_cancelled_owned(async move {
            loop {
                let changed = state.0.changed.notified();
                tokio::pin!(changed);
                // From here on no change is missed.
                changed.as_mut().enable();
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

/// Works until this node is ready, then checks until `end` that it still is.
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
                find_members(&env, &seeds, &me, &peers, Some(&catalog)).await?;
                continue;
            }
            if !levels::is_registered(&catalog, &me) {
                match register(&router, levels::registration(&catalog, &me)).await {
                    Ok(()) => continue,
                    Err(Registration::Removed(reason)) => return Err(Removed(reason).into()),
                    Err(Registration::Refused(reason)) => {
                        anyhow::bail!("the cluster refuses this node: {reason}");
                    }
                    Err(Registration::NotNow(reason)) => tracing::debug!(reason, "not registered yet"),
                }
            } else if catalog.read(|c| c.nodes().count() + c.removed()) >= founders {
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
    let checking = async {
        check(&readiness, &catalog, || {
            find_members(&env, &seeds, &me, &peers, Some(&catalog))
        })
        .await;
        tracing::warn!(
            "this node was taken out of the cluster; it does nothing any more, and may be stopped"
        );
        readiness.lost();
        std::future::pending::<()>().await;
    };
    end.run_until_cancelled(checking).await;
    Ok(())
}

/// A replica that cannot learn from the leader how far the catalog is, or cannot get there, is stale: perhaps others have
/// moved, and their seeds know. Returns when the catalog says that this node was removed.
async fn check<F: Future<Output = anyhow::Result<()>>>(
    readiness: &Readiness,
    catalog: &CatalogView,
    find_members: impl Fn() -> F,
) {
    let me = catalog.group().me().0;
    let mut interval = tokio::time::interval(CHECK_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failures = 0;
    loop {
        interval.tick().await;
        let passed = catalog.catch_up(CHECK_INTERVAL).await.is_ok();
        readiness.checked(passed, &mut failures);
        if catalog.read(|c| c.is_removed(me)) {
            return;
        }
        // Who says that it was removed knows it before this node's catalog does.
        if failures >= FAILURES_MAX && find_members().await.is_err() {
            return;
        }
    }
}

/// The cluster has taken this node out.
#[derive(Debug, thiserror::Error)]
#[error("the cluster refuses this node: {0}")]
pub struct Removed(String);

/// Asks the seeds who they are: addresses may have changed since this node last ran, and the catalog may
/// have gone on without this node.
///
/// # Errors
/// If one says that this node was taken out of the cluster.
pub(crate) async fn find_members(
    env: &Env,
    seeds: &[String],
    me: &NodeRecord,
    peers: &Arc<Peers>,
    catalog: Option<&Arc<CatalogView>>,
) -> anyhow::Result<()> {
    let hello = HelloRequest {
        node: prost::Message::encode_to_vec(me).into(),
        ..Default::default()
    };
    for seed in seeds {
        if let Some((reply, record)) = greet(env, seed, hello.clone()).await
            && reply.cluster == peers.cluster()
            && record.node_id != me.node_id
        {
            if !reply.refusal.is_empty() {
                return Err(Removed(reply.refusal).into());
            }
            peers.set_address(NodeId(record.node_id), &record.peer_address);
            if let Some(catalog) = catalog {
                catalog.group().heard_of_epoch(reply.catalog_epoch);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_follows_the_checks_until_the_node_leaves() {
        let readiness = Readiness::default();
        let mut failures = 0;
        assert!(!readiness.is_ready() && !readiness.may_serve());
        readiness.set(true);
        for passed in [false, false, true, false, false] {
            readiness.checked(passed, &mut failures);
            assert!(readiness.is_ready(), "never three failures in a row");
        }
        readiness.checked(false, &mut failures);
        assert!(!readiness.is_ready() && readiness.may_serve());
        readiness.checked(true, &mut failures);
        assert!(readiness.is_ready());
        readiness.lost();
        readiness.checked(true, &mut failures);
        assert!(!readiness.is_ready() && readiness.may_serve());
    }
}
