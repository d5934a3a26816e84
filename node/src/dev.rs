//! `millrace dev`: a whole cluster in one process, for people who want to try it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use raft::env::Env;
use raft::group::Timing;
use raft::peers::snapshot::SnapshotOptions;
use raft::store::LettersOptions;
use raft::types::NodeId;
use raft::wal::WalOptions;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cli::Dev;
use crate::config::{CHECKPOINT_BYTES, Config, Limits, Partitions, REPLACE_AFTER};

/// How many nodes run in the process.
pub const NODES: u16 = 3;
/// Ports from one node to the next: 4566 4576 4586.
const PORT_STRIDE: u16 = 10;

/// Runs until `stop`. Each node gets these `limits`.
///
/// # Errors
/// If a node cannot start or fails.
pub async fn run(dev: Dev, limits: Limits, env: Env, stop: CancellationToken) -> anyhow::Result<()> {
    let temporary;
    let data_dir = if dev.ephemeral {
        temporary = Temporary::new(&env)?;
        temporary.0.clone()
    } else {
        dev.data_dir
    };
    let mut nodes = JoinSet::new();
    for index in 0..NODES {
        let config = config(&data_dir, dev.port, index, limits);
        nodes.spawn(crate::run(config, env.clone(), stop.clone()));
    }
    let announced = async {
        wait_ready(&env, dev.port).await;
        announce(&data_dir, dev.port, dev.ephemeral);
        std::future::pending::<()>().await;
    };
    let ended = async {
        while let Some(ended) = nodes.join_next().await {
            ended.context("a node panicked")??;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        // The nodes' end matters more than the announcement.
        biased;
        ended = ended => ended,
        () = announced => Ok(()),
    }
}

fn config(data_dir: &Path, port: u16, index: u16, limits: Limits) -> Config {
    let address = |offset: u16, index: u16| format!("127.0.0.1:{}", port + offset + index * PORT_STRIDE);
    Config {
        node_id: NodeId(u64::from(index) + 1),
        renumber: false,
        data_dir: data_dir.join(format!("node-{}", index + 1)),
        listen: address(0, index),
        peer_listen: address(1, index),
        admin_listen: address(2, index),
        advertise: "127.0.0.1".to_owned(),
        seeds: (0..NODES).map(|i| address(1, i)).collect(),
        bootstrap_expect: usize::from(NODES),
        zone: String::new(),
        zone_from_kubernetes_node: None,
        partitions: Partitions::default(),
        replace_after: REPLACE_AFTER,
        timing: Timing::default(),
        wal: WalOptions::default(),
        letters: LettersOptions::default(),
        checkpoint_bytes: CHECKPOINT_BYTES,
        snapshots: SnapshotOptions::default(),
        limits,
    }
}

/// Waits until all three answer that they are ready.
async fn wait_ready(env: &Env, port: u16) {
    for index in 0..NODES {
        let admin = format!("127.0.0.1:{}", port + 2 + index * PORT_STRIDE);
        while !crate::status::is_ready(env, &admin).await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

fn announce(data_dir: &Path, port: u16, ephemeral: bool) {
    let place = if ephemeral {
        "gone when this ends".to_owned()
    } else {
        data_dir.display().to_string()
    };
    let others: Vec<String> = (1..NODES)
        .map(|i| format!("http://127.0.0.1:{}", port + i * PORT_STRIDE))
        .collect();
    println!(
        "\nMillrace is ready: three nodes, every write on the disks of at least two. Data: {place}
Any node takes any request; the others are at {}. Stop with Ctrl-C.

Paste this into another shell:

    export AWS_ENDPOINT_URL=http://127.0.0.1:{port}
    export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1

and try:

    aws --endpoint-url $AWS_ENDPOINT_URL sqs create-queue --queue-name hello
    aws --endpoint-url $AWS_ENDPOINT_URL sqs send-message --queue-url $AWS_ENDPOINT_URL/000000000000/hello --message-body 'first message'
    aws --endpoint-url $AWS_ENDPOINT_URL sqs receive-message --queue-url $AWS_ENDPOINT_URL/000000000000/hello --wait-time-seconds 5

(Version 1 of the AWS CLI needs --endpoint-url for SQS; version 2 and the SDKs go by the variable alone.)
",
        others.join(" and ")
    );
}

/// A folder that is removed when dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new(env: &Env) -> anyhow::Result<Temporary> {
        let path = std::env::temp_dir().join(format!("millrace-{:016x}", env.random.next_u64()));
        std::fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Temporary(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the temporary folder stays behind");
        }
    }
}
