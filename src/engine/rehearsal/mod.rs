//! Tests beside the flows: a case's event through the real door and the real machine, with the case's answers in the
//! place of the systems and a clock that only moves when the run waits.
//!
//! Deliberately not a second engine: what is retried, looked for, adopted and given up is the machine's doing, what an
//! answer means the catalogue's. Nothing here touches the network, the store or the time of day, and nothing outside of
//! it can be answered by a test. Invariant: whatever a case says is either compared or fails the case.

mod alone;
mod answers;
mod compare;
mod coverage;
mod drive;
mod expect;
mod problems;
mod reply;
mod rewrite;
mod steps;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use crate::catalog::{Catalog, Place};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::graph::project::{Compilation, compile};
use crate::graph::{ExecutionGraph, TriggerKind};
use crate::language::evaluate::Watch;
use crate::language::shape::arguments;
use crate::language::types::Type;
use crate::model::read::Keyed;
use crate::model::test::{Case, Data as Written, Expect, Given};
use crate::model::{Effective, Project, TestSource};
use crate::value::{Record, Text, Value, json};
pub use coverage::{Coverage, Found, Part};
pub use problems::Amendment;
pub use rewrite::{Rewritten, rewrite};
pub use write::double_quoted;

use answers::Answers;
use drive::{Arrival, World};
use expect::Expectation;
use jiff::Timestamp;
use problems::Problems;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use steps::Steps;
use tree::{Data, Kind, Tree, wrong};

/// A project whose tests are run.
pub struct Rehearsal<'a> {
    project: &'a Project,
    effective: &'a Effective,
    compilation: &'a Compilation,
    catalog: &'a Catalog,
    /// The same project with other values of settings, by those values.
    others: Mutex<HashMap<String, Other>>,
    /// Who watches what is evaluated.
    watch: Option<Arc<Watch>>,
}

/// Compiled by the first case that asks for it; the others wait.
type Other = Arc<OnceLock<(Effective, Compilation)>>;

/// How one case went.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Nothing: it passed.
    pub failures: Vec<Diagnostic>,
    /// What its expectations would have to say instead.
    pub amendments: Vec<Amendment>,
    /// It failed because the run ended in quite another way, so that nothing else was compared.
    pub ended_otherwise: bool,
}

impl Verdict {
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

impl<'a> Rehearsal<'a> {
    pub fn new(
        project: &'a Project,
        effective: &'a Effective,
        compilation: &'a Compilation,
        catalog: &'a Catalog,
    ) -> Rehearsal<'a> {
        Rehearsal { project, effective, compilation, catalog, others: Mutex::default(), watch: None }
    }

    /// One that can tell the [`coverage`](Rehearsal::coverage) of a compilation, which is of no other use then.
    pub fn watching(
        project: &'a Project,
        effective: &'a Effective,
        compilation: &'a mut Compilation,
        catalog: &'a Catalog,
    ) -> Rehearsal<'a> {
        let watch = Arc::new(Watch::default());
        coverage::prepare(compilation, &watch);
        Rehearsal { watch: Some(watch), ..Rehearsal::new(project, effective, compilation, catalog) }
    }

    /// Runs the cases of all these files side by side; what comes out is in their order.
    pub fn files(&self, sources: &[&TestSource]) -> Vec<Vec<Verdict>> {
        let cases: Vec<(&TestSource, &Case)> =
            sources.iter().flat_map(|source| source.tests.cases.iter().map(move |case| (*source, case))).collect();
        let done: Vec<OnceLock<Verdict>> = cases.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((place, (source, case))) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|place| cases.get(place).map(|case| (place, case)))
            {
                if let Some(slot) = done.get(place) {
                    let _ = slot.set(self.verdict(source, case));
                }
            }
        };
        let hands = std::thread::available_parallelism().map_or(1, usize::from).min(cases.len());
        std::thread::scope(|scope| (0..hands).for_each(|_| drop(scope.spawn(work))));
        let mut verdicts = done.into_iter().filter_map(OnceLock::into_inner);
        let of_file = |source: &&TestSource| match source.tests.cases.len() {
            0 => vec![no_cases(source)],
            count => verdicts.by_ref().take(count).collect(),
        };
        sources.iter().map(of_file).collect()
    }

    fn verdict(&self, source: &TestSource, case: &Case) -> Verdict {
        let problems = self.case(source, case).unwrap_or_else(Problems::from);
        let Problems { findings: failures, amendments, ended_otherwise } = problems;
        Verdict { name: case.name.to_string(), span: case.name.span, failures, amendments, ended_otherwise }
    }

    /// Runs all cases of a file. A file without cases has failed: a test that tests nothing is none.
    pub fn file(&self, source: &TestSource) -> Vec<Verdict> {
        self.files(&[source]).pop().unwrap_or_default()
    }

    fn case(&self, source: &TestSource, case: &Case) -> Result<Problems, Vec<Diagnostic>> {
        if expects_nothing(&case.expect) {
            let failure = Diagnostic::error(Code::F0506, "the case expects nothing", case.expect.span);
            return Err(vec![
                failure.help("a case without expectations would always pass: say at least how the run ends"),
            ]);
        }
        let first = source.tests.cases.iter().find(|other| other.name.value == case.name.value);
        if let Some(first) = first.filter(|first| first.name.span != case.name.span) {
            let message = format!("there are two cases `{}`", case.name.as_str());
            let failure = Diagnostic::error(Code::F0510, message, case.name.span).also(first.name.span, "the first");
            return Err(vec![failure.help("a case is known by its name, in every report")]);
        }
        let other = self.with_settings(source, case)?;
        let (effective, compilation) = match other.as_ref().and_then(|other| other.get()) {
            Some((effective, compilation)) => (effective, compilation),
            None => (self.effective, self.compilation),
        };
        let data = Data::new(&source.path, &effective.files, &compilation.sources);
        let stage = Stage { rehearsal: self, effective, compilation, data: &data, source, case };
        Ok(if case.mapping.is_some() { stage.mapping() } else { stage.flow() })
    }

    /// The project with the settings of the file and of the case, where they give any.
    fn with_settings(&self, source: &TestSource, case: &Case) -> Result<Option<Other>, Vec<Diagnostic>> {
        let none = Keyed::default();
        let given = source.tests.given.as_ref().map_or(&none, |given| &given.settings);
        if given.names().next().is_none() && case.settings.names().next().is_none() {
            return Ok(None);
        }
        let (effective, mut problems) = self.project.with_settings(self.effective, given);
        let (effective, more) = self.project.with_settings(&effective, &case.settings);
        problems.extend(more);
        if !problems.is_empty() {
            return Err(problems);
        }
        let values = json::write_tagged(&effective.settings).map_err(|why| {
            vec![Diagnostic::error(Code::F0403, format!("the settings cannot be used: {why}"), source.tests.flow.span)]
        })?;
        let other = self.others.lock().unwrap_or_else(PoisonError::into_inner).entry(values).or_default().clone();
        other.get_or_init(|| {
            let sources = self.compilation.sources.as_ref().clone();
            let mut compilation = compile(self.project, &effective, sources, self.catalog);
            if let Some(watch) = &self.watch {
                coverage::prepare(&mut compilation, watch);
            }
            (effective, compilation)
        });
        Ok(Some(other))
    }
}

/// A case with all that it takes place in.
struct Stage<'a> {
    rehearsal: &'a Rehearsal<'a>,
    effective: &'a Effective,
    compilation: &'a Compilation,
    data: &'a Data<'a>,
    source: &'a TestSource,
    case: &'a Case,
}

impl Stage<'_> {
    /// The path of the flow's file; it may have errors.
    fn flow_file(&self) -> Result<&str, Diagnostic> {
        let name = &self.source.tests.flow;
        let broken = self.rehearsal.project.broken.iter();
        let broken = broken.filter_map(|(path, name)| Some((name.as_deref()?, path.as_str())));
        let flows = self.compilation.flows.iter().map(|flow| (flow.name.as_str(), flow.path.as_str()));
        let known: Vec<(&str, &str)> = flows.chain(broken).collect();
        if let Some((_, path)) = known.iter().find(|(known, _)| *known == name.as_str()) {
            return Ok(path);
        }
        let finding = Diagnostic::error(Code::F0507, format!("the project has no flow `{}`", name.as_str()), name.span);
        Err(match did_you_mean(name, known.iter().map(|(name, _)| *name)) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None => finding
                .help(format!("its flows: {}", known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))),
        })
    }

    fn graph(&self) -> Result<Arc<ExecutionGraph>, Diagnostic> {
        self.flow_file()?;
        let name = &self.source.tests.flow;
        let flow = self.compilation.flows.iter().find(|flow| flow.name == name.as_str());
        flow.and_then(|flow| flow.graph.clone()).ok_or_else(|| {
            let message = format!("the flow `{}` has errors and cannot be run", name.as_str());
            Diagnostic::error(Code::F0507, message, name.span).help("`flowctl validate` shows them")
        })
    }

    fn given(&self) -> Option<&Given> {
        self.source.tests.given.as_ref()
    }

    /// Runs the flow on the case's event, after those before it.
    fn flow(&self) -> Problems {
        let graph = match self.graph() {
            Ok(graph) => graph,
            Err(finding) => return finding.into(),
        };
        let case = self.case;
        let steps = Steps::of(&graph);
        let company = |connection: &str| self.company(connection);
        let expectation = Expectation {
            expect: &case.expect,
            data: self.data,
            steps: &steps,
            graph: &graph,
            catalog: &self.compilation.catalog,
            company: &company,
        };
        let mut problems = expectation.problems();
        if let Some(first) = case.args.first() {
            problems.push(wrong("`args` are a mapping's: this case runs the flow".into(), first.0.span));
        }
        let given = self.given().map(|given| &given.answers);
        let answers = Answers::read(given, &case.answers, self.data, &steps, &mut problems);
        let arrivals = self.arrivals(&graph).map_err(|finding| problems.push(finding)).unwrap_or_default();
        if !problems.is_empty() {
            return problems.into();
        }
        let project = self.rehearsal.project.file.as_ref().map_or("", |file| file.project.as_str());
        let mut world = World::new(
            &self.compilation.catalog,
            graph.clone(),
            project,
            &self.compilation.privacy.drop,
            answers,
            case.name.span,
        );
        let mut last = None;
        for arrival in &arrivals {
            match world.take(arrival) {
                Ok(ran) => last = Some(ran),
                Err(finding) => return finding.into(),
            }
        }
        let mut problems = last.map(|ran| expectation.check(&ran)).unwrap_or_default();
        // Answers are left over, too, where the run went wrong; that is no news then.
        if problems.is_empty() {
            problems.extend(world.answers.left_over());
        }
        problems
    }

    /// The events of `before`, and the case's own as the last.
    fn arrivals(&self, graph: &ExecutionGraph) -> Result<Vec<Arrival>, Diagnostic> {
        let shared = self.given().and_then(|given| given.event.as_ref());
        let shared = shared.map(|event| self.data.tree(&event.0)).transpose()?;
        let own = match (&self.case.event, &shared) {
            (Some(own), shared) => self.data.over(&own.0, shared.as_ref())?,
            (None, Some(shared)) => shared.clone(),
            (None, None) => {
                let finding = wrong("the case has no event".into(), self.case.name.span);
                return Err(finding.help("write `event:` in the case, or in `given` for all"));
            }
        };
        let mut arrivals = vec![];
        for before in &self.case.before {
            if let Some((key, _)) = before.0.entries().iter().find(|(key, _)| &*key.text != "event") {
                return Err(wrong(format!("what runs before has no `{}`", key.text), key.span)
                    .help("before: [{ event: { with: … } }]"));
            }
            let event = match before.0.get("event") {
                Some(event) => self.data.over(event, shared.as_ref())?,
                None if matches!(before.0.kind, crate::model::yaml::NodeKind::Mapping(_)) => own.clone(),
                None => return Err(wrong("expected `{ event: … }`".into(), before.0.span)),
            };
            arrivals.push(self.arrival(&event, graph)?);
        }
        arrivals.push(self.arrival(&own, graph)?);
        Ok(arrivals)
    }

    fn arrival(&self, event: &Tree, graph: &ExecutionGraph) -> Result<Arrival, Diagnostic> {
        let value = graph.trigger.kind.event(event.value());
        let (connection, events) = match &graph.trigger.kind {
            TriggerKind::Webhook { connection, events, .. } => (connection, events),
            TriggerKind::Flow { params } => return self.called(event, params),
            kind => return self.asked_for(value, kind),
        };
        let system = self.effective.connections.get(connection.as_str()).map(|connection| connection.system.as_str());
        let groups = system.and_then(|system| self.compilation.catalog.system(system)).map(|system| &system.events);
        let found = groups.into_iter().flat_map(|groups| groups.values()).find_map(|group| {
            let kind = match (&group.always, group.gives.contains_key("message")) {
                (Some(name), _) => name.clone(),
                (None, true) => format!("{}.{}", value.get("entity").as_text()?, value.get("message").as_text()?),
                (None, false) => text_at(group.matches.as_ref()?, &value)?,
            };
            let name = group.event(&kind).map_or(kind.clone(), |(name, _)| name.to_owned());
            let ids: Option<Vec<String>> = group.id.iter().map(|place| text_at(place, &value)).collect();
            Some((kind, name, ids.map(|ids| ids.join("/"))))
        });
        if let Some((_, name, _)) = &found
            && !events.iter().any(|event| event.as_str() == name)
        {
            let listens: Vec<&str> = events.iter().map(Text::as_str).collect();
            let finding = wrong(format!("this event is a `{name}`, which never comes to this flow"), event.span);
            return Err(finding.help(format!("the flow listens to: {}", listens.join(", "))));
        }
        if !graph.trigger.kind.concerns(&value) {
            let finding = wrong(
                "this update touches no column of the trigger's `columns`: it never comes to this flow".into(),
                event.span,
            );
            return Err(finding.help("name one of them in `target`"));
        }
        let (kind, _, id) = found.unwrap_or_default();
        let id = id.unwrap_or_else(|| "event".to_owned());
        self.delivered(value, Some(connection), &kind, id)
    }

    /// An event that the flow asks for itself, as a schedule or a poll.
    fn asked_for(&self, event: Value, kind: &TriggerKind) -> Result<Arrival, Diagnostic> {
        let connection = match kind {
            TriggerKind::Poll(poll) => Some(&poll.operation.connection),
            TriggerKind::Changes(tracking) => Some(&tracking.operation.connection),
            _ => None,
        };
        let id = kind.event_id(&event).unwrap_or_else(|| "event".to_owned());
        self.delivered(event, connection, kind.word(), id)
    }

    fn delivered(
        &self,
        value: Value,
        connection: Option<&Text>,
        kind: &str,
        id: String,
    ) -> Result<Arrival, Diagnostic> {
        let at = self.case.at.as_ref().or(self.given().and_then(|given| given.at.as_ref()));
        let at = at.map_or(midnight(), |at| at.value.0);
        let mut trigger = Record::new();
        trigger.set("id".into(), Value::from(id.as_str()));
        trigger.set("type".into(), Value::from(kind));
        trigger.set("received_at".into(), Value::Time(at));
        trigger.set("headers".into(), Value::Record(Record::new()));
        if let Some(connection) = connection {
            trigger.set("connection".into(), Value::from(connection.clone()));
        }
        trigger.set("own".into(), Value::Bool(false));
        let given = self.given().and_then(|given| given.trigger.as_ref());
        for facts in given.into_iter().chain(&self.case.trigger) {
            self.facts(facts, &mut trigger)?;
        }
        let id = trigger.get("id").and_then(Value::as_text).map_or(id, Text::to_string);
        let own = trigger.get("own") == Some(&Value::Bool(true));
        let event = self.compilation.privacy.drop.without(&value);
        Ok(Arrival { event, trigger: Value::Record(trigger), id, own, at })
    }

    /// What another flow gives as `event`: typed, as its `with` is.
    fn called(&self, event: &Tree, params: &Type) -> Result<Arrival, Diagnostic> {
        let typed = arguments(&event.value(), params)
            .map_err(|error| wrong(format!("no flow could give this: {error}"), event.span))?;
        self.delivered(typed, Some(&Text::from(crate::engine::door::CALLS)), "flow", "event".to_owned())
    }

    /// Facts of the delivery that a test sets.
    fn facts(&self, facts: &Written, trigger: &mut Record) -> Result<(), Diagnostic> {
        let tree = self.data.tree(&facts.0)?;
        let known = ["id", "type", "headers", "own"];
        let Some(fields) = tree.fields() else {
            return Err(wrong("expected facts of the delivery such as `{ own: true }`".into(), tree.span));
        };
        for field in fields {
            let fits = match (field.name.as_str(), &field.value.kind) {
                ("own", Kind::One(Value::Bool(_))) | ("headers", Kind::Record(_)) => true,
                ("id" | "type", Kind::One(Value::Text(_))) => true,
                (name, _) if known.contains(&name) => false,
                (name, _) => {
                    let finding = wrong(format!("a delivery has no `{name}` that a test can set"), field.span);
                    return Err(finding.help(format!("there are: {}", known.join(", "))));
                }
            };
            if !fits {
                return Err(wrong(format!("`{}` of a delivery is something else", field.name), field.value.span));
            }
            trigger.set(field.name.clone(), field.value.value());
        }
        Ok(())
    }

    fn company(&self, connection: &str) -> Option<Text> {
        let node = self.effective.connections.get(connection)?.params.get("company")?;
        Some(Text::from(&*node.scalar()?.text))
    }
}

/// A file that tests nothing.
fn no_cases(source: &TestSource) -> Verdict {
    let span = source.tests.span;
    Verdict {
        name: "(no cases)".into(),
        span,
        failures: vec![Diagnostic::error(Code::F0506, "the file has no cases", span)],
        amendments: vec![],
        ended_otherwise: false,
    }
}

/// The virtual clock where a test says nothing.
fn midnight() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap_or_default()
}

fn expects_nothing(expect: &Expect) -> bool {
    let Expect { run, calls, calls_include, steps, alerts, waited, value, value_has, error, span: _ } = expect;
    let some_calls = calls_include.as_ref().is_some_and(|calls| !calls.is_empty());
    let data = [run, value, value_has, error].into_iter().any(Option::is_some);
    !(data || calls.is_some() || some_calls || steps.names().next().is_some() || alerts.is_some() || waited.is_some())
}

fn text_at(place: &Place, body: &Value) -> Option<String> {
    match place.in_body(body)? {
        Value::Text(text) => Some(text.to_string()),
        Value::Number(number) => number.plain().ok().map(|text| text.into_owned()),
        _ => None,
    }
}
