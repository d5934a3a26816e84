//! Clients in Python against a cluster: boto3, the AWS CLI, the query protocol of older SDKs, and Celery,
//! which many applications use without ever calling SQS themselves.

use crate::harness::{passes, passes_with, venv};

#[test]
fn boto3() {
    passes(venv::script("boto3_conformance.py"));
}

/// But for the checks of how tenants of one queue wait for each other: each partition is fair by itself.
#[test]
fn boto3_on_several_partitions() {
    let mut script = venv::script("boto3_conformance.py");
    script.args(["--but", "a_tenant_with"]);
    passes_with(script, &["--partitions", "3"]);
}

#[test]
fn query_protocol() {
    passes(venv::script("query_conformance.py"));
}

#[test]
fn errors() {
    // So few that a script can have one refused.
    passes_with(venv::script("errors_conformance.py"), &["--max-polls", "2"]);
}

#[test]
fn aws_cli() {
    passes(venv::script("cli_smoke.py"));
}

#[test]
fn celery() {
    passes(venv::script("celery_round_trip.py"));
}
