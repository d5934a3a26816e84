//! Checkpoints: durable, rebuildable copies of machines' states.
