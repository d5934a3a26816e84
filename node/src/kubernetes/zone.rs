//! The failure zone of the machine that this pod runs on. A pod's own labels do not have it; its node's do.

use std::path::Path;
use std::time::Duration;

use raft::env::Env;
use serde::Deserialize;
use tokio::time::Instant;

use super::api::ApiServer;
use crate::identity;

/// How long a starting node tries to learn its zone.
const PATIENCE: Duration = Duration::from_secs(15);
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// In the data folder: the zone that was found last.
const REMEMBERED: &str = "kubernetes-zone";

/// As much of a Node as says where it is.
#[derive(Debug, Deserialize)]
struct Machine {
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(default)]
    labels: Labels,
}

#[derive(Debug, Default, Deserialize)]
struct Labels {
    #[serde(rename = "topology.kubernetes.io/zone")]
    zone: Option<String>,
}

/// The zone of the Kubernetes node `machine`, else the one that was found before this node's last start, else
/// `configured`. A node must start without an API server, and volumes stay in their zone, so that the remembered one is right
/// unless somebody moved the volume.
pub async fn find(env: &Env, machine: &str, data_dir: &Path, configured: String) -> String {
    let found = match ApiServer::of_this_pod(env) {
        Ok(api) => ask_patiently(&api, machine, PATIENCE).await,
        Err(error) => Err(error),
    };
    settle(env, found, data_dir, configured)
}

async fn ask_patiently(api: &ApiServer, machine: &str, patience: Duration) -> anyhow::Result<Option<String>> {
    let end = Instant::now() + patience;
    loop {
        match ask(api, machine).await {
            Ok(zone) => return Ok(zone),
            Err(error) if Instant::now() + RETRY_PAUSE >= end => return Err(error),
            Err(error) => tracing::debug!(%error, "no zone yet"),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

async fn ask(api: &ApiServer, machine: &str) -> anyhow::Result<Option<String>> {
    let machine: Option<Machine> = api.get(&format!("/api/v1/nodes/{machine}")).await?;
    Ok(machine.and_then(|machine| machine.metadata.labels.zone))
}

fn settle(env: &Env, found: anyhow::Result<Option<String>>, data_dir: &Path, configured: String) -> String {
    match found {
        Ok(Some(zone)) => {
            let remembered = env
                .disk
                .create_dir_all(data_dir)
                .and_then(|()| identity::replace(env, data_dir, REMEMBERED, zone.as_bytes()));
            if let Err(error) = remembered {
                tracing::warn!(%error, "the zone could not be written down");
            }
            tracing::info!(zone, "the machine's zone");
            zone
        }
        Ok(None) => {
            tracing::info!(zone = configured, "the machine has no zone");
            configured
        }
        Err(error) => {
            let remembered = identity::read(env, &data_dir.join(REMEMBERED)).ok().flatten();
            let zone = remembered
                .and_then(|zone| String::from_utf8(zone).ok())
                .unwrap_or(configured);
            tracing::warn!(
                zone,
                error = format!("{error:#}"),
                "the machine's zone could not be asked for"
            );
            zone
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_remembered_until_something_else_is_found() {
        let env = Env::real().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("not-there-yet");
        let settle = |found| settle(&env, found, &data, "configured".to_owned());
        let unknown = || Err(anyhow::anyhow!("no answer"));
        assert_eq!(settle(unknown()), "configured");
        assert_eq!(settle(Ok(Some("a-long-zone".to_owned()))), "a-long-zone");
        assert_eq!(settle(unknown()), "a-long-zone");
        assert_eq!(settle(Ok(Some("b".to_owned()))), "b");
        assert_eq!(settle(unknown()), "b");
        assert_eq!(settle(Ok(None)), "configured");
    }
}
