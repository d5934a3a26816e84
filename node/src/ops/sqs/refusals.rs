//! What clients are told when the catalog refuses a command.

use api::error::{self, ApiError};
use api::sqs::attributes::{POLICY_BYTES_MAX, STATEMENTS_MAX};
use api::sqs::{dead_letters, errors};
use raft::command::catalog::{CatalogRefusal, RefusalReason};

use super::misfit;

/// The error that a refusal is.
pub(super) fn error(refusal: &CatalogRefusal) -> ApiError {
    let subject = &refusal.subject;
    match refusal.reason() {
        RefusalReason::QueueDiffers => errors::queue_name_exists(subject),
        RefusalReason::QueueDeletedRecently => errors::queue_deleted_recently(),
        RefusalReason::NoSuchQueue => errors::queue_does_not_exist(),
        RefusalReason::NoNodes => error::service_unavailable(),
        RefusalReason::TooManyTags => errors::too_many_tags(subject),
        RefusalReason::NoDeadLetterTarget => dead_letters::target_does_not_exist(subject),
        RefusalReason::DeadLetterTargetOfOtherAccount => dead_letters::target_of_other_account(subject),
        RefusalReason::DeadLetterTargetOfOtherRegion => dead_letters::target_of_other_region(subject),
        RefusalReason::DeadLetterTargetOfOtherType => dead_letters::target_of_other_type(subject),
        RefusalReason::DeadLetterTargetDenies => dead_letters::target_denies(subject),
        RefusalReason::LabelExists => errors::label_exists(subject),
        RefusalReason::NoPolicy => errors::no_policy(subject),
        RefusalReason::NoSuchLabel => errors::no_such_label(subject),
        RefusalReason::TooManyStatements => errors::too_much_in_policy("Statements", subject, STATEMENTS_MAX),
        RefusalReason::PolicyTooLong => errors::too_much_in_policy("Bytes", subject, POLICY_BYTES_MAX),
        RefusalReason::NotForDeadLetters => errors::not_for_dead_letters(),
        RefusalReason::NoMoveDestination => errors::resource_not_found("DestinationArn"),
        RefusalReason::MoveToItself => errors::move_to_itself(),
        RefusalReason::MoveDestinationOfOtherType => errors::move_to_other_type(),
        RefusalReason::MoveTaskRuns => errors::move_task_runs(),
        RefusalReason::TooManyMoveTasks => errors::request_throttled(),
        RefusalReason::NoSuchMoveTask => errors::no_such_move_task(),
        RefusalReason::MoveTaskRunsNot => errors::move_task_runs_not(),
        RefusalReason::Unspecified
        | RefusalReason::NodeIsAnother
        | RefusalReason::QueueChanged
        | RefusalReason::NodeRemoved
        | RefusalReason::NoSuchNode
        | RefusalReason::NodeHasReplicas
        | RefusalReason::NoSuchGroup
        | RefusalReason::GroupChanged
        | RefusalReason::BadPlacement
        | RefusalReason::NodeBelowLevel
        | RefusalReason::LevelHeld => misfit(refusal),
    }
}
