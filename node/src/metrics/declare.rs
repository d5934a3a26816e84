//! What a declaration is made of. Kind and labels are part of a metric's type, so that a value that does not fit it does not compile.

use std::marker::PhantomData;

/// What a metric is, for those who read it.
#[derive(Debug)]
pub struct Declaration {
    /// The full name, with unit and suffix.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// What its values are in.
    pub unit: Unit,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in full sentences.
    pub help: &'static str,
}

/// How values behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only rise, and begin at zero when the node starts.
    Counter,
    /// They rise and fall.
    Gauge,
    /// They are counted by size.
    Histogram,
}

/// What values are in. It is part of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things that are counted.
    One,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// A metric of a kind (one of the types below) with so many labels.
pub(super) struct Metric<K, const LABELS: usize> {
    pub(super) declaration: Declaration,
    kind: PhantomData<K>,
}

impl<K, const LABELS: usize> Metric<K, LABELS> {
    pub(super) const fn new(declaration: Declaration) -> Metric<K, LABELS> {
        let kind = PhantomData;
        Metric { declaration, kind }
    }
}

/// [`Kind::Counter`] as a type.
pub(super) struct Counter;
/// [`Kind::Gauge`] as a type.
pub(super) struct Gauge;
/// [`Kind::Histogram`] as a type.
pub(super) struct Histogram;

/// Declares metrics, and a list of them in the same order.
macro_rules! declare {
    (
        $(#[$doc:meta])* $all:ident;
        $($metric:ident: $kind:ident $unit:ident [$($label:literal),*] $name:literal $help:literal;)*
    ) => {
        $(static $metric: $crate::metrics::declare::Metric<
            $crate::metrics::declare::$kind,
            { <[&str]>::len(&[$($label),*]) },
        > = $crate::metrics::declare::Metric::new($crate::metrics::declare::Declaration {
            name: $name,
            kind: $crate::metrics::declare::Kind::$kind,
            unit: $crate::metrics::declare::Unit::$unit,
            labels: &[$($label),*],
            help: $help,
        });)*

        $(#[$doc])* pub static $all: &[&$crate::metrics::declare::Declaration] = &[$(&$metric.declaration),*];
    };
}
pub(super) use declare;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::metrics::{ALL, OF_GROUPS};

    #[test]
    fn names_are_unique_and_say_what_they_are() {
        let mut names = BTreeSet::new();
        for metric in ALL.iter().chain(OF_GROUPS) {
            let name = metric.name;
            assert!(names.insert(name), "{name} is declared twice");
            let is_snake = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(is_snake, "{name}");
            assert!(
                name.starts_with("millrace_") || name.starts_with("process_"),
                "{name}"
            );
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            let stem = name.trim_end_matches("_total");
            let of_unit = |unit: Unit, suffix: &str| {
                assert_eq!(stem.ends_with(suffix), metric.unit == unit, "{name}");
            };
            of_unit(Unit::Seconds, "_seconds");
            of_unit(Unit::Bytes, "_bytes");
            assert!(
                metric.help.ends_with('.') && !metric.help.contains(['\n', '|', '\\']),
                "{name}"
            );
            let labels: BTreeSet<_> = metric.labels.iter().collect();
            assert_eq!(labels.len(), metric.labels.len(), "{name}");
        }
    }
}
