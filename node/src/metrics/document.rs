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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use serde_json::Value;

    use super::*;

    const FILES: &str = "helm/millrace/files";
    /// Labels that Prometheus itself gives, and histograms' buckets.
    const GIVEN: [&str; 3] = ["instance", "job", "le"];

    fn deploy(path: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../deploy")
            .join(path)
    }

    fn read(path: &str) -> String {
        fs::read_to_string(deploy(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The names of a metric's series.
    fn series(metric: &Declaration) -> Vec<String> {
        let named = |suffix: &str| format!("{}{suffix}", metric.name);
        match metric.kind {
            Kind::Counter | Kind::Gauge => vec![named("")],
            Kind::Histogram => vec![named("_bucket"), named("_sum"), named("_count")],
        }
    }

    /// The metric of a series.
    fn metric(series_name: &str) -> Option<&'static Declaration> {
        let all = ALL.iter().chain(OF_GROUPS).copied();
        all.into_iter()
            .find(|metric| series(metric).iter().any(|name| name == series_name))
    }

    /// Words that look like the names of metrics, each with what stands in brackets after it.
    fn mentioned(text: &str) -> Vec<(&str, &str)> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = text.split(|c| !is_part(c));
        let names = words.filter(|word| word.starts_with("millrace_") || word.starts_with("process_"));
        let named = names.map(|name| {
            let after = &text[name.as_ptr() as usize - text.as_ptr() as usize + name.len()..];
            let matchers = after.strip_prefix('{').and_then(|after| after.split_once('}'));
            (name, matchers.map_or("", |(matchers, _)| matchers))
        });
        named.collect()
    }

    /// The names of labels in `a="b",c=~"d"`.
    fn labels(matchers: &str) -> Vec<String> {
        let outside = matchers.split('"').step_by(2);
        let names = outside.map(|part| part.trim_matches(|c: char| !c.is_ascii_lowercase()).to_owned());
        names.filter(|name| !name.is_empty()).collect()
    }

    fn check(file: &str, text: &str) {
        let mentioned = mentioned(text);
        assert!(mentioned.len() > 20, "{file} uses no metrics");
        for (name, matchers) in mentioned {
            let metric = metric(name).unwrap_or_else(|| panic!("{file}: there is no metric {name}"));
            for label in labels(matchers) {
                let is_known = metric.labels.contains(&&*label) || GIVEN.contains(&&*label);
                assert!(is_known, "{file}: {name} has no label {label}");
            }
        }
    }

    #[test]
    fn the_document_says_what_is_declared() {
        let (path, now) = (deploy("metrics.md"), table());
        if std::env::var_os("MILLRACE_REWRITE").is_some() {
            fs::write(&path, &now).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == now,
            "deploy/metrics.md is out of date: run this test with MILLRACE_REWRITE=1"
        );
    }

    #[test]
    fn alerts_use_what_is_declared_and_say_what_to_do() {
        let alerts = read(&format!("{FILES}/alerts.yaml"));
        check("alerts.yaml", &alerts);
        check("alerts-test.yaml", &read(&format!("{FILES}/alerts-test.yaml")));
        let rules: Vec<&str> = alerts.split("- alert: ").skip(1).collect();
        assert!(rules.len() > 15, "{} rules", rules.len());
        for rule in rules {
            for part in ["expr: ", "severity: ", "summary: ", "description: ", "runbook: "] {
                assert_eq!(rule.matches(part).count(), 1, "{part}of {rule}");
            }
        }
    }

    #[test]
    fn the_dashboard_uses_what_is_declared() {
        let dashboard: Value = serde_json::from_str(&read(&format!("{FILES}/dashboard.json"))).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let mut ids = BTreeSet::new();
        let mut all = String::new();
        for panel in panels {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
            if panel["type"] == "row" {
                continue;
            }
            assert!(
                panel["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{title}"
            );
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
                let expression = target["expr"].as_str().unwrap();
                assert!(!mentioned(expression).is_empty(), "{title}");
                all += expression;
                all.push('\n');
            }
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            all += variable["query"]["query"].as_str().unwrap_or_default();
            all.push('\n');
        }
        check("dashboard.json", &all);
        let rows = panels.iter().filter(|panel| panel["type"] == "row");
        let rows: Vec<&str> = rows.filter_map(|row| row["title"].as_str()).collect();
        assert_eq!(
            rows,
            [
                "Overview",
                "Requests",
                "Queues",
                "Raft",
                "Log and disk",
                "Process"
            ]
        );
    }

    #[test]
    fn a_wrong_name_or_label_is_found() {
        let found = mentioned("rate(millrace_wal_segments{part=~\"a,b\", job!=\"x\"}[5m]) > millrace_ready");
        assert_eq!(found[0].0, "millrace_wal_segments");
        assert_eq!(labels(found[0].1), ["part", "job"]);
        assert_eq!(found[1], ("millrace_ready", ""));
        assert!(
            metric("millrace_wal_sync_duration_seconds").is_none(),
            "it has no series of its own name"
        );
        assert!(metric("millrace_wal_sync_duration_seconds_bucket").is_some());
        assert!(metric("millrace_made_up").is_none());
    }
}
