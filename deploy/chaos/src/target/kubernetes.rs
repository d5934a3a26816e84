//! A release on Kubernetes, with kubectl alone: pods of its StatefulSet are the nodes, and the number in a pod's name is
//! the node's number. Nodes are asked through the API server's proxy.
//!
//! Whatever ends a pod, its StatefulSet starts it again. What kubectl cannot do to a running pod (stop its process,
//! spoil its link, fill its volume) is left out; partitions are made by a command of the user's, if there is one.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::process::Command;

use super::{Status, unsupported};
use crate::stage::Occasion;

mod forward;

/// For what takes long: a roll-out, a drain.
const LONG: &str = "--timeout=300s";
const LOOK: Duration = Duration::from_millis(500);
const ASK: &str = "--request-timeout=2s";

/// What the user says about a release.
#[derive(Clone, Debug)]
pub struct Release {
    /// The StatefulSet's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// `COMMAND cut|mend FROM TO` with pods' names makes and mends partitions; FROM or TO may be `clients`.
    pub partition_hook: Option<String>,
    /// The image that an upgrade leads to; without it, the same one is rolled out again.
    pub image_after: Option<String>,
}

/// A release.
pub struct Kubernetes {
    release: Release,
    first: u64,
    replicas: Cell<u64>,
}

impl Kubernetes {
    /// Finds it.
    ///
    /// # Errors
    /// If there is no such StatefulSet, or it is not whole.
    pub async fn find(release: Release) -> anyhow::Result<Kubernetes> {
        let set = format!("statefulset/{}", release.name);
        let this = Kubernetes {
            release,
            first: 0,
            replicas: Cell::new(0),
        };
        let number = |text: String| text.trim().parse::<u64>();
        let replicas = this
            .kubectl(&["get", &set, "-o", "jsonpath={.spec.replicas}"])
            .await?;
        let ready = this
            .kubectl(&["get", &set, "-o", "jsonpath={.status.readyReplicas}"])
            .await?;
        ensure!(replicas == ready, "{ready} of {replicas} pods are ready");
        let first = this
            .kubectl(&["get", &set, "-o", "jsonpath={.spec.ordinals.start}"])
            .await?;
        Ok(Kubernetes {
            first: number(first).unwrap_or(0),
            replicas: Cell::new(number(replicas)?),
            ..this
        })
    }

    async fn kubectl(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new("kubectl");
        command
            .args(["--namespace", &self.release.namespace])
            .args(words)
            .kill_on_drop(true);
        let output = command.output().await.context("kubectl cannot be run")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "kubectl {}: {}",
            words.join(" "),
            error.trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn pod(&self, node: u64) -> String {
        format!("{}-{node}", self.release.name)
    }

    fn set(&self) -> String {
        format!("statefulset/{}", self.release.name)
    }

    pub(super) fn members(&self) -> Vec<u64> {
        (self.first..self.first + self.replicas.get()).collect()
    }

    pub(super) async fn status(&self, node: u64) -> Option<Status> {
        let (namespace, pod) = (&self.release.namespace, self.pod(node));
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:4568/proxy/status");
        serde_json::from_str(&self.kubectl(&["get", ASK, "--raw", &path]).await.ok()?).ok()
    }

    pub(super) async fn await_ready(&self, node: u64) {
        let (pod, condition) = (format!("pod/{}", self.pod(node)), "--for=condition=Ready");
        while self
            .kubectl(&["wait", condition, "--timeout=5s", &pod])
            .await
            .is_err()
        {
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) async fn kill(&self, node: u64) -> anyhow::Result<()> {
        let words = ["delete", "pod", &self.pod(node), "--grace-period=0", "--force"];
        self.kubectl(&words).await.map(drop)
    }

    pub(super) async fn start(&self, _: u64) -> anyhow::Result<()> {
        Ok(())
    }

    pub(super) async fn restart(&self, node: u64) -> anyhow::Result<()> {
        self.kubectl(&["delete", "pod", &self.pod(node), LONG])
            .await
            .map(drop)
    }

    pub(super) fn begin_upgrade(&self) -> anyhow::Result<String> {
        Ok(match &self.release.image_after {
            Some(image) => format!(" to {image}"),
            None => ", by a restart of the roll-out".to_owned(),
        })
    }

    pub(super) async fn upgrade(&self, _: &[u64]) -> anyhow::Result<()> {
        match &self.release.image_after {
            Some(image) => {
                let image = format!("*={image}");
                self.kubectl(&["set", "image", &self.set(), &image]).await?;
            }
            None => {
                self.kubectl(&["rollout", "restart", &self.set()]).await?;
            }
        }
        self.kubectl(&["rollout", "status", &self.set(), LONG])
            .await
            .map(drop)
    }

    async fn scale(&self, replicas: u64) -> anyhow::Result<()> {
        let count = format!("--replicas={replicas}");
        self.kubectl(&["scale", &self.set(), &count]).await?;
        self.replicas.set(replicas);
        Ok(())
    }

    pub(super) async fn join(&self) -> anyhow::Result<u64> {
        let node = self.first + self.replicas.get();
        self.scale(self.replicas.get() + 1).await?;
        Ok(node)
    }

    pub(super) async fn can_leave(&self) -> anyhow::Result<()> {
        Ok(())
    }

    /// A StatefulSet takes away the pod with the highest number.
    pub(super) fn leaver(&self, _: &mut Occasion, _: Option<u64>) -> u64 {
        self.first + self.replicas.get() - 1
    }

    /// The node drains itself before it goes.
    pub(super) async fn leave(&self, node: u64) -> anyhow::Result<()> {
        self.scale(self.replicas.get() - 1).await?;
        let pod = format!("pod/{}", self.pod(node));
        self.kubectl(&["wait", "--for=delete", LONG, &pod])
            .await
            .map(drop)
    }

    pub(super) async fn cut(&self, from: u64, to: u64) -> anyhow::Result<()> {
        self.hook("cut", from, to).await
    }

    pub(super) async fn mend(&self, from: u64, to: u64) -> anyhow::Result<()> {
        self.hook("mend", from, to).await
    }

    async fn hook(&self, what: &str, from: u64, to: u64) -> anyhow::Result<()> {
        let Some(hook) = &self.release.partition_hook else {
            return unsupported("kubectl makes no partitions: --partition-hook names a command that does");
        };
        let status = Command::new(hook)
            .args([what, &self.pod(from), &self.pod(to)])
            .status()
            .await;
        let status = status.with_context(|| format!("{hook} cannot be run"))?;
        ensure!(status.success(), "{hook} {what}: {status}");
        Ok(())
    }

    pub(super) async fn machine(&self, node: u64) -> anyhow::Result<String> {
        self.kubectl(&["get", "pod", &self.pod(node), "-o", "jsonpath={.spec.nodeName}"])
            .await
    }

    pub(super) async fn drain_machine(&self, machine: &str) -> anyhow::Result<()> {
        let words = [
            "drain",
            machine,
            "--ignore-daemonsets",
            "--delete-emptydir-data",
            LONG,
        ];
        self.kubectl(&words).await.map(drop)
    }

    pub(super) async fn give_back(&self, machine: &str) -> anyhow::Result<()> {
        self.kubectl(&["uncordon", machine]).await.map(drop)
    }

    /// Makes a way to each pod, and says where clients find them.
    ///
    /// # Errors
    /// If there is no port left.
    pub fn forward(&self) -> anyhow::Result<Vec<String>> {
        let pods: Vec<String> = self.members().into_iter().map(|node| self.pod(node)).collect();
        forward::begin(&self.release.namespace, &pods)
    }

    /// The versions that nodes say they run.
    pub async fn versions(&self) -> Vec<String> {
        let status = self.status(self.first).await.unwrap_or_default();
        let of = status
            .members
            .iter()
            .map(|member| format!("node {}: {}", member.id, member.version));
        of.collect()
    }
}
