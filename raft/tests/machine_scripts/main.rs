//! Stories of the state machines: each file below `testscripts/` is one, with what was done and what
//! came of it.
//!
//! A line that begins with `> ` is an input; the lines after it, up to the next input, comment or
//! empty line, are its output. `# ` begins a comment. After a wanted change of behaviour, run the
//! tests with `MILLRACE_REWRITE=1`, which writes the outputs anew, and read the difference.

mod catalog;
mod check;
mod queue;
mod words;

#[test]
fn queue_stories() {
    check::folder("queue", queue::Script::new);
}

#[test]
fn catalog_stories() {
    check::folder("catalog", catalog::Script::new);
}
