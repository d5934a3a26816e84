//! Runs code of a machine, and turns its panic into an error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The longest text of a panic that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// What `body` gives, or the text of its panic. The panic hook has told the log where it happened.
///
/// What `body` changes may be half changed after a panic: the caller must not use it any more.
pub(crate) fn guarded<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| text(&*panic))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "a panic without a text",
    };
    let end = (0..=TEXT_BYTES_MAX.min(text.len())).rfind(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or(0)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_text() {
        assert_eq!(guarded(|| 7), Ok(7));
        let index = 3;
        let formatted = guarded(|| panic!("entry {index}"));
        assert_eq!(formatted, Err::<(), _>("entry 3".to_owned()));
        assert_eq!(guarded(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        let long = guarded(|| panic!("{}", "ü".repeat(TEXT_BYTES_MAX)));
        assert_eq!(long.map_err(|text| text.len()), Err::<(), _>(TEXT_BYTES_MAX));
        let other = guarded(|| std::panic::panic_any(7_u8));
        assert_eq!(other, Err::<(), _>("a panic without a text".to_owned()));
    }
}
