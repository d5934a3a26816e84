//! Requests of the AWS JSON protocols: head and body as a client may send them.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    if fuzz::request::check(data, false) {
        Corpus::Keep
    } else {
        Corpus::Reject
    }
});
