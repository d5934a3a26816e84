//! RemovePermission.

use api::sqs::Done;
use api::sqs::remove_permission::Input;
use raft::command::catalog::{CatalogOp, RemovePermission};

use super::{Context, Result};

pub(super) async fn remove(context: &Context<'_>, input: Input) -> Result<Done> {
    let command = RemovePermission {
        key: Some(context.key(&input.queue)),
        label: input.label,
    };
    context.catalog(CatalogOp::RemovePermission(command)).await?;
    Ok(Done {})
}
