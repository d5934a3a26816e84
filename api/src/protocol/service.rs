//! What protocols must know of a service, as data: its names, and its operations' names and rows.

use super::members::{Member, Members};
use crate::sqs;

/// A service as protocols see it.
#[derive(Debug)]
pub struct Service {
    /// Its signing name, such as `sqs`.
    pub name: &'static str,
    /// What `X-Amz-Target` says before the dot, such as `AmazonSQS`.
    pub json_target: &'static str,
    /// The name space of its own error shapes in `__type`.
    pub json_namespace: &'static str,
    /// Whether its JSON errors carry the query protocol's code in `x-amzn-query-error`.
    pub query_compatible: bool,
    /// The name space of its XML replies.
    pub xml_namespace: &'static str,
    /// Lists and maps that all its operations name alike.
    pub members: &'static [Member],
    /// The member that a resource's own path stands for, if resources have paths.
    pub resource_member: Option<&'static str>,
    /// Its operation of that name.
    pub operation: fn(&str) -> Option<Operation>,
}

/// The services of this node.
pub static SERVICES: [&Service; 1] = [&sqs::SERVICE];

/// An operation of any service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Of the Simple Queue Service.
    Sqs(sqs::Operation),
}

/// An operation as protocols see it.
#[derive(Debug)]
pub struct OperationSpec {
    /// Its name in the service's model.
    pub name: &'static str,
    /// Whether it is addressed to a resource, whose own path is an address for it as well.
    pub on_resource: bool,
    /// Whether its output has members; one without has no result element in XML.
    pub has_result: bool,
    /// Lists and maps that it alone names so.
    pub members: &'static [Member],
}

impl Operation {
    /// The service it belongs to.
    pub fn service(self) -> &'static Service {
        match self {
            Operation::Sqs(_) => &sqs::SERVICE,
        }
    }

    /// Its row.
    pub fn spec(self) -> &'static OperationSpec {
        match self {
            Operation::Sqs(operation) => operation.spec(),
        }
    }

    /// How its lists and maps are called.
    pub fn members(self) -> Members {
        Members {
            operation: self.spec().members,
            service: self.service().members,
        }
    }
}
