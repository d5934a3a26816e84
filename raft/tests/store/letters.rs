//! Letters in files: what is damaged or missing is noticed, and costs the checkpoint, never a wrong message.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use raft::command::queue::{QueueAnswer, QueueCommand, QueueOp, Receive, Send, SendEntry};
use raft::command::{Batch, Reply};
use raft::env::Disk;
use raft::env::real::StdDisk;
use raft::machine::queue::UnreadReply;
use raft::machine::queue::{Bits, Chunk};
use raft::machine::{Delta, Machine, MachineKind};
use raft::store::{LetterStore, LettersOptions, MemoryStore, Store, StoreError};
use raft::types::GroupId;

use super::cut_short::open_on;
use super::disk::CrashDisk;

const GROUP: GroupId = GroupId(7);
const MESSAGES: usize = 40;
const OPTIONS: LettersOptions = LettersOptions {
    bytes_min: 1,
    chunk_span: 8,
    file_bytes: 1_000,
    front: 0,
};

fn apply(machine: &mut Machine, op: QueueOp) -> Reply {
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(op),
    };
    let batch = Batch {
        now_ms: 1_000,
        seed: 1,
        commands: vec![command.encode_to_vec().into()],
        ..Batch::default()
    };
    machine.apply(&batch).remove(0)
}

fn receive(machine: &mut Machine) -> Reply {
    let receive = Receive {
        max: 10,
        visibility_ms: 60_000,
        ..Receive::default()
    };
    apply(machine, QueueOp::Receive(receive))
}

/// A queue whose letters are all in files, and its checkpoint.
fn backlog(folder: &Path, rows: &Arc<MemoryStore>) -> (Machine, LetterStore) {
    let store = LetterStore::open(rows.clone(), Arc::new(StdDisk), folder, OPTIONS).unwrap();
    let mut machine = Machine::new(MachineKind::Queue);
    let entries = (0..MESSAGES).map(|number| SendEntry {
        body: format!("message {number}").into(),
        ..SendEntry::default()
    });
    let entries = entries.collect();
    apply(&mut machine, QueueOp::Send(Send { entries }));
    let mut delta = machine.take_delta();
    delta.clear = true;
    let stored = store.write(GROUP, Bytes::from_static(b"header"), delta).unwrap();
    assert_eq!(stored.len(), MESSAGES);
    machine.release(stored, OPTIONS.front);
    (machine, store)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    StdDisk.list(&folder.join("7")).unwrap()
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_reply_is_completed_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let (mut machine, _store) = backlog(dir.path(), &Arc::default());
    let Reply::Unread(unread) = receive(&mut machine) else {
        panic!("the letters are in memory")
    };
    assert_eq!(bodies(*unread), expected(0..10));
    // The next ones are read from where they are, too.
    let Reply::Unread(unread) = receive(&mut machine) else {
        panic!("the letters are in memory")
    };
    assert_eq!(bodies(*unread), expected(10..20));
}

fn bodies(unread: UnreadReply) -> Vec<Bytes> {
    let Some(QueueAnswer::Received(received)) = unread.read().unwrap().answer else {
        panic!("no messages")
    };
    received
        .messages
        .into_iter()
        .map(|message| message.body)
        .collect()
}

fn expected(numbers: Range<usize>) -> Vec<Bytes> {
    numbers.map(|number| format!("message {number}").into()).collect()
}

#[test]
fn a_damaged_letter_is_no_letter() {
    let dir = tempfile::tempdir().unwrap();
    let (mut machine, _store) = backlog(dir.path(), &Arc::default());
    // The first letter, behind the head of the file and the letter's checksum.
    flip(&files(dir.path())[0], 16 + 4 + 40);
    let Reply::Unread(unread) = receive(&mut machine) else {
        panic!("the letters are in memory")
    };
    let error = unread.read().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
}

#[test]
fn a_checkpoint_whose_letters_cannot_be_found_is_put_aside_with_them() {
    let damages: [fn(&Path); 4] = [
        // The end of a file is the list of its last chunk.
        |file| flip(file, std::fs::metadata(file).unwrap().len() as usize - 1),
        |file| flip(file, 0),
        |file| std::fs::remove_file(file).unwrap(),
        |file| std::fs::write(file, b"MRLETTER").unwrap(),
    ];
    for damage in damages {
        let dir = tempfile::tempdir().unwrap();
        let rows = Arc::default();
        let (_, store) = backlog(dir.path(), &rows);
        let all = files(dir.path());
        assert!(all.len() > 2, "{all:?}");
        damage(&all[1]);
        let left = files(dir.path());
        assert!(store.load(GROUP).unwrap().is_none());
        assert_eq!(store.groups().unwrap(), [], "it is not found again either");
        assert_eq!(store.aside().len(), 1);
        drop(store);
        let store = LetterStore::open(rows, Arc::new(StdDisk), dir.path(), OPTIONS).unwrap();
        assert_eq!(
            files(dir.path()),
            left,
            "nothing goes before there is another state"
        );
        // A whole state of another replica.
        let mut machine = Machine::new(MachineKind::Queue);
        machine.take_delta();
        store
            .write(GROUP, Bytes::new(), Delta::whole(machine.rows()))
            .unwrap();
        assert_eq!(store.aside(), []);
        assert_eq!(files(dir.path()), [] as [PathBuf; 0]);
    }
}

#[test]
fn files_of_nobody_go_when_the_store_is_opened_or_the_group_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Arc<MemoryStore> = Arc::default();
    let (machine, store) = backlog(dir.path(), &rows);
    let all = files(dir.path());
    // As if the node had died before the rows named them.
    for stray in [dir.path().join("7/99"), dir.path().join("8/1")] {
        std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
        std::fs::write(&stray, b"half a letter").unwrap();
    }
    drop(store);
    let store = LetterStore::open(rows, Arc::new(StdDisk), dir.path(), OPTIONS).unwrap();
    assert!(!dir.path().join("8/1").exists());
    let (header, again) = store.load_machine(GROUP, MachineKind::Queue).unwrap().unwrap();
    assert_eq!(files(dir.path()), all);
    assert_eq!(header, "header");
    assert_eq!(again.digest(), machine.digest());
}

#[test]
fn without_its_first_delta_there_is_nothing_to_build_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = LetterStore::open(
        Arc::new(MemoryStore::default()),
        Arc::new(StdDisk),
        dir.path(),
        OPTIONS,
    )
    .unwrap();
    let mut machine = Machine::new(MachineKind::Queue);
    let delta = machine.take_delta();
    assert!(store.write(GROUP, Bytes::new(), delta).is_err());
}

#[test]
fn a_list_that_names_less_than_a_letter_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (machine, _store) = backlog(dir.path(), &Arc::default());
    let meta = machine.rows().into_iter().filter(|row| row.key[0] == 1);
    let meta: Vec<_> = meta.map(|row| (row.key.clone(), row.value.encode())).collect();
    let load = |length: u32| {
        let mut list = Vec::new();
        for number in [1_u64, 1_000] {
            list.extend(number.to_le_bytes());
        }
        list.extend(16_u32.to_le_bytes());
        list.extend(length.to_le_bytes());
        list.extend(0_u16.to_le_bytes());
        let mut live = Bits::default();
        live.put(0, true);
        let chunk = Chunk {
            file: StdDisk.open(&dir.path().join("file"), true).unwrap(),
            list: list.into(),
            first: 1,
            live,
            histories: Default::default(),
        };
        Machine::load_with(MachineKind::Queue, meta.clone(), vec![chunk])
    };
    assert!(load(40).is_ok());
    for length in [0, 3, 39] {
        assert!(load(length).is_err(), "a letter of {length} bytes");
    }
}

/// Letters for which there was room, of rows for which there was none, are nobody's.
#[test]
fn letters_of_a_write_that_found_no_space_give_theirs_back() {
    let mut written = 0;
    for room in 0.. {
        let disk = CrashDisk::default();
        let rows: Arc<dyn Store> = Arc::new(open_on(&disk).unwrap());
        let store = LetterStore::open(rows, Arc::new(disk.clone()), Path::new("/letters"), OPTIONS).unwrap();
        let mut machine = Machine::new(MachineKind::Queue);
        let mut unwritten = Delta::default();
        let mut write = |clear: bool, number: usize| {
            let entries = (number..number + MESSAGES).map(|number| SendEntry {
                body: format!("message {number}").into(),
                ..SendEntry::default()
            });
            let entries = entries.collect();
            apply(&mut machine, QueueOp::Send(Send { entries }));
            let mut delta = std::mem::take(&mut unwritten).then(machine.take_delta());
            if clear {
                delta = Delta::whole(machine.rows());
            }
            unwritten = delta.clone();
            store.write(GROUP, Bytes::from(number.to_string()), delta)?;
            unwritten = Delta::default();
            Ok(())
        };
        write(true, 0).unwrap();
        let files = disk.paths();
        disk.set_room(Some(room));
        match write(false, 100) {
            Ok(_) => break,
            Err(StoreError::Full(_)) => {}
            other => panic!("room for {room}: {other:?}"),
        }
        assert_eq!(disk.paths(), files, "room for {room}");
        disk.set_room(None);
        // What had no space goes with the next changes.
        write(false, 200).unwrap();
        write(false, 300).unwrap();
        let letters = |path: &&PathBuf| path.starts_with("/letters");
        let there = disk.paths();
        let mut before = files.iter().filter(letters);
        assert!(
            before.all(|path| there.contains(path)),
            "letters were written again"
        );
        let (header, loaded) = store.load_machine(GROUP, MachineKind::Queue).unwrap().unwrap();
        assert_eq!((&header[..], loaded.digest()), (&b"300"[..], machine.digest()));
        written += 1;
    }
    assert!(written > 5, "only {written} writes met a full disk");
}
