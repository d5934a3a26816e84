//! Loopback ports that stay ours for the length of a test, also while no process listens on them.
//!
//! They lie below the kernel's range for outgoing connections: a port within that range can, while its
//! node is down, become the source port of somebody's connection, and a node that redials a dead
//! neighbour can even connect to itself. A locked file for each block keeps tests of other processes away.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

const BLOCK: u16 = 32;
const LOWEST: u16 = 12_000;
/// Where the range for outgoing connections begins unless the kernel says otherwise.
const EPHEMERAL_DEFAULT: u16 = 32_768;

/// A block of ports; free for others once dropped.
pub(crate) struct Ports {
    first: u16,
    _lock: File,
}

impl Ports {
    /// Takes a block in which nobody listens.
    pub(crate) fn reserve() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join("millrace-test-ports");
        std::fs::create_dir_all(&folder)?;
        let blocks = (ephemeral_start().max(LOWEST + BLOCK) - LOWEST) / BLOCK;
        let offset = u16::try_from(std::process::id() % u32::from(blocks)).unwrap_or(0);
        for i in 0..blocks {
            let first = LOWEST + (offset + i) % blocks * BLOCK;
            if let Some(lock) = lock(&folder, first)? {
                let nobody_listens =
                    (first..first + BLOCK).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
                if nobody_listens {
                    return Ok(Self { first, _lock: lock });
                }
            }
        }
        Err(std::io::Error::other("no free block of ports"))
    }

    /// The `n`th address of the block.
    pub(crate) fn address(&self, n: u16) -> SocketAddr {
        assert!(n < BLOCK, "a block has {BLOCK} ports");
        (Ipv4Addr::LOCALHOST, self.first + n).into()
    }
}

fn lock(folder: &Path, first: u16) -> std::io::Result<Option<File>> {
    let path = folder.join(format!("{first}.lock"));
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    Ok(file.try_lock().is_ok().then_some(file))
}

fn ephemeral_start() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(EPHEMERAL_DEFAULT)
}

#[test]
fn blocks_do_not_overlap() {
    let (a, b) = (Ports::reserve().unwrap(), Ports::reserve().unwrap());
    assert!(a.first.abs_diff(b.first) >= BLOCK);
    assert_eq!(a.address(3).port(), a.first + 3);
}
