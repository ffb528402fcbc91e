//! Runs that call runs, against a real store.

use crate::catalog::Catalog;
use crate::engine::connector::{Attempt, Connector, LookOutcome, Outcome, Reply, Request, Row, StepError};
use crate::engine::machine::Replay;
use crate::engine::{Config, Connectors, Executor, Live, Revisions, door};
use crate::graph::ErrorClass;
use crate::graph::project::{Compilation, compile};
use crate::model::Project;
use crate::store::*;
use crate::value::{Record as Fields, Text, Value, json};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PARENT: &str = "flow: parent
trigger: { webhook: { connection: shop, events: [charge.succeeded] } }
steps:
  - id: child
    call:
      operation: flow.run
      flow: child
      wait: true
      with: '{ charge = event.data.object.id, day = from_unix(event.created).in_zone(\"UTC\").date() }'
  - { id: day, transform: steps.child.result.day }
result: '\"{steps.child.state} {steps.child.result.number} {steps.day}\"'
";

const CHILD: &str = "flow: child
trigger:
  flow: { params: { charge: text, day: date } }
  dedupe: event.charge
steps:
  - id: order
    call:
      operation: finops.create
      entity: SalesOrderHeadersV2
      body: '{ OrderingCustomerAccountNumber = \"C\", CustomersOrderReference = event.charge }'
      find_by: [CustomersOrderReference]
result: '{ number = steps.order.SalesOrderNumber, day = event.day }'
";

#[derive(Default)]
struct Fake {
    sent: AtomicUsize,
    refuses: AtomicBool,
    /// Nothing is answered until there are permits, where it holds.
    holds: AtomicBool,
    release: Notify,
    called: Notify,
    keys: Mutex<Vec<String>>,
}

impl Connector for Fake {
    fn send<'a>(&'a self, request: &'a Request, _: &'a Attempt<'a>) -> Reply<'a, Outcome> {
        Box::pin(async move {
            self.sent.fetch_add(1, Ordering::SeqCst);
            self.keys.lock().unwrap().extend(request.key.as_ref().map(Text::to_string));
            self.called.notify_one();
            if self.holds.load(Ordering::SeqCst) {
                self.release.notified().await;
            }
            if self.refuses.load(Ordering::SeqCst) {
                return Outcome::Failed(StepError::new(ErrorClass::Data, "told", "to refuse"));
            }
            let mut row = Fields::new();
            row.set("SalesOrderNumber".into(), Value::from("SO-1"));
            Outcome::Done(Row { value: Value::Record(row), key: Some("SO-1".into()), status: Some(201) })
        })
    }

    fn look<'a>(&'a self, _: &'a Request, _: &'a Attempt<'a>) -> Reply<'a, LookOutcome> {
        Box::pin(async { LookOutcome::Found(vec![]) })
    }
}

struct House {
    store: Arc<SqliteStore>,
    fake: Arc<Fake>,
    revisions: Arc<Revisions>,
    executor: Executor,
    stop: CancellationToken,
    working: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

fn compiled(files: &[(&str, &str)]) -> Compilation {
    let connections = "connections:
  shop: { system: stripe, mode: live, api_key: env://K }
  d365: { system: finops, base_url: https://a.example, company: usmf, tenant: 8c1d2b1e-0000-4000-8000-000000000000, client_id: env://I, client_secret: env://S, limits: { settle: 1ms } }
";
    let mut texts: BTreeMap<String, Arc<str>> = BTreeMap::new();
    texts.insert("flowctl.yaml".into(), "project: p\nversion: 1\n".into());
    texts.insert("connections.yaml".into(), connections.into());
    texts.extend(files.iter().map(|(path, text)| (path.to_string(), Arc::from(*text))));
    let (project, sources, found) = Project::from_files(&texts);
    assert_eq!(found, []);
    let effective = project.effective(None).unwrap();
    let compilation = compile(&project, &effective, sources, &Catalog::bundled());
    assert_eq!(compilation.findings, []);
    compilation
}

fn work(
    store: &Arc<SqliteStore>,
    fake: &Arc<Fake>,
    revisions: &Arc<Revisions>,
) -> (Executor, CancellationToken, JoinHandle<()>) {
    let connectors: Connectors = [(Text::from("d365"), fake.clone() as Arc<dyn Connector>)].into();
    let config = Config { grace: Duration::from_millis(100), ..Config::new("p") };
    let executor = Executor::new(store.clone(), revisions.clone(), connectors, config);
    let stop = CancellationToken::new();
    let working = tokio::spawn({
        let (executor, stop) = (executor.clone(), stop.clone());
        async move { executor.run(stop).await }
    });
    (executor, stop, working)
}

impl House {
    async fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        let revisions = Arc::new(Revisions::new(Arc::new(|_| Err("not needed".into()))));
        for flow in compiled(&[("parent.flow.yaml", PARENT), ("child.flow.yaml", CHILD)]).flows {
            let revision = Hash::of(flow.name.as_bytes());
            let kept = Revision {
                flow: flow.name.clone(),
                hash: revision,
                language_version: 1,
                sources: flow.revision.clone(),
                created_at: Timestamp::now(),
            };
            store.put_revision(kept).await.unwrap();
            revisions.set_live(Live { revision, graph: flow.graph.unwrap() });
        }
        let fake = Arc::new(Fake::default());
        let (executor, stop, working) = work(&store, &fake, &revisions);
        House { store, fake, revisions, executor, stop, working, _folder: folder }
    }

    async fn event(&self, id: &str, charge: &str) -> RunId {
        let body = format!(r#"{{"id":"{id}","created":1772440205,"data":{{"object":{{"id":"{charge}"}}}}}}"#);
        let event = NewEvent {
            connection: "shop".into(),
            provider_id: id.into(),
            kind: "charge.succeeded".into(),
            same: Hash::of(body.as_bytes()),
            body: body.clone().into_bytes(),
            delivery: "{}".into(),
            own: false,
            received_at: Timestamp::now(),
            problem: None,
            subjects: vec![],
        };
        let flow = self.revisions.live("parent").unwrap().graph;
        let run = door::ask(&flow, &json::parse(body.as_bytes()).unwrap(), &Value::Missing, id, false);
        let accepted = self.store.accept(event, vec![run]).await.unwrap();
        self.executor.wake();
        let AcceptOutcome::Kept(runs) = accepted.outcome else { panic!("{accepted:?}") };
        runs[0].id
    }

    async fn becomes(&self, run: RunId, state: RunState) -> LoadedRun {
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        loop {
            let loaded = self.store.load_run(run).await.unwrap().unwrap();
            if loaded.run.state == state {
                return loaded;
            }
            assert!(std::time::Instant::now() < deadline, "{:?} {:#?}", loaded.run, loaded.journal);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn children(&self) -> Vec<Run> {
        let filter = RunFilter { flow: Some("child".into()), ..RunFilter::default() };
        self.store.runs(filter, Page::first(9)).await.unwrap().items
    }

    async fn result(&self, run: RunId) -> String {
        let called = self.store.child(run).await.unwrap().unwrap();
        called.result.map(|value| value.as_str().to_owned()).unwrap_or_default()
    }
}

fn by() -> By {
    By { actor: "ada".into(), reason: "mended".into(), at: Timestamp::now() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_the_run_that_it_calls() {
    let house = House::new().await;
    let run = house.event("evt_1", "ch_1").await;
    house.becomes(run, RunState::Succeeded).await;
    assert_eq!(house.result(run).await, "\"succeeded SO-1 2026-03-02\"");
    let children = house.children().await;
    assert_eq!((children.len(), children[0].state), (1, RunState::Succeeded));
    // Another caller of the same work joins what is there.
    let other = house.event("evt_2", "ch_1").await;
    house.becomes(other, RunState::Succeeded).await;
    assert_eq!(house.result(other).await, "\"succeeded SO-1 2026-03-02\"");
    assert_eq!((house.children().await.len(), house.fake.sent.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_outlives_the_process() {
    let mut house = House::new().await;
    house.fake.holds.store(true, Ordering::SeqCst);
    let run = house.event("evt_1", "ch_1").await;
    house.fake.called.notified().await;
    house.becomes(run, RunState::Waiting).await;
    house.stop.cancel();
    (&mut house.working).await.unwrap();
    house.fake.holds.store(false, Ordering::SeqCst);
    (house.executor, house.stop, house.working) = work(&house.store, &house.fake, &house.revisions);
    house.becomes(run, RunState::Succeeded).await;
    assert_eq!(house.children().await.len(), 1);
    let keys = house.fake.keys.lock().unwrap().clone();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_called_run_in_the_dead_letters_fails_the_step_and_is_joined_when_it_is_mended() {
    let house = House::new().await;
    house.fake.refuses.store(true, Ordering::SeqCst);
    let run = house.event("evt_1", "ch_1").await;
    let error = house.becomes(run, RunState::DeadLetter).await.run.error.unwrap();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, "run_failed"));
    assert!(error.message.contains("told, to refuse"), "{}", error.message);
    let child = house.children().await[0].id;
    house.fake.refuses.store(false, Ordering::SeqCst);
    house.executor.replay(child, Replay::default(), None, by()).await.unwrap();
    house.becomes(child, RunState::Succeeded).await;
    house.executor.replay(run, Replay::default(), None, by()).await.unwrap();
    house.becomes(run, RunState::Succeeded).await;
    assert_eq!(house.children().await.len(), 1, "the same one");
    assert_eq!(house.fake.sent.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_is_gone_is_not_called() {
    let house = House::new().await;
    house.revisions.remove("child");
    let run = house.event("evt_1", "ch_1").await;
    let error = house.becomes(run, RunState::DeadLetter).await.run.error.unwrap();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Config, "not_callable"));
    assert_eq!(house.children().await.len(), 0);
}

const JOURNAL: &str = "flow: journal
trigger: { webhook: { connection: shop, events: [charge.succeeded] } }
steps:
  - id: line
    call:
      operation: finops.create
      entity: LedgerJournalLines
      body: '{ JournalBatchNumber = event.data.object.id, LineNumber = event.created }'
    retry: { initial: 10ms, jitter: 0 }
";

/// Takes its time, and counts how many are at work on one journal, and in all.
#[derive(Default)]
struct Counting {
    at_work: Mutex<BTreeMap<String, usize>>,
    most_of_one: AtomicUsize,
    most_in_all: AtomicUsize,
    done: AtomicUsize,
    lost: AtomicUsize,
}

impl Connector for Counting {
    fn send<'a>(&'a self, request: &'a Request, _: &'a Attempt<'a>) -> Reply<'a, Outcome> {
        Box::pin(async move {
            let body = request.body.clone().unwrap();
            let journal = body.get("JournalBatchNumber").as_text().unwrap().to_string();
            {
                let mut at_work = self.at_work.lock().unwrap();
                *at_work.entry(journal.clone()).or_default() += 1;
                self.most_of_one.fetch_max(at_work[&journal], Ordering::SeqCst);
                self.most_in_all.fetch_max(at_work.values().sum(), Ordering::SeqCst);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            *self.at_work.lock().unwrap().get_mut(&journal).unwrap() -= 1;
            if self.lost.load(Ordering::SeqCst) > 0 {
                self.lost.fetch_sub(1, Ordering::SeqCst);
                return Outcome::Failed(StepError::new(ErrorClass::Timeout, "timeout", "no answer"));
            }
            self.done.fetch_add(1, Ordering::SeqCst);
            let key = format!("{journal}/{:?}", body.get("LineNumber"));
            Outcome::Done(Row { value: body, key: Some(key.into()), status: Some(201) })
        })
    }

    fn look<'a>(&'a self, _: &'a Request, _: &'a Attempt<'a>) -> Reply<'a, LookOutcome> {
        Box::pin(async { LookOutcome::Found(vec![]) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_one_journal_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    let revisions = Arc::new(Revisions::new(Arc::new(|_| Err("not needed".into()))));
    let flow = compiled(&[("journal.flow.yaml", JOURNAL)]).flows.remove(0);
    revisions.set_live(Live { revision: Hash::of(b"journal"), graph: flow.graph.clone().unwrap() });
    let counting = Arc::new(Counting::default());
    counting.lost.store(5, Ordering::SeqCst);
    for n in 0..60 {
        let charge = ["00001", "00002", "00003"][n % 3];
        let body = format!(r#"{{"id":"evt_{n}","created":{n},"data":{{"object":{{"id":"{charge}"}}}}}}"#);
        let event = NewEvent {
            connection: "shop".into(),
            provider_id: format!("evt_{n}"),
            kind: "charge.succeeded".into(),
            same: Hash::of(body.as_bytes()),
            body: body.clone().into_bytes(),
            delivery: "{}".into(),
            own: false,
            received_at: Timestamp::now(),
            problem: None,
            subjects: vec![],
        };
        let value = json::parse(body.as_bytes()).unwrap();
        let run = door::ask(flow.graph.as_ref().unwrap(), &value, &Value::Missing, &format!("evt_{n}"), false);
        store.accept(event, vec![run]).await.unwrap();
    }
    let connectors: Connectors = [(Text::from("d365"), counting.clone() as Arc<dyn Connector>)].into();
    let executor = Executor::new(store.clone(), revisions, connectors, Config::new("p"));
    let stop = CancellationToken::new();
    let working = tokio::spawn({
        let stop = stop.clone();
        async move { executor.run(stop).await }
    });
    let filter = || RunFilter { states: vec![RunState::Succeeded], ..RunFilter::default() };
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while store.runs(filter(), Page::first(100)).await.unwrap().items.len() < 60 {
        assert!(std::time::Instant::now() < deadline, "{} are done", counting.done.load(Ordering::SeqCst));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    working.await.unwrap();
    assert_eq!(counting.most_of_one.load(Ordering::SeqCst), 1);
    assert!(counting.most_in_all.load(Ordering::SeqCst) > 1, "other journals go on");
}
