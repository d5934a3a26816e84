//! Waiting for something in another process, which can only be asked again and again.

use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(25);

/// Asks until `ask` answers with something.
///
/// # Errors
/// After `limit`, a sentence with `what` was waited for.
pub(crate) fn until<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> Result<T, String> {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if began.elapsed() >= limit {
            return Err(format!("waited {limit:?} in vain for {what}"));
        }
        std::thread::sleep(INTERVAL);
    }
}

#[test]
fn gives_up_with_the_reason() {
    let answer: Result<(), String> = until(Duration::ZERO, "rain", || None);
    assert!(answer.unwrap_err().contains("rain"));
    let mut left = 3;
    let counted = until(Duration::from_secs(5), "the third time", || {
        left -= 1;
        (left == 0).then_some("there")
    });
    assert_eq!(counted, Ok("there"));
}
