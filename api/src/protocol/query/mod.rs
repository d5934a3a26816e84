//! The query protocol's requests: a form, in the body or in the URL, whose dotted keys are paths
//! such as `MessageAttribute.1.Value.StringValue`. A serde deserializer over the tree they make.
//!
//! Not only what AWS's documentation shows today is read, but also what older clients send: a list
//! or map of one item without its number (`AttributeName=All`, `Attribute.Name=…`).

use std::fmt::Display;

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{self, ApiError};
use crate::protocol::members::{Kind, Member, Members};

mod form;

pub(super) use form::{Form, value_of};

/// A form cannot be read: it is malformed, or a value is of another type.
#[derive(Debug)]
pub(super) struct QueryError(pub ApiError);

impl QueryError {
    fn malformed(message: impl Display) -> QueryError {
        QueryError(ApiError::new(&error::MALFORMED_QUERY, message.to_string()))
    }
}

impl Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for QueryError {}

impl de::Error for QueryError {
    fn custom<T: Display>(message: T) -> QueryError {
        QueryError::malformed(message)
    }
}

/// Reads a whole form as an operation's input.
pub(super) fn from_form<'de, T: de::Deserialize<'de>>(
    form: &'de Form<'de>,
    members: Members,
) -> Result<T, QueryError> {
    T::deserialize(Value {
        form,
        members,
        name: "",
        member: None,
    })
}

/// One value of the tree.
#[derive(Clone, Copy)]
struct Value<'de> {
    form: &'de Form<'de>,
    members: Members,
    /// What the member is called, for messages.
    name: &'de str,
    /// The table's row for it, if it is a list or a map.
    member: Option<&'static Member>,
}

impl<'de> Value<'de> {
    fn text(&self) -> Result<&'de str, QueryError> {
        let value = self.form.value.as_deref();
        value
            .ok_or_else(|| QueryError::malformed(format_args!("the member {} has no plain value", self.name)))
    }

    fn parse<T: std::str::FromStr>(&self, what: &str) -> Result<T, QueryError> {
        let text = self.text()?;
        let invalid = || {
            QueryError(error::invalid_value(
                text,
                self.name,
                format_args!("Must be {what}."),
            ))
        };
        text.parse().map_err(|_| invalid())
    }

    fn item(&self, form: &'de Form<'de>) -> Value<'de> {
        Value {
            form,
            member: None,
            ..*self
        }
    }
}

macro_rules! numbers {
    ($($deserialize:ident, $visit:ident;)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
            visitor.$visit(self.parse("an integer")?)
        })*
    };
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = QueryError;

    numbers! {
        deserialize_i8, visit_i8;
        deserialize_i16, visit_i16;
        deserialize_i32, visit_i32;
        deserialize_i64, visit_i64;
        deserialize_u8, visit_u8;
        deserialize_u16, visit_u16;
        deserialize_u32, visit_u32;
        deserialize_u64, visit_u64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_bool(self.parse("true or false")?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        let items = match self.form.value.as_deref() {
            // How some clients write an empty list.
            Some("") => Vec::new(),
            Some(_) => vec![self.form],
            None => self.form.numbered(),
        };
        visitor.visit_seq(Items {
            list: self,
            items: items.into_iter(),
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        let Some(Member {
            kind: Kind::Map { key, value },
            ..
        }) = self.member
        else {
            return Err(QueryError::malformed(format_args!(
                "the member {} is no map",
                self.name
            )));
        };
        let items = if self.form.children.contains_key(*key) {
            vec![self.form]
        } else {
            self.form.numbered()
        };
        visitor.visit_map(Pairs {
            map: self,
            items: items.into_iter(),
            key,
            value,
            current: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        visitor.visit_map(Fields {
            of: self,
            fields: fields.iter(),
            current: None,
        })
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct enum identifier ignored_any
    }
}

/// The members of a structure: those of its fields that the form holds.
struct Fields<'de> {
    of: Value<'de>,
    fields: std::slice::Iter<'static, &'static str>,
    current: Option<Value<'de>>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = QueryError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, QueryError> {
        for name in self.fields.by_ref() {
            let member = self.of.members.get(name);
            let wire_name = member.map_or(*name, |member| member.item);
            if let Some(form) = self.of.form.children.get(wire_name) {
                self.current = Some(Value {
                    form,
                    members: self.of.members,
                    name,
                    member,
                });
                return seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, QueryError> {
        seed.deserialize(
            self.current
                .take()
                .expect("serde asks for a key before its value"),
        )
    }
}

/// The items of a list.
struct Items<'de> {
    list: Value<'de>,
    items: std::vec::IntoIter<&'de Form<'de>>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = QueryError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, QueryError> {
        self.items
            .next()
            .map(|form| seed.deserialize(self.list.item(form)))
            .transpose()
    }
}

/// The pairs of a map.
struct Pairs<'de> {
    map: Value<'de>,
    items: std::vec::IntoIter<&'de Form<'de>>,
    key: &'static str,
    value: &'static str,
    current: Option<&'de Form<'de>>,
}

impl<'de> MapAccess<'de> for Pairs<'de> {
    type Error = QueryError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, QueryError> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let part = |name| {
            let missing = || QueryError(error::missing_parameter(&format!("{}.{name}", self.map.name)));
            item.children.get(name).ok_or_else(missing)
        };
        let key = self.map.item(part(self.key)?).text()?;
        self.current = Some(part(self.value)?);
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, QueryError> {
        let form = self
            .current
            .take()
            .expect("serde asks for a key before its value");
        seed.deserialize(self.map.item(form))
    }
}
