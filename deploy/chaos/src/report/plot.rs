//! The plot: successful calls and calls given up, and the latency of steady sends, over time, with the faults shaded.

use std::fmt::Write;

use super::html::escape;
use super::numbers::{Numbers, Second};

const WIDTH: f64 = 1180.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
/// Where labels of faults stand, above the panels.
const LABELS: f64 = 112.0;
const PANEL: f64 = 170.0;
const GAP: f64 = 48.0;
const BOTTOM: f64 = 34.0;

struct Panel {
    top: f64,
    max: f64,
    /// The smallest value of a logarithmic scale.
    from: Option<f64>,
}

impl Panel {
    fn y(&self, value: f64) -> f64 {
        let share = match self.from {
            None => value / self.max,
            Some(from) => (value.max(from) / from).ln() / (self.max / from).ln(),
        };
        self.top + PANEL * (1.0 - share.clamp(0.0, 1.0))
    }
}

/// The plot as SVG.
pub(super) fn of(numbers: &Numbers) -> String {
    let seconds = &numbers.seconds;
    let time = (seconds.len() as f64).max(1.0);
    let x = |at: f64| LEFT + (WIDTH - LEFT - RIGHT) * (at.clamp(0.0, time) / time);
    let most = seconds
        .iter()
        .map(|second| second.done.max(second.failed))
        .max()
        .unwrap_or(0);
    let calls = Panel {
        top: LABELS,
        max: nice(most as f64),
        from: None,
    };
    let slowest = seconds
        .iter()
        .filter_map(|second| second.latency)
        .map(|(_, p99)| p99)
        .fold(0.1, f64::max);
    let latency = Panel {
        top: LABELS + PANEL + GAP,
        max: 10_f64.powf(slowest.log10().ceil()),
        from: Some(0.001),
    };
    let height = latency.top + PANEL + BOTTOM;
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">"
    );
    faults(&mut out, numbers, &x, latency.top + PANEL);
    grid(
        &mut out,
        &calls,
        "calls per second",
        &(0..=4)
            .map(|n| calls.max * f64::from(n) / 4.0)
            .collect::<Vec<_>>(),
    );
    let mut decades = vec![0.001];
    while decades.last().is_some_and(|last| last * 9.9 < latency.max) {
        decades.push(decades[decades.len() - 1] * 10.0);
    }
    grid(&mut out, &latency, "seconds for a steady send", &decades);
    let done = |second: &Second| Some(second.done as f64);
    line(&mut out, seconds, &x, &calls, "#2266aa", done);
    bars(&mut out, seconds, &x, &calls);
    line(&mut out, seconds, &x, &latency, "#2266aa", |second| {
        Some(second.latency?.0)
    });
    line(&mut out, seconds, &x, &latency, "#cc7711", |second| {
        Some(second.latency?.1)
    });
    key(
        &mut out,
        calls.top + PANEL + 17.0,
        &[("#2266aa", "done"), ("#cc2222", "given up")],
    );
    key(
        &mut out,
        latency.top - 10.0,
        &[("#2266aa", "median"), ("#cc7711", "99th percentile")],
    );
    axis(&mut out, time, &x, latency.top + PANEL, numbers.load_end);
    out + "</svg>"
}

fn faults(out: &mut String, numbers: &Numbers, x: &impl Fn(f64) -> f64, bottom: f64) {
    for span in &numbers.spans {
        let (begun, over, healed) = (x(span.begun), x(span.over), x(span.healed));
        let height = bottom - LABELS;
        let what = escape(&format!("{}: {}", span.fault, span.what));
        let _ = write!(
            out,
            "<g><title>{what}</title>\
             <rect x=\"{begun:.1}\" y=\"{LABELS}\" width=\"{:.1}\" height=\"{height}\" fill=\"#f6d5d0\"/>\
             <rect x=\"{over:.1}\" y=\"{LABELS}\" width=\"{:.1}\" height=\"{height}\" fill=\"#fbf0dc\"/>\
             <text transform=\"translate({:.1} {}) rotate(-45)\" font-size=\"11\" fill=\"#7a2b20\">{} {}</text></g>",
            (over - begun).max(1.0),
            (healed - over).max(0.0),
            begun + 6.0,
            LABELS - 4.0,
            span.fault,
            escape(&span.kind),
        );
    }
}

fn grid(out: &mut String, panel: &Panel, title: &str, values: &[f64]) {
    for value in values {
        let y = panel.y(*value);
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#c9d1da\" stroke-width=\".6\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#5b6875\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            short(*value),
        );
    }
    let middle = panel.top + PANEL / 2.0;
    let _ = write!(
        out,
        "<text transform=\"translate(14 {middle}) rotate(-90)\" text-anchor=\"middle\" fill=\"#1c2733\">{title}</text>"
    );
}

/// A line with holes where there is no value.
fn line(
    out: &mut String,
    seconds: &[Second],
    x: &impl Fn(f64) -> f64,
    panel: &Panel,
    colour: &str,
    value: impl Fn(&Second) -> Option<f64>,
) {
    let mut path = String::new();
    let mut pen = 'M';
    for (at, second) in seconds.iter().enumerate() {
        match value(second) {
            None => pen = 'M',
            Some(value) => {
                let _ = write!(path, "{pen}{:.1} {:.1}", x(at as f64 + 0.5), panel.y(value));
                pen = 'L';
            }
        }
    }
    let _ = write!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
    );
}

fn bars(out: &mut String, seconds: &[Second], x: &impl Fn(f64) -> f64, panel: &Panel) {
    for (at, second) in seconds.iter().enumerate().filter(|(_, second)| second.failed > 0) {
        let (left, right) = (x(at as f64), x(at as f64 + 1.0));
        let y = panel.y(second.failed as f64).min(panel.top + PANEL - 2.0);
        let _ = write!(
            out,
            "<rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#cc2222\"/>",
            (right - left).max(1.0),
            panel.top + PANEL - y,
        );
    }
}

fn key(out: &mut String, y: f64, entries: &[(&str, &str)]) {
    let mut at = WIDTH - RIGHT - 120.0 * entries.len() as f64;
    for (colour, name) in entries {
        let _ = write!(
            out,
            "<rect x=\"{at}\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"#1c2733\">{name}</text>",
            y - 6.0,
            at + 19.0,
            y,
        );
        at += 120.0;
    }
}

fn axis(out: &mut String, time: f64, x: &impl Fn(f64) -> f64, bottom: f64, load_end: f64) {
    let step = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0].into_iter();
    let step = step.into_iter().find(|step| time / step <= 14.0).unwrap_or(600.0);
    let mut at = 0.0;
    while at <= time {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#5b6875\">{at} s</text>",
            x(at),
            bottom + 17.0
        );
        at += step;
    }
    let end = x(load_end);
    let _ = write!(
        out,
        "<line x1=\"{end:.1}\" x2=\"{end:.1}\" y1=\"{LABELS}\" y2=\"{bottom}\" stroke=\"#1c2733\" \
         stroke-dasharray=\"4 3\"><title>the load ends, queues are emptied</title></line>"
    );
}

/// A round number that is no less.
fn nice(value: f64) -> f64 {
    let unit = 10_f64.powf(value.max(1.0).log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0].into_iter();
    let mut steps = steps.map(|step| step * unit).filter(|step| *step >= value);
    steps.next().unwrap_or(value)
}

fn short(value: f64) -> String {
    if value >= 1.0 {
        format!("{value:.0}")
    } else {
        format!("{value}").chars().take(6).collect()
    }
}
