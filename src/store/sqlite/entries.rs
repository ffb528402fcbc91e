//! Journal entries as they lie in the store: what is written down at one time is one row, a line of JSON for each entry.
//!
//! `[seq, node, generation, attempt, at, envelope]`: only the envelope has versions. They are made ready by whoever writes,
//! so that the writer's thread need not.

use super::query::execute;
use super::rows;
use crate::store::codec::{self, Packed};
use crate::store::journal::{JournalEntry, Record};
use crate::store::{RunId, StoreError, sql};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::value::RawValue;

/// Entries of one run, ready to be kept.
pub(super) struct Entries {
    /// `None`: there are none.
    row: Option<(i64, Packed)>,
}

impl Entries {
    pub(super) fn new(entries: &[JournalEntry]) -> Result<Entries, StoreError> {
        let Some(first) = entries.first() else { return Ok(Entries { row: None }) };
        let mut lines = Vec::with_capacity(512);
        for entry in entries {
            let JournalEntry { seq, node, generation, attempt, record, at } = entry;
            let line = (seq, node, generation, attempt, at.as_microsecond(), record);
            serde_json::to_writer(&mut lines, &line).map_err(|error| StoreError::Conflict(error.to_string()))?;
            lines.push(b'\n');
        }
        Ok(Entries { row: Some((first.seq, codec::pack(lines))) })
    }

    /// Writes them into the journal of a run. A place in it is taken once.
    pub(super) fn write(&self, c: &Connection, run: RunId) -> Result<(), StoreError> {
        if let Some((seq, packed)) = &self.row {
            execute(c, sql::INSERT_ENTRIES, params![run, seq, packed.codec, packed.key_id, packed.body])?;
        }
        Ok(())
    }
}

/// The journal of a run as it was written. `accepted`: what the run's own row says of the beginning.
pub(super) fn journal(
    c: &Connection,
    run: RunId,
    accepted: Option<JournalEntry>,
) -> Result<Vec<JournalEntry>, StoreError> {
    let mut entries: Vec<JournalEntry> = accepted.into_iter().collect();
    let mut statement = c.prepare_cached(sql::JOURNAL)?;
    let mut rows = statement.query(params![run])?;
    while let Some(row) = rows.next()? {
        entries.extend(read(&rows::packed(row)?)?);
    }
    Ok(entries)
}

/// The last entry of a run of which `wanted` gives something.
pub(super) fn last<T>(
    c: &Connection,
    run: RunId,
    wanted: impl Fn(JournalEntry) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = c.prepare_cached(sql::JOURNAL_BACKWARDS)?;
    let mut rows = statement.query(params![run])?;
    while let Some(row) = rows.next()? {
        if let Some(found) = read(&rows::packed(row)?)?.into_iter().rev().find_map(&wanted) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn read(lines: &[u8]) -> Result<Vec<JournalEntry>, StoreError> {
    let damaged = |why: &dyn std::fmt::Display| StoreError::Corrupt(format!("a journal entry cannot be read: {why}"));
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let line: (i64, String, u32, u32, i64, &RawValue) =
                serde_json::from_slice(line).map_err(|e| damaged(&e))?;
            let (seq, node, generation, attempt, at, envelope) = line;
            let record = Record::from_json(envelope.get()).map_err(|e| damaged(&e))?;
            let at = Timestamp::from_microsecond(at).map_err(|e| damaged(&e))?;
            Ok(JournalEntry { seq, node, generation, attempt, record, at })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 1 for ever: what was written as one row is read, and written again letter by letter.
    #[test]
    fn rows_of_version_1_stay_readable() {
        let fixture = include_bytes!("../fixtures/journal-row-v1.jsonl");
        let entries = read(fixture).unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!((entries[1].node.as_str(), entries[1].seq, entries[1].attempt), ("lines/1/line_created", 2, 1));
        let (seq, packed) = Entries::new(&entries).unwrap().row.unwrap();
        assert_eq!((seq, packed.body.as_slice()), (1, &fixture[..]));
    }

    #[test]
    fn damaged_rows_are_refused() {
        for text in ["[]", "[1,\"\",0,0,0]", "[1,\"\",0,0,0,{\"v\":9,\"kind\":\"began\",\"data\":{}}]", "{", "\u{0}"] {
            assert!(matches!(read(text.as_bytes()), Err(StoreError::Corrupt(_))), "{text}");
        }
    }
}
