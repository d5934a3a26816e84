//! Replicas that cannot be brought up to date from the log: they need a peer's whole state.

use std::fs;
use std::path::{Path, PathBuf};

use aws_sdk_sqs::error::ProvideErrorMetadata;

use super::{SMALL_CHECKPOINTS, create, delete, receive, receive_exactly, send, send_each};
use crate::harness::{Cluster, client};

/// Enough bytes for a checkpoint or two.
const SENDS: usize = 800;
/// More entries than a node has that died early.
const PURGED_MIN: u64 = 200;

fn bodies(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    // The digits come first, so that the order of texts is the order of sending.
    range.map(|n| format!("{n:05} {}", "x".repeat(400)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_behind_the_purged_log_gets_a_snapshot() {
    let mut cluster = Cluster::start_with(3, &SMALL_CHECKPOINTS);
    let any = client(&cluster.endpoint(0));
    let fifo = create(&any, "behind.fifo", 30).await;
    let held = create(&any, "behind-held", 600).await;
    let leader = cluster.leader_of("behind.fifo");
    // A leader that stops hands over to the lowest of equals.
    let victim = (0..3).find(|i| *i != leader).unwrap();
    let at_leader = client(&cluster.endpoint(leader));
    let mut sent = send_each(&at_leader, &fifo, bodies(0..20)).await;
    send(&at_leader, &held, "held").await;
    let in_flight = receive(&at_leader, &held, 1, 5).await.remove(0);

    cluster.kill(victim);
    sent.extend(send_each(&at_leader, &fifo, bodies(20..SENDS)).await);
    cluster.await_purge(leader, "behind.fifo", PURGED_MIN);
    cluster.restart(&[victim]);
    cluster.await_caught_up();
    let installed = |log: &str| log.contains("installed a snapshot");
    assert!(installed(&cluster.log(victim)), "the log alone was enough");

    // From here on the cluster needs the one that was behind, first as the leader.
    cluster.terminate(leader);
    assert_eq!(cluster.leader_of("behind.fifo"), victim);
    let at_victim = client(&cluster.endpoint(victim));
    for body in bodies(0..3).chain(bodies(SENDS - 3..SENDS)) {
        let again = send(&at_victim, &fifo, &body).await;
        assert_eq!(again, sent[&body], "the deduplication window has a hole");
    }
    let visible = receive(&at_victim, &held, 1, 0).await;
    assert!(visible.is_empty(), "an in-flight message was shown: {visible:?}");
    delete(&at_victim, &held, &in_flight).await;
    receive_exactly(&at_victim, &fifo, &sent).await;
    let more = send_each(&at_victim, &fifo, bodies(SENDS..SENDS + 5)).await;
    receive_exactly(&at_victim, &fifo, &more).await;

    cluster.restart(&[leader]);
    cluster.await_caught_up();
    let gone = client(&cluster.endpoint(leader))
        .delete_message()
        .queue_url(&fifo);
    let error = gone.receipt_handle("nonsense").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ReceiptHandleIsInvalid"));
}

/// Damage to the checkpoints of one node, while it is down.
type Wreck = fn(&Path);

#[tokio::test(flavor = "multi_thread")]
async fn lost_and_damaged_checkpoints_are_fetched_from_a_peer() {
    let mut cluster = Cluster::start_with(3, &SMALL_CHECKPOINTS);
    let any = client(&cluster.endpoint(0));
    let url = create(&any, "wrecked.fifo", 30).await;
    let mut sent = send_each(&any, &url, bodies(0..SENDS)).await;
    for i in 0..3 {
        cluster.await_purge(i, "wrecked.fifo", PURGED_MIN);
    }

    let wrecks: [(usize, Wreck); 3] = [
        (0, |folder| fs::remove_dir_all(folder).unwrap()),
        (1, flip_bytes),
        (2, cut_short),
    ];
    for (round, (victim, wreck)) in wrecks.into_iter().enumerate() {
        cluster.kill(victim);
        wreck(&cluster.data(victim).join("checkpoints"));
        cluster.restart(&[victim]);
        cluster.await_caught_up();
        let log = cluster.log(victim);
        assert!(
            log.contains("the state was fetched"),
            "round {round}: nothing was lost"
        );

        // The next one to die is another, so that the state just fetched is needed.
        let other = (victim + 1) % 3;
        cluster.kill(other);
        let here = client(&cluster.endpoint(victim));
        let from = SENDS + round * 5;
        sent.extend(send_each(&here, &url, bodies(from..from + 5)).await);
        let first = bodies(SENDS - 1..SENDS).next().unwrap();
        assert_eq!(send(&here, &url, &first).await, sent[&first]);
        cluster.restart(&[other]);
        cluster.await_caught_up();
    }
    receive_exactly(&client(&cluster.endpoint(2)), &url, &sent).await;
}

/// Flips a byte in each page of every file.
fn flip_bytes(folder: &Path) {
    let mut flipped = 0;
    for file in files(folder) {
        let mut bytes = fs::read(&file).unwrap();
        for page in bytes
            .chunks_mut(4096)
            .filter(|page| page.iter().any(|byte| *byte != 0))
        {
            let middle = page.len() / 2;
            page[middle] ^= 0x5a;
            flipped += 1;
        }
        fs::write(&file, bytes).unwrap();
    }
    assert!(flipped > 0, "there was nothing in {}", folder.display());
}

/// Cuts every file in half.
fn cut_short(folder: &Path) {
    for file in files(folder) {
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
