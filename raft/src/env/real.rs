//! The real clock, randomness, disk and network.
