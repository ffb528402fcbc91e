//! Replays: of one run or of many, shown before they are done.
//!
//! Many are named by their ids or by a filter, and go in the order in which they were accepted; what cannot be replayed
//! holds up no other. A filter is answered with ids, so that what is done is exactly what was shown.

use super::Console;
use super::api::{Problem, fine};
use super::operate::{Operation, Which, Who, read, run_id};
use crate::engine::Preview;
use crate::engine::machine::{From as Begin, NodePath, Orphan, Planned, Replay};
use crate::store::{By, NotAnId, Page, RunFilter, RunId, RunState};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many runs at most are replayed by one request.
const MOST: usize = 10_000;
/// Of so many at most each step is shown.
const IN_FULL: usize = 20;

/// A replay as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    actor: Option<String>,
    reason: Option<String>,
    /// `start`, or `failed` (default): the failed step.
    #[serde(default)]
    from: Start,
    /// `old`, `current` (default) or a hash.
    #[serde(default)]
    revision: Which,
    /// Paths of writes that are done, to be done once more.
    #[serde(default)]
    again: Vec<String>,
    /// Paths of work that has no step in the revision and stays as it is in the other system.
    #[serde(default)]
    leave: Vec<String>,
    /// Paths of such work → the step that does it now.
    #[serde(default)]
    moved: BTreeMap<String, String>,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
    /// Several: these.
    runs: Option<Vec<String>>,
    /// Several: all that this fits. Only those that stand still, unless states are named.
    filter: Option<Filter>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Start {
    Start,
    #[default]
    Failed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    flow: Option<String>,
    #[serde(default)]
    state: Vec<String>,
    code: Option<String>,
    since: Option<String>,
    until: Option<String>,
}

impl Wish {
    fn how(&self) -> Replay {
        let path = |text: &String| NodePath::new(text.as_str());
        let left = self.leave.iter().map(|text| (path(text), Orphan::Leave));
        let moved = self.moved.iter().map(|(from, to)| (path(from), Orphan::Move(path(to))));
        Replay {
            from: match self.from {
                Start::Start => Begin::Start,
                Start::Failed => Begin::Failed,
            },
            again: self.again.iter().map(path).collect(),
            orphans: left.chain(moved).collect(),
        }
    }

    fn by(&self) -> Result<By, Problem> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Who { actor: text(&self.actor), reason: text(&self.reason) }.by()
    }
}

/// What a replay would do to a run, or did.
#[derive(Serialize)]
struct Outcome {
    run: String,
    flow: String,
    /// Where it stands: before it, or after it was done.
    state: &'static str,
    revision: Option<String>,
    /// Its event goes through the door again: another run will come of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    door: bool,
    /// Done: the run that goes on, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
    /// Why it cannot be replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Step>>,
}

#[derive(Serialize)]
struct Step {
    path: String,
    fate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    writes: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    used_by: Vec<String>,
}

impl From<Planned> for Step {
    fn from(planned: Planned) -> Step {
        Step {
            path: planned.path.to_string(),
            fate: planned.fate.as_str(),
            operation: planned.operation,
            writes: planned.writes,
            used_by: planned.used_by.iter().map(NodePath::to_string).collect(),
        }
    }
}

#[derive(Serialize)]
struct Outcomes {
    dry_run: bool,
    items: Vec<Outcome>,
    replayed: usize,
    refused: usize,
    /// The filter fits more than one request takes.
    more: bool,
}

pub(super) async fn one(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let wish: Wish = read(&body)?;
    if wish.runs.is_some() || wish.filter.is_some() {
        return Err(Problem::wrong("`runs` and `filter` are for several: POST /api/replays"));
    }
    let (run, how) = (run_id(&id)?, wish.how());
    let preview = console.control.preview(run, how.clone(), wish.revision).await?;
    if wish.dry_run {
        return Ok(fine(&shown(preview, true)));
    }
    let by = wish.by()?;
    let resumed = console.control.operate(run, Operation::Replay { how, revision: wish.revision }, by).await?;
    let now = (resumed.run != run).then(|| resumed.run.to_string());
    Ok(fine(&Outcome { state: resumed.state.as_str(), now, ..shown(preview, true) }))
}

pub(super) async fn several(State(console): State<Console>, body: Bytes) -> Result<Response, Problem> {
    let wish: Wish = read(&body)?;
    let by = if wish.dry_run { None } else { Some(wish.by()?) };
    let (runs, more) = chosen(&console, &wish).await?;
    let (how, in_full) = (wish.how(), runs.len() <= IN_FULL);
    let mut outcomes =
        Outcomes { dry_run: wish.dry_run, items: Vec::with_capacity(runs.len()), replayed: 0, refused: 0, more };
    for run in runs {
        let mut outcome = shown(console.control.preview(run, how.clone(), wish.revision).await?, in_full);
        if let (Some(by), None) = (&by, &outcome.refused) {
            let by = By { at: Timestamp::now(), ..by.clone() };
            let replay = Operation::Replay { how: how.clone(), revision: wish.revision };
            match console.control.operate(run, replay, by).await {
                Ok(resumed) => {
                    outcome.state = resumed.state.as_str();
                    outcome.now = (resumed.run != run).then(|| resumed.run.to_string());
                }
                Err(super::NotDone::Refused(why)) => outcome.refused = Some(why),
                Err(super::NotDone::Store(error)) if error.is_outage() => return Err(error.into()),
                Err(super::NotDone::Store(error)) => outcome.refused = Some(error.to_string()),
            }
        }
        match &outcome.refused {
            Some(_) => outcomes.refused += 1,
            None => outcomes.replayed += 1,
        }
        outcomes.items.push(outcome);
    }
    Ok(fine(&outcomes))
}

/// The runs meant, in the order in which they were accepted; whether there are more.
async fn chosen(console: &Console, wish: &Wish) -> Result<(Vec<RunId>, bool), Problem> {
    match (&wish.runs, &wish.filter) {
        (Some(runs), None) if runs.len() <= MOST => {
            Ok((runs.iter().map(|id| run_id(id)).collect::<Result<_, _>>()?, false))
        }
        (Some(_), None) => Err(Problem::wrong(format!("`runs` are at most {MOST}"))),
        (None, Some(filter)) => {
            let states = filter.state.iter().map(|text| text.parse());
            let states = states.collect::<Result<Vec<RunState>, NotAnId>>();
            let mut states = states.map_err(|error| Problem::wrong(format!("`state`: {error}")))?;
            if states.is_empty() {
                states = RunState::ALL.iter().copied().filter(|state| state.needs_a_person()).collect();
            }
            let filter = RunFilter {
                flow: filter.flow.clone(),
                states,
                code: filter.code.clone(),
                since: instant("since", filter.since.as_deref())?,
                until: instant("until", filter.until.as_deref())?,
                ..RunFilter::default()
            };
            let (mut runs, mut page) = (Vec::new(), Page::first(500));
            loop {
                let listed = console.store.runs(filter.clone(), page).await?;
                runs.extend(listed.items.into_iter().map(|run| run.id));
                match listed.next {
                    Some(next) => page = Page { limit: 500, after: Some(next) },
                    None => break,
                }
            }
            // The oldest first: later ones of their keys wait for them.
            runs.reverse();
            let more = runs.len() > MOST;
            runs.truncate(MOST);
            Ok((runs, more))
        }
        _ => Err(Problem::wrong("which runs: either `runs`, a list of ids, or a `filter`")),
    }
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| text.parse().map_err(|error| Problem::wrong(format!("`{name}`: {error}")))).transpose()
}

fn shown(preview: Preview, in_full: bool) -> Outcome {
    let Preview { run, revision, door, refused, steps } = preview;
    Outcome {
        run: run.id.to_string(),
        flow: run.flow,
        state: run.state.as_str(),
        revision: revision.map(|hash| hash.to_string()),
        door,
        now: None,
        refused,
        steps: in_full.then(|| steps.into_iter().map(Step::from).collect()),
    }
}
