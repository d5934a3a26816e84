//! Reads query forms as serde data. It knows the service's table, but no operation.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::form::{self, Node};
use super::table::Table;

/// What is wrong with a form.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Error(String);

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error(message.to_string())
    }
}

/// Reads a form. `path`, if given, names the queue and stands in for `QueueUrl`.
pub(super) fn decode<I: DeserializeOwned>(
    form: &[u8],
    table: &'static Table,
    operation: &'static str,
    path: Option<&str>,
) -> Result<I, Error> {
    let mut root = form::parse(form);
    if let Some(path) = path {
        root.children.entry("QueueUrl".to_owned()).or_default().value = Some(path.to_owned());
    }
    I::deserialize(Reader {
        node: &root,
        spelling: Spelling { table, operation },
        member: None,
    })
}

#[derive(Clone, Copy)]
struct Spelling {
    table: &'static Table,
    operation: &'static str,
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    spelling: Spelling,
    /// The member that this node is the value of.
    member: Option<&'static str>,
}

impl<'a> Reader<'a> {
    fn text(&self) -> Result<&'a str, Error> {
        self.node
            .value
            .as_deref()
            .ok_or_else(|| Error::custom("a value is missing"))
    }

    fn child(&self, node: &'a Node, member: Option<&'static str>) -> Reader<'a> {
        Reader {
            node,
            spelling: self.spelling,
            member,
        }
    }

    fn number<N: std::str::FromStr>(&self) -> Result<N, Error> {
        let text = self.text()?;
        text.trim().parse().map_err(|_| {
            let name = self.member.unwrap_or("a member");
            Error(format!("'{text}' is not a valid value for {name}"))
        })
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.number::<$type>()?)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.number()?)
    }

    numbers! {
        deserialize_i64 visit_i64 i64,
        deserialize_i32 visit_i32 i32,
        deserialize_u64 visit_u64 u64,
        deserialize_u32 visit_u32 u32,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = self
            .node
            .numbered()
            .into_iter()
            .map(|node| self.child(node, self.member));
        visitor.visit_seq(SeqDeserializer::new(items))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let spelling = self
            .member
            .and_then(|m| self.spelling.table.list(self.spelling.operation, m));
        let (key, value) = spelling.map_or(("Name", "Value"), |list| list.entry);
        let entries = self.node.numbered().into_iter().map(|node| {
            let part = |name: &str| node.children.get(name);
            let name = part(key).and_then(|n| n.value.clone()).unwrap_or_default();
            (name, self.child(part(value).unwrap_or(&EMPTY), None))
        });
        visitor.visit_map(MapDeserializer::new(entries))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let present = fields.iter().filter_map(|field| {
            let list = self.spelling.table.list(self.spelling.operation, field);
            let spelled = list.map_or(*field, |list| list.flattened);
            let node = self
                .node
                .children
                .get(spelled)
                .or_else(|| self.node.children.get(*field))?;
            Some((*field, self.child(node, Some(field))))
        });
        visitor.visit_map(MapDeserializer::new(present))
    }

    forward_to_deserialize_any! {
        i8 i16 u8 u16 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Reader<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

static EMPTY: Node = Node {
    value: None,
    children: std::collections::BTreeMap::new(),
};
