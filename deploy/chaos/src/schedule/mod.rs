//! When which fault happens: drawn from a seed, or read from a file.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use sim_tests::rng::Rng;

use crate::faults::{self, Fault};

/// A fault happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occurrence {
    /// The name of its kind.
    pub kind: String,
    /// When it begins, after the clients did. It begins later if another one is not healed by then.
    pub at_s: f64,
    /// How long it lasts.
    #[serde(default)]
    pub lasts_s: f64,
    /// The node that it hits, if that is not to be drawn.
    #[serde(default)]
    pub node: Option<u64>,
    /// Whether it begins without regard to others.
    #[serde(default)]
    pub overlaps: bool,
    /// What it draws from.
    #[serde(default)]
    pub seed: u64,
}

/// A schedule in a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Nodes that found the cluster.
    pub nodes: Option<u64>,
    /// So long clients make new work.
    pub load_s: Option<f64>,
    /// What happens.
    #[serde(default)]
    pub fault: Vec<Occurrence>,
}

/// A cluster gets so long before its first fault.
const FIRST: Duration = Duration::from_secs(5);
/// Between a fault that should be healed and the next one.
const REST_S: std::ops::Range<u64> = 3..6;

impl File {
    /// The schedule in a file.
    ///
    /// # Errors
    /// If it cannot be read, or has a fault that nobody knows.
    pub fn read(path: &Path) -> anyhow::Result<File> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        File::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> anyhow::Result<File> {
        let mut file: File = toml::from_str(text)?;
        for (number, fault) in file.fault.iter_mut().enumerate() {
            ensure!(
                faults::named(&fault.kind).is_some(),
                "there is no fault {:?}",
                fault.kind
            );
            if fault.seed == 0 {
                fault.seed = number as u64 + 1;
            }
        }
        file.fault.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        Ok(file)
    }
}

/// Draws a schedule for so long: each kind once in any order, then again, as long as there is time. Nothing begins that
/// would not be healed by then.
pub fn draw(seed: u64, time: Duration, kinds: &[&'static Fault]) -> Vec<Occurrence> {
    let mut rng = Rng::new(seed).child("schedule");
    let mut all = Vec::new();
    let mut at = FIRST;
    for round in 0.. {
        let again = kinds.iter().copied().filter(|kind| round == 0 || !kind.once);
        let mut these: Vec<&Fault> = again.collect();
        rng.shuffle(&mut these);
        let before = all.len();
        for kind in these {
            let lasts = Duration::from_secs(rng.range(kind.lasts_s.clone()));
            let rest = Duration::from_secs(rng.range(REST_S));
            let seed = rng.next();
            let healed = at + lasts + Duration::from_secs(kind.heals_s);
            if healed <= time {
                all.push(Occurrence {
                    kind: kind.name.to_owned(),
                    at_s: at.as_secs_f64(),
                    lasts_s: lasts.as_secs_f64(),
                    node: None,
                    overlaps: false,
                    seed,
                });
                at = healed + rest;
            }
        }
        if all.len() == before {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_schedule_again_and_ends_in_time() {
        let time = Duration::from_secs(600);
        let all = draw(7, time, faults::DRAWN);
        assert_eq!(all, draw(7, time, faults::DRAWN));
        assert_ne!(all, draw(8, time, faults::DRAWN));
        for kind in faults::DRAWN {
            let times = all.iter().filter(|one| one.kind == kind.name).count();
            assert!(
                times >= 1 && (times == 1 || !kind.once),
                "{} happens {times} times",
                kind.name
            );
        }
        assert!(all.iter().all(|one| one.at_s + one.lasts_s <= time.as_secs_f64()));
    }

    #[test]
    fn a_file_is_read_and_strange_ones_are_refused() {
        let text = "nodes = 3\n[[fault]]\nkind = \"pause\"\nat_s = 9\n[[fault]]\nkind = \"kill\"\nat_s = 5\nnode = 2\n";
        let file = File::parse(text).unwrap();
        assert_eq!(file.fault[0].kind, "kill");
        assert_eq!(file.fault[0].node, Some(2));
        assert!(File::parse("[[fault]]\nkind = \"flood\"\nat_s = 1\n").is_err());
        assert!(File::parse("[[fault]]\nkind = \"kill\"\nat_s = 1\nnoed = 2\n").is_err());
    }
}
