//! What a service spells its own way, as data.

/// The spellings of one service.
#[derive(Debug)]
pub struct Table {
    /// What stands before the dot in `X-Amz-Target`.
    pub json_target: &'static str,
    /// What stands before the `#` in an error's `__type`.
    pub json_namespace: &'static str,
    /// The XML namespace of query answers.
    pub xml_namespace: &'static str,
    /// Lists and maps that are flattened under another name in query requests and XML answers.
    pub lists: &'static [ListName],
}

/// The flattened name of a list or map.
#[derive(Debug)]
pub struct ListName {
    /// The operation, or `*` for all.
    pub operation: &'static str,
    /// The member, as AWS JSON has it.
    pub member: &'static str,
    /// Its name in query and XML, without the number behind it.
    pub flattened: &'static str,
    /// For maps, what an entry's key and value are called.
    pub entry: (&'static str, &'static str),
}

impl Table {
    /// How a member is flattened in an operation, if it is.
    pub(super) fn list(&self, operation: &str, member: &str) -> Option<&'static ListName> {
        let of = |operation: &str| {
            self.lists
                .iter()
                .find(|l| l.operation == operation && l.member == member)
        };
        of(operation).or_else(|| of("*"))
    }
}
