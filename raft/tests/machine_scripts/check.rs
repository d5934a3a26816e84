//! Runs stories and compares them with their files.

use std::fs;
use std::path::Path;

/// Something that obeys input lines.
pub(crate) trait Interpreter {
    /// Does what a line says and tells, line by line, what came of it.
    fn obey(&mut self, line: &str) -> Vec<String>;
}

/// Checks every story of a folder below `testscripts/`, each with an interpreter of its own.
pub(crate) fn folder<I: Interpreter>(name: &str, interpreter: impl Fn() -> I) {
    // Cargo runs tests in their package's folder.
    let folder = Path::new("testscripts").join(name);
    let entries = fs::read_dir(&folder).expect("the folder of stories can be read");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no stories in {}", folder.display());
    let wrong: Vec<String> = paths
        .iter()
        .filter_map(|path| check(path, &mut interpreter()).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks one story, or writes its outputs anew.
fn check(path: &Path, interpreter: &mut impl Interpreter) -> Result<(), String> {
    let expected = fs::read_to_string(path).expect("the story can be read");
    let actual = retell(&expected, interpreter);
    assert!(actual.contains("> "), "{} has no input", path.display());
    if actual == expected {
        return Ok(());
    }
    if std::env::var_os("MILLRACE_REWRITE").is_some() {
        fs::write(path, actual).expect("the story can be written");
        return Ok(());
    }
    Err(format!("{}\n{}", path.display(), differences(&expected, &actual)))
}

/// The story with the outputs that the interpreter gives.
fn retell(story: &str, interpreter: &mut impl Interpreter) -> String {
    let mut retold = String::new();
    for line in story.lines() {
        let input = line.strip_prefix("> ");
        if input.is_some() || line.is_empty() || line.starts_with("# ") {
            retold.push_str(line);
            retold.push('\n');
        }
        for output in input.map(|input| interpreter.obey(input)).unwrap_or_default() {
            retold.push_str(&output);
            retold.push('\n');
        }
    }
    retold
}

/// The first lines that differ, with the lines before them.
fn differences(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let same = expected
        .iter()
        .zip(&actual)
        .take_while(|(left, right)| left == right)
        .count();
    let show = |lines: &[&str], sign: &str| {
        let shown = lines.iter().skip(same).take(6);
        shown.map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    let before = &actual[same.saturating_sub(4)..same];
    let before: String = before.iter().map(|line| format!("  {line}\n")).collect();
    format!(
        "line {}:\n{before}{}{}",
        same + 1,
        show(&expected, "-"),
        show(&actual, "+")
    )
}
