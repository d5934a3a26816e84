//! Why a queue may not send its dead letters where its redrive policy says. Whether it may depends on
//! the other queue, which only the catalog knows.

use crate::error::{ApiError, invalid_value};

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $reason:literal;)*) => {
        $($(#[$doc])* pub fn $name(redrive_policy: &str) -> ApiError {
            invalid_value(redrive_policy, "RedrivePolicy", $reason)
        })*
    };
}

refusals! {
    /// There is no such queue.
    target_does_not_exist = "Dead letter target does not exist.";
    /// It is somebody else's.
    target_of_other_account = "Dead-letter target owner should be same as the source.";
    /// It is elsewhere.
    target_of_other_region = "Dead-letter target should be in the same region as the source.";
    /// FIFO queues need FIFO queues for their dead letters, standard queues standard ones. AWS has two dots.
    target_of_other_type = "Dead-letter queue must be same type of queue as the source..";
    /// Its redrive allow policy does not admit the source.
    target_denies = "The redrive allow policy of the dead-letter target does not allow this source queue.";
}
