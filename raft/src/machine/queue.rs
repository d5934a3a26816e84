//! Placeholder.
/// Placeholder.
pub struct Queue;
/// Placeholder.
#[derive(Clone)]
pub struct MessageRow;
