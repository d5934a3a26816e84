//! Small types that every other module names. A bare `u64` never crosses a module's border.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

number!(
    /// A node of the cluster. Chosen by the operator, never reused for another machine.
    NodeId, ""
);
number!(
    /// One Raft group. 0 is the catalog; others are numbered by the catalog and never reused.
    GroupId, "g"
);
number!(
    /// A position in one group's log. The first entry has index 0.
    LogIndex, ""
);
number!(
    /// Milliseconds: a point in time since the Unix epoch, or a span.
    Millis, ""
);

impl From<u64> for NodeId {
    /// openraft's test suite makes node ids of numbers.
    fn from(number: u64) -> NodeId {
        NodeId(number)
    }
}

impl GroupId {
    /// The group that holds what exists. Every node has a replica.
    pub const CATALOG: GroupId = GroupId(0);
}

impl Millis {
    /// The point in time `span` after this one.
    pub fn after(self, span: Millis) -> Millis {
        Millis(self.0.saturating_add(span.0))
    }
}
