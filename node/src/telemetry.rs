//! Structured logs on standard error.

use tracing_subscriber::EnvFilter;

/// What is logged unless `MILLRACE_LOG` says otherwise. openraft reports every step of an election
/// at `info`, for every group; its warnings are about peers that are away, which links report. Its front
/// calls it an error that a request comes to a replica which is being closed.
const DEFAULT_FILTER: &str =
    "info,openraft=error,openraft::raft::raft_inner=off,h2=warn,hyper=warn,sled=warn";

/// The form of the logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Starts logging. To be called once, by the binary.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("MILLRACE_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
}
