//! What the fuzz targets share.
//!
//! A target takes the fuzzer's bytes either as what a client sends ([`request`]) or as a [`recipe`]: choices from
//! which something valid is made, such as a log or the history of a machine, and then damaged. Targets say what must
//! hold; a panic is how they say that it did not.

pub mod bounds;
pub mod catalog;
pub mod damage;
pub mod disk;
pub mod forge;
pub mod log;
pub mod queue;
pub mod recipe;
pub mod request;
pub mod rows;
pub mod xml;

#[expect(dead_code, reason = "its own tests print what was decoded")]
#[path = "../../api/tests/wire/serve.rs"]
mod serve;
