//! The node's write-ahead log, shared by all its groups.
