//! The log's files with any contents and valid checksums. The layout is the one that `raft/src/wal/format.rs` shows.

use crate::recipe::Recipe;

const FORMAT_VERSION: u32 = 1;
const BATCHES_MAX: usize = 6;
const RECORDS_MAX: usize = 4;

/// The identity file of the log with this number.
pub fn identity(log: u64) -> Vec<u8> {
    header(b"MILLRLOG", &[log])
}

/// A segment with a few batches, the first of this number.
pub fn segment(log: u64, sequence: u64, batch: &mut u64, recipe: &mut Recipe) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    let capacity = if recipe.chance(90) {
        16 * 1024
    } else {
        recipe.number()
    };
    let used = header(b"MILLRSEG", &[log, sequence, capacity]);
    bytes[..used.len()].copy_from_slice(&used);
    let salt = ((log ^ (log >> 32)) as u32).wrapping_add(sequence as u32);
    for _ in 0..recipe.below(BATCHES_MAX) {
        if recipe.chance(3) {
            bytes.extend_from_slice(recipe.bytes());
        } else {
            put_batch(&mut bytes, salt, *batch, recipe);
        }
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        *batch = if recipe.chance(95) {
            batch.wrapping_add(1)
        } else {
            recipe.number()
        };
    }
    let length = if recipe.chance(95) { 16 * 1024 } else { bytes.len() };
    bytes.resize(length.max(bytes.len()), 0);
    bytes
}

fn header(magic: &[u8; 8], numbers: &[u64]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(FORMAT_VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    let crc = crc32c::crc32c(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn put_batch(bytes: &mut Vec<u8>, salt: u32, number: u64, recipe: &mut Recipe) {
    let count = recipe.below(RECORDS_MAX);
    let mut records = Vec::new();
    for _ in 0..count {
        put_record(&mut records, salt, recipe);
    }
    let says = |right: usize, recipe: &mut Recipe| {
        if recipe.chance(95) {
            right as u32
        } else {
            recipe.small_number()
        }
    };
    let mut content = b"MRba".to_vec();
    content.extend(number.to_le_bytes());
    content.extend(says(records.len(), recipe).to_le_bytes());
    content.extend(says(count, recipe).to_le_bytes());
    seal(bytes, salt, &content);
    bytes.extend(records);
}

fn put_record(bytes: &mut Vec<u8>, salt: u32, recipe: &mut Recipe) {
    let body = recipe.bytes();
    let length = if recipe.chance(95) {
        body.len() as u32
    } else {
        recipe.small_number()
    };
    let mut content = length.to_le_bytes().to_vec();
    content.extend(recipe.number().to_le_bytes());
    content.extend(recipe.number().to_le_bytes());
    content.push(1 + recipe.byte() % 7);
    content.extend(body);
    seal(bytes, salt, &content);
}

fn seal(bytes: &mut Vec<u8>, salt: u32, content: &[u8]) {
    bytes.extend(crc32c::crc32c_append(salt, content).to_le_bytes());
    bytes.extend(content);
}
