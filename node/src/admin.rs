//! The admin listener: health, metrics and status, over plain HTTP.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use raft::command::catalog::NodeRecord;
use raft::env::Listener;
use raft::groups::Groups;
use raft::peers::Peers;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::metrics::Metrics;
use crate::polls::Polls;
use crate::readiness::Readiness;
use crate::status::{self, NodeStatus};

/// What the admin listener shows.
#[derive(Clone)]
pub struct Admin {
    /// Health.
    pub readiness: Readiness,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Groups.
    pub groups: Arc<Groups>,
    /// Other nodes.
    pub peers: Arc<Peers>,
    /// Waiting receives.
    pub polls: Arc<Polls>,
    /// This node.
    pub me: NodeRecord,
    catalog: Arc<OnceLock<Arc<CatalogView>>>,
}

impl Admin {
    /// Shows a node that belongs to no cluster yet.
    pub fn new(
        readiness: Readiness,
        metrics: Arc<Metrics>,
        groups: Arc<Groups>,
        peers: Arc<Peers>,
        polls: Arc<Polls>,
        me: NodeRecord,
    ) -> Admin {
        Admin { readiness, metrics, groups, peers, polls, me, catalog: Arc::default() }
    }

    /// The node has a catalog from now on.
    pub fn set_catalog(&self, catalog: Arc<CatalogView>) {
        // Set once, when the node comes to belong to a cluster.
        let _ = self.catalog.set(catalog);
    }
}

/// Serves until `end`.
///
/// # Errors
/// If the listener fails.
pub async fn serve(admin: Admin, listener: Box<dyn Listener>, end: CancellationToken) -> anyhow::Result<()> {
    let routes = Router::new()
        .route("/health/live", get(async || "live\n"))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/status", get(node_status))
        .with_state(admin);
    while let Some(accepted) = end.run_until_cancelled(listener.accept()).await {
        let (stream, _) = accepted?;
        let service = TowerToHyperService::new(routes.clone());
        let end = end.clone();
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            let serving = server.serve_connection(TokioIo::new(stream), service);
            // A client that breaks off is its own business.
            let _ = end.run_until_cancelled(serving).await;
        });
    }
    Ok(())
}

async fn ready(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    if admin.readiness.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn metrics(State(admin): State<Admin>) -> String {
    admin.metrics.render(&admin.groups, &admin.polls, &admin.readiness)
}

async fn node_status(State(admin): State<Admin>) -> Json<NodeStatus> {
    Json(status::of_node(&admin, admin.catalog.get()))
}
