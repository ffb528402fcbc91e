//! What only this implementation promises: surviving a kill, one process per folder, versions, a spoilt batch.

use super::*;
use crate::store::conformance::{claim, conformance, event, later, noon, result, run};
use rusqlite::Connection;
use std::sync::Arc;
use tempfile::TempDir;

fn fresh() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Arc::new(SqliteStore::open(folder.path()).unwrap()), folder)
}

conformance!(fresh());

/// The folder as a process that was killed now would leave it.
fn as_killed(folder: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["store.db", "store.db-wal", "store.lock"] {
        std::fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    copy
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let (store, folder) = fresh();
    let accepted = store.accept(event("1", "body"), vec![run("a", "1")]).await.unwrap();
    let lease = claim(&*store).await[0].lease;
    store.append(lease, vec![result(1, "s", "1.50")], RunUpdate::running(noon())).await.unwrap();
    let copy = as_killed(&folder);
    let reopened = SqliteStore::open(copy.path()).unwrap();
    let loaded = reopened.load_run(lease.run).await.unwrap().unwrap();
    assert_eq!((loaded.event.id, loaded.body.as_slice()), (accepted.event, &b"body"[..]));
    assert_eq!(loaded.journal[1], result(1, "s", "1.50"));
    // The dead process's run is free at once, and its lease is worth nothing.
    let again = claim(&reopened).await;
    assert_eq!(again.iter().map(|c| c.run.id).collect::<Vec<_>>(), [lease.run]);
    let late = reopened.append(lease, vec![], RunUpdate::running(noon())).await;
    assert_eq!(late, Err(StoreError::Fenced { run: lease.run }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_amid_many_writes_loses_nothing_answered() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    // Without checkpoints the log is only appended to, so that a copy amid writes is a state that a kill can leave.
    store.writer.call(|c| Ok(c.pragma_update(None, "wal_autocheckpoint", 0)?)).await.unwrap();
    let (answered, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for i in 0..400 {
        let (store, answered) = (store.clone(), answered.clone());
        tokio::spawn(async move {
            let id = i.to_string();
            let accepted = store.accept(event(&id, &id), vec![run("a", &id)]).await.unwrap();
            let _ = answered.send(accepted.event);
        });
    }
    let mut seen = Vec::new();
    while seen.len() < 100 {
        seen.push(answers.recv().await.unwrap());
    }
    let copy = as_killed(&folder);
    let reopened = SqliteStore::open(copy.path()).unwrap();
    for id in seen {
        assert!(reopened.event(id).await.unwrap().is_some());
    }
    let runs = reopened.runs(RunFilter::default(), Page::first(1000)).await.unwrap().items;
    let events = reopened.events(EventFilter::default(), Page::first(1000)).await.unwrap().items;
    assert_eq!(runs.len(), events.len(), "never an event without its run");
}

#[tokio::test]
async fn a_folder_belongs_to_one_process() {
    let (store, folder) = fresh();
    let second = SqliteStore::open(folder.path());
    assert_eq!(second.err(), Some(StoreError::Locked { pid: Some(std::process::id()) }));
    drop(store);
    SqliteStore::open(folder.path()).expect("free again");
}

#[tokio::test]
async fn a_newer_store_is_left_alone() {
    let (store, folder) = fresh();
    drop(store);
    let file = folder.path().join("store.db");
    let connection = Connection::open(&file).unwrap();
    connection.execute("update schema_version set version = 2", []).unwrap();
    drop(connection);
    let error = SqliteStore::open(folder.path()).unwrap_err();
    assert_eq!(error, StoreError::Newer { found: 2, known: 1 });
    assert_eq!(error.code(), Some(crate::diagnostics::Code::F0600));
}

#[test]
fn what_is_no_store_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("store.db"), "x".repeat(5000)).unwrap();
    assert!(matches!(SqliteStore::open(folder.path()), Err(StoreError::Corrupt(_))));
    let folder = tempfile::tempdir().unwrap();
    Connection::open(folder.path().join("store.db")).unwrap().execute_batch("create table x (y)").unwrap();
    assert!(matches!(SqliteStore::open(folder.path()), Err(StoreError::Corrupt(_))));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(SqliteStore::open(&file.join("below")), Err(StoreError::Io(_))));
}

#[tokio::test]
async fn one_bad_command_spoils_no_other() {
    let (_keep, folder) = fresh();
    drop(_keep);
    let lock = Folder::lock(folder.path()).unwrap();
    let writer = Writer::start(lock.open().unwrap()).unwrap();
    let good = |n: &'static str| writer.call(move |c| query::execute(c, "insert into counters values ($1, 1)", [n]));
    let bad = writer.call(|c| {
        query::execute(c, "insert into counters values ('half', 1)", [])?;
        query::execute(c, "insert into counters values ('runs', 1)", [])
    });
    let panicking = writer.call(|c| -> Result<(), StoreError> {
        query::execute(c, "insert into counters values ('panic', 1)", [])?;
        panic!("on purpose")
    });
    let (a, bad, panicked, b) = tokio::join!(good("a"), bad, panicking, good("b"));
    assert_eq!((a, b), (Ok(1), Ok(1)));
    assert!(matches!(bad, Err(StoreError::Conflict(_))));
    assert!(matches!(panicked, Err(StoreError::Io(_))));
    let names = writer.call(|c| query::all(c, "select name from counters order by name", [], |row| row.get(0))).await;
    assert_eq!(names, Ok(vec!["a".to_owned(), "b".to_owned(), "runs".to_owned()]));
}

#[tokio::test]
async fn a_full_store_says_so_and_recovers() {
    let (_keep, folder) = fresh();
    drop(_keep);
    let lock = Folder::lock(folder.path()).unwrap();
    let connection = lock.open().unwrap();
    let pages: i64 = connection.query_row("pragma page_count", [], |row| row.get(0)).unwrap();
    connection.pragma_update(None, "max_page_count", pages).unwrap();
    let store =
        SqliteStore { writer: Writer::start(connection).unwrap(), readers: Readers::new(lock.file()), folder: lock };
    let body: String = std::iter::repeat_with(fastrand::alphanumeric).take(100_000).collect();
    let full = store.accept(event("1", &body), vec![run("a", "1")]).await.unwrap_err();
    assert!(matches!(full, StoreError::Full(_)) && full.is_outage());
    assert!(store.events(EventFilter::default(), Page::first(1)).await.unwrap().items.is_empty());
    store.writer.call(|c| Ok(c.pragma_update(None, "max_page_count", 100_000)?)).await.unwrap();
    let accepted = store.accept(event("1", &body), vec![run("a", "1")]).await.unwrap();
    assert!(matches!(accepted.outcome, AcceptOutcome::Kept(_)), "as if it had never been here before");
}

#[test]
fn every_statement_fits_the_schema_and_no_table_takes_a_wrong_type() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Folder::lock(folder.path()).unwrap().open().unwrap();
    for (name, sql) in sql::ALL {
        connection.prepare(sql).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let loose: Vec<String> = query::all(
        &connection,
        "select name from pragma_table_list where schema = 'main' and strict = 0 and name not like 'sqlite_%'",
        [],
        |row| row.get(0),
    )
    .unwrap();
    assert_eq!(loose, Vec::<String>::new());
    let page: i64 = connection.query_row("pragma page_size", [], |row| row.get(0)).unwrap();
    let synchronous: i64 = connection.query_row("pragma synchronous", [], |row| row.get(0)).unwrap();
    assert_eq!((page, synchronous), (4096, 2));
}

#[tokio::test]
async fn the_live_revision_survives_a_restart() {
    let (store, folder) = fresh();
    let hash = Hash::of(b"r");
    let sources = vec![("a.flow.yaml".to_owned(), "flow: a".to_owned())];
    let revision = Revision { flow: "a".to_owned(), hash, language_version: 1, sources, created_at: noon() };
    store.put_revision(revision.clone()).await.unwrap();
    let by = By { actor: "ada".to_owned(), reason: "start".to_owned(), at: later(1) };
    store.activate(hash, None, by).await.unwrap();
    drop(store);
    let store = SqliteStore::open(folder.path()).unwrap();
    assert_eq!(store.live_revisions().await.unwrap()[0].revision, hash);
    assert_eq!(store.revision(hash).await.unwrap(), Some(revision));
}

/// Whatever retention does finds its rows by an index: it costs what it drops, not what is there.
#[test]
fn retention_reads_no_table_from_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let connection = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    let statements = crate::store::sql::ALL.iter().filter(|(name, _)| {
        ["KEPT_", "MOVE_", "DROP_", "FORGET_", "COPY_", "ERASE_", "SUBJECT_"]
            .iter()
            .any(|begin| name.starts_with(begin))
    });
    let mut seen = 0;
    for (name, sql) in statements {
        let mut plan = connection.prepare(&format!("explain query plan {sql}")).unwrap();
        let nothing = vec![rusqlite::types::Null; plan.parameter_count()];
        let steps = plan.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3)).unwrap();
        let scans: Vec<String> = steps.map(Result::unwrap).filter(|step| step.starts_with("SCAN ")).collect();
        // Alerts of a run: only whoever erases a person asks.
        assert!(scans.is_empty() || *name == "ERASE_ALERTS", "{name}: {scans:?}");
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}

/// What is done for every event makes no table of its own: that costs more than the statement.
#[test]
fn what_every_event_does_makes_no_tables() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let connection = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    for wanted in [
        "TAKE_EVENT_ID",
        "INSERT_EVENT",
        "TAKE_DEDUPE",
        "INSERT_RUN",
        "HELD_RUN",
        "INSERT_ENTRIES",
        "START_RUN",
        "UPDATE_RUN",
        "TAKE_EFFECT",
        "WAITS_OR_IS_WAITED_FOR",
    ] {
        let (_, sql) = crate::store::sql::ALL.iter().find(|(name, _)| *name == wanted).unwrap();
        let mut program = connection.prepare(&format!("explain {sql}")).unwrap();
        let nothing = vec![rusqlite::types::Null; program.parameter_count()];
        let steps = program.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(1)).unwrap();
        let tables: Vec<String> = steps.map(Result::unwrap).filter(|step| step.contains("Ephemeral")).collect();
        assert!(tables.is_empty(), "{wanted}: {tables:?}");
    }
}

/// Bodies and journals are compressed where that helps.
#[tokio::test]
async fn long_payloads_are_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let body = format!("{{\"text\":\"{}\"}}", "bread ".repeat(2000));
    store.accept(event("1", &body), vec![run("a", "1")]).await.unwrap();
    let lease = store.claim(noon(), noon(), 1).await.unwrap()[0].lease;
    let entry = crate::store::conformance::result(1, "s", &body);
    store.append(lease, vec![entry.clone()], RunUpdate::to(Next::Succeeded, noon())).await.unwrap();
    let loaded = store.load_run(lease.run).await.unwrap().unwrap();
    assert_eq!((loaded.body.as_slice(), &loaded.journal[1]), (body.as_bytes(), &entry));
    let connection = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    for table in ["events", "journal where seq = 1"] {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?));
        let (codec, length) =
            connection.query_row(&format!("select codec, length(body) from {table}"), [], read).unwrap();
        assert!(codec == "lz4" && length < 1000, "{table}: {codec} {length}");
    }
}

/// What keeping and dropping a day costs, with nobody else at work: `cargo test --release --lib dropping_a_day --
/// --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn dropping_a_day_costs_less_than_keeping_it() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let text = format!("\"{}\"", "x".repeat(500));
    let begun = std::time::Instant::now();
    const RUNS: usize = 20_000;
    for n in 0..RUNS {
        let id = n.to_string();
        store.accept(event(&id, &id), vec![run("a", &id)]).await.unwrap();
        let lease = store.claim(noon(), noon(), 1).await.unwrap()[0].lease;
        let entries = (1..=6).map(|seq| crate::store::conformance::result(seq, "s", &text)).collect();
        store.append(lease, entries, RunUpdate::to(Next::Succeeded, noon())).await.unwrap();
    }
    let kept = begun.elapsed();
    let (size, begun) = (store.size().await.unwrap(), std::time::Instant::now());
    let day = noon() + jiff::SignedDuration::from_hours(48);
    let retention = Retention { settled_before: day, failed_before: Timestamp::MIN };
    let dropped = store.drop_periods(retention, day).await.unwrap();
    let took = begun.elapsed();
    println!(
        "{RUNS} runs, {} MB: kept in {kept:?}, dropped in {took:?}, {} MB left",
        size / 1_000_000,
        store.size().await.unwrap() / 1_000_000
    );
    assert_eq!(dropped.runs, RUNS as u64);
    assert!(took < kept);
}
