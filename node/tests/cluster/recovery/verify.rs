//! `millrace cluster verify`: a replica whose state is another one is found and named.

use std::path::Path;

use bytes::Bytes;
use raft::env::Env;
use raft::machine::{Delta, Row};
use raft::store::{FileStore, FileStoreOptions, Store};
use raft::types::GroupId;

use super::{SMALL_CHECKPOINTS, create, send_each};
use crate::harness::{Cluster, client};

const SENDS: usize = 200;
/// Entries that the checkpoint alone has.
const PURGED_MIN: u64 = 20;
const BODY: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_another_state_is_named() {
    let mut cluster = Cluster::start_with(3, &SMALL_CHECKPOINTS);
    let any = client(&cluster.endpoint(0));
    let url = create(&any, "compared.fifo", 30).await;
    let body = |n: usize| format!("{n:05} {}", "z".repeat(BODY));
    send_each(&any, &url, (0..SENDS).map(body)).await;
    for i in 0..3 {
        cluster.await_purge(i, "compared.fifo", PURGED_MIN);
    }
    let told = cluster.operate(1, &["verify"]).unwrap();
    assert!(told["groups"].as_u64() >= Some(2), "{told}");

    let odd = (cluster.leader_of("compared.fifo") + 1) % 3;
    let replica = cluster.replica(odd, "compared.fifo").unwrap();
    cluster.kill(odd);
    let folder = cluster.data(odd).join("checkpoints");
    spoil(&folder, GroupId(replica["group"].as_u64().unwrap()));
    cluster.restart(&[odd]);
    cluster.await_caught_up();

    let error = cluster.operate(0, &["verify", "compared.fifo"]).unwrap_err();
    let named = |node: usize| error.contains(&format!("on node {} differs", node + 1));
    for node in 0..3 {
        assert_eq!(named(node), node == odd, "node {node}: {error}");
    }
    assert!(cluster.log(odd).contains("differs from its leader's"));
    // The catalog is as it should be, and there is no such queue.
    assert!(cluster.operate(0, &["verify"]).unwrap_err().contains("differs"));
    let error = cluster.operate(0, &["verify", "other"]).unwrap_err();
    assert!(error.contains("no queue other"), "{error}");
}

/// Another letter in the body of a message, in a checkpoint whose checksums are right.
fn spoil(folder: &Path, group: GroupId) {
    let env = Env::real().unwrap();
    let options = FileStoreOptions::default();
    let store = FileStore::open(env.disk, env.random, folder, options).unwrap();
    let checkpoint = store.load(group).unwrap().unwrap();
    let mut rows = checkpoint.rows;
    let message = rows.iter_mut().find(|(_, value)| value.len() > BODY);
    let (_, value) = message.expect("a message is in the checkpoint");
    let mut spoilt = value.to_vec();
    let at = spoilt.windows(8).position(|window| window == [b'z'; 8]).unwrap();
    spoilt[at] = b'y';
    *value = Bytes::from(spoilt);
    let rows = rows.into_iter().map(Row::from).collect();
    store.write(group, checkpoint.header, Delta::whole(rows)).unwrap();
}
