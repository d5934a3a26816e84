//! AddPermission.

use api::sqs::Done;
use api::sqs::add_permission::Input;
use api::sqs::attributes::{POLICY_BYTES_MAX, STATEMENTS_MAX};
use raft::command::catalog::{AddPermission, CatalogOp};

use super::{Context, Result};

pub(super) async fn add(context: &Context<'_>, input: Input) -> Result<Done> {
    let command = AddPermission {
        key: Some(context.key(&input.queue)),
        label: input.label,
        accounts: input.accounts.iter().map(ToString::to_string).collect(),
        actions: input.actions,
        statements_max: STATEMENTS_MAX,
        policy_bytes_max: POLICY_BYTES_MAX,
    };
    context.catalog(CatalogOp::AddPermission(command)).await?;
    Ok(Done {})
}
