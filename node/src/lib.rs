//! A Millrace node: the wiring on one screen.
//!
//! [`run`] is the whole node, given its configuration and the outside world; the binary runs it
//! with the real one, the simulation with its own. Everything else in this crate is a part of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parking_lot::{Mutex, RwLock};
use raft::command::catalog::NodeRecord;
use raft::env::Env;
use raft::group::OpenError;
use raft::groups::{Birth, GroupFault, Groups, GroupsOptions, Origin, StartError};
use raft::level::Level;
use raft::machine::MachineKind;
use raft::peers::{Peers, server};
use raft::store::{FileStore, FileStoreOptions, Store, StoreError, convert_sled};
use raft::types::{GroupId, NodeId};
use raft::wal::WalError;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub mod admin;
pub mod admission;
pub mod birth;
pub mod carrier;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod dev;
pub mod errands;
pub mod expiry;
pub mod farewell;
mod fetch;
pub mod growth;
pub mod health;
pub mod http;
pub mod identity;
pub mod inbound;
pub mod kubernetes;
pub mod levels;
pub mod local;
pub mod membership;
pub mod metrics;
pub mod mover;
pub mod ops;
pub mod placement;
pub mod polls;
pub mod quorum;
pub mod readiness;
pub mod router;
pub mod smoke;
pub mod standstill;
pub mod states;
pub mod status;
pub mod succession;
pub mod telemetry;
pub mod verify;
pub mod waiting;

use admission::{Admission, Watched, fit_disk};
use birth::StartOver;
use catalog::CatalogView;
use clock::AgreedClock;
use config::Config;
use errands::Errands;
use expiry::Expiry;
use growth::Growth;
use identity::{Acquaintance, Identity};
use inbound::Peerside;
use levels::Levels;
use local::Local;
use metrics::{Live, Sources};
use mover::Mover;
use placement::moves::Moves;
use placement::planner::{Outlook, Planner, Policy};
use placement::stalls::Stalls;
use polls::Polls;
use readiness::{Readiness, Removed};
use router::Router;

/// Pause between attempts to get a lost state from the other nodes.
const STATE_PAUSE: Duration = Duration::from_millis(250);

/// How long connections may take to notice that a life has ended.
const END_MAX: Duration = Duration::from_secs(10);

/// Runs a node until `stop`, then hands over what it leads and ends.
///
/// # Errors
/// If it cannot start, is refused by its cluster, or its disk fails: then it must not go on.
pub async fn run(config: Config, env: Env, stop: CancellationToken) -> anyhow::Result<()> {
    let mut lives_before: Option<Instant> = None;
    loop {
        match live(config.clone(), env.clone(), stop.clone()).await {
            // The last connections of the life before have not noticed its end yet.
            Err(error) if is_in_use(&error) && lives_before.is_some_and(|end| end.elapsed() < END_MAX) => {
                tokio::time::sleep(STATE_PAUSE).await;
                continue;
            }
            Err(error) if error.is::<StartOver>() => tracing::info!("{error}"),
            // The next life waits, with an admin port that says why, until an operator retries.
            Err(error) if is_without_catalog(&error) => tracing::error!("{error}"),
            Err(error) if error.is::<Superseded>() => tracing::warn!("{error}"),
            Err(error) if error.is::<Removed>() && config.renumber => {
                tracing::warn!("{error}; it gives up what it has and joins as a new node");
                Identity::open(&env, &config.data_dir, config.node_id)?.spend()?;
            }
            ended => return ended,
        }
        lives_before = Some(Instant::now());
    }
}

fn is_without_catalog(error: &anyhow::Error) -> bool {
    let fault = error.downcast_ref::<GroupFault>();
    fault.is_some_and(|fault| fault.is_quarantined)
}

/// The catalog goes on in a later epoch, without this node's replica. The node begins a new life, in
/// which it joins it.
#[derive(Debug, thiserror::Error)]
#[error("the catalog goes on in epoch {0}: this node forgets its replica and joins it")]
struct Superseded(u64);

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StartError::Wal(WalError::Locked(_))))
}

/// One life of a node: as long as it has one number.
async fn live(mut config: Config, mut env: Env, stop: CancellationToken) -> anyhow::Result<()> {
    let mut identity = Identity::open(&env, &config.data_dir, config.node_id)?;
    config.node_id = identity.node();
    let clock = AgreedClock::new(env.clock.clone(), config.node_id);
    env.clock = clock.clone();
    identity.own_log(&config.data_dir.join("wal"))?;
    let me = record(&config, &identity, env.level);
    fit_disk(&mut config, &env);
    let identity = Arc::new(Mutex::new(identity));
    let peers = Peers::new(env.clone(), config.node_id);
    peers.require_level(identity.lock().level());
    peers.set_own_address(&me.peer_address);
    let groups = Groups::start(
        env.clone(),
        &config.data_dir,
        || open_store(&config.data_dir, &env),
        peers.clone(),
        GroupsOptions {
            timing: config.timing,
            checkpoint_bytes: config.checkpoint_bytes,
            wal: config.wal.clone(),
            letters: config.letters,
            snapshots: config.snapshots,
        },
    )?;
    let polls = Polls::new(config.limits.polls);
    let admission = Admission::new(config.node_id);
    let watched = Watched::default();
    let local = Local::new(groups.clone(), polls.clone(), admission.clone());
    let router = Router::new(
        groups.clone(),
        peers.clone(),
        local.clone(),
        config.limits.patience,
    );
    let stalls = Arc::new(Stalls::default());
    let peerside = Arc::new(Peerside {
        me: me.clone(),
        identity: identity.clone(),
        groups: groups.clone(),
        local,
        clock: clock.clone(),
        admission: admission.clone(),
        stalls: stalls.clone(),
        errands: RwLock::new(None),
    });
    let readiness = Readiness::default();
    let live = Arc::new(Live::default());
    let outlook = Arc::new(Outlook::default());

    let bind = async |address: &str| {
        env.net
            .bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))
    };
    let (api_port, peer_port, admin_port) = (
        bind(&config.listen).await?,
        bind(&config.peer_listen).await?,
        bind(&config.admin_listen).await?,
    );
    tracing::info!(node = %config.node_id, api = config.listen, peers = config.peer_listen,
        admin = config.admin_listen, data = %config.data_dir.display(), "listening");

    // `stop` begins the farewell; `end` ends everything that must work during it.
    let end = CancellationToken::new();
    let _end_with_this_function = end.clone().drop_guard();
    let mut tasks = JoinSet::new();
    let operators = cluster::service::Service {
        env: env.clone(),
        peerside: peerside.clone(),
    };
    let more = readiness.grpc_health(end.clone()).await;
    let more = more.add_service(operators.server());
    let serving = server::serve(peers.clone(), peerside.clone(), peer_port, more, end.clone());
    tasks.spawn(async { serving.await.context("the peer listener failed") });
    let admin = admin::Admin::new(Sources {
        env: env.clone(),
        live: live.clone(),
        clock: clock.clone(),
        admission: admission.clone(),
        watched: watched.clone(),
        groups: groups.clone(),
        peers: peers.clone(),
        polls: polls.clone(),
        outlook: outlook.clone(),
        readiness: readiness.clone(),
        me: me.clone(),
        limits: config.limits,
        election_timeout: Duration::from_millis(config.timing.election_max_ms),
    });
    let (usage, data_dir) = (live.disk.clone(), config.data_dir.clone());
    tasks.spawn(metrics::watch(usage, env.clone(), data_dir, end.clone()));
    tasks.spawn(admin::serve(admin.clone(), admin_port, end.clone()));

    tasks.spawn(admission::watch(
        admission.clone(),
        watched,
        config.marks,
        env.clone(),
        config.data_dir.clone(),
        groups.clone(),
        end.clone(),
    ));
    tasks.spawn(states::keep(
        clock,
        admission,
        groups.clone(),
        peers.clone(),
        end.clone(),
    ));

    let entering = async {
        birth::belong(&env, &config, &identity, &me, &peers).await?;
        open_catalog(&env, &config.seeds, &me, &groups, &peers, &identity).await
    };
    let catalog = tokio::select! {
        // Whatever has happened already counts.
        biased;
        () = stop.cancelled() => return Ok(()),
        catalog = entering => catalog?,
        () = waiting::refuse(&env, api_port.as_ref(), config.limits) => {
            anyhow::bail!("the API's listener ended by itself")
        }
    };
    admin.set_catalog(catalog.clone());
    router.set_catalog(catalog.clone());
    let errands = Errands {
        catalog: catalog.clone(),
        router: router.clone(),
    };
    *peerside.errands.write() = Some(errands.clone());

    tasks.spawn(placement::follow(
        catalog.clone(),
        groups.clone(),
        peers.clone(),
        polls.clone(),
        errands.clone(),
        end.clone(),
    ));
    let moves = Moves {
        catalog: catalog.clone(),
        groups: groups.clone(),
        peers: peers.clone(),
        errands: errands.clone(),
        stalls: stalls.clone(),
    };
    tasks.spawn(placement::moves::run(moves, end.clone()));
    tasks.spawn(quorum::watch(groups.clone(), peers.clone(), end.clone()));
    let policy = Policy {
        replicas: config.partitions.replicas,
        replace_after: config.replace_after,
        snapshot_bytes_per_second: config.snapshots.bytes_per_second,
    };
    let planner = Planner {
        policy,
        catalog: catalog.clone(),
        groups: groups.clone(),
        peers: peers.clone(),
        errands: errands.clone(),
        stalls,
        outlook,
    };
    tasks.spawn(placement::planner::run(planner, end.clone()));
    let raising = Levels {
        errands: errands.clone(),
        groups: groups.clone(),
        peers: peers.clone(),
        identity: identity.clone(),
    };
    tasks.spawn(levels::run(raising, end.clone()));
    tasks.spawn(carrier::run(
        errands.clone(),
        groups.clone(),
        polls.clone(),
        end.clone(),
    ));
    let growth = Growth {
        errands: errands.clone(),
        groups: groups.clone(),
        partitions: config.partitions,
        live: live.clone(),
    };
    tasks.spawn(growth::run(growth, end.clone()));
    let expiry = expiry::run(
        Expiry {
            groups: groups.clone(),
        },
        end.clone(),
    );
    tasks.spawn(async {
        expiry.await;
        Ok(())
    });
    let mover = Mover {
        errands,
        groups: groups.clone(),
        polls,
    };
    tasks.spawn(mover::run(mover, end.clone()));
    tasks.spawn(verify::run(groups.clone(), end.clone()));
    let members = membership::keep(catalog.clone(), config.replace_after, end.clone());
    let maintained = groups.clone();
    tasks.spawn(async {
        members.await;
        Ok(())
    });
    let recent = catalog.clone().keep_recent(end.clone());
    tasks.spawn(async {
        recent.await;
        Ok(())
    });
    let maintain_end = end.clone();
    tasks.spawn(async move { Ok(maintained.maintain(maintain_end).await?) });
    let founders = identity.lock().founders().len();
    tasks.spawn(readiness::achieve(
        readiness.clone(),
        env.clone(),
        config.seeds.clone(),
        me,
        catalog.clone(),
        router.clone(),
        peers.clone(),
        founders,
        end.clone(),
    ));
    let frontend = Arc::new(http::Frontend::new(
        env,
        catalog.clone(),
        router,
        peers.clone(),
        readiness.clone(),
        live.clone(),
        config.limits,
        config.partitions,
    ));
    let drain = CancellationToken::new();
    tasks.spawn(http::serve(frontend, api_port, drain.clone(), end.clone()));

    let outcome = tokio::select! {
        // A fault ends the node even while it is being asked to stop.
        biased;
        fault = groups.wal().until_failed() => Err(anyhow::anyhow!("the log failed: {fault}")),
        Some(ended) = tasks.join_next() => match ended {
            Ok(Ok(())) => Err(anyhow::anyhow!("a part of the node ended by itself")),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(anyhow::anyhow!("a part of the node panicked: {panic}")),
        },
        epoch = catalog.group().superseded() => {
            let entered = identity.lock().enter_catalog_epoch(epoch, acquaintances(&catalog));
            entered.map_err(Into::into).and(Err(Superseded(epoch).into()))
        }
        () = stop.cancelled() => {
            readiness.lost();
            farewell::hand_over(&groups, &peers).await;
            drain.cancel();
            farewell::drained(&live.requests).await;
            Ok(())
        }
    };
    let outcome = match outcome {
        Err(error) => Err(reason(&groups, error).await),
        ended => ended,
    };
    end.cancel();
    groups.shutdown().await;
    tasks.shutdown().await;
    outcome
}

fn acquaintances(catalog: &CatalogView) -> Vec<Acquaintance> {
    let known = catalog.nodes().into_iter().map(|node| Acquaintance {
        node_id: node.node_id,
        peer_address: node.peer_address,
    });
    known.collect()
}

/// Why a node's life ends. Whoever follows a catalog that breaks may end before its quarantine is
/// noted.
async fn reason(groups: &Groups, error: anyhow::Error) -> anyhow::Error {
    // Faults of the log or the store are told by who has met them.
    let _ = groups.tend_faults().await;
    match groups.quarantine_of(GroupId::CATALOG) {
        Some(quarantine) => GroupFault {
            group: quarantine.group,
            reason: quarantine.broken.reason,
            is_quarantined: true,
        }
        .into(),
        None => error,
    }
}

fn record(config: &Config, identity: &Identity, level: Level) -> NodeRecord {
    let at = |address: &str| {
        let port = address.rsplit(':').next().unwrap_or_default();
        format!("{}:{port}", config.advertise)
    };
    NodeRecord {
        node_id: config.node_id.0,
        incarnation: identity.incarnation().to_owned().into_bytes().into(),
        peer_address: at(&config.peer_listen),
        api_address: at(&config.listen),
        admin_address: at(&config.admin_listen),
        zone: config.zone.clone(),
        version: levels::own_version(level),
    }
}

pub(crate) fn open_store(data_dir: &Path, env: &Env) -> Result<Arc<dyn Store>, StoreError> {
    let folder = data_dir.join("checkpoints");
    let options = FileStoreOptions::default();
    let store = FileStore::open(env.disk.clone(), env.random.clone(), &folder, options)?;
    convert_sled(&*env.disk, &folder, &store)?;
    Ok(Arc::new(store))
}

/// Opens the catalog. A node that lost its state gets it from whomever it can reach, and finds them
/// by its seeds: where the others are is in the catalog otherwise.
async fn open_catalog(
    env: &Env,
    seeds: &[String],
    me: &NodeRecord,
    groups: &Arc<Groups>,
    peers: &Arc<Peers>,
    identity: &Mutex<Identity>,
) -> anyhow::Result<Arc<CatalogView>> {
    let founders = identity.lock().founders().to_vec();
    for founder in &founders {
        if NodeId(founder.node_id) != peers.me() {
            peers.set_address(NodeId(founder.node_id), &founder.peer_address);
        }
    }
    let (epoch, acquaintances) = {
        let identity = identity.lock();
        (identity.catalog_epoch(), identity.acquaintances().to_vec())
    };
    for known in acquaintances.iter().filter(|known| known.node_id != peers.me().0) {
        peers.set_address(NodeId(known.node_id), &known.peer_address);
    }
    let had = groups.log_on_disk(GroupId::CATALOG).await?;
    // A recovery may have been cut short behind the log.
    let begun = had.map_or(epoch, |had| had.epoch().max(epoch));
    if had.is_some_and(|had| had.epoch() < epoch) {
        tracing::warn!(
            epoch,
            "what is here of an earlier epoch of the catalog is forgotten"
        );
        groups.leave(GroupId::CATALOG).await?;
    }
    let ids: Vec<NodeId> = founders.iter().map(|f| NodeId(f.node_id)).collect();
    let mut retries = groups.retries();
    loop {
        retries.mark_unchanged();
        let origin = match ids.first() {
            _ if epoch > 0 => Origin::Joins,
            Some(first) => Origin::Founded(Birth {
                members: ids.iter().copied().collect(),
                first: *first == peers.me(),
            }),
            // A number belongs to one data folder for ever: under this one, nobody had a replica before.
            None => Origin::Learns,
        };
        // Every node of the cluster has a replica of the catalog.
        let opened = groups
            .open(
                GroupId::CATALOG,
                MachineKind::Catalog,
                &peers.known(),
                catalog::enters(begun),
                origin,
            )
            .await;
        match opened {
            Ok(group) => return Ok(CatalogView::new(group, peers.clone())),
            Err(error @ OpenError::NoState(_)) => {
                tracing::warn!(%error, "no catalog yet");
                readiness::find_members(env, seeds, me, peers, None).await?;
                tokio::time::sleep(STATE_PAUSE).await;
            }
            Err(error @ OpenError::Quarantined(_)) => {
                tracing::error!(%error, "this node serves nobody until its catalog is tried again");
                retries.changed().await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
