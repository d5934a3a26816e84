//! Scripts that are clients, in whatever language.

use std::process::Command;

use super::Cluster;

/// Starts a cluster of three; the script gets its nodes' URLs as arguments and must end with success. What
/// it printed is shown.
pub(crate) fn passes(script: Command) {
    passes_with(script, &[]);
}

/// As [`passes`], each node with further flags.
pub(crate) fn passes_with(mut script: Command, flags: &[&str]) {
    let cluster = Cluster::start_with(3, flags);
    let out = script.args(cluster.endpoints()).output();
    let out = out.unwrap_or_else(|e| panic!("{script:?}: {e}"));
    let (stdout, stderr) = (
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    );
    println!("{stdout}");
    assert!(
        out.status.success(),
        "{script:?} ended with {}:\n{stdout}{stderr}",
        out.status
    );
}
