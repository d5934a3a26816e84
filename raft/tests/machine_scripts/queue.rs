//! Stories of a queue partition.
//!
//! Messages are shown as `#sequence.delivery "body" mID`, where ids are numbered as they turn up.
//!
//!     configure version=1 [fifo] [by-group] [retention=4d] [delay=5s]
//!     send body=a [group=g] [dedup=d] [delay=5s] [+ body=b …] [call=KEY]
//!     receive [max=10] [visibility=30s] [receives-max=3 dead-letters=7] [attempt=id] [call=KEY]
//!     departures                           number, sequence, target
//!     settle 7 up-to=3 [returned]
//!     import origin=7 1=a 2=b [group=g] [sent=1000] [received=1000] [new]
//!     move 9 [1=7 2=7] [close]             task, and of each message sequence and target
//!     progress 9                           of a move task, and what it could move now
//!     delete 1.1 2.1 [call=KEY]            receipts: sequence.delivery
//!     visibility 1.1=60s 2.1=0s [call=KEY]
//!     purge [forced] [call=KEY]
//!     set-level N                          the machine's level
//!     remember BYTES                       how much it may remember of calls from now on
//!     remembered                           how much it does
//!     fill N                               sends N messages and receives them all for 1 h
//!     many N [group=g] [delay=5s]          sends N messages with one command
//!     expire                               a leader's tick
//!     figures                              what is too old and still held, and since when the oldest other one is there
//!     look                                 counts, what is visible, the next change
//!     config, level, knows KEY, knows-attempt ID, oldest, restart, garbage

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use raft::command::queue::{
    ChangeVisibility, Configure, Delete, Delivered, Expire, Import, Imported, Move, Moved, Outcome, Purge,
    QueueAnswer, QueueCommand, QueueOp, QueueReply, Recall, Receipt, Receive, Send, SendEntry, SentEntry,
    SetLevel, Settle, VisibilityEntry,
};
use raft::command::{Batch, Reply};
use raft::machine::queue::Queue;
use raft::machine::{Machine, MachineKind};
use raft::types::Millis;

use crate::check::Interpreter;
use crate::words::{Line, apply, batch, invocation, number, reload, span, value};

pub(crate) struct Script {
    machine: Machine,
    now: u64,
    /// What the leader lets it remember.
    remember_bytes: u64,
    /// The numbers of message ids, in the order in which they turned up.
    ids: BTreeMap<Bytes, usize>,
}

impl Script {
    pub(crate) fn new() -> Script {
        Script {
            machine: Machine::new(MachineKind::Queue),
            now: 0,
            remember_bytes: 0,
            ids: BTreeMap::new(),
        }
    }

    fn queue(&self) -> &Queue {
        self.machine.as_queue().expect("it was made as a queue")
    }

    fn perform(&mut self, invocation: Bytes, op: QueueOp) -> Vec<String> {
        let command = QueueCommand {
            invocation,
            op: Some(op),
        };
        let batch = Batch {
            remember_bytes: self.remember_bytes,
            ..batch(self.now, command.encode_to_vec())
        };
        let mut replies = self.machine.apply(&batch);
        match replies.pop().expect("one reply for one command") {
            Reply::Queue(QueueReply { answer: Some(answer) }) => self.tell(answer),
            other => vec![format!("{other:?}")],
        }
    }

    fn tell(&mut self, answer: QueueAnswer) -> Vec<String> {
        match answer {
            QueueAnswer::Sent(sent) => sent.entries.iter().map(|e| self.tell_sent(e)).collect(),
            QueueAnswer::Received(received) if received.messages.is_empty() => {
                vec!["nothing".into()]
            }
            QueueAnswer::Received(received) => received
                .messages
                .iter()
                .map(|message| self.tell_delivered(message))
                .collect(),
            QueueAnswer::Outcomes(answer) if answer.outcomes.is_empty() => vec!["ok".into()],
            QueueAnswer::Outcomes(answer) => answer.outcomes.into_iter().map(outcome).collect(),
            QueueAnswer::Refused(why) => vec![format!("refused: {}", outcome(why))],
        }
    }

    fn tell_sent(&mut self, sent: &SentEntry) -> String {
        format!("#{} {}", sent.sequence, self.id(&sent.message_id))
    }

    fn tell_delivered(&mut self, message: &Delivered) -> String {
        let receipt = message.receipt.expect("a delivery has a receipt");
        assert_eq!(receipt.delivery, message.receive_count);
        let body = String::from_utf8_lossy(&message.body).into_owned();
        let mut told = format!("#{}.{} {body:?}", receipt.sequence, receipt.delivery);
        told += &format!(" {} sent {}", self.id(&message.message_id), message.sent_ms);
        told += &format!(" first received {}", message.first_received_ms);
        for (name, text) in [("group", &message.group), ("dedup", &message.deduplication_id)] {
            if !text.is_empty() {
                told += &format!(" {name}={text}");
            }
        }
        told
    }

    fn id(&mut self, id: &Bytes) -> String {
        assert_eq!(id.len(), 16);
        assert_eq!((id[6] >> 4, id[8] >> 6), (4, 2), "a version 4 UUID");
        let next = self.ids.len() + 1;
        let number = self.ids.entry(id.clone()).or_insert(next);
        format!("m{number}")
    }

    fn look(&self) -> String {
        let (queue, now) = (self.queue(), Millis(self.now));
        let counts = queue.counts(now);
        let next = queue
            .next_change(now)
            .map_or("never".into(), |next| next.to_string());
        assert_eq!(queue.has_visible(now), queue.visible_count(now) > 0);
        format!(
            "visible {} in flight {} delayed {}; receivable {}; next change {next}",
            counts.visible,
            counts.in_flight,
            counts.delayed,
            queue.visible_count(now)
        )
    }

    fn departures(&self) -> Vec<String> {
        let (departures, messages) = self.queue().departures(100, usize::MAX);
        let messages = messages.read().expect("all letters are in memory");
        assert_eq!(self.queue().has_departures(), !departures.is_empty());
        let told = departures.iter().zip(&messages).map(|(departure, message)| {
            let body = String::from_utf8_lossy(&message.body);
            format!(
                "{}: #{} {body:?} to {}, received {}",
                departure.number, departure.sequence, departure.target, message.receive_count
            )
        });
        told.collect()
    }

    fn progress(&self, task: u64) -> String {
        let Some(progress) = self.queue().move_progress(task) else {
            return "not begun".into();
        };
        let movable = self.queue().movable(100).read();
        let movable = movable.expect("all letters are in memory");
        let movable: Vec<u64> = movable
            .iter()
            .map(|message| message.receipt.expect("a message has a sequence").sequence)
            .collect();
        format!(
            "moved {} of {}, under way {}, some left: {}, closed: {}, movable {movable:?}",
            progress.moved, progress.to_move, progress.under_way, progress.some_left, progress.closed
        )
    }

    /// Brings `count` messages in flight, a multiple of ten.
    fn fill(&mut self, count: u64) {
        let entries = vec![
            SendEntry {
                body: "x".into(),
                ..SendEntry::default()
            };
            10
        ];
        let receive = Receive {
            max: 10,
            visibility_ms: span("1h"),
            ..Receive::default()
        };
        let ops = [QueueOp::Send(Send { entries }), QueueOp::Receive(receive)];
        let commands = ops.map(|op| QueueCommand {
            invocation: Bytes::new(),
            op: Some(op),
        });
        let commands: Vec<Bytes> = commands.iter().map(|c| c.encode_to_vec().into()).collect();
        let all = (0..count / 10).flat_map(|_| commands.clone());
        let commands = all.collect();
        self.machine.apply(&Batch {
            now_ms: self.now,
            seed: 1,
            commands,
            ..Batch::default()
        });
    }
}

impl Interpreter for Script {
    fn obey(&mut self, line: &str) -> Vec<String> {
        let line = Line::parse(line, &mut self.now);
        let op = match line.verb {
            "configure" => configure(&line),
            "send" => send(&line),
            "receive" => QueueOp::Receive(Receive {
                max: line.number("max").map_or(10, |max| max as u32),
                visibility_ms: span(line.value("visibility").unwrap_or("30s")),
                receives_max: line.number("receives-max").map_or(0, |max| max as u32),
                dead_letters: numbers(line.value("dead-letters")),
                attempt: line.value("attempt").unwrap_or_default().to_owned(),
                again: line.words().contains(&"again"),
                partitions: 1,
            }),
            "many" => {
                self.perform(Bytes::new(), many(&line));
                return vec![self.look()];
            }
            "expire" => QueueOp::Expire(Expire {}),
            "figures" => {
                let figures = self.queue().figures(Millis(self.now), usize::MAX);
                return vec![format!(
                    "expired {}, oldest {:?}",
                    figures.expired, figures.oldest_sent
                )];
            }
            "recall" => QueueOp::Recall(Recall {}),
            "set-level" => QueueOp::SetLevel(SetLevel {
                to: number(line.words()[0]) as u32,
            }),
            "remember" => {
                self.remember_bytes = number(line.words()[0]);
                return Vec::new();
            }
            "remembered" => return vec![format!("{:?}", self.machine.remembered())],
            "level" => return vec![self.machine.level().to_string()],
            "departures" => return self.departures(),
            "settle" => QueueOp::Settle(Settle {
                target: number(line.words()[0]),
                up_to: line.number("up-to").expect("a number"),
                returned: line.words().contains(&"returned"),
            }),
            "import" => import(&line),
            "move" => QueueOp::Move(Move {
                task: number(line.words()[0]),
                messages: moved(&line).collect(),
                close: line.words().contains(&"close"),
            }),
            "progress" => return vec![self.progress(number(line.words()[0]))],
            "delete" => QueueOp::Delete(Delete {
                receipts: receipts(&line).collect(),
            }),
            "visibility" => visibility(&line),
            "purge" => QueueOp::Purge(Purge {
                forced: line.words().contains(&"forced"),
            }),
            "look" => return vec![self.look()],
            "config" => return vec![format!("version {}", self.queue().config_version())],
            "oldest" => return vec![format!("{:?}", self.queue().oldest_sent())],
            "knows" => {
                let known = self.queue().knows_invocation(&invocation(line.words()[0]));
                return vec![known.to_string()];
            }
            "knows-attempt" => return vec![self.queue().knows_attempt(line.words()[0]).to_string()],
            "fill" => {
                self.fill(number(line.words()[0]));
                return vec![self.look()];
            }
            "restart" => {
                self.machine = reload(&self.machine);
                return Vec::new();
            }
            "garbage" => {
                let reply = apply(&mut self.machine, self.now, Bytes::from_static(b"\xff\xff"));
                return vec![format!("{reply:?}")];
            }
            verb => panic!("no such verb: {verb}"),
        };
        self.perform(line.invocation(), op)
    }
}

/// Numbers with commas between them.
fn numbers(text: Option<&str>) -> Vec<u64> {
    let numbers = text.into_iter().flat_map(|text| text.split(','));
    numbers.map(number).collect()
}

fn import(line: &Line) -> QueueOp {
    let pairs = line.words().iter().filter_map(|word| word.split_once('='));
    let numbers = pairs.filter_map(|(name, body)| Some((name.parse().ok()?, body)));
    let messages = numbers.map(|(number, body): (u64, &str)| Imported {
        number,
        // A version 4 UUID of the body's letters.
        message_id: uuid(body),
        body: body.to_owned().into(),
        attributes: Bytes::new(),
        sent_ms: line.value("sent").map_or(0, span),
        first_received_ms: line.value("received").map_or(0, span),
        group: line.value("group").unwrap_or_default().to_owned(),
        deduplication_id: String::new(),
        made_new: line.words().contains(&"new"),
    });
    QueueOp::Import(Import {
        origin: line.number("origin").expect("an origin"),
        messages: messages.collect(),
    })
}

fn moved(line: &Line) -> impl Iterator<Item = Moved> {
    let pairs = line.words().iter().filter_map(|word| word.split_once('='));
    pairs.map(|(sequence, target)| Moved {
        sequence: number(sequence),
        target: number(target),
    })
}

fn uuid(body: &str) -> Bytes {
    let mut id = [0; 16];
    id.iter_mut().zip(body.bytes()).for_each(|(to, from)| *to = from);
    id[6] = 0x40;
    id[8] = 0x80;
    Bytes::copy_from_slice(&id)
}

fn configure(line: &Line) -> QueueOp {
    QueueOp::Configure(Configure {
        version: line.number("version").expect("a version"),
        fifo: line.words().contains(&"fifo"),
        retention_ms: span(line.value("retention").unwrap_or("4d")),
        deduplicate_by_group: line.words().contains(&"by-group"),
        delay_ms: line.value("delay").map(span),
        partitions: line.number("partitions").unwrap_or(1) as u32,
    })
}

fn send(line: &Line) -> QueueOp {
    let entries = line.words().split(|word| *word == "+").map(|words| SendEntry {
        body: Bytes::copy_from_slice(value(words, "body").expect("a body").as_bytes()),
        attributes: Bytes::new(),
        delay_ms: value(words, "delay").map_or(0, span),
        group: value(words, "group").unwrap_or("").to_owned(),
        deduplication_id: value(words, "dedup").unwrap_or("").to_owned(),
    });
    QueueOp::Send(Send {
        entries: entries.collect(),
    })
}

fn many(line: &Line) -> QueueOp {
    let count = number(line.words()[0]);
    let entries = (0..count).map(|number| SendEntry {
        body: "x".into(),
        attributes: Bytes::new(),
        delay_ms: line.value("delay").map_or(0, span),
        group: line.value("group").unwrap_or("").to_owned(),
        deduplication_id: format!("many-{number}"),
    });
    QueueOp::Send(Send {
        entries: entries.collect(),
    })
}

fn receipts(line: &Line) -> impl Iterator<Item = Receipt> {
    line.words()
        .iter()
        .filter(|word| !word.starts_with("call="))
        .map(|word| receipt(word))
}

fn receipt(text: &str) -> Receipt {
    let (sequence, delivery) = text.split_once('.').expect("sequence.delivery");
    Receipt {
        sequence: number(sequence),
        delivery: number(delivery) as u32,
    }
}

fn visibility(line: &Line) -> QueueOp {
    let words = line.words().iter().filter(|word| !word.starts_with("call="));
    let entries = words.map(|word| {
        let (text, timeout) = word.split_once('=').expect("receipt=timeout");
        VisibilityEntry {
            receipt: Some(receipt(text)),
            visibility_ms: span(timeout),
        }
    });
    QueueOp::ChangeVisibility(ChangeVisibility {
        entries: entries.collect(),
    })
}

fn outcome(number: i32) -> String {
    Outcome::try_from(number).map_or_else(|_| number.to_string(), |outcome| format!("{outcome:?}"))
}
