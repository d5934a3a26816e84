//! What a node says of itself in [`NodeRecord::version`]: its release, its level, and whether an
//! operator holds it.
//!
//! All three are in one text, `0.2.0+level.1.held`, because a catalog of level 0 keeps a node's
//! version as it is and drops fields that it does not know. With a field of its own for the level,
//! replicas of two releases would differ as soon as a node registered. The part after `+` is
//! Semantic Versioning's build metadata.
//!
//! [`NodeRecord::version`]: crate::command::catalog::NodeRecord::version

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::Level;

/// A node's version as it registers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeVersion {
    /// The release, such as `0.2.0`.
    pub release: String,
    /// The highest level that the node knows.
    pub level: Level,
    /// Whether the cluster's level must not rise as long as this node is a member.
    pub held: bool,
}

impl FromStr for NodeVersion {
    type Err = Infallible;

    /// Any text is a version: one without a level comes from a binary that knows none.
    fn from_str(text: &str) -> Result<NodeVersion, Infallible> {
        let (release, metadata) = text.split_once('+').unwrap_or((text, ""));
        let mut parts = metadata.split('.');
        let level = match (parts.next(), parts.next()) {
            (Some("level"), Some(level)) => level.parse().ok(),
            _ => None,
        };
        Ok(NodeVersion {
            release: release.to_owned(),
            level: level.map_or(Level::ZERO, Level),
            held: level.is_some() && parts.next() == Some("held"),
        })
    }
}

impl fmt::Display for NodeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.release)?;
        if self.level > Level::ZERO {
            write!(f, "+level.{}", self.level)?;
            if self.held {
                f.write_str(".held")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_back() {
        let read = |text: &str| {
            let Ok(version) = text.parse::<NodeVersion>();
            (
                version.release.clone(),
                version.level,
                version.held,
                version.to_string(),
            )
        };
        for (text, level, held) in [
            ("0.1.0", Level::ZERO, false),
            ("0.2.0+level.1", Level::ONE, false),
            ("0.2.0+level.12.held", Level(12), true),
            ("", Level::ZERO, false),
        ] {
            let release = text.split('+').next().unwrap_or_default().to_owned();
            assert_eq!(read(text), (release, level, held, text.to_owned()));
        }
        for foreign in ["0.1.0+build.7", "0.1.0+level", "0.1.0+level.x.held", "0.1.0+held"] {
            assert_eq!(read(foreign).1, Level::ZERO, "{foreign}");
            assert!(!read(foreign).2, "{foreign}");
        }
    }
}
