//! States of other versions of this program are refused and left as they are; damaged ones are kept
//! until there is another state. What a rolled-back upgrade, an upgrade without a reader for the
//! old format, and one bad sector did before was to delete the state.

use std::path::PathBuf;

use prost::Message as _;
use raft::command::Batch;
use raft::command::queue::{QueueCommand, QueueOp, Send, SendEntry};
use raft::env::Disk;
use raft::env::real::StdDisk;

use super::*;

const GROUP: GroupId = GroupId(7);

struct Node {
    folder: tempfile::TempDir,
    env: Env,
}

impl Node {
    fn new() -> Node {
        Node {
            folder: tempfile::tempdir().unwrap(),
            env: Env::real().unwrap(),
        }
    }

    /// What a start of the node opens.
    fn start(&self) -> LetterStore {
        let rows = Arc::new(open(&self.folder.path().join("checkpoints")));
        let options = LettersOptions {
            bytes_min: 1,
            chunk_span: 8,
            file_bytes: 1_000,
            front: 0,
        };
        let letters = self.folder.path().join("letters");
        LetterStore::open(rows, self.env.disk.clone(), &letters, options).unwrap()
    }

    /// All files, with their contents.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut folders = vec![self.folder.path().to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for path in StdDisk.list(&folder).unwrap() {
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push((path.clone(), std::fs::read(path).unwrap())),
                }
            }
        }
        files.sort();
        files
    }
}

/// A queue of some messages, with what it remembers of the call that sent them.
fn queue() -> Machine {
    let mut machine = Machine::new(MachineKind::Queue);
    let entry = |number: u64| SendEntry {
        body: format!("message {number}").into(),
        ..SendEntry::default()
    };
    let send = Send {
        entries: (0..10).map(entry).collect(),
    };
    let command = QueueCommand {
        invocation: Bytes::from_static(&[5; 16]),
        op: Some(QueueOp::Send(send)),
    };
    machine.apply(&Batch {
        now_ms: 1_000,
        seed: 1,
        commands: vec![command.encode_to_vec().into()],
        remember_bytes: 0,
    });
    machine
}

fn edit(rows: &mut [Row], table: u8, more: &[u8]) {
    let row = rows.iter_mut().find(|row| row.key[0] == table).unwrap();
    let value = [&row.value.encode()[..], more].concat();
    row.value = RowValue::Encoded(value.into());
}

type Edit = fn(&mut Vec<Row>);

/// What later versions may write, and what is to be said about it. Of a field that is there twice
/// the last one counts.
const NEWER: [(MachineKind, Edit, &str); 6] = [
    (
        MachineKind::Queue,
        |rows| edit(rows, 0x01, &[0x08, 2]),
        "format 2 of a queue",
    ),
    (
        MachineKind::Catalog,
        |rows| edit(rows, 0x01, &[0x08, 9]),
        "format 9 of the catalog",
    ),
    (
        MachineKind::Queue,
        |rows| rows.push(row(0x6e)),
        "table 0x6e of a queue",
    ),
    (
        MachineKind::Catalog,
        |rows| rows.push(row(0x6e)),
        "table 0x6e of the catalog",
    ),
    // The answer's own kind.
    (
        MachineKind::Queue,
        |rows| edit(rows, 0x02, &[0x1a, 2, 0x08, 77]),
        "kind 77",
    ),
    (
        MachineKind::Catalog,
        |rows| rows.push(unknown_answer()),
        "a remembered answer",
    ),
];

fn row(table: u8) -> Row {
    Row::from((Bytes::from(vec![table, 1]), Bytes::from("later")))
}

/// An entry of the window with a key of 16 bytes and an answer of nothing that is known.
fn unknown_answer() -> Row {
    let key = [&[0x02][..], &0u64.to_be_bytes()].concat();
    // Field 100 of the reply.
    let answer = [0x1a, 7, 0x08, 1, 0x12, 3, 0xa0, 6, 1];
    let value = [&[0x0a, 16][..], &[5; 16], &answer].concat();
    Row::from((Bytes::from(key), Bytes::from(value)))
}

#[test]
fn a_state_of_a_newer_version_is_refused_and_nothing_is_touched() {
    for (kind, edit, said) in NEWER {
        let node = Node::new();
        let machine = match kind {
            MachineKind::Queue => queue(),
            MachineKind::Catalog => Machine::new(kind),
        };
        let mut rows = machine.rows();
        edit(&mut rows);
        node.start()
            .write(GROUP, Bytes::from("header"), Delta::whole(rows))
            .unwrap();
        let before = node.files();
        // The version before is started, once and again.
        for _ in 0..2 {
            let refused = node.start().load_machine(GROUP, kind).err().unwrap();
            let text = refused.to_string();
            assert!(matches!(refused, StoreError::TooNew(_)), "{text}");
            assert!(text.contains(said) && text.contains("g7"), "{text}");
        }
        assert!(node.files() == before, "{said}");
    }
}

#[test]
fn a_state_of_a_format_that_is_not_read_any_more_is_refused_and_nothing_is_touched() {
    let node = Node::new();
    let store = node.start();
    store
        .write(GROUP, Bytes::from("mine"), Delta::whole(queue().rows()))
        .unwrap();
    let before = node.files();
    // A leader of another version sends its own state: it cannot take the place of what is there.
    let mut rows = queue().rows();
    edit(&mut rows, 0x01, &[0x08, 2]);
    store.stage(GROUP, Delta::whole(rows)).unwrap();
    let refused = store
        .commit(GROUP, Bytes::from("theirs"), MachineKind::Queue)
        .err()
        .unwrap();
    assert!(matches!(refused, StoreError::TooNew(_)), "{refused}");
    store.unstage(GROUP).unwrap();
    assert!(node.files() == before);
    let (header, _) = node
        .start()
        .load_machine(GROUP, MachineKind::Queue)
        .unwrap()
        .unwrap();
    assert_eq!(header, "mine");
}

#[test]
fn a_damaged_state_is_kept_with_its_letters_until_another_one_is_durable() {
    let damages: [fn(&Path); 2] = [
        |checkpoints| flip(&checkpoints.join("7-1.rows"), 60),
        // Its machine makes no sense: a sequence is there twice.
        |checkpoints| {
            let mut rows = queue().rows();
            let twice = rows.iter().find(|row| row.key[0] == 0x02).unwrap().clone();
            rows.retain(|row| row.key[0] != 0x01);
            rows.push(twice);
            let delta = Delta::whole(rows);
            open(checkpoints).write(GROUP, Bytes::new(), delta).unwrap();
        },
    ];
    for damage in damages {
        let node = Node::new();
        let store = node.start();
        store
            .write(GROUP, Bytes::from("header"), Delta::whole(queue().rows()))
            .unwrap();
        drop(store);
        damage(&node.folder.path().join("checkpoints"));
        let before = node.files();
        let store = node.start();
        assert!(store.load_machine(GROUP, MachineKind::Queue).unwrap().is_none());
        let contents = |files: Vec<(PathBuf, Vec<u8>)>| {
            let mut contents: Vec<_> = files.into_iter().map(|(_, bytes)| bytes).collect();
            contents.sort();
            contents
        };
        assert!(
            contents(node.files()) == contents(before),
            "all is there, under other names"
        );
        assert_eq!(store.aside().len(), 1);
        assert!(!store.aside()[0].reason.is_empty());
        // Another replica's state comes.
        store.stage(GROUP, Delta::whole(queue().rows())).unwrap();
        assert_eq!(store.aside().len(), 1, "it is not durable yet");
        store
            .commit(GROUP, Bytes::from("theirs"), MachineKind::Queue)
            .unwrap();
        assert_eq!(store.aside(), []);
        assert!(
            node.files()
                .iter()
                .all(|(path, _)| path.extension().is_none_or(|e| e != "damaged"))
        );
        assert!(
            node.start()
                .load_machine(GROUP, MachineKind::Queue)
                .unwrap()
                .is_some()
        );
    }
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}
