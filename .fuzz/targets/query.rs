//! Requests of the query protocol: forms in the body and in the URL, to `/` and to queues' own paths.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    if fuzz::request::check(data, true) {
        Corpus::Keep
    } else {
        Corpus::Reject
    }
});
