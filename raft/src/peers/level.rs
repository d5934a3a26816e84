//! Levels between peers: each end of a stream tells the highest level that it knows. A node that does
//! not know the cluster's level is not talked to, and one that does not know a call is not called.

use tonic::Status;
use tonic::metadata::MetadataMap;

use super::pb::frame::Body;
use crate::level::Level;
use crate::types::NodeId;

const KEY: &str = "millrace-level";

/// Adds the level that this node knows.
pub(super) fn tell(metadata: &mut MetadataMap, level: Level) {
    metadata.insert(KEY, level.0.into());
}

/// The level that the other node told. Binaries that know no levels tell none.
pub(super) fn told(metadata: &MetadataMap) -> Level {
    let value = metadata.get(KEY).and_then(|value| value.to_str().ok());
    Level(value.and_then(|value| value.parse().ok()).unwrap_or(0))
}

/// Refuses a node that does not know the cluster's level.
pub(super) fn check(node: NodeId, known: Level, required: Level) -> Result<(), Status> {
    if known >= required {
        return Ok(());
    }
    Err(Status::failed_precondition(format!(
        "node {node} knows levels up to {known}, and the cluster has level {required}: run a newer \
         version of Millrace there"
    )))
}

/// The level that a node must know to handle a call. `table::FRAMES` lists them by tag.
pub(super) fn needed(call: &Body) -> Level {
    match call {
        Body::Append(_)
        | Body::Vote(_)
        | Body::PreVote(_)
        | Body::Transfer(_)
        | Body::Command(_)
        | Body::ReadIndex(_)
        | Body::Counts(_)
        | Body::Cancel(_)
        | Body::Sizes(_)
        | Body::AppendReply(_)
        | Body::BallotReply(_)
        | Body::TransferReply(_)
        | Body::CommandReply(_)
        | Body::ReadIndexReply(_)
        | Body::CountsReply(_)
        | Body::SizesReply(_)
        | Body::Failure(_) => Level::ZERO,
        // All others came with the first level, in tests as well.
        #[allow(unreachable_patterns)]
        _ => Level::ONE,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::pb::Frame;
    use super::*;
    use crate::level::table;

    #[test]
    fn each_call_needs_the_level_that_the_table_says() {
        for tag in 3..=64_u32 {
            // A frame with an empty body of that tag.
            let mut bytes = Vec::new();
            prost::encode_length_delimiter((tag << 3 | 2) as usize, &mut bytes).unwrap();
            bytes.push(0);
            let body = Frame::decode(&bytes[..]).unwrap().body;
            assert_eq!(
                body.as_ref().map(needed),
                table::FRAMES.level_of(tag),
                "call {tag}: {body:?}"
            );
        }
    }

    #[test]
    fn who_tells_no_level_knows_none() {
        let mut metadata = MetadataMap::new();
        assert_eq!(told(&metadata), Level::ZERO);
        tell(&mut metadata, Level(7));
        assert_eq!(told(&metadata), Level(7));
        assert!(check(NodeId(3), Level::ZERO, Level::ONE).is_err());
        assert!(check(NodeId(3), Level(2), Level::ONE).is_ok());
    }
}
