//! `millrace kubernetes leave`: a pod's `preStop` hook.
//!
//! Only the StatefulSet says whether a pod that ends will come back: after a scale-down, `spec.replicas` leaves no place for it.
//! Then this node empties itself and leaves the cluster while it still runs. No hook of Helm could do that: `kubectl scale` and
//! autoscalers run none. A node of whose future nothing can be learnt stays a member: its volume stays, and it may come back.
//! One that will come back stops once every group has a majority without it.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use raft::env::Env;

use super::api::ApiServer;
use super::scale::{Fate, StatefulSet, split_pod_name};
use super::spare;
use crate::{cluster, status};

/// Flags of `kubernetes leave`.
#[derive(Args, Debug)]
pub struct Flags {
    /// This pod's name, which ends with its number in the StatefulSet.
    #[arg(long, env = "MILLRACE_POD_NAME")]
    pub pod: String,
    /// `host:port` of this node's admin listener.
    #[arg(long, env = "MILLRACE_ADMIN", default_value = "127.0.0.1:4568")]
    pub admin: String,
    /// `host:port` of this node's peer listener, which takes commands for the cluster.
    #[arg(long, env = "MILLRACE_SERVER", default_value = "127.0.0.1:4567")]
    pub server: String,
    /// Empty the node and take it out of the cluster if its StatefulSet was scaled down.
    #[arg(long, env = "MILLRACE_DRAIN_ON_SCALE_DOWN")]
    pub drain_on_scale_down: bool,
    /// How many seconds a node that will come back waits until every group has a majority without it.
    #[arg(long, env = "MILLRACE_STOP_PATIENCE_SECONDS", default_value_t = 60)]
    pub patience_seconds: u64,
    /// How many seconds the node goes on serving afterwards. Services and ingresses hear of the end of a pod when this
    /// command begins, and nothing tells when the last of them no longer sends clients here.
    #[arg(long, env = "MILLRACE_LINGER_SECONDS", default_value_t = 5)]
    pub linger_seconds: u64,
}

/// Leaves the cluster if the pod is to be gone for good, or waits until the others can do without it; then lingers.
///
/// # Errors
/// If the node should have left the cluster, and could not.
pub(super) async fn run(env: &Env, flags: &Flags) -> anyhow::Result<()> {
    let left = match fate(env, &flags.pod).await {
        Fate::Dismissed if flags.drain_on_scale_down => depart(env, flags).await,
        Fate::EndsWithAll => Ok(()),
        Fate::Dismissed | Fate::Returns => {
            spare::wait(env, &flags.admin, Duration::from_secs(flags.patience_seconds)).await;
            Ok(())
        }
    };
    tokio::time::sleep(Duration::from_secs(flags.linger_seconds)).await;
    left
}

async fn fate(env: &Env, pod: &str) -> Fate {
    let asked = async { ask(&ApiServer::of_this_pod(env)?, pod).await };
    asked.await.unwrap_or_else(|error| {
        let error = format!("{error:#}");
        tracing::warn!(error, "stays a member: the StatefulSet could not be asked for");
        Fate::Returns
    })
}

/// What this pod's StatefulSet has in store for it.
async fn ask(api: &ApiServer, pod: &str) -> anyhow::Result<Fate> {
    let (name, ordinal) = split_pod_name(pod).with_context(|| format!("{pod} is no pod of a StatefulSet"))?;
    let namespace = api.namespace()?;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}");
    let set: Option<StatefulSet> = api.get(&path).await?;
    Ok(set.map_or(Fate::EndsWithAll, |set| set.fate_of(ordinal)))
}

/// Empties this node and takes it out of its cluster. Its number is the one that it has there, which need not be the pod's.
async fn depart(env: &Env, flags: &Flags) -> anyhow::Result<()> {
    let me = status::ask(env, &flags.admin)
        .await
        .context("this node does not answer")?;
    if me.cluster.is_empty() {
        tracing::info!("belongs to no cluster");
        return Ok(());
    }
    tracing::info!(
        node = me.node,
        "the StatefulSet was scaled down: leaving the cluster"
    );
    cluster::command::leave(env, &flags.server, me.node).await
}

#[cfg(test)]
mod tests;
