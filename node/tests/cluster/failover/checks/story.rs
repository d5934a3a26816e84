//! Short histories written by hand. Message ids are `id-` and the body; times are in milliseconds.

use std::ops::Range;
use std::time::Duration;

use super::super::history::{Acknowledged, Delete, Delivery, History, Send};

/// The visibility timeout of these histories.
pub(super) const VISIBILITY_MS: u64 = 100;

/// A history in which these messages were sent: body, group, message id, sequence number.
pub(super) fn sent(messages: &[(&str, &str, &str, u128)]) -> History {
    History {
        sends: messages
            .iter()
            .map(|(body, group, id, sequence)| known(body, group, id, *sequence))
            .collect(),
        visibility: Duration::from_millis(VISIBILITY_MS),
        ..History::default()
    }
}

/// An acknowledged send.
pub(super) fn known(body: &str, group: &str, message_id: &str, sequence: u128) -> Send {
    let acknowledged = Acknowledged {
        message_id: message_id.to_owned(),
        sequence: Some(sequence),
    };
    Send {
        acknowledged: Some(acknowledged),
        ..unknown(body, group)
    }
}

/// A send that failed after all retries.
pub(super) fn unknown(body: &str, group: &str) -> Send {
    Send {
        body: body.to_owned(),
        group: Some(group.to_owned()),
        acknowledged: None,
    }
}

/// One call received these bodies, in the groups they were sent to.
pub(super) fn delivered(history: &mut History, call: usize, ms: Range<u64>, bodies: &[&str]) {
    for body in bodies {
        let group = history
            .sends
            .iter()
            .find(|send| send.body == *body)
            .and_then(|send| send.group.clone());
        history.deliveries.push(Delivery {
            body: (*body).to_owned(),
            message_id: format!("id-{body}"),
            call,
            began: Duration::from_millis(ms.start),
            ended: Duration::from_millis(ms.end),
            group,
        });
    }
}

/// The message of this body was deleted with success.
pub(super) fn deleted(history: &mut History, body: &str, ms: Range<u64>) {
    history.deletes.push(Delete {
        message_id: format!("id-{body}"),
        began: Duration::from_millis(ms.start),
        acknowledged: Some(Duration::from_millis(ms.end)),
    });
}
