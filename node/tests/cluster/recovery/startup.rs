//! Folders and settings with which a node must not run: it ends soon, says why on standard error, and
//! leaves the folder as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Cluster, MILLRACE};

const REFUSAL_LIMIT: Duration = Duration::from_secs(10);

#[test]
fn a_node_does_not_start_with_senseless_settings() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    assert_says(
        &refused(&["server", "--data-dir", data]),
        &["--node-id is missing"],
    );
    assert_says(
        &refused(&["server", "--node-id", "1"]),
        &["--data-dir is missing"],
    );
    let zero = ["server", "--node-id", "0", "--data-dir", data];
    assert_says(&refused(&zero), &["--node-id must be at least 1"]);
    let alone = [
        "server",
        "--node-id",
        "1",
        "--data-dir",
        data,
        "--seeds",
        "127.0.0.1:1",
    ];
    assert_says(&refused(&alone), &["--advertise is missing"]);
    let election = [
        "server",
        "--node-id",
        "1",
        "--data-dir",
        data,
        "--election-min-ms",
        "10",
    ];
    assert_says(&refused(&election), &["--election-min-ms"]);
    assert!(!Path::new(data).exists(), "a refused node has made its folder");
}

#[test]
fn a_node_does_not_start_in_a_folder_that_is_none() {
    let cluster = Cluster::describe_only(1);
    let data = cluster.data(0);
    fs::write(data, "a file").unwrap();
    assert_says(
        &refused_in_place(&cluster),
        &["data folder", data.to_str().unwrap()],
    );
    let below = data.join("below");
    let arguments = replaced(&cluster, "--data-dir", below.to_str().unwrap());
    assert_says(&refused(&arguments), &["data folder", below.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(data).unwrap(), "a file");
}

#[test]
fn a_node_does_not_start_in_a_folder_of_another() {
    let mut cluster = Cluster::start(1);
    let in_use = refused_in_place(&cluster);
    assert_says(&in_use, &["in use by another process"]);
    assert!(cluster.is_ready(0), "the node that has the folder was disturbed");

    // Its ports are taken as well, which only shows if the folder is free.
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = replaced(&cluster, "--data-dir", elsewhere.path().to_str().unwrap());
    let port = cluster.addresses()[0].to_string();
    assert_says(
        &refused(&moved),
        &["cannot listen on", &port, "ddress already in use"],
    );

    cluster.terminate(0);
    let another = replaced(&cluster, "--node-id", "7");
    assert_says(&refused(&another), &["belongs to node 1, not to node 7"]);
    cluster.restart(&[0]);
}

#[test]
fn a_node_does_not_start_with_files_of_a_newer_version() {
    let mut cluster = Cluster::start(1);
    cluster.terminate(0);
    let identity = cluster.data(0).join("node.json");
    let text = fs::read_to_string(&identity).unwrap();
    let newer = text.replace("\"format\": 1", "\"format\": 9");
    assert_ne!(newer, text);
    changed(&cluster, &identity, newer.as_bytes(), &["node.json", "format 9"]);

    let log = cluster.data(0).join("wal/wal.id");
    changed(
        &cluster,
        &log,
        &newer_version(&log),
        &["wal.id", "format version 9"],
    );
    let segment = first_segment(&cluster);
    changed(
        &cluster,
        &segment,
        &newer_version(&segment),
        &[".wal", "format version 9"],
    );
    cluster.restart(&[0]);
}

/// Damage in the middle of the log: what comes after it was acknowledged, so that the node must not
/// just forget it.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_does_not_start_with_a_damaged_log() {
    let mut cluster = Cluster::start(1);
    let client = crate::harness::client(&cluster.endpoint(0));
    let url = super::create(&client, "damaged", 30).await;
    let sent = super::send_each(&client, &url, (0..10).map(|n| format!("message {n} of the log"))).await;
    cluster.kill(0);

    let segment = first_segment(&cluster);
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(12).position(|w| w == b"message 3 of").unwrap();
    bytes[at] ^= 1;
    let name = segment.file_name().unwrap().to_str().unwrap().to_owned();
    changed(&cluster, &segment, &bytes, &[&name, "is damaged at offset"]);

    cluster.restart(&[0]);
    super::receive_exactly(&client, &url, &sent).await;
}

/// Starts the node with this file changed, which it refuses, and puts the file back.
fn changed(cluster: &Cluster, file: &Path, bytes: &[u8], says: &[&str]) {
    let good = fs::read(file).unwrap();
    assert_ne!(good, bytes);
    fs::write(file, bytes).unwrap();
    assert_says(&refused_in_place(cluster), says);
    assert_eq!(fs::read(file).unwrap(), bytes, "a refused file was changed");
    fs::write(file, good).unwrap();
}

/// The file with another version after its eight bytes of magic.
fn newer_version(file: &Path) -> Vec<u8> {
    let mut bytes = fs::read(file).unwrap();
    assert_eq!(bytes[8..12], 1u32.to_le_bytes(), "the version has moved");
    bytes[8..12].copy_from_slice(&9u32.to_le_bytes());
    bytes
}

fn first_segment(cluster: &Cluster) -> PathBuf {
    let folder = cluster.data(0).join("wal");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .find(|file| file.extension().is_some_and(|e| e == "wal"))
        .unwrap()
}

/// The command line of the first node with another value of a flag.
fn replaced(cluster: &Cluster, flag: &str, value: &str) -> Vec<String> {
    let mut arguments = cluster.arguments(0).to_vec();
    let position = arguments.iter().position(|a| a == flag).unwrap();
    value.clone_into(&mut arguments[position + 1]);
    arguments
}

fn refused_in_place(cluster: &Cluster) -> String {
    refused(cluster.arguments(0))
}

/// Runs the binary, which must end with a failure; gives what it says on standard error.
fn refused<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> String {
    let mut child = Command::new(MILLRACE)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > REFUSAL_LIMIT {
            child.kill().unwrap();
            let out = child.wait_with_output().unwrap();
            panic!("it runs: {}", String::from_utf8_lossy(&out.stderr));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let out = child.wait_with_output().unwrap();
    let says = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.code().is_some_and(|code| code != 0),
        "{}: {says}",
        out.status
    );
    assert!(!says.contains("panicked"), "{says}");
    says
}

/// The last line, which is for the operator, has all these words.
fn assert_says(errors: &str, words: &[&str]) {
    let last = errors.lines().last().unwrap_or_default();
    for word in words {
        assert!(
            last.starts_with("millrace: ") && last.contains(word),
            "no {word:?} in: {errors}"
        );
    }
}
