//! Promises of fair queues, checked on what goes in and comes out: a loud tenant keeps quiet ones waiting for a few of
//! its messages only, however much it sends and however slow it is, and does not starve itself.

use std::collections::{BTreeMap, VecDeque};

use raft::command::queue::{QueueAnswer, QueueOp, Receipt, Receive, Send, SendEntry};
use raft::machine::Machine;

use crate::SEEDS;
use crate::random::Random;
use crate::rules::{apply, delete, new_queue};

struct Shop {
    machine: Machine,
    now: u64,
    /// What consumers work on, and when each is done.
    work: VecDeque<(u64, Receipt)>,
    /// The tenants of all deliveries.
    served: Vec<String>,
}

impl Shop {
    fn new() -> Shop {
        Shop {
            machine: new_queue(false),
            now: 1_000,
            work: VecDeque::new(),
            served: Vec::new(),
        }
    }

    fn send(&mut self, tenant: &str, count: usize) {
        let entry = SendEntry {
            body: "x".into(),
            group: tenant.to_owned(),
            ..SendEntry::default()
        };
        let send = Send {
            entries: vec![entry; count],
        };
        apply(&mut self.machine, self.now, QueueOp::Send(send));
    }

    /// Finishes the work that takes the longest already, and receives up to `max` messages more.
    fn step(&mut self, consumers: usize, max: u32, duration: impl Fn(&str) -> u64) {
        self.now += 10;
        if self.work.len() >= consumers {
            let (done, receipt) = self.work.pop_front().expect("a consumer is busy");
            self.now = self.now.max(done);
            delete(&mut self.machine, self.now, receipt);
        }
        let receive = Receive {
            max,
            visibility_ms: 43_200_000,
            ..Receive::default()
        };
        let answer = apply(&mut self.machine, self.now, QueueOp::Receive(receive));
        let QueueAnswer::Received(received) = answer else {
            panic!("{answer:?}")
        };
        for message in received.messages {
            let done = self.now + duration(&message.group);
            self.work.push_back((done, message.receipt.expect("a receipt")));
            self.served.push(message.group);
        }
        self.work.make_contiguous().sort_by_key(|(done, _)| *done);
    }

    /// How many deliveries were made until this tenant got its first one.
    fn wait_of(&self, tenant: &str) -> Option<usize> {
        self.served.iter().position(|served| served == tenant)
    }
}

/// Eleven deliveries make a tenant noisy if nothing else does, and one receive may be under way.
const WAIT_MAX: usize = 20;

#[test]
fn a_quiet_tenant_hardly_waits() {
    for seed in SEEDS {
        let mut random = Random(seed);
        let mut shop = Shop::new();
        let loud = random.below(3) + 1;
        for tenant in 0..loud {
            shop.send(&format!("loud-{tenant}"), 400);
        }
        let consumers = random.below(20) as usize + 1;
        let max = random.below(10) as u32 + 1;
        let slow = random.below(1_000);
        for step in 0..200 {
            let duration = |tenant: &str| if tenant.starts_with("loud") { slow } else { 10 };
            shop.step(consumers, max, duration);
            if step % 20 == 10 {
                let (quiet, before) = (format!("quiet-{step}"), shop.served.len());
                shop.send(&quiet, 1);
                while shop.wait_of(&quiet).is_none() {
                    assert!(
                        shop.served.len() - before <= WAIT_MAX * loud as usize,
                        "seed {seed}: {quiet} waits"
                    );
                    shop.step(consumers, max, duration);
                }
            }
        }
    }
}

#[test]
fn tenants_with_as_much_to_do_share_alike() {
    for seed in SEEDS {
        let mut random = Random(seed);
        let mut shop = Shop::new();
        // One after the other: without fairness the last one would wait for all others.
        for tenant in ["a", "b", "c", "d"] {
            shop.send(tenant, 500);
        }
        let (consumers, max) = (random.below(12) as usize + 1, random.below(10) as u32 + 1);
        while shop.served.len() < 1_000 {
            shop.step(consumers, max, |_| 10);
        }
        let mut shares: BTreeMap<&str, usize> = BTreeMap::new();
        for tenant in &shop.served[200..1_000] {
            *shares.entry(tenant).or_default() += 1;
        }
        assert_eq!(shares.len(), 4, "seed {seed}");
        assert!(
            shares.values().all(|share| (150..250).contains(share)),
            "seed {seed}: {shares:?}"
        );
    }
}

#[test]
fn nobody_starves() {
    let mut shop = Shop::new();
    // Its consumers are gone, and everybody else is quiet and keeps the others busy.
    shop.send("stuck", 10);
    for _ in 0..3 {
        shop.step(5, 1, |_| 43_000_000);
    }
    let before = shop.served.len();
    let mut number = 0;
    while shop.served[before..].iter().all(|tenant| tenant != "stuck") {
        assert!(
            shop.served.len() - before <= 101,
            "stuck has waited for all of {:?}",
            shop.served
        );
        number += 1;
        shop.send(&format!("other-{number}"), 1);
        shop.send("", 1);
        shop.step(5, 1, |_| 10);
    }
    assert!(shop.served.len() - before > 10, "it was quiet too soon");
}
