//! How many pods a StatefulSet is to have, and which.

use serde::Deserialize;

/// As much of a StatefulSet as says which pods there are to be.
#[derive(Debug, Deserialize)]
pub(super) struct StatefulSet {
    spec: Spec,
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

impl StatefulSet {
    /// Whether the pod of this number is to be gone for good. With no pods at all, the cluster rests: then there
    /// would be nobody to move anything to, and every pod comes back with its volume.
    pub(super) fn dismisses(&self, ordinal: u64) -> bool {
        let end = self.spec.ordinals.start.saturating_add(self.spec.replicas);
        self.spec.replicas > 0 && ordinal >= end
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

    fn dismissed(spec: &str, ordinals: std::ops::RangeInclusive<u64>) -> Vec<u64> {
        let set: StatefulSet =
            serde_json::from_str(&format!(r#"{{"kind": "StatefulSet", "spec": {spec}}}"#)).unwrap();
        ordinals.filter(|ordinal| set.dismisses(*ordinal)).collect()
    }

    #[test]
    fn the_pods_beyond_the_last_one_are_dismissed() {
        assert_eq!(
            dismissed(r#"{"replicas": 3, "ordinals": {"start": 1}}"#, 1..=5),
            [4, 5]
        );
        assert_eq!(dismissed(r#"{"replicas": 3}"#, 0..=4), [3, 4]);
        assert_eq!(
            dismissed(r#"{"replicas": 5, "ordinals": {"start": 1}}"#, 1..=5),
            [0; 0]
        );
    }

    #[test]
    fn a_cluster_that_rests_dismisses_nobody() {
        assert_eq!(
            dismissed(r#"{"replicas": 0, "ordinals": {"start": 1}}"#, 1..=3),
            [0; 0]
        );
    }

    #[test]
    fn a_pods_name_ends_with_its_number() {
        assert_eq!(split_pod_name("my-millrace-12"), Some(("my-millrace", 12)));
        assert_eq!(split_pod_name("millrace"), None);
        assert_eq!(split_pod_name("my-millrace"), None);
    }
}
