//! The admin listener: health, metrics and status, over plain HTTP.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use raft::env::Listener;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::metrics::{self, Sources};
use crate::status::{self, NodeStatus};

/// What the admin listener shows.
#[derive(Clone)]
pub struct Admin {
    /// The parts of the node.
    pub node: Sources,
    catalog: Arc<OnceLock<Arc<CatalogView>>>,
}

impl Admin {
    /// Shows a node that belongs to no cluster yet.
    pub fn new(node: Sources) -> Admin {
        Admin {
            node,
            catalog: Arc::default(),
        }
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
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(all_metrics))
        .route("/metrics/groups", get(metrics_of_groups))
        .route("/status", get(node_status))
        .with_state(admin);
    while let Some(accepted) = end.run_until_cancelled(listener.accept()).await {
        let (stream, _) = accepted?;
        let service = TowerToHyperService::new(routes.clone());
        let end = end.clone();
        let serving = async move {
            // A client that breaks off is its own business.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        };
        tokio::spawn(end.run_until_cancelled_owned(serving));
    }
    Ok(())
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    if admin.node.readiness.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn all_metrics(State(admin): State<Admin>) -> impl IntoResponse {
    let page = admin
        .node
        .all(admin.catalog.get().map(|catalog| &**catalog))
        .await;
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], page.render())
}

async fn metrics_of_groups(State(admin): State<Admin>) -> impl IntoResponse {
    let catalog = admin.catalog.get().map(|catalog| &**catalog);
    let page = admin.node.of_groups(catalog).await;
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], page.render())
}

async fn node_status(State(admin): State<Admin>) -> Json<NodeStatus> {
    Json(status::of_node(&admin, admin.catalog.get()).await)
}
