//! What a run was, for people: `report.html` with a plot, and the same without it in `report.md`.

use std::path::Path;

use crate::judge::Judged;

mod html;
mod markdown;
mod numbers;
mod plot;

pub use numbers::Numbers;

/// Writes both into the run's folder, and gives the text.
///
/// # Errors
/// If they cannot be written.
pub fn write(folder: &Path, judged: &Judged) -> anyhow::Result<String> {
    let numbers = Numbers::of(judged);
    let text = markdown::of(judged, &numbers);
    std::fs::write(folder.join("report.md"), &text)?;
    std::fs::write(folder.join("report.html"), html::of(judged, &numbers))?;
    Ok(text)
}

/// The verdict in one sentence.
fn verdict(judged: &Judged) -> String {
    let violations = judged.violations.len();
    match (violations, judged.interrupted) {
        (0, false) => "PASSED: no rule was broken.".to_owned(),
        (0, true) => {
            "UNFINISHED: no rule was broken as far as the run went, but queues were not emptied.".to_owned()
        }
        (1, _) => "FAILED: 1 violation.".to_owned(),
        (_, _) => format!("FAILED: {violations} violations."),
    }
}
