//! The AWS API's listener: connections, bodies, admission. What a request means is `api`'s business,
//! what it does is in `ops`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::error::ErrorSpec;
use api::{error, protocol};
use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use raft::env::{Env, Listener, Stream};
use raft::peers::Peers;
use raft::planted::{Bug, planted};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::config::{Limits, Partitions};
use crate::metrics::Live;
use crate::ops::{self, Context, Waited};
use crate::readiness::Readiness;
use crate::router::Router;

/// How long a client may take to send a request's head, and to begin the next one after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How often an idle HTTP/2 connection is asked whether its client is there.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
/// Concurrent requests on one HTTP/2 connection.
const HTTP2_STREAMS_MAX: u32 = 256;

/// What metrics call the operation of a request that names none.
const UNKNOWN: &str = "Unknown";

/// Everything that requests need.
pub struct Frontend {
    /// The outside world.
    pub env: Env,
    /// What exists.
    pub catalog: Arc<CatalogView>,
    /// The way to the leaders.
    pub router: Arc<Router>,
    /// The other nodes.
    pub peers: Arc<Peers>,
    /// Bounds.
    pub limits: Limits,
    /// How new queues are divided.
    pub partitions: Partitions,
    readiness: Readiness,
    live: Arc<Live>,
    requests: Semaphore,
    /// Room for bodies, in KiB.
    bodies: Semaphore,
}

impl Frontend {
    /// A frontend that nobody is connected to.
    #[allow(clippy::too_many_arguments)] // It is made in one place, from parts of a node.
    pub fn new(
        env: Env,
        catalog: Arc<CatalogView>,
        router: Arc<Router>,
        peers: Arc<Peers>,
        readiness: Readiness,
        live: Arc<Live>,
        limits: Limits,
        partitions: Partitions,
    ) -> Frontend {
        let requests = Semaphore::new(limits.requests);
        let bodies = Semaphore::new(limits.bodies_bytes / 1024);
        Frontend {
            env,
            catalog,
            router,
            peers,
            limits,
            partitions,
            readiness,
            live,
            requests,
            bodies,
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Bytes> {
        let begun = Instant::now();
        let _started = self.live.requests.started();
        let Answered {
            operation,
            response,
            waited,
        } = self.answer_counted(request).await;
        let failure = response.extensions().get::<&'static ErrorSpec>();
        self.live.requests.answered(
            operation,
            response.status().as_u16(),
            failure.map(|failure| failure.shape),
            begun.elapsed(),
            waited,
        );
        response
    }

    async fn answer_counted(&self, request: Request<Incoming>) -> Answered {
        let request_id = request_id(&self.env);
        let (parts, body) = request.into_parts();
        // What the client announces, or else the most that it may send.
        let announced = body.size_hint().upper().and_then(|n| usize::try_from(n).ok());
        let bytes = announced.unwrap_or(usize::MAX).min(self.limits.body_bytes);
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let Ok(_room) = self.bodies.try_acquire_many(kib) else {
            self.live.requests.refused();
            let error = api::sqs::errors::request_throttled();
            return Answered::unknown(protocol::framing_of(&parts).fail(&error, &request_id));
        };
        let body = Limited::new(body, self.limits.body_bytes).collect();
        match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => self.answer_whole(&parts, body.to_bytes(), &request_id).await,
            Ok(Err(failure)) if failure.is::<LengthLimitError>() => {
                let error = error::request_too_large(self.limits.body_bytes);
                Answered::unknown(protocol::framing_of(&parts).fail(&error, &request_id))
            }
            // Too slow, or broken off: then nobody reads this.
            Ok(Err(_)) | Err(_) => {
                let error = error::request_timeout();
                Answered::unknown(protocol::framing_of(&parts).fail(&error, &request_id))
            }
        }
    }

    async fn answer_whole(&self, parts: &Parts, body: Bytes, request_id: &str) -> Answered {
        let call = match protocol::recognise(parts, &body) {
            Ok(call) => call,
            Err(refused) => return Answered::unknown(refused.respond(request_id)),
        };
        let operation = call.operation.spec().name;
        let at_once = |response| Answered {
            operation,
            response,
            waited: Duration::ZERO,
        };
        if !self.readiness.may_serve() {
            return at_once(call.fail(&error::service_unavailable(), request_id));
        }
        // A receive holds no permit: waiting polls have a bound of their own.
        let _permit = if ops::may_wait(call.operation) {
            None
        } else {
            match self.requests.try_acquire() {
                Ok(permit) => Some(permit),
                Err(_) => {
                    self.live.requests.refused();
                    return at_once(call.fail(&ops::throttled(call.operation), request_id));
                }
            }
        };
        let invocation = match call.invocation {
            Some(id) if !planted(Bug::KeyForgotten) => ops::invocation(id, operation, &body),
            // Without one, repetitions by the router still need a key.
            _ => ops::fresh_invocation(&self.env),
        };
        let context = Context {
            frontend: self,
            call: &call,
            request_id,
            invocation,
            waited: Waited::default(),
        };
        let response = ops::dispatch(&context).await;
        Answered {
            operation,
            response,
            waited: context.waited.total(),
        }
    }
}

/// An answer and what is to be counted of it.
struct Answered {
    operation: &'static str,
    response: Response<Bytes>,
    waited: Duration,
}

impl Answered {
    /// To a request that names no operation.
    fn unknown(response: Response<Bytes>) -> Answered {
        Answered {
            operation: UNKNOWN,
            response,
            waited: Duration::ZERO,
        }
    }
}

/// A new request's id: a random UUID.
pub(crate) fn request_id(env: &Env) -> String {
    let (a, b) = (env.random.next_u64(), env.random.next_u64());
    let (a, b) = (a & !0xf000 | 0x4000, b & !(0b11 << 62) | 0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xffff,
        b >> 48,
        b & 0xffff_ffff_ffff
    )
}

/// Serves clients: until `drain` as they like, then until `end` only what they began.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    frontend: Arc<Frontend>,
    listener: Box<dyn Listener>,
    drain: CancellationToken,
    end: CancellationToken,
) -> anyhow::Result<()> {
    let places = Arc::new(Semaphore::new(frontend.limits.connections));
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await?;
            anyhow::Ok((listener.accept().await, place))
        };
        let Some(accepted) = drain.run_until_cancelled(accepted).await else {
            break;
        };
        let (accepted, place) = accepted?;
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Such as too many open files: others may end meanwhile.
                tracing::warn!(%error, "a client's connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (frontend, drain, end) = (frontend.clone(), drain.clone(), end.clone());
        tokio::spawn(async move {
            let _place = place;
            frontend.live.requests.connections_changed(1);
            converse(&frontend, stream, drain, end).await;
            frontend.live.requests.connections_changed(-1);
        });
    }
    drop(listener);
    end.cancelled().await;
    Ok(())
}

async fn converse(
    frontend: &Arc<Frontend>,
    stream: Box<dyn Stream>,
    drain: CancellationToken,
    end: CancellationToken,
) {
    let begun = AtomicBool::new(false);
    let service = service_fn(|request| {
        begun.store(true, Ordering::Relaxed);
        let frontend = frontend.clone();
        async move { Ok::<_, Infallible>(frontend.answer(request).await.map(Full::new)) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .pipeline_flush(true);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .max_concurrent_streams(HTTP2_STREAMS_MAX);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let patience = tokio::time::sleep(HEAD_TIMEOUT);
    tokio::pin!(patience);
    let (mut watched, mut draining) = (true, false);
    let ended = loop {
        tokio::select! {
            // Order is of no matter: each branch ends the conversation its own way.
            biased;
            ended = connection.as_mut() => break ended,
            () = end.cancelled() => return,
            // One that says nothing keeps a place from others.
            () = patience.as_mut(), if watched => {
                if !begun.load(Ordering::Relaxed) {
                    return;
                }
                watched = false;
            }
            () = drain.cancelled(), if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection broke");
    }
}
