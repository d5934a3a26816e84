//! Panics inside of runs: kept instead of printed.
//!
//! A panic of a task ends its simulated host with a message that says only that; what the task said is known
//! to nobody but the hook. So the hook keeps the first panic of each thread, with its place.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::thread::LocalKey;

type Kept = RefCell<Option<(String, String)>>;

thread_local! {
    static FIRST: Kept = const { RefCell::new(None) };
}

/// From now on panics are kept; unless `aloud`, they are printed no more.
pub fn keep(aloud: bool) {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let first: &'static LocalKey<Kept> = &FIRST;
        first.with_borrow_mut(|first| {
            first.get_or_insert_with(|| (place_of(info), text_of(info.payload())));
        });
        let in_a_run = std::thread::current().name() == Some(crate::worker::THREAD);
        if aloud || !in_a_run {
            print(info);
        }
    }));
}

/// A new run begins on this thread.
pub fn forget() {
    FIRST.set(None);
}

/// Where the first panic on this thread was, and its message.
pub fn first() -> Option<(String, String)> {
    FIRST.take()
}

/// The message of a panic.
pub fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
        .to_owned()
}

fn place_of(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(
        || "nowhere".to_owned(),
        |place| format!("{}:{}", place.file(), place.line()),
    )
}
