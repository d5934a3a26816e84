//! A queue's policy as a document that can be edited: statements are added and removed, and all that is
//! not edited stays as it is, to the letter.
//!
//! A replicated document must not depend on how a build orders the members of JSON objects. They are
//! sorted here, as `api` sorts them, and there are no spaces: equal policies are equal texts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// As AWS has been seen to write it.
const VERSION: &str = "2008-10-17";
const STATEMENT: &str = "Statement";

/// A policy in parts.
pub(super) struct Policy {
    /// All members but the statements.
    members: BTreeMap<String, Box<RawValue>>,
    statements: Vec<Box<RawValue>>,
}

/// What a permission is in a policy. The members stand in the order of their names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Permission {
    action: OneOrMore,
    effect: &'static str,
    principal: Principal,
    resource: String,
    /// The label.
    sid: String,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Principal {
    aws: OneOrMore,
}

/// A text alone, or a list of several.
#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Permission {
    /// Lets accounts do something with the resource of that ARN.
    pub(super) fn new(
        label: String,
        accounts: &[String],
        actions: &[String],
        resource: String,
    ) -> Permission {
        let roots = accounts.iter().map(|id| format!("arn:aws:iam::{id}:root"));
        let actions = actions.iter().map(|action| format!("SQS:{action}"));
        Permission {
            action: OneOrMore::of(actions.collect()),
            effect: "Allow",
            principal: Principal {
                aws: OneOrMore::of(roots.collect()),
            },
            resource,
            sid: label,
        }
    }
}

impl OneOrMore {
    fn of(mut texts: Vec<String>) -> OneOrMore {
        match texts.len() {
            1 => OneOrMore::One(texts.remove(0)),
            _ => OneOrMore::More(texts),
        }
    }
}

impl Policy {
    /// The policy of a queue that has none yet.
    pub(super) fn empty(arn: &str) -> Policy {
        let texts = [
            ("Version", VERSION.to_owned()),
            ("Id", format!("{arn}/SQSDefaultPolicy")),
        ];
        let members = texts.map(|(name, text)| (name.to_owned(), raw(&text)));
        Policy {
            members: members.into(),
            statements: Vec::new(),
        }
    }

    /// Takes a policy apart. A single statement may stand without a list around it.
    pub(super) fn parse(text: &str) -> Option<Policy> {
        let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
        let statements = match members.remove(STATEMENT) {
            Some(one) if one.get().starts_with('{') => vec![one],
            Some(list) => serde_json::from_str(list.get()).ok()?,
            None => Vec::new(),
        };
        Some(Policy { members, statements })
    }

    /// How many statements there are.
    pub(super) fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether there is a statement of that label.
    pub(super) fn has(&self, label: &str) -> bool {
        self.statements
            .iter()
            .any(|statement| is_called(statement, label))
    }

    pub(super) fn add(&mut self, permission: &Permission) {
        self.statements.push(raw(permission));
    }

    /// Removes the statements of that label.
    pub(super) fn remove(&mut self, label: &str) {
        self.statements.retain(|statement| !is_called(statement, label));
    }

    /// The document, or empty if it says nothing any more.
    pub(super) fn into_text(mut self) -> String {
        if self.statements.is_empty() {
            return String::new();
        }
        self.members.insert(STATEMENT.to_owned(), raw(&self.statements));
        raw(&self.members).get().to_owned()
    }
}

fn is_called(statement: &RawValue, label: &str) -> bool {
    let members: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(statement.get()).ok();
    let sid = members.and_then(|members| serde_json::from_str::<String>(members.get("Sid")?.get()).ok());
    sid.as_deref() == Some(label)
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("texts, lists of texts and JSON have a form in JSON")
}
