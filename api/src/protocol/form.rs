//! A form as a tree: `Entry.2.Id=x` is the value of `Id` under `2` under `Entry`.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Deepest nesting of a name; the deepest real one has seven parts.
const DEPTH_MAX: usize = 16;

/// A node of the tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) value: Option<String>,
    pub(super) children: BTreeMap<String, Node>,
}

/// The first value of a name, without building a tree.
pub(super) fn find<'a>(form: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(form)
        .find(|(n, _)| n == name)
        .map(|(_, value)| value)
}

/// The whole form.
pub(super) fn parse(form: &[u8]) -> Node {
    let mut root = Node::default();
    for (name, value) in form_urlencoded::parse(form) {
        let mut node = &mut root;
        for part in name.splitn(DEPTH_MAX, '.') {
            node = node.children.entry(part.to_owned()).or_default();
        }
        node.value = Some(value.into_owned());
    }
    root
}

impl Node {
    /// The numbered children in the order of their numbers. `.member.1` means the same as `.1`.
    pub(super) fn numbered(&self) -> Vec<&Node> {
        let node = self.children.get("member").unwrap_or(self);
        let mut items: Vec<(u32, &Node)> = node
            .children
            .iter()
            .filter_map(|(name, child)| Some((name.parse().ok()?, child)))
            .collect();
        items.sort_by_key(|(number, _)| *number);
        items.into_iter().map(|(_, child)| child).collect()
    }
}
