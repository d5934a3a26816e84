//! The report as one page that needs nothing else.

use std::fmt::Write;

use super::numbers::Numbers;
use super::{markdown, plot, verdict};
use crate::judge::Judged;

const STYLE: &str = "body{font:15px/1.5 sans-serif;color:#1c2733;max-width:1180px;margin:2em auto;padding:0 1em}\
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}table{border-collapse:collapse;font-size:14px}\
td,th{padding:.25em .7em;border-bottom:1px solid #dde3ea;text-align:left;vertical-align:top}\
th{background:#f2f5f8}.verdict{padding:.6em 1em;border-radius:4px;font-weight:bold}\
.good{background:#e2f4e6}.bad{background:#fbe3e1}.note{color:#5b6875;font-size:14px}svg{width:100%;height:auto}";

pub(super) fn of(judged: &Judged, numbers: &Numbers) -> String {
    let mut out = String::new();
    let seed = judged.plan.seed;
    let good = judged.violations.is_empty() && !judged.interrupted;
    let class = if good { "good" } else { "bad" };
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Chaos run, seed {seed}</title>\
         <style>{STYLE}</style></head><body><h1>Chaos run, seed {seed}</h1>\
         <p class=\"verdict {class}\">{}</p>",
        escape(&verdict(judged))
    );
    list(&mut out, &markdown::facts(judged, numbers));
    if !judged.violations.is_empty() {
        let _ = write!(out, "<h2>Violations</h2>");
        let lines = judged.violations.iter();
        let lines: Vec<String> = lines
            .map(|one| format!("at {:.3} s, calls {:?}: {one}", one.at.as_secs_f64(), one.calls))
            .collect();
        list(&mut out, &lines);
    }
    let _ = write!(out, "<h2>Calls over time</h2>{}", plot::of(numbers));
    let _ = write!(out, "<h2>Unavailability by fault</h2>");
    table(&mut out, markdown::kinds(numbers));
    let _ = write!(
        out,
        "<p class=\"note\">{}</p><h2>What was done</h2>",
        escape(markdown::EXPLANATION)
    );
    table(&mut out, markdown::spans(numbers));
    list(&mut out, &markdown::left_out(judged));
    let _ = write!(out, "<h2>Calls</h2>");
    table(&mut out, markdown::calls(numbers));
    out + "</body></html>\n"
}

fn list(out: &mut String, lines: &[String]) {
    let items: String = lines
        .iter()
        .map(|line| format!("<li>{}</li>", escape(line)))
        .collect();
    let _ = write!(out, "<ul>{items}</ul>");
}

fn table(out: &mut String, [head, rows]: [Vec<Vec<String>>; 2]) {
    let row = |cells: &Vec<String>, tag: &str| {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<{tag}>{}</{tag}>", escape(cell)))
            .collect();
        format!("<tr>{cells}</tr>")
    };
    let head: String = head.iter().map(|cells| row(cells, "th")).collect();
    let rows: String = rows.iter().map(|cells| row(cells, "td")).collect();
    let _ = write!(out, "<table>{head}{rows}</table>");
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
