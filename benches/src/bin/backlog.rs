//! What a run costs the store, however many wait: `backlog [--runs N] [--place DIR]`.
//!
//! Runs are accepted until so many wait (1,000, then 100,000, then N, a million unless said); each time, some are claimed,
//! loaded, written to and ended, and the microseconds of CPU for each run are told. Nothing but the store is at work.

use flowctl::store::{
    AcceptOutcome, Hash, JournalEntry, Lease, NewEvent, NewRun, Next, RunId, RunUpdate, SqliteStore, Start, Store, journal,
};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// So many are accepted at the same time, and so many worked through at each size.
const AT_ONCE: usize = 256;
const WORKED: usize = 16_384;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|n| arguments.get(n + 1));
    let most: usize = named("--runs").map_or(Ok(1_000_000), |count| count.parse())?;
    let place = named("--place").map_or_else(|| PathBuf::from("/dev/shm"), PathBuf::from);
    let folder = place.join(format!("flowctl-backlog-{}", std::process::id()));
    let store = Arc::new(SqliteStore::open(&folder)?);
    println!("{:>10} {:>14} {:>14} {:>14} {:>14} {:>10}", "waiting", "accept µs", "claim µs", "load µs", "end µs", "MB");
    let (mut waiting, mut next) = (0, 0);
    for size in [1000, 100_000, most] {
        while waiting + AT_ONCE <= size {
            accept(&store, next).await?;
            (waiting, next) = (waiting + AT_ONCE, next + AT_ONCE);
        }
        let begun = cpu()?;
        for _ in 0..WORKED / AT_ONCE {
            accept(&store, next).await?;
            next += AT_ONCE;
        }
        let accepting = cpu()? - begun;
        let (mut claiming, mut loading, mut ending) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for _ in 0..WORKED / AT_ONCE {
            let now = Timestamp::now();
            let timed = cpu()?;
            let claimed = store.claim(now, now + jiff::SignedDuration::from_secs(60), AT_ONCE).await?;
            claiming += cpu()? - timed;
            let timed = cpu()?;
            let ids: Vec<RunId> = claimed.iter().map(|claimed| claimed.run.id).collect();
            store.load_runs(ids).await?;
            loading += cpu()? - timed;
            let timed = cpu()?;
            let ends = claimed.iter().map(|claimed| tokio::spawn(end(store.clone(), claimed.lease)));
            for end in ends.collect::<Vec<_>>() {
                end.await??;
            }
            ending += cpu()? - timed;
        }
        let each = |took: Duration| took.as_secs_f64() * 1e6 / WORKED as f64;
        let size = store.size().await? as f64 / 1e6;
        println!(
            "{waiting:>10} {:>14.1} {:>14.1} {:>14.1} {:>14.1} {size:>10.0}",
            each(accepting),
            each(claiming),
            each(loading),
            each(ending)
        );
    }
    drop(store);
    Ok(std::fs::remove_dir_all(&folder)?)
}

/// User and system time of this process so far, in hundredths of a second.
fn cpu() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |n: usize| fields.get(n).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
}

async fn accept(store: &Arc<SqliteStore>, from: usize) -> Result<()> {
    let accepting = (from..from + AT_ONCE).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let body = format!(r#"{{"id":"evt_{n}","padding":"{}"}}"#, "x".repeat(500)).into_bytes();
            let id = format!("evt_{n}");
            let event = NewEvent {
                connection: "stripe".into(),
                provider_id: id.clone(),
                kind: "charge.succeeded".into(),
                same: Hash::of(&body),
                body,
                delivery: "{}".into(),
                own: false,
                received_at: Timestamp::now(),
                problem: None,
                subjects: vec![],
            };
            let run = NewRun { flow: "paid".into(), dedupe: Some(id), order_key: None, sequence: None, start: Start::Run };
            let kept = store.accept(event, vec![run]).await?;
            match kept.outcome {
                AcceptOutcome::Kept(_) => Ok(()),
                other => Err(format!("{other:?}").into()),
            }
        })
    });
    for accepted in accepting.collect::<Vec<tokio::task::JoinHandle<Result<()>>>>() {
        accepted.await??;
    }
    Ok(())
}

async fn end(store: Arc<SqliteStore>, lease: Lease) -> Result<()> {
    let entry = |seq| -> Result<JournalEntry> {
        let value = journal::Encoded::new(r#"{"number":"SO-1"}"#.into())?;
        let now = Timestamp::now();
        let record = journal::Record::Result(journal::StepResult { now, value, adopted: false, status: Some(200) });
        Ok(JournalEntry { seq, node: "told".into(), generation: 0, attempt: 1, record, at: now })
    };
    let begun = RunUpdate { revision: Some(Hash::of(b"r")), ..RunUpdate::running(Timestamp::now()) };
    store.append(lease, vec![entry(1)?], begun).await?;
    store.append(lease, vec![entry(2)?], RunUpdate::to(Next::Succeeded, Timestamp::now())).await?;
    Ok(())
}
