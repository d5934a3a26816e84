//! Every operation, field, kind of row and message of peers has a level: this reads the sources and
//! compares their tags with `level/table.rs`.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use raft::level::{Level, table};

/// Where what logs and states are made of is declared.
const SOURCES: [&str; 4] = ["command", "machine", "group/entry.rs", "group/wire.rs"];

/// Tags by the path of the type that has them.
type Found = BTreeMap<String, BTreeSet<u32>>;

fn rust_files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
        return;
    }
    for entry in fs::read_dir(path).unwrap() {
        rust_files(&entry.unwrap().path(), found);
    }
}

/// The path of a source file as a module.
fn module(root: &Path, file: &Path) -> String {
    let path = file.strip_prefix(root).unwrap().with_extension("");
    let parts = path.iter().map(|part| part.to_str().unwrap());
    parts.filter(|part| *part != "mod").collect::<Vec<_>>().join("::")
}

/// The word after `keyword`, wherever that stands in the line's declaration.
fn declared<'a>(line: &'a str, keywords: &[&str]) -> Option<&'a str> {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    let declaration = line.trim_start();
    if !["pub", "struct", "enum", "message"]
        .iter()
        .any(|start| declaration.starts_with(start))
    {
        return None;
    }
    words.find(|word| keywords.contains(word))?;
    words.next().filter(|name| !name.is_empty())
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn scan_rust(module: &str, source: &str, found: &mut Found) {
    let mut current = String::new();
    for line in source.lines() {
        if let Some(name) = declared(line, &["struct", "enum"]) {
            current = format!("{module}::{name}");
        }
        let tag = line
            .split_once("tag = \"")
            .and_then(|(_, rest)| rest.split_once('"'));
        // A variant of an enumeration, such as `NoSuchQueue = 3,`.
        let variant = line
            .trim()
            .strip_suffix(',')
            .and_then(|line| line.split_once(" = "));
        let variant = variant.filter(|(name, _)| name.chars().all(char::is_alphanumeric));
        let constant = line.split_once("u8 = ").filter(|_| module == "machine::tables");
        let constant = constant.and_then(|(_, rest)| rest.strip_suffix(';'));
        if let Some(number) = constant.and_then(number) {
            found.entry(module.to_owned()).or_default().insert(number);
        }
        let tag = tag.map(|(tag, _)| tag).or(variant.map(|(_, number)| number));
        if let Some(number) = tag.and_then(number) {
            found.entry(current.clone()).or_default().insert(number);
        }
    }
}

fn scan_proto(source: &str, found: &mut Found) {
    // A oneof's fields are its message's.
    let mut open: Vec<String> = Vec::new();
    for line in source.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let top = open.last().cloned();
        if line.ends_with('{') {
            let name = line.split_whitespace().nth(1).unwrap();
            open.push(match (line.split_whitespace().next(), top) {
                (Some("oneof" | "service"), top) => top.unwrap_or_default(),
                (_, Some(outer)) => format!("{outer}.{name}"),
                (_, None) => format!("peer.proto::{name}"),
            });
        } else if line.ends_with('}') && !line.contains('{') {
            open.pop();
        } else if let Some((_, rest)) = line.split_once(" = ")
            && let Some(tag) = rest.strip_suffix(';').and_then(number)
        {
            found.entry(top.unwrap()).or_default().insert(tag);
        }
    }
}

fn in_the_sources() -> Found {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for source in SOURCES {
        rust_files(&root.join(source), &mut files);
    }
    let mut found = Found::new();
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap();
        scan_rust(&module(&root, &file), source, &mut found);
    }
    scan_proto(
        &fs::read_to_string(root.join("../proto/peer.proto")).unwrap(),
        &mut found,
    );
    found
}

fn in_the_table() -> Found {
    let mut known = Found::new();
    for tags in table::all() {
        let zero = tags.zero.iter().flat_map(Clone::clone);
        let newer = tags.newer.iter().map(|(tag, _)| *tag);
        let twice = known.insert(tags.name.to_owned(), zero.chain(newer).collect());
        assert!(twice.is_none(), "{} has two lines", tags.name);
    }
    known
}

#[test]
fn every_tag_has_a_level() {
    let (found, known) = (in_the_sources(), in_the_table());
    let mut faults = Vec::new();
    for name in found.keys().chain(known.keys()).collect::<BTreeSet<_>>() {
        let (none, none_too) = (BTreeSet::new(), BTreeSet::new());
        let found = found.get(name).unwrap_or(&none);
        let known = known.get(name).unwrap_or(&none_too);
        for tag in found.difference(known) {
            faults.push(format!(
                "{name} has a tag {tag} without a level: give it one in level/table.rs"
            ));
        }
        for tag in known.difference(found) {
            faults.push(format!(
                "{name} has no tag {tag} any more: tags stay for ever, as unused ones"
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn levels_are_of_releases_that_this_one_knows() {
    for tags in table::all() {
        for (tag, level) in tags.newer {
            let is_known = (Level::ONE..=Level::LATEST).contains(level);
            assert!(is_known, "{} {tag} has level {level}", tags.name);
        }
    }
}

#[test]
fn a_new_tag_is_noticed() {
    let mut found = Found::new();
    scan_rust(
        "command::queue",
        "pub struct Send {\n    #[prost(message, repeated, tag = \"7\")]\n    pub entries: u8,\n}\n\
         pub(super) enum Outcome {\n    Done = 12,\n}",
        &mut found,
    );
    scan_proto(
        "message Frame {\n  oneof body {\n    Sizes sizes = 99;\n  }\n}\n",
        &mut found,
    );
    let tags = |name: &str| found[name].iter().copied().collect::<Vec<_>>();
    assert_eq!(tags("command::queue::Send"), [7]);
    assert_eq!(tags("command::queue::Outcome"), [12]);
    assert_eq!(tags("peer.proto::Frame"), [99]);
}
