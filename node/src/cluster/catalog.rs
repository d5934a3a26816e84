//! Recovers a catalog that lost its majority for good, in the data folder of a survivor.
//!
//! On a node that is stopped: its log then has one writer, nothing of it is on its way, and the
//! folder's lock proves that. The node begins a new epoch of the catalog as its only member
//! (`raft/src/group/epoch.rs`). When it runs again, it adds the other nodes as learners; each of
//! them forgets its replica of the old epoch and joins.

use anyhow::{Context, ensure};
use raft::command::catalog::NodeRecord;
use raft::env::Env;
use raft::group::Timing;
use raft::group::epoch::OnDisk;
use raft::groups::{Groups, GroupsOptions};
use raft::level::Level;
use raft::machine::MachineKind;
use raft::peers::Peers;
use raft::peers::snapshot::SnapshotOptions;
use raft::store::LettersOptions;
use raft::types::GroupId;
use raft::wal::WalOptions;

use super::recover::Flags;
use crate::config::CHECKPOINT_BYTES;
use crate::identity::Identity;
use crate::open_store;

/// Does it, if the operator wants it.
///
/// # Errors
/// If the folder cannot be used, its node runs, or it has no catalog.
pub(super) async fn recover(env: &Env, flags: &Flags) -> anyhow::Result<()> {
    let folder = flags.data_dir.as_ref().context(
        "the catalog is recovered on a node that is stopped: say with --data-dir where its data folder is",
    )?;
    let mut identity = Identity::of_folder(env, folder)?;
    ensure!(
        !identity.cluster().is_empty(),
        "the node of this folder belongs to no cluster"
    );
    // Nodes of a lower level know no epochs, and would take part in both.
    ensure!(
        identity.level() >= Level::ONE,
        "the cluster still has level {}; a catalog can be recovered from level {} on",
        identity.level().0,
        Level::ONE.0
    );
    let peers = Peers::new(env.clone(), identity.node());
    let options = GroupsOptions {
        timing: Timing::default(),
        checkpoint_bytes: CHECKPOINT_BYTES,
        wal: WalOptions::default(),
        letters: LettersOptions::default(),
        snapshots: SnapshotOptions::default(),
    };
    let groups = Groups::start(env.clone(), folder, || open_store(folder, env), peers, options)
        .context("the data folder cannot be used; is the node stopped?")?;
    let had = groups.log_on_disk(GroupId::CATALOG).await?;
    let had = had.context("this node has nothing of the catalog")?;
    let epoch = had.epoch().max(identity.catalog_epoch()) + 1;
    if flags.is_confirmed(&cost(&identity, had, epoch))? {
        // The log first: with the identity alone, the node would take its own catalog for one of
        // the old epoch.
        groups
            .begin_epoch(GroupId::CATALOG, MachineKind::Catalog, epoch)
            .await?;
        identity.enter_catalog_epoch(epoch, Vec::new())?;
        eprintln!(
            "Node {} goes on with the catalog in epoch {epoch}. Start it now.",
            identity.node()
        );
    }
    groups.shutdown().await;
    groups.wal().close().await?;
    Ok(())
}

fn cost(identity: &Identity, had: OnDisk, epoch: u64) -> String {
    let (index, term) = had.last;
    let founders: Vec<NodeRecord> = identity
        .founders()
        .iter()
        .map(|founder| founder.record())
        .collect();
    let founders: Vec<u64> = founders.iter().map(|founder| founder.node_id).collect();
    format!(
        "node {} of cluster {}, founded by nodes {founders:?}\n  the catalog's log ends with entry {index} of term {term}, \
         epoch {}\n  -> this node goes on as the catalog's only voter, in epoch {epoch}.\n\nChoose the node whose log ends with \
         the highest term, and of these the highest entry: run this with --dry-run on each.\nQueues that were created, \
         deleted or changed after that entry are as they were before. The data of a queue whose creation is lost is \
         deleted.\nThe catalog's other voters must not come back as a majority that this node cannot reach.",
        identity.node(),
        identity.cluster(),
        had.epoch(),
    )
}
