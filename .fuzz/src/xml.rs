//! Whether a text is well-formed XML 1.0, as far as our replies use it: elements, attributes, text, references.

/// What is wrong with a document.
pub fn check(document: &str) -> Result<(), &'static str> {
    let mut rest = document
        .strip_prefix("<?xml version=\"1.0\"?>")
        .ok_or("no declaration")?;
    let mut open: Vec<&str> = Vec::new();
    while let Some(at) = rest.find('<') {
        text(&rest[..at])?;
        let end = rest.find('>').ok_or("a tag without an end")?;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err("an end that does not fit");
            }
        } else if !tag.ends_with('/') {
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err("a name that is none");
            }
            text(attributes)?;
            open.push(name);
        }
        if open.is_empty() && !rest.is_empty() {
            return Err("something behind the root");
        }
    }
    if open.is_empty() && rest.is_empty() {
        Ok(())
    } else {
        Err("no end")
    }
}

fn text(text: &str) -> Result<(), &'static str> {
    let allowed =
        |c: char| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    if !text.chars().all(allowed) {
        return Err("a character that XML has not");
    }
    // A carriage return that is not written as a reference reads as a line feed.
    if text.contains('\r') {
        return Err("a bare carriage return");
    }
    let mut references = text.split('&');
    references.next();
    for reference in references {
        let name = reference.split_once(';').ok_or("a reference without an end")?.0;
        if !matches!(name, "amp" | "lt" | "gt" | "quot" | "#xD") {
            return Err("an unknown reference");
        }
    }
    Ok(())
}
