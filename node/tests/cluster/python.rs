//! Clients in Python against a cluster: boto3, the AWS CLI, and the query protocol of older SDKs.

use crate::harness::{Cluster, venv};

#[test]
fn boto3() {
    passes("boto3_conformance.py");
}

#[test]
fn query_protocol() {
    passes("query_conformance.py");
}

#[test]
fn aws_cli() {
    passes("cli_smoke.py");
}

/// The script gets the nodes' URLs and ends with success.
fn passes(script: &str) {
    let mut command = venv::script(script);
    let cluster = Cluster::start(3);
    let out = command
        .args(cluster.endpoints())
        .output()
        .expect("the installed Python runs");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    );
    println!("{stdout}");
    assert!(
        out.status.success(),
        "{script} ended with {}:\n{stdout}{stderr}",
        out.status
    );
}
