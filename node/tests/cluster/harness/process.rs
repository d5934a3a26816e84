//! One node: a child process, its addresses, its folder and its log.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use super::poll;

/// The binary under test.
pub(crate) const MILLRACE: &str = env!("CARGO_BIN_EXE_millrace");

/// Which version of Millrace a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// The one under test.
    Current,
    /// The level before: the binary that the variable [`BEFORE`] names, or else the one under test,
    /// which acts as a binary that knows no levels.
    Before,
}

/// Names a binary of the level before.
const BEFORE: &str = "MILLRACE_BINARY_BEFORE";

impl Release {
    /// The program, and the variables that it is started with.
    fn program(self) -> (String, Option<(&'static str, &'static str)>) {
        match (self, std::env::var(BEFORE)) {
            (Release::Current, _) => (MILLRACE.to_owned(), None),
            (Release::Before, Ok(binary)) => (binary, None),
            (Release::Before, Err(_)) => (MILLRACE.to_owned(), Some(("MILLRACE_LEVEL_MAX", "0"))),
        }
    }
}

/// A file that reaches the limit of [`Process::limit_files`] is to be an error, as a full disk is, and
/// not the end by a signal. What a shell ignores, the program that takes its place ignores as well.
const IGNORING_FILE_LIMIT: &str = r#"trap '' XFSZ; exec "$0" "$@""#;

/// How long a node may take to stop when asked politely.
const STOP_LIMIT: Duration = Duration::from_secs(20);
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// One node of a cluster, running or not.
pub(crate) struct Process {
    pub(crate) api: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// The data folder.
    pub(crate) data: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    release: Release,
    child: Option<Child>,
}

impl Process {
    /// Describes a node; it does not run yet.
    pub(crate) fn new(
        id: usize,
        folder: &Path,
        [api, peer, admin]: [SocketAddr; 3],
        peers: &[SocketAddr],
    ) -> Self {
        let seeds: Vec<_> = peers.iter().map(ToString::to_string).collect();
        let data = folder.join(format!("node-{id}"));
        let arguments = [
            ("--node-id", id.to_string()),
            ("--data-dir", data.display().to_string()),
            ("--listen", api.to_string()),
            ("--peer-listen", peer.to_string()),
            ("--admin-listen", admin.to_string()),
            ("--advertise", "127.0.0.1".to_owned()),
            ("--seeds", seeds.join(",")),
            ("--bootstrap-expect", peers.len().to_string()),
        ];
        let arguments = arguments
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value]);
        Self {
            api,
            peer,
            admin,
            data,
            arguments: std::iter::once("server".to_owned()).chain(arguments).collect(),
            log: folder.join(format!("node-{id}.log")),
            release: Release::Current,
            child: None,
        }
    }

    /// With further flags, which come after the usual ones.
    pub(crate) fn with(mut self, flags: &[&str]) -> Self {
        self.arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// From its next start on it runs this version.
    pub(crate) fn run_as(&mut self, release: Release) {
        self.release = release;
    }

    /// Its command line, without the program.
    pub(crate) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Starts it, its output appended to its log.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        assert!(self.child.is_none(), "the node runs already");
        let out = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let (program, variable) = self.release.program();
        let child = Command::new("sh")
            .args(["-c", IGNORING_FILE_LIMIT, &program])
            .args(&self.arguments)
            .envs(variable)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), String> {
        let child = self.child.as_ref().ok_or("the node does not run")?;
        rustix::process::kill_process(Pid::from_child(child), signal).map_err(|e| e.to_string())
    }

    /// From now on it can write no file beyond so many bytes.
    pub(crate) fn limit_files(&self, bytes: u64) -> Result<(), String> {
        let child = self.child.as_ref().ok_or("the node does not run")?;
        let limit = Rlimit {
            current: Some(bytes),
            maximum: Some(bytes),
        };
        prlimit(Some(Pid::from_child(child)), Resource::Fsize, limit)
            .map(drop)
            .map_err(|e| e.to_string())
    }

    /// Waits until it ends by itself.
    pub(crate) fn await_end(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        let child = self.child.as_mut().ok_or("the node does not run")?;
        let status = poll::until(limit, "a node to end", || child.try_wait().ok().flatten())?;
        self.child = None;
        Ok(status)
    }

    /// Ends it at once with SIGKILL; no buffer of its own gets written.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Asks it to stop with SIGTERM and waits until it has.
    pub(crate) fn terminate(&mut self) -> Result<ExitStatus, String> {
        self.signal(Signal::TERM)?;
        self.await_end(STOP_LIMIT)
    }

    /// Whether it was started and has not ended.
    pub(crate) fn runs(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Whether it says that it takes requests.
    pub(crate) fn is_ready(&self) -> bool {
        ask(self.admin, "/health/ready").is_ok_and(|answer| answer.starts_with("200 "))
    }

    /// Its log of all its lives.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self, lines: usize) -> String {
        let text = self.log();
        let skip = text.lines().count().saturating_sub(lines);
        text.lines().skip(skip).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("could not kill a node: {error}");
        }
    }
}

/// A GET to an admin port; the answer begins with its status code.
fn ask(admin: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, PROBE_LIMIT)?;
    stream.set_read_timeout(Some(PROBE_LIMIT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, answer) = answer.split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
    Ok(answer.to_owned())
}
