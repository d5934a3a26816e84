//! A form as a tree: `a.1.b=x` is the value `x` at the end of the path `a`, `1`, `b`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode;

use super::QueryError;

/// A key has at most this many parts; the deepest one in any model has five.
const PARTS_MAX: usize = 8;

/// The pairs of a form, undecoded keys and values split at `&` and `=`.
fn pairs(form: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    form.split(|&b| b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.iter().position(|&b| b == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        })
}

fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, QueryError> {
    let not_utf8 = || QueryError::malformed("the form holds text that is not UTF-8");
    if bytes.contains(&b'+') {
        let spaced: Vec<u8> = bytes.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
        let text = percent_decode(&spaced).decode_utf8().map_err(|_| not_utf8())?;
        return Ok(Cow::Owned(text.into_owned()));
    }
    percent_decode(bytes).decode_utf8().map_err(|_| not_utf8())
}

/// The value of a key that has no dots.
pub(in crate::protocol) fn value_of<'a>(form: &'a [u8], key: &str) -> Option<Cow<'a, str>> {
    pairs(form)
        .find(|(name, _)| *name == key.as_bytes())
        .and_then(|(_, value)| decode(value).ok())
}

/// A form as the tree that its dotted keys make.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Form<'a> {
    pub(super) value: Option<Cow<'a, str>>,
    pub(super) children: BTreeMap<Cow<'a, str>, Form<'a>>,
}

impl<'a> Form<'a> {
    /// Adds the pairs of one form; the first value of a key counts.
    pub(in crate::protocol) fn read(&mut self, form: &'a [u8]) -> Result<(), QueryError> {
        for (key, value) in pairs(form) {
            let value = decode(value)?;
            match decode(key)? {
                Cow::Borrowed(key) => self.put(key.split('.').map(Cow::Borrowed), value)?,
                Cow::Owned(key) => self.put(key.split('.').map(|part| Cow::Owned(part.to_owned())), value)?,
            }
        }
        Ok(())
    }

    /// Gives a member a value unless it has one.
    pub(in crate::protocol) fn imply(&mut self, member: &'a str, value: &'a str) {
        self.children
            .entry(Cow::Borrowed(member))
            .or_default()
            .value
            .get_or_insert(Cow::Borrowed(value));
    }

    fn put(
        &mut self,
        path: impl Iterator<Item = Cow<'a, str>>,
        value: Cow<'a, str>,
    ) -> Result<(), QueryError> {
        let mut node = self;
        for (depth, part) in path.enumerate() {
            if depth == PARTS_MAX {
                return Err(QueryError::malformed("a key of the form has too many parts"));
            }
            node = node.children.entry(part).or_default();
        }
        node.value.get_or_insert(value);
        Ok(())
    }

    /// The children whose names are numbers, in the numbers' order.
    pub(super) fn numbered(&self) -> Vec<&Form<'a>> {
        let mut items: Vec<(u32, &Form<'a>)> = self
            .children
            .iter()
            .filter_map(|(name, item)| Some((name.parse().ok()?, item)))
            .collect();
        items.sort_by_key(|(number, _)| *number);
        items.into_iter().map(|(_, item)| item).collect()
    }
}
