//! Every metric of a node, declared once: name, kind, unit, labels, and what it says. Where the values come from is in the files of
//! the folder beside this one, each of which fills in a part of a page.
//!
//! Names follow Prometheus' conventions: base units, `_total` for counters; what is told of the process is named as all of Prometheus'
//! client libraries name it. A sum over nodes is right unless the text says otherwise: a queue's and a group's numbers are told by
//! the leader alone.
//!
//! What has one line for each group is on a page of its own, `/metrics/groups`: a node may have thousands of groups, ten lines
//! each, and an operator needs them only when a sum on `/metrics` says that something is wrong.

mod admission;
mod clock;
mod collect;
mod declare;
mod disk;
mod document;
mod groups;
mod logs;
mod page;
mod peers;
mod process;
mod queues;
mod raft_state;
mod requests;

pub use collect::{Live, Sources};
pub use declare::{Declaration, Kind, Unit};
pub use disk::{DiskUsage, watch};
pub use document::table;
pub use page::{CONTENT_TYPE, Page};
pub use raft_state::Seen;
pub use requests::{Requests, Started};

use declare::declare;

declare! {
    /// The metrics of `/metrics`.
    ALL;

    // Requests.
    REQUESTS: Counter One ["operation", "status", "code"] "millrace_requests_total"
        "Requests answered, by operation, HTTP status and AWS error code, which is empty for a success. `Unknown` is an operation that was not recognised.";
    REQUEST_DURATION: Histogram Seconds ["operation"] "millrace_request_duration_seconds"
        "Time from a request's head to its answer, without the time in which a receive waited because there was no message.";
    RECEIVE_WAIT: Histogram Seconds [] "millrace_receive_wait_duration_seconds"
        "Time that receives waited for a message, of those that did.";
    REQUESTS_REFUSED: Counter One [] "millrace_requests_refused_total"
        "Requests that this node refused for overload before it looked at them: too many requests or too many bytes of bodies.";
    REQUESTS_IN_FLIGHT: Gauge One [] "millrace_requests_in_flight"
        "Requests being worked on, waiting receives included.";
    POLLS_WAITING: Gauge One [] "millrace_polls_waiting"
        "Receives that wait for a message at partitions that this node leads.";
    POLLS_MAX: Gauge One [] "millrace_polls_max"
        "Receives that may wait at this node at a time; more are refused.";
    CONNECTIONS: Gauge One [] "millrace_connections"
        "Open client connections.";
    CONNECTIONS_MAX: Gauge One [] "millrace_connections_max"
        "Client connections that may be open at a time; more wait to be accepted.";

    // Queues, as the leaders of their partitions know them.
    QUEUE_VISIBLE: Gauge One ["account", "region", "queue"] "millrace_queue_messages_visible"
        "Messages that may be received (CloudWatch: ApproximateNumberOfMessagesVisible), in the partitions that this node leads.";
    QUEUE_IN_FLIGHT: Gauge One ["account", "region", "queue"] "millrace_queue_messages_in_flight"
        "Messages that were received and neither deleted nor visible again (CloudWatch: ApproximateNumberOfMessagesNotVisible).";
    QUEUE_DELAYED: Gauge One ["account", "region", "queue"] "millrace_queue_messages_delayed"
        "Messages that are not visible for the first time yet (CloudWatch: ApproximateNumberOfMessagesDelayed).";
    QUEUE_OLDEST_AGE: Gauge Seconds ["account", "region", "queue"] "millrace_queue_oldest_message_age_seconds"
        "Time since the oldest message was sent, 0 without one (CloudWatch: ApproximateAgeOfOldestMessage). Dead letters keep the time at which they were sent first. Take the maximum over nodes.";
    QUEUE_SENT: Counter One ["account", "region", "queue", "partition"] "millrace_queue_messages_sent_total"
        "Messages sent, by partition, as its leader has counted since its replica was opened. Neither repetitions nor dead letters count.";
    QUEUE_RECEIVED: Counter One ["account", "region", "queue", "partition"] "millrace_queue_messages_received_total"
        "Messages handed out, each time that they were.";
    QUEUE_DELETED: Counter One ["account", "region", "queue", "partition"] "millrace_queue_messages_deleted_total"
        "Messages deleted by those who received them.";
    QUEUE_EXPIRED: Counter One ["account", "region", "queue", "partition"] "millrace_queue_messages_expired_total"
        "Messages dropped because they were past the queue's retention period.";
    QUEUES_SHOWN: Gauge One [] "millrace_queues_shown"
        "Queues with lines of their own on this page.";
    QUEUES_LEFT_OUT: Gauge One [] "millrace_queues_left_out"
        "Queues without lines of their own, because there are more than are shown. Those with the most messages are shown.";
    MESSAGES: Gauge One ["state"] "millrace_messages"
        "Messages of all queues, those that are left out above included, by state: visible, in_flight or delayed.";
    MESSAGES_EXPIRED: Gauge One [] "millrace_expired_messages"
        "Messages of all queues that are past their retention period and still held. Nobody receives them, and other metrics do not count them; a few thousand at a time are dropped.";
    OLDEST_AGE: Gauge Seconds [] "millrace_oldest_message_age_seconds"
        "Time since the oldest message of all queues was sent. Take the maximum over nodes.";

    // The catalog. Each node tells what it knows of the whole cluster: take the maximum over nodes.
    CATALOG_QUEUES: Gauge One [] "millrace_catalog_queues"
        "Queues of the cluster. Take the maximum over nodes.";
    CATALOG_PARTITIONS: Gauge One [] "millrace_catalog_partitions"
        "Partitions of all queues of the cluster. Take the maximum over nodes.";
    CATALOG_NODES: Gauge One [] "millrace_catalog_nodes"
        "Nodes of the cluster. Take the maximum over nodes.";
    CATALOG_MOVE_TASKS: Gauge One [] "millrace_catalog_move_tasks"
        "Message move tasks that have not ended. Take the maximum over nodes.";
    QUEUES_GROWN: Counter One [] "millrace_queues_grown_total"
        "Times that this node had a queue's partitions doubled because they had too much to do.";

    // Agreement.
    GROUPS: Gauge One [] "millrace_raft_groups"
        "Replicas that are open on this node.";
    GROUPS_LED: Gauge One [] "millrace_raft_groups_led"
        "Groups that this node leads.";
    REPLICAS_BYTES: Gauge Bytes [] "millrace_raft_replicas_bytes"
        "About how many bytes the messages have in the replicas that are open on this node, in memory or in files.";
    GROUPS_LEADERLESS: Gauge One [] "millrace_raft_groups_leaderless"
        "Replicas on this node that know no leader. Take the maximum over nodes.";
    GROUPS_NOT_OPEN: Gauge One [] "millrace_raft_groups_not_open"
        "Groups that are placed on this node and not open here.";
    GROUPS_QUARANTINED: Gauge One ["cause"] "millrace_raft_groups_quarantined"
        "Replicas on this node that are out of service: a log entry (cause entry), files of the checkpoint (files) or a newer version (level) could not be coped with.";
    GROUPS_DEGRADED: Gauge One [] "millrace_raft_groups_degraded"
        "Groups led here of which a replica with a vote is silent or far behind. They are available, but have no more to lose than a majority.";
    GROUPS_CRITICAL: Gauge One [] "millrace_raft_groups_critical"
        "Groups led here with only just a majority of replicas that answer and are up to date: the loss of one more stops them.";
    GROUPS_STUCK: Gauge One [] "millrace_placement_groups_stuck"
        "Groups that are to live elsewhere and whose moves make no progress, as the node that leads the catalog sees them; 0 on other nodes.";
    FOLLOWERS_SILENT: Gauge One [] "millrace_raft_followers_silent"
        "Replicas that have not answered this node, their leader, for some heartbeats.";
    FOLLOWER_LAG: Gauge One [] "millrace_raft_follower_lag_entries"
        "Entries that the farthest follower of any group led here lacks. Take the maximum over nodes.";
    FOLLOWERS_REVERTED: Counter One [] "millrace_raft_followers_reverted_total"
        "Times that a follower of a group led here was found without log entries that it had acknowledged: its disk lies, or was set back.";
    APPLY_LAG: Gauge One [] "millrace_raft_apply_lag_entries"
        "Entries of its log that the farthest replica on this node has not applied. Take the maximum over nodes.";
    UNCHECKPOINTED: Gauge One [] "millrace_raft_uncheckpointed_entries"
        "Applied entries of all replicas here that no checkpoint covers: what a restart replays.";
    TERMS: Counter One [] "millrace_raft_terms_total"
        "Terms that began in groups with a replica here: elections, successful or not. Every replica counts them: take the maximum over nodes.";
    LEADERSHIPS: Counter One [] "millrace_raft_leaderships_total"
        "Times that this node was found to lead a group in a term in which it did not lead it before.";
    BATCHES: Counter One [] "millrace_raft_batches_total"
        "Log entries with commands that this node proposed as leader.";
    COMMANDS: Counter One [] "millrace_raft_commands_total"
        "Commands in them.";
    COMMANDS_REFUSED: Counter One [] "millrace_raft_commands_refused_total"
        "Commands that were refused because too many waited at their group.";
    COMMANDS_WAITING: Gauge One [] "millrace_raft_commands_waiting"
        "Commands that wait for a batch.";
    CALLS_REMEMBERED: Gauge Bytes [] "millrace_calls_remembered_bytes"
        "About how many bytes the answers to calls have that all replicas here remember, so that a call that an SDK repeats within 5 minutes takes effect once.";
    CALLS_FORGOTTEN: Counter One [] "millrace_calls_forgotten_early_total"
        "Answers to calls that were forgotten in less than 5 minutes for want of room: a late retry of such a call takes effect again. Every replica counts them: take the maximum over nodes.";
    BATCHES_IN_FLIGHT: Gauge One [] "millrace_raft_batches_in_flight"
        "Batches on their way through the log.";

    // The log and the checkpoints.
    WAL_SYNC: Histogram Seconds [] "millrace_wal_sync_duration_seconds"
        "Time of one write of the log and its fdatasync.";
    WAL_BATCH_RECORDS: Histogram One [] "millrace_wal_batch_records"
        "Records in one write of the log.";
    WAL_BATCH_BYTES: Histogram Bytes [] "millrace_wal_batch_bytes"
        "Bytes of one write of the log, headers included.";
    WAL_QUEUED: Gauge Bytes [] "millrace_wal_queued_bytes"
        "Bytes that wait to be written to the log or are being written.";
    WAL_SEGMENTS: Gauge One [] "millrace_wal_segments"
        "Segments of the log that are needed, the one being written included.";
    WAL_NEEDED: Gauge Bytes [] "millrace_wal_needed_bytes"
        "Bytes of these segments.";
    WAL_BUDGET: Gauge Bytes [] "millrace_wal_budget_bytes"
        "Bytes that needed segments may have before the groups that hold the oldest have to give them up.";
    WAL_SPACE: Gauge One [] "millrace_wal_without_space"
        "1 while the disk has no space for the log, which goes on in its reserve; 2 once that is used up and entries wait; otherwise 0.";
    CHECKPOINT: Histogram Seconds [] "millrace_checkpoint_duration_seconds"
        "Time to write a checkpoint of a group, of those that were written.";
    CHECKPOINTS_FAILED: Counter One [] "millrace_checkpoints_failed_total"
        "Checkpoints that could not be written.";
    CHECKPOINTS_WAITING: Gauge One [] "millrace_checkpoints_waiting"
        "Reads and writes of checkpoints that wait for their worker or are under way.";
    CHECKPOINTS_PUT_ASIDE: Gauge One [] "millrace_checkpoints_put_aside"
        "Damaged checkpoints that are kept until another state of their group is on the disk.";
    REPLICAS_DIVERGED: Gauge One [] "millrace_replicas_diverged"
        "Replicas of this node whose state was found to differ from their leader's.";
    SNAPSHOT_SENT: Counter Bytes [] "millrace_snapshot_sent_bytes_total"
        "Bytes of groups' states that this node sent to others, at most --snapshot-bytes-per-second of them.";
    SNAPSHOTS_INSTALLED: Counter One [] "millrace_snapshots_installed_total"
        "States of groups that this node was given by another one, because the entries it lacked were gone or its own state was lost.";

    // The disk.
    DISK_USED: Gauge Bytes ["part"] "millrace_disk_used_bytes"
        "Bytes that this node occupies on its disk, by part: wal, checkpoints or letters. Some seconds old.";
    DISK_FREE: Gauge Bytes [] "millrace_disk_free_bytes"
        "Bytes that this node may still use of the file system of its data folder.";
    DISK_SIZE: Gauge Bytes [] "millrace_disk_size_bytes"
        "Size of that file system.";

    DISK_READ: Histogram Seconds [] "millrace_disk_read_duration_seconds"
        "Time of one read of messages or old log entries from their files, without the time in which it waited for others.";
    DISK_READS_WAITING: Gauge One [] "millrace_disk_reads_waiting"
        "Such reads that are not done yet.";

    // The other nodes.
    PEERS_CONNECTED: Gauge One [] "millrace_peers_connected"
        "Other nodes to which this node has a stream.";
    PEER_CONNECTED: Gauge One ["peer"] "millrace_peer_connected"
        "Whether this node has a stream to that other one, of those that it ever had something to ask.";
    PEER_UNANSWERED: Counter One ["peer", "reason"] "millrace_peer_calls_unanswered_total"
        "Calls to another node that had no reply, by reason: unreachable, timeout or overloaded.";

    // Room for more.
    ADMISSION_FULL: Gauge One ["resource"] "millrace_admission_full"
        "Whether this node's disk or memory is full, by resource: disk or memory. Then sends to queues with a replica here are refused.";
    ADMISSION_REFUSED: Counter One [] "millrace_admission_refused_total"
        "Commands that this node, as leader, refused because they add messages and a node with a replica is full.";
    MEMORY_STORED: Gauge Bytes [] "millrace_memory_stored_bytes"
        "About how many bytes of memory messages and what is remembered of calls take.";
    MEMORY_LIMIT: Gauge Bytes [] "millrace_memory_limit_bytes"
        "Bytes of memory that the process may have. At 60 % of it, what is stored counts as too much.";

    // The clock.
    CLOCK_OFFSET: Gauge Seconds [] "millrace_clock_offset_seconds"
        "How far this node's clock is ahead of the time that a majority's clocks allow, negative if it is behind. Beyond a second the agreed time is used instead. Not told while the time is unknown.";
    CLOCK_AGREED: Gauge One [] "millrace_clock_agreed"
        "Whether a majority's clocks, as far as this node hears them, decide the time. If not, it goes on with the monotonic clock from when they last did; a node that has just started writes nothing until they do.";

    // The node.
    READY: Gauge One [] "millrace_ready"
        "Whether the node is ready for clients.";
    BUILD: Gauge One ["version", "node"] "millrace_build_info"
        "Always 1; the version of the program and the number of the node are its labels.";
    CPU: Counter Seconds [] "process_cpu_seconds_total"
        "Processor time, in user and kernel mode.";
    RESIDENT: Gauge Bytes [] "process_resident_memory_bytes"
        "Memory in RAM.";
    VIRTUAL: Gauge Bytes [] "process_virtual_memory_bytes"
        "Address space.";
    DESCRIPTORS: Gauge One [] "process_open_fds"
        "Open file descriptors.";
    DESCRIPTORS_MAX: Gauge One [] "process_max_fds"
        "File descriptors that may be open.";
    THREADS: Gauge One [] "process_threads"
        "Threads.";
    STANDSTILL: Histogram Seconds [] "millrace_runtime_standstill_duration_seconds"
        "Time that a runtime thread spent in one step of a task, of those steps that took 50 ms and more and are over. Nothing else has its turn on that thread meanwhile.";
    STANDSTILL_LONGEST: Gauge Seconds [] "millrace_runtime_standstill_longest_seconds"
        "The longest of these since the process started, one that is not over included. Take the maximum over nodes.";
    STANDSTILL_NOW: Gauge One [] "millrace_runtime_threads_standing_still"
        "Runtime threads that stand still while the page is made.";
    STARTED: Gauge Seconds [] "process_start_time_seconds"
        "When the process started, from the Unix epoch on.";
}

declare! {
    /// The metrics of `/metrics/groups`, each with a line for each replica on the node.
    OF_GROUPS;

    GROUP_LEADS: Gauge One ["group", "queue"] "millrace_raft_group_leads"
        "Whether this node leads the group.";
    GROUP_LEADER: Gauge One ["group", "queue"] "millrace_raft_group_leader"
        "The node that this replica takes for the leader, 0 if it knows none.";
    GROUP_TERM: Gauge One ["group", "queue"] "millrace_raft_group_term"
        "The term.";
    GROUP_LAST: Gauge One ["group", "queue"] "millrace_raft_group_last_index"
        "Index after the last entry of the log.";
    GROUP_APPLIED: Gauge One ["group", "queue"] "millrace_raft_group_applied_index"
        "Index after the last applied entry.";
    GROUP_CHECKPOINTED: Gauge One ["group", "queue"] "millrace_raft_group_checkpointed_index"
        "Index after the last entry that a checkpoint covers.";
    GROUP_FIRST: Gauge One ["group", "queue"] "millrace_raft_group_first_index"
        "Index of the first entry that is still in the log.";
    GROUP_LOG: Gauge Bytes ["group", "queue"] "millrace_raft_group_log_bytes"
        "Bytes of the group's entries that are still in the log.";
    GROUP_LOG_HOLDS: Gauge Bytes ["group", "queue"] "millrace_raft_group_log_holds_bytes"
        "Bytes of the log's segments from that of the group's oldest entry on, which cannot be used again before it goes. Told of quarantined replicas, too.";
    GROUP_BYTES: Gauge Bytes ["group", "queue"] "millrace_raft_group_bytes"
        "About how many bytes the messages have in this replica, in memory or in files.";
    GROUP_WAITING: Gauge One ["group", "queue"] "millrace_raft_group_commands_waiting"
        "Commands that wait for a batch.";
    GROUP_FOLLOWER_LAG: Gauge One ["group", "queue", "follower"] "millrace_raft_group_follower_lag_entries"
        "Entries that a follower lacks, as the leader knows; only told by the leader.";
    GROUP_FOLLOWER_HEARD: Gauge Seconds ["group", "queue", "follower"] "millrace_raft_group_follower_heard_seconds"
        "Time since the leader sent what the follower acknowledged last; only told by the leader.";
}
