//! Random commands to a queue partition, with receipts that were given out, retries, and times
//! around the instants at which something happens.

use bytes::Bytes;
use prost::Message;
use raft::command::queue::{
    ChangeVisibility, Configure, Delete, Expire, Import, Imported, Move, Moved, Purge, QueueAnswer,
    QueueCommand, QueueOp, QueueReply, Recall, Receipt, Receive, Send, SendEntry, SetLevel, Settle,
    VisibilityEntry,
};
use raft::command::{Batch, Reply};

use crate::random::Random;

/// Makes one batch after the other, and learns from the replies.
pub(crate) struct History {
    random: Random,
    now: u64,
    fifo: bool,
    version: u64,
    receipts: Vec<Receipt>,
    last: Vec<QueueCommand>,
    /// Whether messages leave for other partitions, and come from them.
    travels: bool,
    /// Whether now and then very many messages are sent.
    bursts: bool,
    imported: u64,
    /// Many messages have just been sent that are to get another delay.
    redelays: bool,
}

impl History {
    pub(crate) fn new(seed: u64) -> History {
        let fifo = seed % 2 == 1;
        let random = Random(seed);
        History {
            random,
            now: 1_000_000,
            fifo,
            version: 0,
            receipts: Vec::new(),
            last: Vec::new(),
            travels: false,
            bursts: false,
            imported: 0,
            redelays: false,
        }
    }

    /// One in which messages travel, too.
    pub(crate) fn travelling(seed: u64) -> History {
        History {
            travels: true,
            ..History::new(seed)
        }
    }

    /// The same with bursts of messages.
    pub(crate) fn with_bursts(self) -> History {
        History { bursts: true, ..self }
    }

    /// The next commands and the batch that carries them.
    pub(crate) fn next_batch(&mut self) -> (Vec<QueueCommand>, Batch) {
        let step = *self
            .random
            .pick(&[0, 1, 500, 1_000, 5_000, 20_000])
            .expect("not empty");
        self.now = match self.random.below(60) {
            0 => self.now + 130_000,
            3 => self.now + 230_000,
            1 => self.now + 600_000,
            2 => self.now.saturating_sub(3_000),
            _ => self.now + step,
        };
        let retried = self
            .random
            .chance(15)
            .then(|| self.random.pick(&self.last).cloned());
        let mut commands: Vec<_> = retried.flatten().into_iter().collect();
        commands.extend(self.recalled());
        for _ in 0..1 + self.random.below(4) {
            let op = if self.version == 0 {
                self.configure()
            } else if self.random.below(200) == 0 {
                QueueOp::SetLevel(SetLevel { to: 1 })
            } else {
                self.op()
            };
            let bits = self.random.bits();
            let key = [bits.to_be_bytes(), (!bits).to_be_bytes()].concat();
            let invocation = if self.random.chance(70) {
                key.into()
            } else {
                Bytes::new()
            };
            commands.push(QueueCommand {
                invocation,
                op: Some(op),
            });
        }
        self.last
            .extend(commands.iter().filter(|c| !c.invocation.is_empty()).cloned());
        let forget = self.last.len().saturating_sub(20);
        self.last.drain(..forget);
        let encoded = commands
            .iter()
            .map(|command| command.encode_to_vec().into())
            .collect();
        (
            commands,
            Batch {
                now_ms: self.now,
                seed: self.random.bits(),
                commands: encoded,
                // The model does not know what an answer costs.
                remember_bytes: match self.travels {
                    true => self.random.below(3) * 1_500,
                    false => 0,
                },
            },
        )
    }

    /// A recall of a send that was made, or of one that comes later, if it comes.
    fn recalled(&mut self) -> Option<QueueCommand> {
        if !self.random.chance(10) || self.version == 0 {
            return None;
        }
        let bits = self.random.bits().to_be_bytes();
        let late = QueueCommand {
            invocation: [bits, bits].concat().into(),
            op: Some(self.send()),
        };
        let sends = self
            .last
            .iter()
            .filter(|c| matches!(c.op, Some(QueueOp::Send(_))));
        let sends: Vec<&QueueCommand> = sends.chain([&late]).collect();
        let send = (*self.random.pick(&sends)?).clone();
        self.last.push(send.clone());
        Some(QueueCommand {
            invocation: send.invocation,
            op: Some(QueueOp::Recall(Recall {})),
        })
    }

    /// Remembers receipts of a reply.
    pub(crate) fn learn(&mut self, reply: &Reply) {
        if let Reply::Queue(QueueReply {
            answer: Some(QueueAnswer::Received(received)),
        }) = reply
        {
            self.receipts
                .extend(received.messages.iter().filter_map(|message| message.receipt));
            let forget = self.receipts.len().saturating_sub(40);
            self.receipts.drain(..forget);
        }
    }

    fn op(&mut self) -> QueueOp {
        if self.travels && self.random.chance(20) {
            return self.travel();
        }
        if std::mem::take(&mut self.redelays) {
            self.version += 1;
            return QueueOp::Configure(Configure {
                version: self.version,
                fifo: true,
                retention_ms: 300_000,
                delay_ms: Some(self.random.below(9_000)),
                ..Configure::default()
            });
        }
        if self.bursts && self.random.chance(8) {
            return self.burst();
        }
        match self.random.below(100) {
            0..35 => self.send(),
            35..65 => {
                let visibility = *self.random.pick(&[0, 1_000, 5_000, 30_000]).expect("some");
                let max = self.random.below(10) as u32 + 1;
                QueueOp::Receive(Receive {
                    max,
                    visibility_ms: visibility,
                    attempt: self.attempt(),
                    again: self.random.chance(10),
                    ..Receive::default()
                })
            }
            65..85 => {
                let count = self.random.below(4);
                QueueOp::Delete(Delete {
                    receipts: (0..count).map(|_| self.receipt()).collect(),
                })
            }
            85..97 => self.change_visibility(),
            97..99 => self.configure(),
            _ => QueueOp::Purge(Purge::default()),
        }
    }

    /// Numbers of departures are guessed, and those of arrivals sometimes repeated.
    fn travel(&mut self) -> QueueOp {
        match self.random.below(4) {
            0 => QueueOp::Receive(Receive {
                max: self.random.below(10) as u32 + 1,
                visibility_ms: 0,
                receives_max: self.random.below(3) as u32 + 1,
                dead_letters: vec![7, 8],
                attempt: self.attempt(),
                again: false,
                partitions: 1,
            }),
            1 => QueueOp::Settle(Settle {
                target: self.random.below(2) + 7,
                up_to: self.random.below(60),
                returned: self.random.chance(30),
            }),
            2 => QueueOp::Move(Move {
                task: self.random.below(3) + self.now / 40_000,
                messages: (0..self.random.below(5)).map(|_| self.moved()).collect(),
                close: self.random.chance(10),
            }),
            _ => {
                self.imported += self.random.below(3);
                QueueOp::Import(Import {
                    origin: self.random.below(2),
                    messages: vec![Imported {
                        number: self.imported,
                        message_id: Bytes::from_static(&[7; 16]),
                        body: self.random.bits().to_string().into(),
                        sent_ms: self.now - self.random.below(50_000),
                        group: self.group(),
                        made_new: self.random.chance(50),
                        ..Imported::default()
                    }],
                })
            }
        }
    }

    fn moved(&mut self) -> Moved {
        Moved {
            sequence: self.receipt().sequence + self.random.below(3),
            target: self.random.below(2) + 7,
        }
    }

    /// One of few ids, so that it comes again, or none.
    fn attempt(&mut self) -> String {
        if self.random.chance(50) {
            return String::new();
        }
        format!("a{}", self.random.below(12))
    }

    /// Some are large and some small; on standard queues some messages have none.
    fn group(&mut self) -> String {
        if !self.fifo && self.random.chance(20) {
            return String::new();
        }
        let most = *self.random.pick(&[1, 3, 12]).expect("some");
        format!("g{}", self.random.below(most))
    }

    fn send(&mut self) -> QueueOp {
        let entries = (0..1 + self.random.below(3)).map(|_| SendEntry {
            body: self.random.bits().to_string().into(),
            attributes: Bytes::from_static(b"attributes"),
            delay_ms: if self.random.chance(20) {
                self.random.below(8_000)
            } else {
                0
            },
            group: self.group(),
            deduplication_id: format!("d{}", self.random.below(200)),
        });
        QueueOp::Send(Send {
            entries: entries.collect(),
        })
    }

    /// About as many as a batch drops when they are too old, or makes visible when their delay ends.
    fn burst(&mut self) -> QueueOp {
        if self.random.chance(30) {
            return QueueOp::Expire(Expire {});
        }
        let (count, group, id) = (3_000 + self.random.below(3_000), self.group(), self.random.bits());
        if self.random.chance(20) {
            return self.configure();
        }
        // The last is the first to become visible.
        let is_delayed = self.random.chance(50);
        self.redelays = self.fifo && is_delayed && self.random.chance(60);
        let entries = (0..count).map(|number| SendEntry {
            body: number.to_string().into(),
            group: group.clone(),
            delay_ms: u64::from(is_delayed) * (3_000 + (count - number) / 4),
            deduplication_id: format!("b{id}-{number}"),
            ..SendEntry::default()
        });
        QueueOp::Send(Send {
            entries: entries.collect(),
        })
    }

    fn change_visibility(&mut self) -> QueueOp {
        let entries = (0..self.random.below(4)).map(|_| {
            let visibility = *self.random.pick(&[0, 2_000, 40_000, 43_200_000]).expect("some");
            VisibilityEntry {
                receipt: Some(self.receipt()),
                visibility_ms: visibility,
            }
        });
        QueueOp::ChangeVisibility(ChangeVisibility {
            entries: entries.collect(),
        })
    }

    fn configure(&mut self) -> QueueOp {
        self.version += self.random.below(2);
        QueueOp::Configure(Configure {
            version: self.version,
            fifo: self.fifo,
            retention_ms: *self.random.pick(&[60_000, 300_000, 345_600_000]).expect("some"),
            deduplicate_by_group: self.random.chance(30),
            delay_ms: self.random.chance(20).then(|| self.random.below(9_000)),
            partitions: self.random.below(4) as u32,
        })
    }

    /// One that was given out, mostly.
    fn receipt(&mut self) -> Receipt {
        let invented = Receipt {
            sequence: self.random.below(30),
            delivery: self.random.below(3) as u32,
        };
        let given = self.random.pick(&self.receipts).copied();
        given.filter(|_| self.random.chance(95)).unwrap_or(invented)
    }
}
