//! Whole nodes on simulated hosts `n1`, `n2`, ….

use std::time::Duration;

use node::config::{CHECKPOINT_BYTES, Checkpoints, Config, Limits};
use raft::group::Timing;
use raft::types::NodeId;
use tokio_util::sync::CancellationToken;
use turmoil::Sim;

/// The AWS API's port on every host.
pub const API_PORT: u16 = 4566;

/// A simulation in which nothing goes wrong by itself.
pub fn simulation(seed: u64, length: Duration) -> Sim<'static> {
    let mut builder = turmoil::Builder::new();
    builder
        .rng_seed(seed)
        .simulation_duration(length)
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(5))
        // A replica's connections carry more than turmoil expects of a test.
        .tcp_capacity(65_536);
    builder.build()
}

/// Adds the hosts of a cluster of `size` nodes.
pub fn add(sim: &mut Sim<'static>, seed: u64, size: u64) {
    for id in 1..=size {
        sim.host(host(id), move || async move {
            // Each life of a node has randomness of its own.
            let life = u64::try_from(turmoil::elapsed().as_micros()).unwrap_or(u64::MAX);
            let env = crate::env(seed ^ (id << 48) ^ life.rotate_left(17));
            node::run(config(id, size), env, CancellationToken::new()).await?;
            Ok(())
        });
    }
}

/// The host of a node.
pub fn host(id: u64) -> String {
    format!("n{id}")
}

fn config(id: u64, size: u64) -> Config {
    Config {
        node_id: NodeId(id),
        data_dir: "/data".into(),
        listen: format!("0.0.0.0:{API_PORT}"),
        peer_listen: "0.0.0.0:4567".to_owned(),
        admin_listen: "0.0.0.0:4568".to_owned(),
        advertise: host(id),
        seeds: (1..=size).map(|n| format!("{}:4567", host(n))).collect(),
        bootstrap_expect: usize::try_from(size).unwrap_or(usize::MAX),
        zone: String::new(),
        replicas: 3,
        timing: Timing::default(),
        checkpoints: Checkpoints::Memory,
        checkpoint_bytes: CHECKPOINT_BYTES,
        limits: Limits::default(),
    }
}
