//! Placeholder.
/// Placeholder.
pub struct Catalog;
