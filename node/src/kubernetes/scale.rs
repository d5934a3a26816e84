//! How many pods a StatefulSet is to have, and what that means for one that ends.

use serde::Deserialize;

/// As much of a StatefulSet as says which pods there are to be.
#[derive(Debug, Deserialize)]
pub(super) struct StatefulSet {
    #[serde(default)]
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    deletion_timestamp: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    /// The API server fills in 1.
    replicas: u64,
    #[serde(default)]
    ordinals: Ordinals,
}

#[derive(Debug, Default, Deserialize)]
struct Ordinals {
    #[serde(default)]
    start: u64,
}

/// What will be after the end of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It comes back, with its volume.
    Returns,
    /// There is no place for it any more.
    Dismissed,
    /// All pods end. Perhaps they come back together, with their volumes; there is nobody to move anything to.
    EndsWithAll,
}

impl StatefulSet {
    /// What becomes of the pod of this number.
    pub(super) fn fate_of(&self, ordinal: u64) -> Fate {
        let end = self.spec.ordinals.start.saturating_add(self.spec.replicas);
        if self.spec.replicas == 0 || self.metadata.deletion_timestamp.is_some() {
            Fate::EndsWithAll
        } else if ordinal >= end {
            Fate::Dismissed
        } else {
            Fate::Returns
        }
    }
}

/// The number at the end of a pod's name, and the name of its StatefulSet before it.
pub(super) fn split_pod_name(pod: &str) -> Option<(&str, u64)> {
    let (stateful_set, ordinal) = pod.rsplit_once('-')?;
    Some((stateful_set, ordinal.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(set: &str, ordinals: std::ops::RangeInclusive<u64>) -> Vec<Fate> {
        let set: StatefulSet = serde_json::from_str(set).unwrap();
        ordinals.map(|ordinal| set.fate_of(ordinal)).collect()
    }

    #[test]
    fn the_pods_beyond_the_last_one_are_dismissed() {
        use Fate::{Dismissed, Returns};
        let three = r#"{"metadata": {"name": "m"}, "spec": {"replicas": 3, "ordinals": {"start": 1}}}"#;
        assert_eq!(fates(three, 2..=5), [Returns, Returns, Dismissed, Dismissed]);
        let from_zero = r#"{"spec": {"replicas": 3}}"#;
        assert_eq!(fates(from_zero, 2..=3), [Returns, Dismissed]);
    }

    #[test]
    fn a_cluster_that_rests_or_is_deleted_dismisses_nobody() {
        let rests = r#"{"spec": {"replicas": 0, "ordinals": {"start": 1}}}"#;
        assert_eq!(fates(rests, 1..=1), [Fate::EndsWithAll]);
        let deleted =
            r#"{"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"replicas": 1}}"#;
        assert_eq!(fates(deleted, 0..=1), [Fate::EndsWithAll, Fate::EndsWithAll]);
    }

    #[test]
    fn a_pods_name_ends_with_its_number() {
        assert_eq!(split_pod_name("my-millrace-12"), Some(("my-millrace", 12)));
        assert_eq!(split_pod_name("millrace"), None);
        assert_eq!(split_pod_name("my-millrace"), None);
    }
}
