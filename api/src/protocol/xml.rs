//! Writes serde data as the XML of query answers. It knows the service's table, but no operation.

use std::fmt::{self, Write};

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::table::{ListName, Table};
use crate::error::ApiError;

/// What cannot be written as XML.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Error(String);

impl ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error(message.to_string())
    }
}

/// Writes an answer with its envelope. Unit has no result element.
pub(super) fn encode<O: Serialize>(
    output: &O,
    table: &'static Table,
    operation: &'static str,
    request_id: &str,
) -> Result<String, Error> {
    let mut inner = String::with_capacity(256);
    let writer = Writer {
        out: &mut inner,
        table,
        operation,
        element: None,
    };
    output.serialize(writer)?;
    let namespace = table.xml_namespace;
    let mut xml = String::with_capacity(inner.len() + 300);
    let _ = write!(
        xml,
        "<?xml version=\"1.0\"?><{operation}Response xmlns=\"{namespace}\">"
    );
    if size_of::<O>() > 0 {
        let _ = write!(xml, "<{operation}Result>{inner}</{operation}Result>");
    }
    let _ = write!(
        xml,
        "<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    );
    Ok(xml)
}

/// Writes an error.
pub(super) fn error(table: &Table, blame: &str, error: &ApiError, request_id: &str) -> String {
    let mut xml = String::with_capacity(400);
    let _ = write!(
        xml,
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{}\"><Error><Type>{blame}</Type><Code>{}</Code><Message>",
        table.xml_namespace, error.kind.query_code
    );
    escape(&mut xml, &error.message);
    let _ = write!(
        xml,
        "</Message><Detail/></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    );
    xml
}

/// XML readers fold line ends and drop what they may not contain: such characters go as references.
fn escape(out: &mut String, text: &str) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\r' => "&#xD;",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        out.push_str(escaped);
        from = at + 1;
    }
    out.push_str(&text[from..]);
}

struct Writer<'a> {
    out: &'a mut String,
    table: &'static Table,
    operation: &'static str,
    /// The element that the value goes into; none for the answer itself.
    element: Option<&'static str>,
}

impl Writer<'_> {
    fn within(&mut self, element: Option<&'static str>) -> Writer<'_> {
        Writer {
            out: self.out,
            table: self.table,
            operation: self.operation,
            element,
        }
    }

    fn open(&mut self) {
        if let Some(element) = self.element {
            let _ = write!(self.out, "<{element}>");
        }
    }

    fn close(&mut self) {
        if let Some(element) = self.element {
            let _ = write!(self.out, "</{element}>");
        }
    }

    fn text(mut self, text: &str) -> Result<(), Error> {
        self.open();
        escape(self.out, text);
        self.close();
        Ok(())
    }

    fn list(&self) -> Option<&'static ListName> {
        self.element
            .and_then(|member| self.table.list(self.operation, member))
    }
}

macro_rules! plain {
    ($($method:ident $type:ty,)*) => {
        $(fn $method(self, value: $type) -> Result<(), Error> {
            self.text(&value.to_string())
        })*
    };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Impossible<(), Error>;

    plain! {
        serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_f32 f32,
        serialize_f64 f64, serialize_char char,
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        Err(ser::Error::custom("bytes go as base64 text"))
    }

    fn serialize_none(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Error> {
        Ok(Items {
            element: self.list().map(|l| l.flattened).or(self.element),
            writer: self,
        })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a>, Error> {
        let list = self
            .list()
            .ok_or_else(|| Error("a map needs a spelling in the table".to_owned()))?;
        Ok(Entries { writer: self, list })
    }

    fn serialize_struct(mut self, _: &'static str, _: usize) -> Result<Members<'a>, Error> {
        self.open();
        Ok(Members { writer: self })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        Err(ser::Error::custom("no tuples in answers"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        Err(ser::Error::custom("no tuples in answers"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(ser::Error::custom("no tuples in answers"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(ser::Error::custom("no variants in answers"))
    }
}

/// A list: its element again and again.
struct Items<'a> {
    writer: Writer<'a>,
    element: Option<&'static str>,
}

impl ser::SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(self.writer.within(self.element))
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

/// A map: an element for each entry, with the key and the value in it.
struct Entries<'a> {
    writer: Writer<'a>,
    list: &'static ListName,
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let _ = write!(self.writer.out, "<{}>", self.list.flattened);
        key.serialize(self.writer.within(Some(self.list.entry.0)))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(self.writer.within(Some(self.list.entry.1)))?;
        let _ = write!(self.writer.out, "</{}>", self.list.flattened);
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

/// A struct: an element for each member.
struct Members<'a> {
    writer: Writer<'a>,
}

impl ser::SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self.writer.within(Some(name)))
    }

    fn end(mut self) -> Result<(), Error> {
        self.writer.close();
        Ok(())
    }
}
