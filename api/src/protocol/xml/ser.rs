//! XML as the query protocol answers: a serde serializer without attributes, name spaces or
//! `null`s. Lists and maps are flattened: an element for each item, named by the service's table.

use std::fmt::{self, Display, Write};

use serde::ser::{self, Impossible, Serialize};

use crate::protocol::members::{Kind, Member, Members};

/// Why a value could not be written: it has a form that no output has. A fault of ours.
#[derive(Debug)]
pub(crate) struct XmlError(String);

impl Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for XmlError {}

impl ser::Error for XmlError {
    fn custom<T: Display>(message: T) -> XmlError {
        XmlError(message.to_string())
    }
}

/// Writes `value` as the element `name`.
pub(super) fn element<T: Serialize + ?Sized>(
    out: &mut String,
    members: Members,
    name: &str,
    value: &T,
) -> Result<(), XmlError> {
    value.serialize(Element {
        out,
        members,
        name,
        member: None,
    })
}

/// Writes text with what XML keeps for itself, and the carriage return that parsers would turn into
/// a line feed, as references. Characters that XML cannot hold in any way, which an error may quote from
/// its request, become the replacement character: parsers refuse a whole document for one of them.
pub(super) fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(|c| stand_in(c).is_some()) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut special = special.chars();
        out.push_str(special.next().and_then(stand_in).unwrap_or_default());
        rest = special.as_str();
    }
    out.push_str(rest);
}

/// What is written for a character that cannot stand for itself.
fn stand_in(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        '\r' => "&#xD;",
        '\t' | '\n' => return None,
        '\0'..' ' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
        _ => return None,
    })
}

/// One element yet to be written.
struct Element<'a> {
    out: &'a mut String,
    members: Members,
    name: &'a str,
    /// The table's row for it, if it is a list or a map.
    member: Option<&'static Member>,
}

impl<'a> Element<'a> {
    fn open(&mut self) {
        let _ = write!(self.out, "<{}>", self.name);
    }

    fn text(mut self, text: &str) -> Result<(), XmlError> {
        self.open();
        escape(self.out, text);
        close(self.out, self.name);
        Ok(())
    }

    fn plain(self, value: impl Display) -> Result<(), XmlError> {
        let _ = write!(self.out, "<{0}>{value}</{0}>", self.name);
        Ok(())
    }
}

fn close(out: &mut String, name: &str) {
    let _ = write!(out, "</{name}>");
}

fn unsupported<T>(what: &str) -> Result<T, XmlError> {
    Err(XmlError(format!("{what} has no form in XML")))
}

macro_rules! plain {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), XmlError> {
            self.plain(value)
        })*
    };
}

impl<'a> ser::Serializer for Element<'a> {
    type Ok = ();
    type Error = XmlError;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Impossible<(), XmlError>;
    type SerializeTupleStruct = Impossible<(), XmlError>;
    type SerializeTupleVariant = Impossible<(), XmlError>;
    type SerializeMap = Pairs<'a>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Impossible<(), XmlError>;

    plain!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64);

    fn serialize_char(self, value: char) -> Result<(), XmlError> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), XmlError> {
        self.text(text)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), XmlError> {
        unsupported("a byte string")
    }

    fn serialize_none(self) -> Result<(), XmlError> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), XmlError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), XmlError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), XmlError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), XmlError> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), XmlError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), XmlError> {
        unsupported("an enum with data")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, XmlError> {
        match self.member {
            Some(Member {
                item,
                kind: Kind::List,
                ..
            }) => Ok(Items {
                out: self.out,
                members: self.members,
                item,
            }),
            _ => unsupported(&format!("the list {}, which is in no table,", self.name)),
        }
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Pairs<'a>, XmlError> {
        match self.member {
            Some(Member {
                item,
                kind: Kind::Map { key, value },
                ..
            }) => Ok(Pairs {
                out: self.out,
                members: self.members,
                item,
                key,
                value,
            }),
            _ => unsupported(&format!("the map {}, which is in no table,", self.name)),
        }
    }

    fn serialize_struct(mut self, _: &'static str, _: usize) -> Result<Fields<'a>, XmlError> {
        self.open();
        Ok(Fields {
            out: self.out,
            members: self.members,
            name: self.name,
        })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, XmlError> {
        unsupported("a tuple")
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, XmlError> {
        unsupported("a tuple")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, XmlError> {
        unsupported("an enum with data")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, XmlError> {
        unsupported("an enum with data")
    }
}

/// The members of a structure, inside its element.
struct Fields<'a> {
    out: &'a mut String,
    members: Members,
    name: &'a str,
}

impl ser::SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), XmlError> {
        let member = self.members.get(name);
        value.serialize(Element {
            out: self.out,
            members: self.members,
            name,
            member,
        })
    }

    fn end(self) -> Result<(), XmlError> {
        close(self.out, self.name);
        Ok(())
    }
}

/// The items of a list, an element each.
struct Items<'a> {
    out: &'a mut String,
    members: Members,
    item: &'static str,
}

impl ser::SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), XmlError> {
        element(self.out, self.members, self.item, value)
    }

    fn end(self) -> Result<(), XmlError> {
        Ok(())
    }
}

/// The pairs of a map, an element each with a key and a value inside.
struct Pairs<'a> {
    out: &'a mut String,
    members: Members,
    item: &'static str,
    key: &'static str,
    value: &'static str,
}

impl ser::SerializeMap for Pairs<'_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), XmlError> {
        let _ = write!(self.out, "<{}>", self.item);
        element(self.out, self.members, self.key, key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), XmlError> {
        element(self.out, self.members, self.value, value)?;
        close(self.out, self.item);
        Ok(())
    }

    fn end(self) -> Result<(), XmlError> {
        Ok(())
    }
}
