//! Values of declared metrics, put together and written as OpenMetrics text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit as OpenMetricsUnit};
use raft::histogram::Counted;

use super::declare::{Counter, Declaration, Gauge, Histogram, Kind, Metric, Unit};

/// What the text is, for whoever asks.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The value of a label.
pub(super) type Label = Cow<'static, str>;

/// A page of metrics. Those that have no value yet are on it by name.
#[derive(Debug)]
pub struct Page {
    declarations: &'static [&'static Declaration],
    samples: BTreeMap<&'static str, Vec<Sample>>,
}

#[derive(Debug)]
struct Sample {
    labels: Vec<(&'static str, Label)>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Number(Number),
    /// The sum of all values, and buckets by their greatest value.
    Histogram(f64, Vec<(f64, u64)>),
}

/// A number that is shown as exactly as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Number {
        Number::Whole(number)
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Number {
        Number::Whole(number as u64)
    }
}

impl From<bool> for Number {
    fn from(is_so: bool) -> Number {
        Number::Whole(is_so.into())
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Number {
        Number::Real(number)
    }
}

impl From<std::time::Duration> for Number {
    fn from(time: std::time::Duration) -> Number {
        Number::Real(time.as_secs_f64())
    }
}

impl Page {
    /// A page for these metrics without any value.
    pub fn new(declarations: &'static [&'static Declaration]) -> Page {
        Page {
            declarations,
            samples: BTreeMap::new(),
        }
    }

    pub(super) fn counter<const N: usize>(
        &mut self,
        metric: &'static Metric<Counter, N>,
        labels: [Label; N],
        value: impl Into<Number>,
    ) {
        self.add(&metric.declaration, labels, Value::Number(value.into()));
    }

    pub(super) fn gauge<const N: usize>(
        &mut self,
        metric: &'static Metric<Gauge, N>,
        labels: [Label; N],
        value: impl Into<Number>,
    ) {
        self.add(&metric.declaration, labels, Value::Number(value.into()));
    }

    /// What a histogram has counted, in nanoseconds if the metric is in seconds.
    pub(super) fn histogram<const N: usize>(
        &mut self,
        metric: &'static Metric<Histogram, N>,
        labels: [Label; N],
        counted: &Counted,
    ) {
        let shown = |value: u64| match metric.declaration.unit {
            Unit::Seconds => value as f64 / 1e9,
            Unit::One | Unit::Bytes => value as f64,
        };
        let bound = |bound| match bound {
            // The encoder's word for "no bound".
            u64::MAX => f64::MAX,
            bound => shown(bound),
        };
        let buckets = counted.buckets.iter();
        let buckets = buckets
            .map(|(greatest, count)| (bound(*greatest), *count))
            .collect();
        let value = Value::Histogram(shown(counted.sum), buckets);
        self.add(&metric.declaration, labels, value);
    }

    fn add<const N: usize>(&mut self, declaration: &'static Declaration, labels: [Label; N], value: Value) {
        let labels = labels.into_iter().map(escaped);
        let labels = declaration.labels.iter().copied().zip(labels).collect();
        let samples = self.samples.entry(declaration.name).or_default();
        samples.push(Sample { labels, value });
    }

    /// The text.
    pub fn render(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            tracing::error!("metrics could not be encoded");
        }
        text
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        for declaration in self.declarations {
            let (kind, suffix) = match declaration.kind {
                Kind::Counter => (MetricType::Counter, "_total"),
                Kind::Gauge => (MetricType::Gauge, ""),
                Kind::Histogram => (MetricType::Histogram, ""),
            };
            let (unit, unit_suffix) = match declaration.unit {
                Unit::One => (None, ""),
                Unit::Seconds => (Some(OpenMetricsUnit::Seconds), "_seconds"),
                Unit::Bytes => (Some(OpenMetricsUnit::Bytes), "_bytes"),
            };
            // The encoder adds both.
            let stem = declaration.name.strip_suffix(suffix).unwrap_or(declaration.name);
            let stem = stem.strip_suffix(unit_suffix).unwrap_or(stem);
            let mut metric = encoder.encode_descriptor(stem, declaration.help, unit.as_ref(), kind)?;
            for sample in self.samples.get(declaration.name).into_iter().flatten() {
                if sample.labels.is_empty() {
                    encode_value(&mut metric, declaration.kind, &sample.value)?;
                } else {
                    encode_value(
                        &mut metric.encode_family(&sample.labels)?,
                        declaration.kind,
                        &sample.value,
                    )?;
                }
            }
        }
        Ok(())
    }
}

/// The encoder writes a label's value as it is, and a region is what a client says it is.
fn escaped(label: Label) -> Label {
    if !label.contains(['\\', '"', '\n']) {
        return label;
    }
    let escaped = label.replace('\\', "\\\\").replace('"', "\\\"");
    escaped.replace('\n', "\\n").into()
}

fn encode_value(metric: &mut MetricEncoder, kind: Kind, value: &Value) -> Result<(), std::fmt::Error> {
    match (kind, value) {
        (_, Value::Histogram(sum, buckets)) => {
            let count = buckets.iter().map(|(_, count)| count).sum();
            metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
        }
        (Kind::Counter, Value::Number(Number::Whole(value))) => {
            metric.encode_counter::<NoLabelSet, u64, f64>(value, None)
        }
        (Kind::Counter, Value::Number(Number::Real(value))) => {
            metric.encode_counter::<NoLabelSet, f64, f64>(value, None)
        }
        (_, Value::Number(Number::Whole(value))) => metric.encode_gauge(value),
        (_, Value::Number(Number::Real(value))) => metric.encode_gauge(value),
    }
}

#[cfg(test)]
impl Page {
    /// The lines of a metric's values, without its name.
    pub(super) fn lines<K, const N: usize>(self, metric: &'static Metric<K, N>) -> Vec<String> {
        let name = metric.declaration.name;
        let text = self.render();
        let lines = text.lines().filter_map(|line| line.strip_prefix(name));
        lines.map(|line| line.trim_start().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, QUEUE_VISIBLE, READY, REQUESTS, WAL_SYNC};
    use super::*;

    #[test]
    fn values_are_written_as_openmetrics() {
        let mut page = Page::new(ALL);
        page.counter(&REQUESTS, ["SendMessage".into(), "200".into(), "".into()], 3_u64);
        page.gauge(&READY, [], true);
        page.gauge(
            &QUEUE_VISIBLE,
            ["0".into(), "r".into(), "a\"b\\c\n".into()],
            5_u64,
        );
        let counted = Counted {
            buckets: vec![(1_000_000, 2), (2_000_000, 0), (u64::MAX, 1)],
            sum: 3_500_000_000,
        };
        page.histogram(&WAL_SYNC, [], &counted);
        let text = page.render();
        for expected in [
            "# TYPE millrace_requests counter\n\
             millrace_requests_total{operation=\"SendMessage\",status=\"200\",code=\"\"} 3\n",
            "# TYPE millrace_ready gauge\nmillrace_ready 1\n",
            "millrace_queue_messages_visible{account=\"0\",region=\"r\",queue=\"a\\\"b\\\\c\\n\"} 5\n",
            "# UNIT millrace_wal_sync_duration_seconds seconds\n\
             millrace_wal_sync_duration_seconds_sum 3.5\n\
             millrace_wal_sync_duration_seconds_count 3\n\
             millrace_wal_sync_duration_seconds_bucket{le=\"0.001\"} 2\n\
             millrace_wal_sync_duration_seconds_bucket{le=\"0.002\"} 2\n\
             millrace_wal_sync_duration_seconds_bucket{le=\"+Inf\"} 3\n",
            // One without a value.
            "# TYPE process_open_fds gauge\n#",
        ] {
            assert!(text.contains(expected), "no {expected} in {text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
