//! Requests as captures write them: the first line, headers, an empty line, the body.

use api::protocol::{Call, Codec, framing_of, recognise};
use bytes::Bytes;
use http::Request;
use http::request::Parts;

use crate::{bounds, serve, xml};

/// Reads a request; none if an HTTP server would have refused it.
pub fn read(text: &[u8]) -> Option<(Parts, Bytes)> {
    let end = text.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((text, &[][..]), |end| (&text[..end], &text[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let value = line[colon + 1..].trim_ascii_start();
        request = request.header(&line[..colon], value);
    }
    let (head, ()) = request.body(()).ok()?.into_parts();
    Some((head, Bytes::copy_from_slice(body)))
}

/// Serves a request, if it is of the query protocol or if it is not, and checks what was understood and what is
/// answered. False for a request of the other kind.
pub fn check(text: &[u8], is_query: bool) -> bool {
    let Some((head, body)) = read(text) else {
        return false;
    };
    if (framing_of(&head).codec == Codec::Query) != is_query {
        return false;
    }
    if let Ok(call) = recognise(&head, &body) {
        check_call(&call);
    }
    let response = serve::serve(&head, &body).response;
    if is_query {
        let body = std::str::from_utf8(response.body()).expect("XML is UTF-8");
        xml::check(body).unwrap_or_else(|what| panic!("{what} in {body:?}"));
    } else {
        let body: Result<serde_json::Value, _> = serde_json::from_slice(response.body());
        assert!(body.expect("the reply is JSON").is_object());
    }
    true
}

fn check_call(call: &Call) {
    // What is refused is refused for good: the answer does not depend on the try.
    let (first, second) = (bounds::check(call), bounds::check(call));
    assert_eq!(first.err(), second.err());
}
