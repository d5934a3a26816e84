//! Rows as they travel to other nodes.

use std::io;

use bytes::Bytes;

use super::{StoreError, letters};
use crate::env::Io;
use crate::machine::Row;

/// Keys and values of rows as they are stored. Letters may have to be read from their files: that
/// needs no worker of the store, and does not wait for the checkpoint that it writes.
///
/// # Errors
/// [`StoreError::Unreadable`] if one is damaged, [`StoreError::Failed`] if it cannot be read for another reason.
pub(crate) async fn encode(io: &Io, rows: Vec<Row>) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
    let encode = move || {
        let encoded = rows.into_iter().map(|row| Ok((row.key, row.value.try_encode()?)));
        encoded.collect::<io::Result<_>>()
    };
    let encoded = io.run(encode).await.map_err(letters::files::failed)?;
    encoded.map_err(letters::files::unreadable)
}
