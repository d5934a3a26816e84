//! How a service names the members of its lists and maps where a format has no lists and maps.
//!
//! JSON needs nothing of this. The query protocol writes `Attribute.1.Name=…` for the first pair of
//! the map `Attributes`, and XML replies repeat an element for each item. AWS models call this
//! *flattened*; the names are each model's `locationName`s and follow no rule, so they are rows.

/// A row: one member that holds a list or a map.
#[derive(Debug)]
pub struct Member {
    /// The member's name in the model, which is its name in JSON.
    pub name: &'static str,
    /// What one item of it is called in a form and in XML.
    pub item: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a member holds.
#[derive(Debug)]
pub enum Kind {
    /// Items.
    List,
    /// Pairs.
    Map {
        /// The name of an item's key.
        key: &'static str,
        /// The name of an item's value.
        value: &'static str,
    },
}

impl Member {
    /// A list.
    pub const fn list(name: &'static str, item: &'static str) -> Member {
        Member {
            name,
            item,
            kind: Kind::List,
        }
    }

    /// A map.
    pub const fn map(
        name: &'static str,
        item: &'static str,
        key: &'static str,
        value: &'static str,
    ) -> Member {
        Member {
            name,
            item,
            kind: Kind::Map { key, value },
        }
    }
}

/// The rows that hold for one operation: its own come before its service's.
#[derive(Clone, Copy, Debug)]
pub struct Members {
    /// Rows of the operation.
    pub operation: &'static [Member],
    /// Rows of the whole service.
    pub service: &'static [Member],
}

impl Members {
    /// The row of the member `name`.
    pub fn get(&self, name: &str) -> Option<&'static Member> {
        self.operation
            .iter()
            .chain(self.service)
            .find(|member| member.name == name)
    }
}
