//! `millrace kubernetes leave`: a pod's `preStop` hook.
//!
//! Only the StatefulSet says whether a pod that ends will come back: after a scale-down, `spec.replicas` leaves no place for it.
//! Then this node empties itself and leaves the cluster while it still runs. No hook of Helm could do that: `kubectl scale` and
//! autoscalers run none. A node of whose future nothing can be learnt stays a member: its volume stays, and it may come back.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use raft::env::Env;

use super::api::ApiServer;
use super::scale::{StatefulSet, split_pod_name};
use crate::status;

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
    /// How many seconds the node goes on serving afterwards. Services and ingresses hear of the end of a pod when this
    /// command begins, and nothing tells when the last of them no longer sends clients here.
    #[arg(long, env = "MILLRACE_LINGER_SECONDS", default_value_t = 5)]
    pub linger_seconds: u64,
}

/// Leaves the cluster if the pod is to be gone for good, then lingers.
///
/// # Errors
/// If the node should have left the cluster, and could not.
pub(super) async fn run(env: &Env, flags: &Flags) -> anyhow::Result<()> {
    let left = if flags.drain_on_scale_down && is_dismissed(env, &flags.pod).await {
        depart(env, flags).await
    } else {
        Ok(())
    };
    tokio::time::sleep(Duration::from_secs(flags.linger_seconds)).await;
    left
}

async fn is_dismissed(env: &Env, pod: &str) -> bool {
    let asked = async { ask(&ApiServer::of_this_pod(env)?, pod).await };
    match asked.await {
        Ok(dismissed) => dismissed,
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(error, "stays a member: the StatefulSet could not be asked for");
            false
        }
    }
}

/// Whether this pod's StatefulSet has no place for it any more. A StatefulSet that is gone has dismissed nobody: the cluster
/// ends as a whole, and its volumes stay.
async fn ask(api: &ApiServer, pod: &str) -> anyhow::Result<bool> {
    let (name, ordinal) = split_pod_name(pod).with_context(|| format!("{pod} is no pod of a StatefulSet"))?;
    let namespace = api.namespace()?;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}");
    let set: Option<StatefulSet> = api.get(&path).await?;
    Ok(set.is_some_and(|set| set.dismisses(ordinal)))
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
    drain_and_remove(&flags.server, me.node).await
}

/// The one place where this command meets the administration of the cluster.
async fn drain_and_remove(server: &str, node: u64) -> anyhow::Result<()> {
    anyhow::bail!("node {node} stays a member: {server} is of a version that cannot drain nodes")
}

#[cfg(test)]
mod tests;
