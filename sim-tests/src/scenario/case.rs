//! A scenario in a file, with what it once found. Nothing of it is drawn from the seed when it is read, so
//! that it stays the same when scenarios are drawn otherwise; what clients do within their workload still is.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::Scenario;

/// A scenario worth playing again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What was wrong, in words.
    pub found: String,
    /// The rule that noticed it.
    pub rule: String,
    /// What to play.
    pub scenario: Scenario,
}

impl Case {
    /// The case in a file.
    pub fn read(path: &Path) -> anyhow::Result<Case> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{}", path.display()))
    }

    /// Writes it to a file.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = toml::to_string(self)?;
        std::fs::write(path, text).with_context(|| format!("{}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_all_of_a_scenario() {
        let case = Case {
            found: "a leader resumed its old term".to_owned(),
            rule: "log matching".to_owned(),
            scenario: Scenario::draw(13),
        };
        let text = toml::to_string(&case).unwrap();
        let read: Case = toml::from_str(&text).unwrap();
        // Generators' states are part of it: they have not been drawn from.
        assert_eq!(format!("{read:?}"), format!("{case:?}"));
    }
}
