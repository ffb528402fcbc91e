//! Files that appear in a folder: each is taken when it has not changed for a while, kept as an event with its rows, and
//! moved to `.taken`.
//!
//! Kept first, moved then: a process that dies between the two finds the file again, and knows it by name and content.
//! Invariants: a file is taken once, however often it is seen; nothing outside the project is read; what changed while it
//! was being taken is another content, and taken as such; a file that cannot be read as its rows is kept as a dead letter.

use super::askers::{Askers, Trouble, later};
use super::reader;
use crate::diagnostics::Code;
use crate::graph::{ExecutionGraph, Files};
use crate::store::{AcceptOutcome, Hash};
use crate::value::{Number, Record, Value};
use jiff::Timestamp;
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The longest file that is taken.
const LONGEST: u64 = 16 << 20;
/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Where taken files go, in their own folder.
pub const TAKEN: &str = ".taken";
/// A file that changes whenever it is read is left alone after so many times.
const READINGS: usize = 5;

/// What was seen of the folder so far.
#[derive(Default)]
pub struct Seen {
    files: HashMap<String, Waiting>,
}

struct Waiting {
    stamp: Stamp,
    since: Instant,
    /// Why nothing more is done with it as long as it is the same.
    left: Option<String>,
}

/// What tells whether a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp { size: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Takes what has settled. Gives when to look again.
pub async fn turn(
    askers: &Askers,
    graph: &Arc<ExecutionGraph>,
    files: &Files,
    seen: &mut Seen,
    now: Timestamp,
) -> Result<Timestamp, Trouble> {
    let (root, wanted) = (askers.root.clone(), files.clone());
    let found = blocking(move || look(&root, &wanted)).await?;
    let found =
        found.map_err(|error| Trouble::lasting(format!("the folder {}: {error}", files.folder), Code::F1143))?;
    seen.files.retain(|name, _| found.iter().any(|(known, _)| known == name));
    for (name, stamp) in found {
        let waiting = seen.files.entry(name.clone()).or_insert_with(|| Waiting::of(stamp));
        if waiting.stamp != stamp {
            *waiting = Waiting::of(stamp);
        }
        if waiting.left.is_some() || waiting.since.elapsed() < files.settle {
            continue;
        }
        match take(askers, graph, files, &name, now).await? {
            Taking::Moved => drop(seen.files.remove(&name)),
            // It is kept already, or nothing can be done with it: only a person can.
            Taking::Left(why) => waiting.left = Some(why),
            Taking::Changing => *waiting = Waiting::of(stamp),
        }
    }
    let rest = LOOK_EVERY.min(files.settle);
    let mut left: Vec<String> = seen
        .files
        .iter()
        .filter_map(|(name, file)| Some(format!("{}/{name}: {}", files.folder, file.left.as_ref()?)))
        .collect();
    left.sort();
    if left.is_empty() {
        return Ok(later(now, rest));
    }
    Err(Trouble { rest: Some(rest), ..Trouble::lasting(left.join("; "), Code::F1143) })
}

impl Waiting {
    fn of(stamp: Stamp) -> Waiting {
        Waiting { stamp, since: Instant::now(), left: None }
    }
}

/// What became of a file.
enum Taking {
    Moved,
    Left(String),
    Changing,
}

async fn take(
    askers: &Askers,
    graph: &Arc<ExecutionGraph>,
    files: &Files,
    name: &str,
    now: Timestamp,
) -> Result<Taking, Trouble> {
    let folder = askers.root.join(files.folder.as_str());
    let mut path = folder.join(name);
    for _ in 0..READINGS {
        let reading = path.clone();
        let (bytes, stamp) = match blocking(move || whole(&reading)).await? {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(Taking::Changing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Taking::Changing),
            Err(error) => return Ok(Taking::Left(error.to_string())),
        };
        let sha256 = Hash::of(&bytes).to_string();
        keep(askers, graph, files, name, &sha256, bytes, now).await?;
        if path.starts_with(folder.join(TAKEN)) {
            return Ok(Taking::Moved);
        }
        let (from, taken) = (path.clone(), folder.join(TAKEN));
        let (name, short) = (name.to_owned(), sha256.get(..8).unwrap_or_default().to_owned());
        match blocking(move || away(&from, &taken, &name, &short)).await? {
            Ok((_, after)) if after == stamp => return Ok(Taking::Moved),
            // It was written to between reading and moving: what it is now is taken, too.
            Ok((moved, _)) => path = moved,
            Err(error) => return Ok(Taking::Left(format!("it is taken, but cannot be moved to {TAKEN}: {error}"))),
        }
    }
    Ok(Taking::Left("it changes whenever it is read".to_owned()))
}

/// Keeps the file as an event with its rows; one that cannot be read as rows as a dead letter.
async fn keep(
    askers: &Askers,
    graph: &Arc<ExecutionGraph>,
    files: &Files,
    name: &str,
    sha256: &str,
    bytes: Vec<u8>,
    now: Timestamp,
) -> Result<(), Trouble> {
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let format = files.reader;
    let mut event = Record::from_iter([
        ("name".into(), Value::from(name)),
        ("path".into(), Value::from(format!("{}/{name}", files.folder))),
        ("size".into(), Value::Number(Number::from(size))),
        ("sha256".into(), Value::from(sha256)),
    ]);
    let rows = blocking(move || reader::read(format, &bytes)).await?;
    let problem = match rows {
        Ok(rows) => {
            event.set("rows".into(), rows);
            None
        }
        Err(why) => Some(format!("the file is not {}: {why}", format.as_str())),
    };
    let event = Value::Record(event);
    let id = graph.trigger.kind.event_id(&event).unwrap_or_else(|| format!("{name} {sha256}"));
    let (mut new, mut runs) = match &problem {
        None => askers.event(graph, None, id, &event, now)?,
        Some(_) => {
            let (new, _) = askers.event(graph, None, id, &event, now)?;
            (new, vec![])
        }
    };
    if let Some(problem) = problem {
        tracing::warn!(flow = %graph.flow, file = name, %problem, "A file cannot be read and is kept as a dead letter.");
        new.problem = Some(problem);
        runs.clear();
    }
    let inbox = new.connection.clone();
    let accepted = askers.store.accept(new, runs).await?;
    askers.count(&inbox, &accepted);
    if let AcceptOutcome::Kept(_) = accepted.outcome {
        (askers.wake)();
    }
    Ok(())
}

/// The files of the folder whose names fit. A folder that is not there has none.
fn look(root: &Path, files: &Files) -> io::Result<Vec<(String, Stamp)>> {
    let folder = root.join(files.folder.as_str());
    let real = match folder.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(error),
    };
    // A link may lead anywhere.
    if !real.starts_with(root.canonicalize()?) {
        return Err(io::Error::other("it leads out of the project"));
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(real)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') || !fits(&files.name, &name) {
            continue;
        }
        match fs::symlink_metadata(entry.path()) {
            Ok(metadata) if metadata.is_file() => found.push((name, Stamp::of(&metadata))),
            _ => {}
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// The bytes of a file, and what it was when they were read. `None`: it changed meanwhile.
fn whole(path: &Path) -> io::Result<Option<(Vec<u8>, Stamp)>> {
    let mut file = File::open(path)?;
    let before = Stamp::of(&file.metadata()?);
    if before.size > LONGEST {
        return Err(io::Error::other(format!("it is longer than {} MiB", LONGEST >> 20)));
    }
    let mut bytes = Vec::new();
    (&mut file).take(LONGEST + 1).read_to_end(&mut bytes)?;
    let same = Stamp::of(&file.metadata()?) == before && bytes.len() as u64 == before.size;
    Ok(same.then_some((bytes, before)))
}

/// Moves a file to where taken ones are; gives its new place and what it is there.
fn away(from: &Path, taken: &Path, name: &str, short: &str) -> io::Result<(PathBuf, Stamp)> {
    fs::create_dir_all(taken)?;
    let plain = taken.join(name);
    // Another one of that name was here before.
    let to = if plain.exists() { taken.join(format!("{name}.{short}")) } else { plain };
    fs::rename(from, &to)?;
    let stamp = Stamp::of(&fs::symlink_metadata(&to)?);
    Ok((to, stamp))
}

/// Whether a name fits a pattern, in which `*` stands for any part.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Trouble::passing(format!("a file could not be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_part() {
        for (pattern, name, expected) in [
            ("*.csv", "a.csv", true),
            ("*.csv", ".csv", true),
            ("*.csv", "a.csv.part", false),
            ("orders-*.csv", "orders-1.csv", true),
            ("orders-*.csv", "order-1.csv", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("plain.json", "plain.json", true),
            ("plain.json", "plain.json5", false),
            ("*", "anything", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
