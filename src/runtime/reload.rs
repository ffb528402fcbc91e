//! Reading the project again while it runs: everything is compiled first, then each changed flow is swapped.
//!
//! A bad file keeps its flow's last good revision, also across a restart (from the store), raises an alert and holds up
//! no other file. Credentials and limits are always the current ones.

use super::{Inner, StartError, by_connection, endpoints::endpoints};
use crate::catalog::Catalog;
use crate::connectors::{resolve_all, secrets};
use crate::console::{Findings, FlowStatus, NotDone, Refused};
use crate::diagnostics::{Code, Diagnostic, Severity as Level, Sources, render};
use crate::engine::Live;
use crate::graph::project::{Compilation, LANGUAGE_VERSION, compile, recompile};
use crate::graph::{ExecutionGraph, Severity};
use crate::model::project::ProjectFile;
use crate::model::{Effective, Project};
use crate::store::{AlertFilter, By, Hash, NewAlert, Page, Revision, StoreError};
use crate::triggers::server::Routes;
use crate::value::Text;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The alert of a file that was refused.
const REFUSED: &str = "reload_refused";

/// What a reload did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Flows whose live revision is another now, with it.
    pub swapped: Vec<(String, Hash)>,
    /// Flows that are no more.
    pub removed: Vec<String>,
    /// What was refused, and why. Everything it concerns stays as it was.
    pub problems: Vec<Problem>,
}

/// Why a flow, or the whole project, was not swapped.
#[derive(Clone, Debug)]
pub struct Problem {
    /// `None`: it concerns all flows.
    pub flow: Option<String>,
    pub path: Option<String>,
    pub findings: Findings,
    pub at: Timestamp,
}

impl Problem {
    /// For a person, as `validate` shows it.
    pub fn text(&self) -> String {
        render::text(&self.findings.findings, &self.findings.sources, false).trim_end().to_string()
    }
}

/// What the next reload is compared with.
#[derive(Default)]
pub(super) struct State {
    /// Of all texts read, and of the secret store.
    fingerprint: Option<Hash>,
    /// The flow of each file that had one.
    flow_of: BTreeMap<String, String>,
    /// What the files last said of each flow, while they were good.
    on_disk: BTreeMap<String, Hash>,
    problems: Vec<Problem>,
}

/// The project as it stands in its files.
pub(super) struct Read {
    project: Project,
    effective: Option<Effective>,
    compilation: Option<Compilation>,
    pub findings: Vec<Diagnostic>,
    pub sources: Arc<Sources>,
    fingerprint: Hash,
}

impl Read {
    /// `project:`, part of every idempotency key. `None` where flowctl.yaml cannot be read.
    pub fn project_name(&self) -> Option<Text> {
        self.project.file.as_ref().map(|file| Text::from(file.project.to_string()))
    }

    /// Errors that no problem tells yet; what is wrong with tests, or with a file of rates, does not keep a flow from
    /// running.
    fn not_in(&self, problems: &[Problem]) -> Vec<Diagnostic> {
        let told = |finding: &&Diagnostic| problems.iter().any(|problem| problem.findings.findings.contains(finding));
        let of_tests = |finding: &&Diagnostic| {
            finding.primary.as_ref().is_some_and(|label| self.sources.get(label.span.file).path.ends_with(".test.yaml"))
        };
        let errors = self.findings.iter().filter(|finding| finding.severity == Level::Error);
        errors.filter(|finding| !told(finding) && !of_tests(finding) && finding.code != Code::F0427).cloned().collect()
    }

    fn problem(&self, flow: Option<String>, path: Option<String>, findings: &[Diagnostic]) -> Problem {
        let findings = Findings { findings: findings.to_vec(), sources: self.sources.clone() };
        Problem { flow, path, findings, at: Timestamp::now() }
    }
}

/// Reads and compiles a project, away from the runtime's threads.
pub(super) async fn read(root: &Path, environment: Option<&str>, catalog: &Catalog) -> Read {
    let (root, environment, catalog) = (root.to_path_buf(), environment.map(str::to_string), catalog.clone());
    let reading = tokio::task::spawn_blocking(move || read_now(&root, environment.as_deref(), &catalog));
    reading.await.unwrap_or_else(|_| Read {
        project: Project::default(),
        effective: None,
        compilation: None,
        findings: vec![Diagnostic::general(Code::F0640, "flowctl broke down over the project's files")],
        sources: Arc::default(),
        fingerprint: Hash::of(&[]),
    })
}

fn read_now(root: &Path, environment: Option<&str>, catalog: &Catalog) -> Read {
    let (project, sources, mut findings) = Project::load(root);
    let texts: Vec<String> =
        sources.iter().map(|(_, s)| format!("{}\0{}\0{}\0", s.path, s.text.len(), s.text)).collect();
    let mut read = texts.concat().into_bytes();
    read.extend(secrets::bytes(root, &super::env));
    let fingerprint = Hash::of(&read);
    let effective = match project.effective(environment) {
        Ok(effective) => Some(effective),
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    let usable = project.file.is_some() && project.connections.is_some();
    match effective.filter(|_| usable) {
        None => Read { project, effective: None, compilation: None, findings, sources: Arc::new(sources), fingerprint },
        Some(effective) => {
            let mut compilation = compile(&project, &effective, sources, catalog);
            findings.append(&mut compilation.findings);
            findings.extend(effective.unset.iter().cloned().map(|mut finding| {
                // What `validate` only notes has to be there when it runs.
                finding.severity = Level::Error;
                finding
            }));
            let sources = compilation.sources.clone();
            Read { project, effective: Some(effective), compilation: Some(compilation), findings, sources, fingerprint }
        }
    }
}

impl Inner {
    /// The first reading: what is not good now and has no good revision in the store keeps the runtime from starting.
    pub(super) async fn begin(&self, read: Read) -> Result<(), StartError> {
        let mut state = self.reloading.lock().await;
        if read.compilation.is_none() {
            return Err(StartError::findings(&read.findings, &read.sources));
        }
        let report = self.apply(&read, &mut state).await;
        let live: BTreeSet<String> = self.revisions.graphs().iter().map(|graph| graph.flow.to_string()).collect();
        let without: Vec<&Problem> = report
            .problems
            .iter()
            .filter(|problem| problem.flow.as_ref().is_none_or(|flow| !live.contains(flow)))
            .collect();
        if !without.is_empty() {
            let texts: Vec<String> = without.iter().map(|problem| problem.text()).collect();
            return Err(StartError::Project(texts.join("\n\n")));
        }
        self.tell(&report);
        Ok(())
    }

    /// Reads everything again.
    pub(super) async fn reload(&self) -> Report {
        let mut state = self.reloading.lock().await;
        let read = read(&self.root, self.environment.as_deref(), &self.catalog).await;
        let report = self.apply(&read, &mut state).await;
        self.tell(&report);
        report
    }

    /// The same, unless the files are what they were.
    pub(super) async fn reload_if_changed(&self) {
        let mut state = self.reloading.lock().await;
        let read = read(&self.root, self.environment.as_deref(), &self.catalog).await;
        if state.fingerprint != Some(read.fingerprint) {
            let report = self.apply(&read, &mut state).await;
            self.tell(&report);
        }
    }

    async fn apply(&self, read: &Read, state: &mut State) -> Report {
        let mut report = Report::default();
        state.fingerprint = Some(read.fingerprint);
        let (Some(compilation), Some(effective)) = (&read.compilation, &read.effective) else {
            report.problems.push(read.problem(None, None, &read.findings));
            state.problems = report.problems.clone();
            self.show(state).await;
            return report;
        };
        if !effective.unset.is_empty() {
            // Flows would find a setting missing: everything stays as it was.
            let unset: Vec<Diagnostic> =
                read.findings.iter().filter(|finding| finding.code == Code::F0406).cloned().collect();
            report.problems.push(read.problem(None, None, &unset));
            state.problems = report.problems.clone();
            self.show(state).await;
            return report;
        }
        self.executor.set_drop(compilation.privacy.drop.clone());
        self.privacy.store(compilation.privacy.clone());
        self.keeping.store(Arc::new(read.project.file.as_ref().map(ProjectFile::keeping).unwrap_or_default()));
        let connected = self.connect(read, effective, compilation, &mut report);
        let mut seen = BTreeSet::new();
        for flow in &compilation.flows {
            seen.insert(flow.name.clone());
            state.flow_of.insert(flow.path.clone(), flow.name.clone());
            match &flow.graph {
                Some(graph) => {
                    if let Err(error) = self.swap(&flow.name, graph, &flow.revision, state, &mut report).await {
                        tracing::error!(flow = %flow.name, %error, "The revision could not be kept; the last one stays live.");
                    }
                }
                None => self.refuse(read, compilation, &flow.name, &flow.path, &mut report).await,
            }
        }
        for (path, name) in &read.project.broken {
            let name = name.clone().or_else(|| state.flow_of.get(path).cloned());
            let name = match name {
                Some(name) => Some(name),
                None => self.flow_kept_from(path).await,
            };
            match name {
                Some(name) => {
                    seen.insert(name.clone());
                    self.refuse(read, compilation, &name, path, &mut report).await;
                }
                None => {
                    let findings = findings_in(read, &[path.as_str()]);
                    report.problems.push(read.problem(None, Some(path.clone()), &findings));
                }
            }
        }
        self.mended(&state.problems, &report).await;
        let rest = read.not_in(&report.problems);
        if !rest.is_empty() {
            report.problems.push(read.problem(None, None, &rest));
        }
        self.use_rates(read, compilation).await;
        // What is in no file any more starts no new runs.
        for graph in self.revisions.graphs() {
            if !seen.contains(graph.flow.as_str()) {
                self.revisions.remove(&graph.flow);
                report.removed.push(graph.flow.to_string());
            }
        }
        if let Some(endpoints) = connected {
            self.routes.store(Arc::new(Routes { endpoints, flows: self.revisions.graphs() }));
        } else {
            let endpoints = self.routes.load().endpoints.clone();
            self.routes.store(Arc::new(Routes { endpoints, flows: self.revisions.graphs() }));
        }
        state.problems = report.problems.clone();
        self.show(state).await;
        self.executor.wake();
        self.changed.send_replace(());
        report
    }

    /// Rates are of today, as credentials are. A file with errors leaves what was read before it, and stops nothing: it
    /// comes from elsewhere, and `max_age` watches over what is used.
    async fn use_rates(&self, read: &Read, compilation: &Compilation) {
        self.feeds.store(Arc::new(read.project.feeds()));
        self.files_rates.store(Arc::new(compilation.rates.clone()));
        self.set_rates();
        for finding in read.findings.iter().filter(|finding| finding.code == Code::F0427) {
            let alert = NewAlert {
                flow: None,
                run: None,
                severity: Severity::Warning,
                code: "rates_unreadable".into(),
                title: "A file of exchange rates has errors; the rates read before it stay in use".into(),
                detail: Some(render::text(std::slice::from_ref(finding), &read.sources, false)),
            };
            if let Err(error) = self.store.raise(alert, Timestamp::now()).await {
                tracing::error!(%error, "The alert could not be raised.");
            }
        }
    }

    /// Credentials, limits and endpoints. `None`: something is wrong with them, and the last ones stay.
    fn connect(
        &self,
        read: &Read,
        effective: &Effective,
        compilation: &Compilation,
        report: &mut Report,
    ) -> Option<std::collections::HashMap<String, Arc<crate::triggers::ingress::Endpoint>>> {
        let project = read.project_name().unwrap_or_else(|| "".into());
        let mut unfit = effective.check(&self.catalog);
        unfit.retain(|finding| finding.severity == Level::Error);
        // Nothing is read for connections that are written wrong.
        let shape = if unfit.is_empty() { Ok(()) } else { Err(unfit) };
        let resolved = shape.and_then(|()| {
            let catalog = &compilation.catalog;
            let configs = resolve_all(&effective.connections, catalog, &self.root, &super::env)?;
            let (connections, privacy) = (&effective.connections, &compilation.privacy);
            let endpoints = endpoints(connections, &configs, &self.connectors, &project, catalog, &self.root, privacy)?;
            Ok((configs, endpoints))
        });
        match resolved {
            Ok((configs, endpoints)) => {
                let names = configs.keys().cloned().collect::<Vec<_>>();
                self.told.store(Arc::new(super::alerts::told(&configs)));
                self.connectors.replace(compilation.catalog.clone(), configs);
                self.executor.set_connectors(by_connection(&self.connectors, names.into_iter()));
                Some(endpoints)
            }
            Err(findings) => {
                report.problems.push(read.problem(None, Some("connections.yaml".into()), &findings));
                None
            }
        }
    }

    /// Makes a good graph live, where its sources are others than before.
    async fn swap(
        &self,
        flow: &str,
        graph: &Arc<ExecutionGraph>,
        sources: &[(String, String)],
        state: &mut State,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let hash = revision_hash(sources);
        state.on_disk.insert(flow.to_string(), hash);
        if self.revisions.live(flow).is_some_and(|live| live.revision == hash) {
            return Ok(());
        }
        // An operator chose another revision over what the files say, and they still say it.
        let kept = self.store.live_revisions().await?.into_iter().find(|kept| kept.flow == flow);
        if let Some(chosen) = kept.filter(|kept| kept.instead_of == Some(hash)) {
            if self.revisions.live(flow).is_some_and(|live| live.revision == chosen.revision) {
                return Ok(());
            }
            match self.take_from_store(flow).await {
                Ok(()) => return Ok(()),
                Err(why) => tracing::error!(flow, %why, "The chosen revision cannot be used; the files' is taken."),
            }
        }
        let revision = Revision {
            flow: flow.to_string(),
            hash,
            language_version: LANGUAGE_VERSION,
            sources: sources.to_vec(),
            created_at: Timestamp::now(),
        };
        self.store.put_revision(revision).await?;
        let by = By { actor: "flowctl".into(), reason: "the files changed".into(), at: Timestamp::now() };
        self.store.activate(hash, None, by).await?;
        self.revisions.set_live(Live { revision: hash, graph: graph.clone() });
        report.swapped.push((flow.to_string(), hash));
        Ok(())
    }

    /// An operator makes a kept revision live. It stays so while the files say what they say now.
    pub(super) async fn choose(&self, hash: Hash, by: By) -> Result<FlowStatus, NotDone> {
        let state = self.reloading.lock().await;
        let revision = self.store.revision(hash).await?;
        let revision = revision.ok_or_else(|| StoreError::NotFound(format!("revision {hash}")))?;
        let flow = revision.flow.clone();
        let catalog = self.catalog.clone();
        let graph = tokio::task::spawn_blocking(move || recompile(&revision.sources, &catalog)).await;
        let graph = graph.map_err(|error| NotDone::Refused(error.to_string()))?.map_err(|findings| {
            let why = findings.first().map_or_else(String::new, |finding| finding.message.clone());
            NotDone::Refused(format!("this flowctl cannot compile revision {hash}: {why}"))
        })?;
        let on_disk = state.on_disk.get(&flow).copied();
        // While the file is broken it is what was live: mended, it may say something else.
        let instead_of = on_disk.or_else(|| self.revisions.live(&flow).map(|live| live.revision));
        self.store.activate(hash, instead_of.filter(|on_disk| *on_disk != hash), by).await?;
        self.revisions.set_live(Live { revision: hash, graph: Arc::new(graph) });
        let endpoints = self.routes.load().endpoints.clone();
        self.routes.store(Arc::new(Routes { endpoints, flows: self.revisions.graphs() }));
        self.show(&state).await;
        self.executor.wake();
        tracing::info!(flow, revision = %hash, "Live, because an operator chose it.");
        let status = self.status.load().iter().find(|status| status.flow == flow).cloned();
        status.ok_or_else(|| NotDone::Refused(format!("flow `{flow}` is not there any more")))
    }

    /// A flow that does not compile stays what it was: live, or the last good one in the store.
    async fn refuse(&self, read: &Read, compilation: &Compilation, flow: &str, path: &str, report: &mut Report) {
        let mut concerned = vec![path.to_string()];
        if let Some(flow) = compilation.flows.iter().find(|known| known.path == path) {
            concerned.extend(flow.revision.iter().map(|(name, _)| name.clone()));
        }
        let concerned: Vec<&str> = concerned.iter().map(String::as_str).collect();
        let findings = findings_in(read, &concerned);
        let problem = read.problem(Some(flow.to_string()), Some(path.to_string()), &findings);
        if self.revisions.live(flow).is_none()
            && let Err(error) = self.take_from_store(flow).await
        {
            tracing::error!(flow, %error, "There is no good revision of this flow.");
        }
        let alert = NewAlert {
            flow: Some(flow.to_string()),
            run: None,
            severity: Severity::Warning,
            code: REFUSED.into(),
            title: format!("{path} has errors; flow {flow} stays on its last good revision"),
            detail: Some(problem.text()),
        };
        if let Err(error) = self.store.raise(alert, Timestamp::now()).await {
            tracing::error!(%error, "The alert could not be raised.");
        }
        report.problems.push(problem);
    }

    /// Closes the alerts of flows that were refused before and are good again.
    async fn mended(&self, before: &[Problem], report: &Report) {
        let refused = |flow: &str| report.problems.iter().any(|problem| problem.flow.as_deref() == Some(flow));
        for flow in before.iter().filter_map(|problem| problem.flow.as_deref()).filter(|flow| !refused(flow)) {
            tracing::info!(flow, "Mended: its files are good again.");
            let open = AlertFilter { open: Some(true), flow: Some(flow.into()), code: Some(REFUSED.into()) };
            let Ok(alerts) = self.store.alerts(open, Page::first(100)).await else { continue };
            for alert in alerts.items {
                let by =
                    By { actor: "flowctl".into(), reason: "the files are good again".into(), at: Timestamp::now() };
                if let Err(error) = self.store.close_alert(alert.id, by).await {
                    tracing::error!(%error, "The alert could not be closed.");
                }
            }
        }
    }

    async fn take_from_store(&self, flow: &str) -> Result<(), String> {
        let kept = self.store.live_revisions().await.map_err(|error| error.to_string())?;
        let kept = kept.into_iter().find(|live| live.flow == flow).ok_or("the store has none")?;
        let revision = self.store.revision(kept.revision).await.map_err(|error| error.to_string())?;
        let revision = revision.ok_or("the store lost its sources")?;
        let catalog = self.catalog.clone();
        let graph = tokio::task::spawn_blocking(move || recompile(&revision.sources, &catalog)).await;
        let graph = graph.map_err(|error| error.to_string())?;
        let graph =
            graph.map_err(|findings| findings.first().map_or_else(String::new, |finding| finding.message.clone()))?;
        self.revisions.set_live(Live { revision: kept.revision, graph: Arc::new(graph) });
        Ok(())
    }

    /// The flow whose kept revision was made from that file: a file too broken to say its own name.
    async fn flow_kept_from(&self, path: &str) -> Option<String> {
        for live in self.store.live_revisions().await.ok()? {
            let revision = self.store.revision(live.revision).await.ok()??;
            if revision.sources.iter().any(|(name, _)| name == path) {
                return Some(live.flow);
            }
        }
        None
    }

    /// On stderr: exactly why something was refused.
    fn tell(&self, report: &Report) {
        for (flow, revision) in &report.swapped {
            tracing::info!(flow, %revision, "Live.");
        }
        for flow in &report.removed {
            tracing::warn!(flow, "Its file is gone: no new runs; those that began finish.");
        }
        for problem in &report.problems {
            let flow = problem.flow.as_deref().unwrap_or("all flows");
            tracing::error!(flow, "Refused; the last good revision stays live.\n{}", problem.text());
        }
        self.metrics.reload(report.problems.is_empty());
    }

    /// What the admin API shows.
    async fn show(&self, state: &State) {
        let kept = self.store.live_revisions().await.unwrap_or_default();
        let live: BTreeMap<String, Hash> = self
            .revisions
            .graphs()
            .iter()
            .filter_map(|graph| Some((graph.flow.to_string(), self.revisions.live(&graph.flow)?.revision)))
            .collect();
        let mut flows: BTreeSet<String> = live.keys().cloned().collect();
        flows.extend(state.problems.iter().filter_map(|problem| problem.flow.clone()));
        let statuses = flows.into_iter().map(|flow| {
            let problem = state.problems.iter().find(|problem| problem.flow.as_ref().is_none_or(|of| *of == flow));
            FlowStatus {
                revision: live.get(&flow).copied(),
                activated_at: kept.iter().find(|kept| kept.flow == flow).map(|kept| kept.activated_at),
                instead_of: kept.iter().find(|kept| kept.flow == flow).and_then(|kept| kept.instead_of),
                problem: problem.map(|problem| Refused { at: problem.at, findings: problem.findings.clone() }),
                flow,
            }
        });
        self.status.store(Arc::new(statuses.collect()));
    }
}

/// The findings in those files; those about no file concern every flow.
fn findings_in(read: &Read, paths: &[&str]) -> Vec<Diagnostic> {
    let concerns = |finding: &&Diagnostic| match &finding.primary {
        None => true,
        Some(label) => paths.contains(&&*read.sources.get(label.span.file).path),
    };
    let errors = |finding: &&Diagnostic| finding.severity == Level::Error;
    read.findings.iter().filter(errors).filter(concerns).cloned().collect()
}

/// A revision is its sources: names and texts, each with its length, so that nothing runs into its neighbour.
fn revision_hash(sources: &[(String, String)]) -> Hash {
    let mut bytes = LANGUAGE_VERSION.to_be_bytes().to_vec();
    for part in sources.iter().flat_map(|(name, text)| [name, text]) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    Hash::of(&bytes)
}
