//! One node: a process in its network namespace. One that ends without having been asked to is started again, as a
//! service manager would, and that it ended is told.

use std::cell::{Cell, RefCell};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::net;
use crate::journal::Journal;

/// As small as may be: the log goes through many files, and needs room on the disk soon after it is full.
const SEGMENT_BYTES: &str = "4194304";
/// Before a node that ended by itself is started again; twice as long each time after that.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(16);

/// One node, running or not.
pub(super) struct Process {
    node: u64,
    arguments: Vec<String>,
    /// Where its data folder is.
    pub(super) data: PathBuf,
    log: PathBuf,
    journal: Rc<Journal>,
    binary: RefCell<PathBuf>,
    pid: watch::Sender<Option<Pid>>,
    /// Whether it is to run.
    wanted: Cell<bool>,
    /// Whether it has a reason to end by itself.
    may_end: Cell<bool>,
    /// How often it has ended by itself since it was last told to start.
    failures: Cell<u32>,
    /// The number that it has in the cluster, as far as faults have asked.
    pub(super) number: Cell<u64>,
    /// Whether it takes any number, if it has none.
    renumber: Cell<bool>,
}

impl Process {
    pub(super) fn new(
        node: u64,
        arguments: Vec<String>,
        data: PathBuf,
        log: PathBuf,
        journal: Rc<Journal>,
    ) -> Rc<Process> {
        Rc::new(Process {
            node,
            arguments,
            data,
            log,
            journal,
            binary: RefCell::default(),
            pid: watch::Sender::new(None),
            wanted: Cell::new(false),
            may_end: Cell::new(false),
            failures: Cell::new(0),
            number: Cell::new(node),
            renumber: Cell::new(false),
        })
    }

    /// Starts it, its output appended to its log.
    pub(super) fn start(self: &Rc<Process>, binary: &Path) -> anyhow::Result<()> {
        binary.clone_into(&mut self.binary.borrow_mut());
        self.wanted.set(true);
        self.failures.set(0);
        self.begin(binary)
    }

    fn begin(self: &Rc<Process>, binary: &Path) -> anyhow::Result<()> {
        if self.pid.borrow().is_some() {
            return Ok(());
        }
        let out = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", net::namespace(self.node)))
            .arg("--")
            .arg(binary);
        for (name, _) in std::env::vars_os() {
            // Settings of the person who started this are not the cluster's.
            if name.to_string_lossy().starts_with("MILLRACE_") && name != "MILLRACE_LOG" {
                command.env_remove(name);
            }
        }
        // As a variable, because versions that do not know it shall start as well.
        command
            .env("MILLRACE_SEGMENT_BYTES", SEGMENT_BYTES)
            .env("NO_COLOR", "1");
        command.args(&self.arguments);
        if self.renumber.get() {
            command.arg("--renumber");
        }
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.kill_on_drop(true).spawn()?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        self.pid.send_replace(pid);
        tokio::task::spawn_local(self.clone().watch(child));
        Ok(())
    }

    async fn watch(self: Rc<Process>, mut child: Child) {
        let status = child.wait().await;
        self.pid.send_replace(None);
        let status = status.map_or_else(|error| error.to_string(), |status: ExitStatus| status.to_string());
        if !self.wanted.get() {
            return;
        }
        let what = format!(
            "node {} ended by itself: {status}; it is started again",
            self.node
        );
        let failures = self.failures.replace(self.failures.get() + 1);
        if self.may_end.get() || failures > 0 {
            // The first time says what is wrong.
            self.journal.note(what);
        } else {
            self.journal
                .wrong("nodes stay up", format!("{what}\n{}", self.last_words()));
        }
        tokio::time::sleep((PAUSE * 2_u32.pow(failures.min(8))).min(PAUSE_MAX)).await;
        if self.wanted.get() {
            let binary = self.binary.borrow().clone();
            if let Err(error) = self.begin(&binary) {
                self.journal
                    .wrong("nodes stay up", format!("node {}: {error:#}", self.node));
            }
        }
    }

    /// It joins under a new number from now on, if its folder is empty.
    pub(super) fn renumber(&self) {
        self.renumber.set(true);
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        const LINES: usize = 3;
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    /// From now on it may end.
    pub(super) fn forget(&self) {
        self.wanted.set(false);
    }

    /// Whether it has a reason to end by itself.
    pub(super) fn may_end(&self, may: bool) {
        self.may_end.set(may);
    }

    /// Sends it a signal, if it runs.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = *self.pid.borrow();
        if let Some(pid) = pid {
            // It may have ended meanwhile.
            let _ = kill_process(pid, signal);
        }
    }

    /// Returns once it does not run.
    pub(super) async fn gone(&self) {
        // Its sender lives as long as we do.
        let _ = self.pid.subscribe().wait_for(Option::is_none).await;
    }
}
