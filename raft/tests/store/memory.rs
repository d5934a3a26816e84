//! Writing a large delta takes little memory.

use super::*;

const CHILD_FOLDER: &str = "MILLRACE_TEST_STORE_MEMORY";
const ROWS: u64 = 200 * 1024;
const ROW_BYTES: usize = 1024;
/// Twice what the rows have. It was 80 MiB, because all rows share one body here, and 5 GiB with one batch a delta.
const PEAK_KIB_MAX: u64 = ROWS * ROW_BYTES as u64 / 1024 * 2;

/// The test binary starts itself, so that the peak is the delta's.
#[test]
fn a_large_delta_takes_little_memory() {
    if let Ok(folder) = std::env::var(CHILD_FOLDER) {
        return write(Path::new(&folder));
    }
    let dir = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "memory::a_large_delta_takes_little_memory",
            "--nocapture",
        ])
        .env(CHILD_FOLDER, dir.path())
        .output()
        .unwrap();
    assert!(child.status.success());
    let output = String::from_utf8(child.stdout).unwrap();
    let peak: Vec<u64> = output
        .lines()
        .filter_map(|line| line.split_once("VmHWM:"))
        .map(|(_, kib)| kib.trim().trim_end_matches(" kB").parse().unwrap())
        .collect();
    assert!(peak[0] < PEAK_KIB_MAX, "{peak:?} KiB");
}

fn write(folder: &Path) {
    let store = open(folder);
    for round in 0..3u64 {
        let body = Bytes::from(vec![round as u8; ROW_BYTES]);
        let puts = (0..ROWS).map(|number| Row {
            key: [&[0x21][..], &number.to_be_bytes()].concat().into(),
            value: RowValue::Encoded(body.clone()),
        });
        let delta = Delta {
            // Whole, then overwritten, then whole once more.
            clear: round != 1,
            puts: puts.collect(),
            deletes: Vec::new(),
        };
        store.write(GroupId(1), Bytes::from("header"), delta).unwrap();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!(
        "{}",
        status.lines().find(|line| line.starts_with("VmHWM:")).unwrap()
    );
}
