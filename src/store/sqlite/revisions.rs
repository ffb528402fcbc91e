//! Revisions and their sources: kept by content, so that a source that did not change is kept once.

use super::alerts;
use super::query::{all, execute, one};
use super::rows::{self, At};
use crate::store::{By, Hash, KeptRevision, LiveRevision, Revision, StoreError, codec, sql};
use rusqlite::{Connection, Row, params};

pub(super) fn put(c: &Connection, revision: &Revision) -> Result<(), StoreError> {
    let values = params![revision.hash, revision.flow, revision.language_version, At(revision.created_at)];
    if execute(c, sql::INSERT_REVISION, values)? == 0 {
        return Ok(());
    }
    for (position, (name, text)) in (0_i64..).zip(&revision.sources) {
        let source = Hash::of(text.as_bytes());
        let packed = codec::pack(text.clone().into_bytes());
        execute(c, sql::INSERT_SOURCE, params![source, packed.codec, packed.key_id, packed.body])?;
        execute(c, sql::INSERT_REVISION_SOURCE, params![revision.hash, position, name, source])?;
    }
    Ok(())
}

pub(super) fn activate(c: &Connection, hash: Hash, instead_of: Option<Hash>, by: &By) -> Result<(), StoreError> {
    let flow: Option<String> = one(c, sql::REVISION, params![hash], |row| row.get(0))?;
    let flow = flow.ok_or_else(|| StoreError::NotFound(format!("revision {hash}")))?;
    execute(c, sql::RETIRE, params![At(by.at), flow, hash])?;
    execute(c, sql::UNRETIRE, params![hash])?;
    execute(c, sql::ACTIVATE, params![flow, hash, At(by.at), instead_of])?;
    alerts::audit(c, by, "activate", &format!("revision {hash} of {flow}"))
}

pub(super) fn live(c: &Connection) -> Result<Vec<LiveRevision>, StoreError> {
    all(c, sql::LIVE_REVISIONS, [], rows::live_revision)
}

pub(super) fn list(c: &Connection, flow: Option<&str>, limit: usize) -> Result<Vec<KeptRevision>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let read = |row: &Row<'_>| {
        Ok(KeptRevision {
            flow: row.get(0)?,
            hash: row.get(1)?,
            language_version: row.get(2)?,
            created_at: row.get::<_, At>(3)?.0,
            active_until: row.get::<_, Option<At>>(4)?.map(|at| at.0),
            live: row.get(5)?,
        })
    };
    match flow {
        Some(flow) => all(c, sql::REVISIONS_OF, params![flow, limit], read),
        None => all(c, sql::REVISIONS, params![limit], read),
    }
}

pub(super) fn get(c: &Connection, hash: Hash) -> Result<Option<Revision>, StoreError> {
    let head = one(c, sql::REVISION, params![hash], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, At>(2)?.0)))?;
    let Some((flow, language_version, created_at)) = head else { return Ok(None) };
    let mut statement = c.prepare_cached(sql::REVISION_SOURCES)?;
    let sources = statement.query_and_then(params![hash], |row| {
        let body = codec::unpack(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?, row.get(3)?)?;
        let text = String::from_utf8(body).map_err(|e| StoreError::Corrupt(format!("a source is not text: {e}")))?;
        Ok((row.get(0)?, text))
    })?;
    let sources = sources.collect::<Result<_, StoreError>>()?;
    Ok(Some(Revision { flow, hash, language_version, sources, created_at }))
}
