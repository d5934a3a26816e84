//! The declared metrics as a document for operators, `deploy/metrics.md`.

use std::fmt::Write;

use super::declare::{Declaration, Kind};
use super::{ALL, OF_GROUPS};

const HEAD: &str = "# Metrics

Each node serves its metrics as OpenMetrics text on its admin port (4568). This table is written by a test from their declaration in
`node/src/metrics.rs`; `dashboard.json` and `alerts.yaml` in `deploy/helm/millrace/files` use no others.

A value may be summed over nodes unless its text says otherwise. What concerns a queue or a group is told by the leader alone. A
node shows no more than 1,000 queues, those with the most messages; `millrace_queues_left_out` says how many more there are, and
`millrace_messages` and `millrace_oldest_message_age_seconds` leave none out.
";

const GROUPS: &str = "
## `/metrics/groups`

One line for each replica on the node, for looking into what the sums above say. It is a page of its own, and not to be scraped
by default: with thousands of groups it has tens of thousands of lines. Group 0 is the catalog.
";

/// All declared metrics, page by page, in Markdown.
pub fn table() -> String {
    format!("{HEAD}\n## `/metrics`\n{}{GROUPS}{}", rows(ALL), rows(OF_GROUPS))
}

fn rows(metrics: &[&Declaration]) -> String {
    let mut text = "\n| name | kind | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for metric in metrics {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels = metric.labels.join(", ");
        let _ = writeln!(
            text,
            "| `{}` | {kind} | {labels} | {} |",
            metric.name, metric.help
        );
    }
    text
}
