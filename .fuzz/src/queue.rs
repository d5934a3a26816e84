//! Commands to a queue partition, made from a recipe.

use bytes::Bytes;
use prost::Message as _;
use raft::command::queue::{
    ChangeVisibility, Configure, Delete, Import, Imported, Move, Moved, Purge, QueueCommand, QueueOp, Recall,
    Receipt, Receive, Send, SendEntry, Settle, VisibilityEntry,
};

use crate::recipe::Recipe;

/// So few that commands meet.
const GROUPS: [&str; 4] = ["", "a", "b", "a group"];

/// One command, encoded; now and then one that no version knows.
pub fn command(recipe: &mut Recipe) -> Bytes {
    if recipe.chance(3) {
        return Bytes::copy_from_slice(recipe.bytes());
    }
    let invocation = match recipe.below(4) {
        0 => Bytes::copy_from_slice(&[recipe.byte() % 4; 16]),
        _ => Bytes::new(),
    };
    let op = Some(op(recipe));
    QueueCommand { invocation, op }.encode_to_vec().into()
}

fn op(recipe: &mut Recipe) -> QueueOp {
    match recipe.below(13) {
        0..=2 => QueueOp::Send(Send {
            entries: many(recipe, entry),
        }),
        3..=5 => QueueOp::Receive(Receive {
            max: recipe.small_number(),
            visibility_ms: span(recipe),
            receives_max: recipe.small_number(),
            dead_letters: (0..recipe.number() % 4).map(|_| recipe.number()).collect(),
            attempt: if recipe.chance(50) {
                String::new()
            } else {
                recipe.below(4).to_string()
            },
            again: recipe.chance(10),
            partitions: 1,
        }),
        6 => QueueOp::Delete(Delete {
            receipts: many(recipe, receipt),
        }),
        7 => QueueOp::ChangeVisibility(ChangeVisibility {
            entries: many(recipe, |recipe| VisibilityEntry {
                receipt: recipe.chance(90).then(|| receipt(recipe)),
                visibility_ms: span(recipe),
            }),
        }),
        8 => QueueOp::Configure(Configure {
            version: recipe.number(),
            fifo: recipe.chance(50),
            retention_ms: span(recipe),
            deduplicate_by_group: recipe.chance(50),
            delay_ms: recipe.chance(50).then(|| span(recipe)),
            partitions: recipe.small_number(),
        }),
        9 => QueueOp::Import(Import {
            origin: recipe.number(),
            messages: many(recipe, imported),
        }),
        10 => QueueOp::Settle(Settle {
            target: recipe.number(),
            up_to: recipe.number(),
            returned: recipe.chance(50),
        }),
        11 => QueueOp::Recall(Recall {}),
        _ if recipe.chance(20) => QueueOp::Purge(Purge {
            forced: recipe.chance(50),
        }),
        _ => QueueOp::Move(Move {
            task: recipe.number(),
            messages: many(recipe, |recipe| Moved {
                sequence: recipe.number(),
                target: recipe.number(),
            }),
            close: recipe.chance(20),
        }),
    }
}

fn entry(recipe: &mut Recipe) -> SendEntry {
    SendEntry {
        body: Bytes::copy_from_slice(recipe.bytes()),
        attributes: Bytes::copy_from_slice(&[7; 3][..recipe.below(4)]),
        delay_ms: if recipe.chance(30) { span(recipe) } else { 0 },
        group: (*recipe.pick(&GROUPS)).to_owned(),
        deduplication_id: (*recipe.pick(&GROUPS)).to_owned(),
    }
}

fn imported(recipe: &mut Recipe) -> Imported {
    Imported {
        number: recipe.number(),
        message_id: Bytes::copy_from_slice(&[9; 17][..16 + recipe.below(2)]),
        body: Bytes::copy_from_slice(recipe.bytes()),
        attributes: Bytes::new(),
        sent_ms: span(recipe),
        first_received_ms: recipe.number(),
        group: (*recipe.pick(&GROUPS)).to_owned(),
        deduplication_id: String::new(),
        made_new: recipe.chance(30),
    }
}

fn receipt(recipe: &mut Recipe) -> Receipt {
    Receipt {
        sequence: recipe.number(),
        delivery: recipe.small_number(),
    }
}

/// Milliseconds, mostly those at which something happens.
pub fn span(recipe: &mut Recipe) -> u64 {
    const SPANS: [u64; 6] = [0, 1_000, 30_000, 120_000, 300_000, 43_200_000];
    let span = *recipe.pick(&SPANS);
    if recipe.chance(10) { recipe.number() } else { span }
}

fn many<T>(recipe: &mut Recipe, one: impl Fn(&mut Recipe) -> T) -> Vec<T> {
    (0..recipe.below(4)).map(|_| one(recipe)).collect()
}
