//! The AWS SDK for JavaScript against a cluster, by the scripts in `tests/javascript`.

use crate::harness::{npm, passes};

#[test]
fn javascript_sdk() {
    passes(npm::script("conformance.js"));
}
