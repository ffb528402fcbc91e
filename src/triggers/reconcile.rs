//! Events that a provider never delivered: it is asked for all of the last days, and the inbox says which of them were
//! not there.
//!
//! A listed event goes through the same door as a delivered one. Invariants: an event from before a flow was first
//! active starts no run of it (a backfill does that, because somebody asked for it); what is still on its way is left
//! alone; after a long time away it is asked back to where it was asked last, as far as the provider remembers.

use super::askers::{Askers, Kept, Trouble, earlier, inbox, later};
use super::ingress::Endpoint;
use super::intake;
use crate::catalog::{self, Listing, RowListing, TypeRef};
use crate::diagnostics::Code;
use crate::engine::connector::{EvaluatedColumn, EvaluatedFilter, Outcome, Parameter, Request};
use crate::graph::{ExecutionGraph, Operation, Reconcile, Repeat, RepeatBy, Severity, TriggerKind, UPDATE};
use crate::language::code::CompareOp;
use crate::language::types::Type;
use crate::store::{AcceptOutcome, By, CursorMove, NewAlert, NewEvent, NewRun, StoreError};
use crate::value::{Number, Record, Text, Value, json, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const CURSOR: &str = "reconcile";
/// An event younger than that (or than `every`, where that is less) may still be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(120);
/// So many events are kept in one transaction.
const PIECE: usize = 100;
/// So many ids are named in an alert.
const NAMED: usize = 5;

/// When it was asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_at: Option<String>,
}

/// Asks where it is time. Gives when to ask next.
pub async fn turn(
    askers: &Askers,
    graph: &Arc<ExecutionGraph>,
    asked: Reconcile,
    now: Timestamp,
) -> Result<Timestamp, Trouble> {
    let flow = graph.flow.to_string();
    let mut stood = askers.store.cursor(flow.clone(), CURSOR.to_owned()).await?;
    let place: Place = stood.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let last = place.asked_at.as_deref().and_then(time::parse_time);
    if let Some(last) = last {
        let due = later(last.min(now), asked.every);
        if now < due {
            return Ok(due);
        }
    }
    let source = Source::of(askers, graph)?;
    let first_active = first_active(askers).await?;
    let Some(active) = first_active.get(&flow) else { return Ok(later(now, asked.every)) };
    let back = earlier(now, asked.lookback).min(last.unwrap_or(now));
    let from = back.max(*active).max(source.remembered(now));
    let to = earlier(now, asked.every.min(ON_ITS_WAY));
    let mut missed = Kept::default();
    for piece in source.list(askers, from, to, now).await?.chunks(PIECE) {
        let flows = askers.revisions.graphs();
        let events = piece.iter().filter_map(|event| source.event(event, &flows, &first_active, None, now));
        // Where it stands moves when all of it is there.
        let same = stood.clone().unwrap_or_else(|| "{}".to_owned());
        let kept = askers.keep(events.collect(), moved(&flow, &stood, same.clone(), now)).await?;
        stood = Some(same);
        missed.new.extend(kept.new);
        missed.runs += kept.runs;
    }
    let asked_at = time::write_time(now).ok();
    let to = serde_json::to_string(&Place { asked_at }).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    askers.keep(vec![], moved(&flow, &stood, to, now)).await?;
    if !missed.new.is_empty() {
        tell(askers, &flow, &source.endpoint.connection, &missed, now).await;
    }
    Ok(later(now, asked.every))
}

fn moved(flow: &str, from: &Option<String>, to: String, at: Timestamp) -> CursorMove {
    CursorMove { flow: flow.to_owned(), name: CURSOR.to_owned(), from: from.clone(), to, at }
}

/// Says what was missed, and counts it.
async fn tell(askers: &Askers, flow: &str, connection: &str, missed: &Kept, now: Timestamp) {
    let count = missed.new.len();
    tracing::warn!(flow, connection, count, runs = missed.runs, "Events were never delivered; they are taken now.");
    missed.new.iter().for_each(|_| askers.metrics.delivery(connection, "missed"));
    let mut named: Vec<&str> = missed.new.iter().take(NAMED).map(String::as_str).collect();
    if count > NAMED {
        named.push("…");
    }
    let alert = NewAlert {
        flow: Some(flow.to_owned()),
        run: None,
        severity: Severity::Warning,
        code: "events_missed".to_owned(),
        title: format!("Events of {connection} were not delivered"),
        detail: Some(format!(
            "{count} found in the provider's list and taken from there, {} runs: {}. Does the provider reach the webhook, and is it registered for these events?",
            missed.runs,
            named.join(", ")
        )),
    };
    if let Err(error) = askers.store.raise(alert, now).await {
        tracing::error!(%error, "the alert could not be raised");
    }
}

/// What a backfill found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Backfilled {
    /// Events in the provider's list.
    pub listed: usize,
    /// Of them, those that were not in the inbox.
    pub new: usize,
    /// Runs of the flow that were started.
    pub runs: usize,
    /// The provider has no events from before that any more, and some of that time was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
}

/// Why there is no backfill.
#[derive(Debug, thiserror::Error)]
pub enum NoBackfill {
    /// It makes no sense for this flow, or the provider refuses.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives a flow all events of its kinds between two instants, also from before it was first active: those that were
/// never there, and those that are there and started no run of it.
pub async fn backfill(
    askers: &Askers,
    flow: &str,
    from: Timestamp,
    to: Timestamp,
    by: By,
) -> Result<Backfilled, NoBackfill> {
    let refused = |trouble: Trouble| NoBackfill::Refused(trouble.message);
    let graph = askers.revisions.live(flow).map(|live| live.graph);
    let graph = graph.ok_or_else(|| StoreError::NotFound(format!("flow {flow}")))?;
    if from >= to {
        return Err(NoBackfill::Refused("`from` has to be before `to`".into()));
    }
    let source = Source::of(askers, &graph).map_err(refused)?;
    let remembered = source.remembered(by.at);
    let not_before = (from < remembered).then(|| time::write_time(remembered).unwrap_or_default());
    let from = from.max(remembered);
    if from >= to {
        let title = &source.endpoint.system.title;
        return Err(NoBackfill::Refused(format!("{title} has no events of that time any more")));
    }
    let listed = source.list(askers, from, to, by.at).await.map_err(refused)?;
    let write = |at| time::write_time(at).unwrap_or_default();
    let target = format!("flow {flow}, {} events from {} to {}", listed.len(), write(from), write(to));
    askers.store.audit_action("backfill", target, by.clone()).await?;
    let first_active = first_active(askers).await?;
    let mut found = Backfilled { listed: listed.len(), not_before, ..Backfilled::default() };
    for event in &listed {
        let flows = askers.revisions.graphs();
        let Some((new, runs)) = source.event(event, &flows, &first_active, Some(flow), by.at) else { continue };
        let own: Vec<NewRun> = runs.iter().filter(|run| run.flow == flow).cloned().collect();
        let mut accepted = askers.store.accept(new, runs).await?;
        askers.count(&source.endpoint.connection, &accepted);
        if accepted.outcome == AcceptOutcome::Duplicate && !own.is_empty() {
            accepted = askers.store.accept_again(accepted.event, None, own, vec![], by.clone()).await?;
        } else {
            found.new += usize::from(matches!(accepted.outcome, AcceptOutcome::Kept(_)));
        }
        if let AcceptOutcome::Kept(runs) = accepted.outcome {
            found.runs += runs.iter().filter(|run| run.flow == flow && !run.state.is_settled()).count();
        }
        (askers.wake)();
    }
    Ok(found)
}

/// When each flow was active for the first time. Providers tell whole seconds: so it is rounded down to one.
async fn first_active(askers: &Askers) -> Result<BTreeMap<String, Timestamp>, StoreError> {
    let live = askers.store.live_revisions().await?;
    let second = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
    Ok(live.into_iter().map(|live| (live.flow, second(live.first_active_at))).collect())
}

/// Where the past events of a flow are asked for.
struct Source {
    endpoint: Arc<Endpoint>,
    /// The events by the way they are listed.
    kinds: Vec<(Way, String)>,
}

/// How past events are listed.
enum Way {
    Events(Listing),
    Rows(RowListing),
}

impl Source {
    fn of(askers: &Askers, graph: &ExecutionGraph) -> Result<Source, Trouble> {
        let lasting = |message: String| Trouble::lasting(message, Code::F1142);
        let TriggerKind::Webhook { connection, events, .. } = &graph.trigger.kind else {
            return Err(lasting(format!("the events of {} come from no provider's webhook", inbox(graph))));
        };
        let endpoint = askers.endpoint(connection);
        let endpoint = endpoint
            .ok_or_else(|| lasting(format!("connection `{connection}` has no webhook to which events belong")))?;
        let mut kinds = Vec::new();
        for name in events {
            match endpoint.system.event(name).map(|(group, _)| &group.reconcile) {
                Some(catalog::Reconcile::List(listing)) => kinds.push((Way::Events(listing.clone()), name.to_string())),
                Some(catalog::Reconcile::Rows(listing)) => kinds.push((Way::Rows(listing.clone()), name.to_string())),
                _ => {
                    let title = &endpoint.system.title;
                    return Err(lasting(format!("{title} cannot be asked for past `{name}` events")));
                }
            }
        }
        Ok(Source { endpoint, kinds })
    }

    /// From when on the provider still has all events.
    fn remembered(&self, now: Timestamp) -> Timestamp {
        let keeps = self.kinds.iter().filter_map(|(way, _)| match way {
            Way::Events(listing) => listing.keeps,
            Way::Rows(_) => None,
        });
        let keeps = keeps.min();
        keeps.map_or(Timestamp::MIN, |keeps| earlier(now, keeps))
    }

    /// All events of that time, each once, the oldest first.
    async fn list(
        &self,
        askers: &Askers,
        from: Timestamp,
        to: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Value>, Trouble> {
        let mut events: Vec<(Timestamp, Value)> = Vec::new();
        let mut everything = Vec::new();
        for (way, kind) in &self.kinds {
            let listing = match way {
                Way::Events(listing) => listing,
                Way::Rows(listing) => {
                    let rows = self.ask_rows(askers, listing, kind, from, to, now).await?;
                    let at = |event: &Value| intake::happened(&self.endpoint, event);
                    events.extend(rows.into_iter().filter_map(|event| Some((at(&event)?, event))));
                    continue;
                }
            };
            if listing.by.is_none() {
                // One list has all kinds; the flow's own are chosen at the door.
                if everything.contains(&listing.operation) {
                    continue;
                }
                everything.push(listing.operation.clone());
            }
            for event in self.ask(askers, listing, kind, from, to, now).await? {
                let Some(at) = intake::happened(&self.endpoint, &event) else {
                    let message =
                        format!("{} lists an event that does not say when it happened", self.endpoint.system.title);
                    return Err(Trouble::lasting(message, Code::F1142));
                };
                if (from..to).contains(&at) {
                    events.push((at, event));
                }
            }
        }
        events.sort_by_key(|(at, _)| *at);
        Ok(events.into_iter().map(|(_, event)| event).collect())
    }

    async fn ask(
        &self,
        askers: &Askers,
        listing: &Listing,
        kind: &str,
        from: Timestamp,
        to: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Value>, Trouble> {
        let name = Text::from(format!("{}.{}", self.endpoint.system.name, listing.operation));
        let connection = Text::from(self.endpoint.connection.as_str());
        let declared = self.endpoint.system.operations.get(&listing.operation);
        let instant = |param: &str, at: Timestamp, up: bool| {
            let ty = declared.and_then(|operation| operation.params.get(param)?.ty.as_ref());
            match ty {
                Some(TypeRef::Named(int)) if int == "int" => {
                    Value::Number(Number::from(at.as_second().saturating_add(i64::from(up))))
                }
                _ => Value::Time(at),
            }
        };
        let mut params =
            vec![(Text::from(listing.from.as_str()), Parameter::Value(instant(&listing.from, from, false)))];
        // In whole seconds the last one has to be in it.
        params.extend(
            listing
                .to
                .as_ref()
                .map(|to_param| (Text::from(to_param.as_str()), Parameter::Value(instant(to_param, to, true)))),
        );
        params.extend(listing.by.as_ref().map(|by| (Text::from(by.as_str()), Parameter::Value(Value::from(kind)))));
        self.send(askers, name, connection, None, params, now).await
    }

    /// The rows that were made or changed in that time, as events of theirs.
    async fn ask_rows(
        &self,
        askers: &Askers,
        listing: &RowListing,
        kind: &str,
        from: Timestamp,
        to: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Value>, Trouble> {
        let (entity, message) = kind.split_once('.').unwrap_or((kind, ""));
        let column = if message == UPDATE { &listing.changed } else { &listing.created };
        let path = vec![Text::from(column.as_str())];
        let bound = |op, at| EvaluatedFilter::Compare {
            column: EvaluatedColumn { path: path.clone(), ty: Some(Type::time()) },
            op,
            value: Value::Time(at),
        };
        let filter = EvaluatedFilter::And(vec![bound(CompareOp::GreaterEqual, from), bound(CompareOp::Less, to)]);
        let name = Text::from(format!("{}.{}", self.endpoint.system.name, listing.operation));
        let connection = Text::from(self.endpoint.connection.as_str());
        let params = vec![(Text::from("where"), Parameter::Filter(filter))];
        let rows = self.send(askers, name, connection, Some(Text::from(entity)), params, now).await?;
        let key = self.endpoint.system.entities.get(entity).and_then(|entity| entity.key.first());
        let events = rows.into_iter().filter_map(|row| {
            let id = row.get(key?).as_text()?.clone();
            let at = row.get(column).as_text()?.clone();
            // A new row that was changed since is no update of the second in which it was made.
            if message == UPDATE && row.get(&listing.created) == row.get(&listing.changed) {
                return None;
            }
            let user = listing.by_user.as_ref().map(|column| row.get(column).clone());
            let listed = Record::from_iter([
                (Text::from("id"), Value::from(format!("{kind}/{id}@{at}"))),
                (Text::from("at"), Value::Text(at)),
            ]);
            let fields = [
                ("message", Value::from(message)),
                ("entity", Value::from(entity)),
                ("id", Value::Text(id)),
                ("target", row),
                ("depth", Value::from(1)),
                ("oversized", Value::from(false)),
                ("InitiatingUserId", user.unwrap_or(Value::Missing)),
                (intake::LISTED, Value::Record(listed)),
            ];
            let there = fields.into_iter().filter(|(_, value)| *value != Value::Missing);
            Some(Value::Record(there.map(|(name, value)| (Text::from(name), value)).collect()))
        });
        Ok(events.collect())
    }

    async fn send(
        &self,
        askers: &Askers,
        name: Text,
        connection: Text,
        entity: Option<Text>,
        params: Vec<(Text, Parameter)>,
        now: Timestamp,
    ) -> Result<Vec<Value>, Trouble> {
        let request = Request {
            operation: name.clone(),
            connection: connection.clone(),
            entity: entity.clone(),
            params,
            body: None,
            key: None,
            find_by: vec![],
            now,
        };
        let operation = Operation {
            name,
            connection,
            writes: false,
            entity,
            params: vec![],
            body: None,
            result: Type::any(),
            repeat: Repeat {
                by: RepeatBy::Read,
                settle: Duration::ZERO,
                remembers: None,
                look: false,
                reason: "it only reads".to_owned(),
            },
            missing_continues: false,
            blank_is_missing: false,
            cache: None,
            one_at_a_time: None,
        };
        match askers.ask(&operation, &request).await {
            Outcome::Done(row) => Ok(row.value.as_list().map(|rows| rows.to_vec()).unwrap_or_default()),
            Outcome::Missing(_) => Ok(vec![]),
            Outcome::Failed(error) => Err(error.into()),
            Outcome::Held { until, error } => Err(Trouble { not_before: Some(until), ..error.into() }),
        }
    }

    /// The event as it goes through the door, for the flows that were active when it happened, and for `always`.
    fn event(
        &self,
        event: &Value,
        flows: &[Arc<ExecutionGraph>],
        first_active: &BTreeMap<String, Timestamp>,
        always: Option<&str>,
        now: Timestamp,
    ) -> Option<(NewEvent, Vec<NewRun>)> {
        let at = intake::happened(&self.endpoint, event)?;
        let was_there = |flow: &str| first_active.get(flow).is_some_and(|since| *since <= at);
        let flows: Vec<Arc<ExecutionGraph>> =
            flows.iter().filter(|flow| always == Some(flow.flow.as_str()) || was_there(&flow.flow)).cloned().collect();
        let bytes = json::write_bytes(event).ok()?;
        let (mut new, runs) = intake::read(&self.endpoint, &flows, Record::new(), &bytes, now)?;
        new.same = crate::store::Hash::ANY;
        Some((new, runs))
    }
}
