//! Producers and consumers of one queue, as applications write them: they retry by their SDK only, and go on
//! with the next message when a call fails for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::calls::{self, Queue};
use super::history::History;
use super::recorder::Recorder;

const PRODUCERS: usize = 4;
const CONSUMERS: usize = 3;
const GROUPS_PER_PRODUCER: usize = 5;
/// Bounds the load: so long from one send of a producer to the next.
const PACE: Duration = Duration::from_millis(20);
/// How long the queue may take to become empty once the producers have stopped.
const DRAIN_LIMIT: Duration = Duration::from_secs(90);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Running producers and consumers.
pub(crate) struct Traffic {
    pub(crate) name: &'static str,
    pub(crate) recorder: Arc<Recorder>,
    producers: JoinSet<()>,
    consumers: JoinSet<()>,
    stop_sending: CancellationToken,
    stop_receiving: CancellationToken,
    client: Client,
    queue: Queue,
}

impl Traffic {
    /// Starts them.
    pub(crate) fn start(client: &Client, queue: &Queue) -> Self {
        let mut traffic = Self {
            name: queue.name,
            recorder: Arc::new(Recorder::new(queue.visibility)),
            producers: JoinSet::new(),
            consumers: JoinSet::new(),
            stop_sending: CancellationToken::new(),
            stop_receiving: CancellationToken::new(),
            client: client.clone(),
            queue: queue.clone(),
        };
        let calls = Arc::new(AtomicUsize::new(0));
        for producer in 0..PRODUCERS {
            let (client, queue, recorder) = traffic.parts();
            traffic.producers.spawn(produce(
                client,
                queue,
                recorder,
                producer,
                traffic.stop_sending.clone(),
            ));
        }
        for _ in 0..CONSUMERS {
            let (client, queue, recorder) = traffic.parts();
            let consumer = consume(
                client,
                queue,
                recorder,
                calls.clone(),
                traffic.stop_receiving.clone(),
            );
            traffic.consumers.spawn(consumer);
        }
        traffic
    }

    fn parts(&self) -> (Client, Queue, Arc<Recorder>) {
        (self.client.clone(), self.queue.clone(), self.recorder.clone())
    }

    /// Stops the producers, lets the consumers empty the queue, and returns all that was seen.
    pub(crate) async fn drain(mut self) -> History {
        self.stop_sending.cancel();
        join(&mut self.producers).await;
        let emptied = await_empty(&self.client, &self.queue, &self.recorder).await;
        self.stop_receiving.cancel();
        join(&mut self.consumers).await;
        if let Err(left) = emptied {
            // The checks say more about messages that are missing than this does.
            eprintln!("{} did not become empty: {left}", self.name);
            let history = self.recorder.history();
            assert!(
                !calls::missing(&history).is_empty(),
                "{}: every message came, yet {left}",
                self.name
            );
            return history;
        }
        self.recorder.history()
    }
}

async fn join(tasks: &mut JoinSet<()>) {
    while let Some(end) = tasks.join_next().await {
        end.expect("producers and consumers do not panic");
    }
}

async fn produce(client: Client, queue: Queue, recorder: Arc<Recorder>, id: usize, stop: CancellationToken) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0.. {
        pace.tick().await;
        if stop.is_cancelled() {
            return;
        }
        let group = format!("p{id}-g{}", number % GROUPS_PER_PRODUCER);
        calls::send(&client, &queue, &recorder, format!("p{id}-{number}"), group).await;
    }
}

async fn consume(
    client: Client,
    queue: Queue,
    recorder: Arc<Recorder>,
    calls: Arc<AtomicUsize>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        calls::receive_once(&client, &queue, &recorder, calls.fetch_add(1, Ordering::Relaxed)).await;
    }
}

/// Receives and deletes with one consumer until nothing is left.
pub(crate) async fn receive_all(client: &Client, queue: &Queue, recorder: Recorder) -> History {
    let mut empty = Err("never looked".to_owned());
    let began = Instant::now();
    let mut call = 0;
    while empty.is_err() && began.elapsed() < DRAIN_LIMIT {
        calls::receive_once(client, queue, &recorder, call).await;
        call += 1;
        empty = calls::is_empty(client, queue, &recorder).await;
    }
    empty.unwrap_or_else(|left| panic!("{}: {left}", queue.name));
    recorder.history()
}

async fn await_empty(client: &Client, queue: &Queue, recorder: &Recorder) -> Result<(), String> {
    let began = Instant::now();
    let mut looks = interval(LOOK_INTERVAL);
    loop {
        looks.tick().await;
        match calls::is_empty(client, queue, recorder).await {
            Err(left) if began.elapsed() > DRAIN_LIMIT => return Err(left),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
    }
}
