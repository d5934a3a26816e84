//! The wire, as transcripts: requests as SDKs sent them and what is answered.
//!
//! A file of `testdata/sqs` holds cases. A case is a request and, after `----`, how it was decoded
//! and what was answered; `====` ends it. Lines before a request that begin with `#` say what it is
//! about. `UPDATE_TRANSCRIPTS=1 cargo test -p api` writes what is answered now: review the
//! difference before it is committed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod serve;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::request::Parts;

#[test]
fn transcripts() {
    // Cargo runs tests in their package's folder.
    let folder = Path::new("testdata/sqs");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    assert!(
        files.len() >= 2 * api::sqs::Operation::ALL.len(),
        "each operation has a file for each protocol"
    );
    let different: Vec<PathBuf> = files.into_iter().filter(|file| !check(file)).collect();
    assert!(different.is_empty(), "answers differ from {different:#?}");
}

/// Runs one file; false if an answer differs. With the environment variable, writes the answers.
fn check(file: &Path) -> bool {
    let recorded = std::fs::read_to_string(file).unwrap();
    let mut actual = String::new();
    for case in recorded.split_inclusive("====\n") {
        let request = case.split_once("----\n").map_or(case, |(request, _)| request);
        let request = request.trim_end_matches("====\n");
        write!(actual, "{request}----\n{}====\n", answer(request)).unwrap();
    }
    if actual != recorded && std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(file, &actual).unwrap();
        return true;
    }
    for (line, (recorded, actual)) in recorded.lines().zip(actual.lines()).enumerate() {
        if recorded != actual {
            println!(
                "{}:{}\n  recorded: {recorded}\n  actual:   {actual}",
                file.display(),
                line + 1
            );
        }
    }
    actual == recorded
}

/// The decoded request and the response, as text.
fn answer(text: &str) -> String {
    let (head, body) = request(text);
    let served = serve::serve(&head, &body);
    let response = served.response;
    let mut out = String::new();
    for line in served.decoded {
        writeln!(out, "{line}").unwrap();
    }
    writeln!(out, "{}", response.status()).unwrap();
    for (name, value) in response.headers() {
        writeln!(out, "{name}: {}", value.to_str().unwrap()).unwrap();
    }
    writeln!(out, "{}", std::str::from_utf8(response.body()).unwrap()).unwrap();
    out
}

fn request(text: &str) -> (Parts, Bytes) {
    let text = text
        .split_inclusive('\n')
        .skip_while(|line| line.starts_with('#'))
        .collect::<String>();
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut request = http::Request::builder()
        .method(first.next().unwrap())
        .uri(first.next().unwrap());
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let body = Bytes::copy_from_slice(body.trim_end_matches('\n').as_bytes());
    let (head, ()) = request.body(()).unwrap().into_parts();
    (head, body)
}
