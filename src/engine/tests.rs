//! Runs driven against a real store and a connector that does as it is told.

mod approvals;
mod cached;
mod ended;

use super::connector::*;
use super::machine::{Replay, Verdict};
use super::testing::*;
use super::*;
use crate::graph::*;
use crate::store::*;
use crate::value::{Text, Value};
use jiff::Timestamp;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the connector does when it is asked to send.
enum Behaviour {
    Done(Value),
    Fail(ErrorClass),
    Hang,
    Panic,
}

type Behave = Box<dyn Fn(usize, &Request) -> Behaviour + Send + Sync>;

struct Fake {
    sent: Mutex<Vec<Request>>,
    looks: AtomicUsize,
    behave: Mutex<Behave>,
    found: Value,
    called: tokio::sync::Notify,
}

fn row(value: Value) -> Row {
    let number = value.get("number").as_text().cloned();
    Row { key: Some(number.unwrap_or("SO-1".into())), value, status: Some(201) }
}

impl Connector for Fake {
    fn send<'a>(&'a self, request: &'a Request, _: &'a Attempt<'a>) -> connector::Reply<'a, Outcome> {
        Box::pin(async move {
            let n = {
                let mut sent = self.sent.lock().unwrap();
                sent.push(request.clone());
                sent.len()
            };
            let behaviour = (self.behave.lock().unwrap())(n, request);
            self.called.notify_one();
            match behaviour {
                Behaviour::Done(value) => Outcome::Done(row(value)),
                Behaviour::Fail(class) => Outcome::Failed(StepError::new(class, "told", "to fail")),
                Behaviour::Hang => std::future::pending().await,
                Behaviour::Panic => panic!("told to"),
            }
        })
    }

    fn look<'a>(&'a self, _: &'a Request, _: &'a Attempt<'a>) -> connector::Reply<'a, LookOutcome> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { LookOutcome::Found(vec![row(self.found.clone())]) })
    }

    fn row_key(&self, _: &Request, _: &Attempt, found: &Value) -> Option<Text> {
        row(found.clone()).key
    }
}

/// A store in a folder of its own, a connector, and an executor at work.
struct House {
    store: Arc<SqliteStore>,
    fake: Arc<Fake>,
    revisions: Arc<Revisions>,
    executor: Executor,
    stop: CancellationToken,
    working: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

fn first() -> Hash {
    Hash::of(b"first")
}

impl House {
    async fn new(steps: Vec<Node>, behave: impl Fn(usize, &Request) -> Behaviour + Send + Sync + 'static) -> House {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        let graph = Arc::new(graph(steps));
        let again = graph.clone();
        let revisions = Arc::new(Revisions::new(Arc::new(move |_| Ok(again.clone()))));
        revisions.set_live(Live { revision: first(), graph });
        let revision = Revision {
            flow: "test".into(),
            hash: first(),
            language_version: 1,
            sources: vec![("a".into(), "b".into())],
            created_at: Timestamp::now(),
        };
        store.put_revision(revision).await.unwrap();
        let found = fields(&[("ref", text("CAP-1")), ("found", text("yes"))]);
        let fake = Arc::new(Fake {
            sent: Mutex::default(),
            looks: AtomicUsize::new(0),
            behave: Mutex::new(Box::new(behave)),
            found,
            called: tokio::sync::Notify::new(),
        });
        let (executor, stop, working) = work(&store, &fake, &revisions);
        House { store, fake, revisions, executor, stop, working, _folder: folder }
    }

    fn behave(&self, behave: impl Fn(usize, &Request) -> Behaviour + Send + Sync + 'static) {
        *self.fake.behave.lock().unwrap() = Box::new(behave);
    }

    async fn event(&self, id: &str) -> RunId {
        let body = format!(r#"{{"id":"{id}"}}"#).into_bytes();
        let event = NewEvent {
            connection: "paypal".into(),
            provider_id: id.into(),
            kind: "captured".into(),
            same: Hash::of(&body),
            body: body.clone(),
            delivery: r#"{"headers":{"a":"b"}}"#.into(),
            own: false,
            received_at: Timestamp::now(),
            problem: None,
            subjects: vec![],
        };
        let flow = self.revisions.live("test").unwrap().graph;
        let value = crate::value::json::parse(&body).unwrap();
        let headers = fields(&[("a", text("b"))]);
        let trigger = door::delivered(id, "captured", event.received_at, headers, text("paypal"), false);
        let run = door::ask(&flow, &value, &trigger, id, false);
        let seen = Seen { event: value, trigger };
        let accepted = self.executor.take_in(event, vec![run], seen).await.unwrap();
        let AcceptOutcome::Kept(runs) = accepted.outcome else { panic!("{accepted:?}") };
        runs[0].id
    }

    /// Waits until the run is in that state.
    async fn becomes(&self, run: RunId, state: RunState) -> LoadedRun {
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        loop {
            let loaded = self.store.load_run(run).await.unwrap().unwrap();
            if loaded.run.state == state {
                return loaded;
            }
            assert!(std::time::Instant::now() < deadline, "{:?} {:?}", loaded.run, loaded.journal);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The process goes away, with time for what is under way to finish or without, and another takes its place.
    async fn restart(&mut self) {
        self.stop.cancel();
        (&mut self.working).await.unwrap();
        (self.executor, self.stop, self.working) = work(&self.store, &self.fake, &self.revisions);
    }

    fn sent(&self) -> Vec<String> {
        self.fake
            .sent
            .lock()
            .unwrap()
            .iter()
            .map(|request| request.key.as_ref().map_or(String::new(), Text::to_string))
            .collect()
    }
}

fn work(
    store: &Arc<SqliteStore>,
    fake: &Arc<Fake>,
    revisions: &Arc<Revisions>,
) -> (Executor, CancellationToken, JoinHandle<()>) {
    let connectors = ["d365"].map(|name| (Text::from(name), fake.clone() as Arc<dyn Connector>));
    let config = Config { lease: Duration::from_secs(30), grace: Duration::from_millis(200), ..Config::new("contoso") };
    let executor = Executor::new(store.clone(), revisions.clone(), connectors.into(), config);
    let stop = CancellationToken::new();
    let working = tokio::spawn({
        let (executor, stop) = (executor.clone(), stop.clone());
        async move { executor.run(stop).await }
    });
    (executor, stop, working)
}

fn quick(mut node: Node) -> Node {
    node.retry = Retry { initial: Duration::from_millis(20), jitter: 0.0, ..Retry::default() };
    node
}

fn header(by: RepeatBy) -> Node {
    quick(create("header", record(vec![("ref", path("event.id"))]), repeat(by, 0)))
}

fn done(_: usize, _: &Request) -> Behaviour {
    Behaviour::Done(fields(&[("number", text("SO-1"))]))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_begun_at_once_sees_what_is_read_again_later() {
    let house = House::new(vec![header(RepeatBy::Header)], |_, _| Behaviour::Hang).await;
    while house.executor.room(1).await.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let run = house.event("CAP-1").await;
    let loaded = house.store.load_run(run).await.unwrap().unwrap();
    assert_eq!(loaded.run.state, RunState::Running, "nobody had to claim it");
    house.fake.called.notified().await;
    let received_at = Timestamp::from_microsecond(loaded.event.received_at.as_microsecond()).unwrap();
    let headers = fields(&[("a", text("b"))]);
    let trigger = door::delivered("CAP-1", "captured", received_at, headers, text("paypal"), false);
    assert_eq!(door::trigger(&loaded.event), trigger);
    // As many as there is room for; the others are claimed in their turn.
    // One of 64 is at work, and 512 may wait; while somebody claims, some of these are not to be had.
    let rooms = loop {
        match house.executor.room(575).await {
            Some(rooms) => break rooms,
            None => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    assert!(house.executor.room(1).await.is_none());
    let waits = house.event("CAP-2").await;
    assert_eq!(house.store.load_run(waits).await.unwrap().unwrap().run.state, RunState::Ready);
    drop(rooms);
    house.executor.wake();
    house.becomes(waits, RunState::Running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_event_is_run_to_its_end() {
    let house = House::new(vec![lookup("order", path("event.id")), header(RepeatBy::FindBy)], done).await;
    let run = house.event("CAP-1").await;
    let loaded = house.becomes(run, RunState::Succeeded).await;
    assert_eq!(loaded.run.revision, Some(first()));
    let kinds: Vec<_> = loaded.journal.iter().map(|entry| entry.record.kind()).collect();
    assert_eq!(kinds, ["accepted", "started", "intent", "result", "intent", "result"]);
    assert_eq!(house.sent().len(), 2);
    assert!(house.sent()[1].starts_with(&machine::key::own_prefix("contoso")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again_with_the_same_key() {
    let behave = |n, request: &Request| if n < 3 { Behaviour::Fail(ErrorClass::Throttled) } else { done(n, request) };
    let house = House::new(vec![header(RepeatBy::Header)], behave).await;
    let run = house.event("CAP-1").await;
    house.becomes(run, RunState::Succeeded).await;
    let sent = house.sent();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|key| *key == sent[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_in_a_crash_is_looked_for() {
    let mut house = House::new(vec![header(RepeatBy::FindBy), lookup("after", path("steps.header.found"))], |n, r| {
        if n == 1 { Behaviour::Hang } else { done(n, r) }
    })
    .await;
    let run = house.event("CAP-1").await;
    house.fake.called.notified().await;
    house.restart().await;
    let loaded = house.becomes(run, RunState::Succeeded).await;
    assert_eq!((house.sent().len(), house.fake.looks.load(Ordering::SeqCst)), (2, 1));
    let adopted = |entry: &JournalEntry| matches!(&entry.record, Record::Result(result) if result.adopted);
    assert!(loaded.journal.iter().any(adopted));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_may_finish_before_the_process_goes_and_nothing_more_is_sent() {
    let release = Arc::new(tokio::sync::Semaphore::new(0));
    struct Slow(Arc<tokio::sync::Semaphore>, Arc<tokio::sync::Notify>, AtomicUsize);
    impl Connector for Slow {
        fn send<'a>(&'a self, _: &'a Request, _: &'a Attempt<'a>) -> connector::Reply<'a, Outcome> {
            Box::pin(async move {
                self.2.fetch_add(1, Ordering::SeqCst);
                self.1.notify_one();
                self.0.acquire().await.unwrap().forget();
                Outcome::Done(Row::value(text("x")))
            })
        }
        fn look<'a>(&'a self, _: &'a Request, _: &'a Attempt<'a>) -> connector::Reply<'a, LookOutcome> {
            Box::pin(async { panic!("nothing is uncertain here") })
        }
    }
    let mut house = House::new(vec![header(RepeatBy::FindBy), lookup("after", path("event.id"))], done).await;
    let called = Arc::new(tokio::sync::Notify::new());
    let slow = Arc::new(Slow(release.clone(), called.clone(), AtomicUsize::new(0)));
    house.executor.set_connectors([(Text::from("d365"), slow.clone() as Arc<dyn Connector>)].into());
    let run = house.event("CAP-1").await;
    called.notified().await;
    house.stop.cancel();
    release.add_permits(1);
    (&mut house.working).await.unwrap();
    assert_eq!(slow.2.load(Ordering::SeqCst), 1, "the second step is not sent any more");
    let loaded = house.store.load_run(run).await.unwrap().unwrap();
    assert_eq!(loaded.run.state, RunState::Waiting);
    (house.executor, house.stop, house.working) = work(&house.store, &house.fake, &house.revisions);
    house.becomes(run, RunState::Succeeded).await;
    assert_eq!(house.sent().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_connector_is_an_uncertain_attempt() {
    let house = House::new(vec![header(RepeatBy::FindBy)], |_, _| Behaviour::Panic).await;
    let run = house.event("CAP-1").await;
    house.becomes(run, RunState::Succeeded).await;
    assert_eq!(house.fake.looks.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_belongs_to_one_run() {
    let house = House::new(vec![header(RepeatBy::FindBy)], done).await;
    let first = house.event("CAP-1").await;
    house.becomes(first, RunState::Succeeded).await;
    house.behave(|_, _| Behaviour::Fail(ErrorClass::Timeout));
    let second = house.event("CAP-2").await;
    let loaded = house.becomes(second, RunState::DeadLetter).await;
    let error = loaded.run.error.unwrap();
    assert_eq!(error.code, "key_taken");
    assert!(error.message.contains(&first.to_string()), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_finishes_on_the_revision_it_began_with() {
    let steps = vec![header(RepeatBy::Header), lookup("after", path("event.id"))];
    let house = House::new(steps, |_, _| Behaviour::Fail(ErrorClass::Throttled)).await;
    let run = house.event("CAP-1").await;
    house.fake.called.notified().await;
    let changed = Arc::new(graph(vec![lookup("other", path("event.nothing"))]));
    house.revisions.set_live(Live { revision: Hash::of(b"second"), graph: changed });
    house.behave(done);
    let loaded = house.becomes(run, RunState::Succeeded).await;
    assert_eq!(loaded.run.revision, Some(first()));
    let next = house.event("CAP-2").await;
    house.becomes(next, RunState::DeadLetter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_and_replays() {
    let steps = vec![header(RepeatBy::None), lookup("after", path("steps.header.number"))];
    let house = House::new(steps, |_, _| Behaviour::Fail(ErrorClass::Timeout)).await;
    let run = house.event("CAP-1").await;
    house.becomes(run, RunState::OutcomeUnknown).await;
    let alerts = house.store.alerts(AlertFilter::default(), Page::first(9)).await.unwrap();
    assert_eq!(alerts.items[0].code, "outcome_unknown");
    let by = || By { actor: "anna".into(), reason: "seen in Finance".into(), at: Timestamp::now() };
    let wrong = house.executor.decide(run, "after", Verdict::NotDone, by()).await;
    assert!(matches!(wrong, Err(CommandError::Refused(_))), "{wrong:?}");
    house.behave(|_, _| Behaviour::Fail(ErrorClass::Data));
    let seen = fields(&[("number", text("SO-7"))]);
    house.executor.decide(run, "header", Verdict::Done(seen), by()).await.unwrap();
    house.becomes(run, RunState::DeadLetter).await;
    house.behave(done);
    house.executor.replay(run, Replay::default(), None, by()).await.unwrap();
    house.becomes(run, RunState::Succeeded).await;
    assert_eq!(house.sent().len(), 3, "header, after, and after once more");
    while house.executor.active() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(house.executor.cancel(run, by()).await.is_err(), "it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_go_on_is_parked_with_the_reason() {
    let house = House::new(vec![header(RepeatBy::Header)], done).await;
    house.stop.cancel();
    let run = house.event("CAP-1").await;
    house.revisions.remove("test");
    let (executor, stop, _) = work(&house.store, &house.fake, &house.revisions);
    executor.wake();
    let loaded = house.becomes(run, RunState::Parked).await;
    assert!(loaded.run.reason.unwrap().contains("there is no flow `test` any more"));
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_share_few_places() {
    let house = House::new(vec![lookup("order", path("event.id")), header(RepeatBy::Header)], |_, request| {
        let reference = request.body.as_ref().map_or(Value::Missing, |body| body.get("ref").clone());
        Behaviour::Done(fields(&[("number", reference)]))
    })
    .await;
    let mut runs = Vec::new();
    for n in 0..150 {
        runs.push(house.event(&format!("CAP-{n}")).await);
    }
    for run in runs {
        house.becomes(run, RunState::Succeeded).await;
    }
    assert_eq!(house.sent().len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_worker_is_gone_is_taken_up_when_its_lease_is_over() {
    let mut house = House::new(vec![header(RepeatBy::Header)], done).await;
    house.stop.cancel();
    (&mut house.working).await.unwrap();
    let run = house.event("CAP-1").await;
    let now = Timestamp::now();
    let over = now + jiff::SignedDuration::from_millis(100);
    let gone = house.store.claim(now, over, 1).await.unwrap().remove(0);
    (house.executor, house.stop, house.working) = work(&house.store, &house.fake, &house.revisions);
    house.becomes(run, RunState::Succeeded).await;
    let late = house.store.append(gone.lease, vec![], RunUpdate::running(now)).await;
    assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_runs_may_change_one_row() {
    let house = House::new(vec![header(RepeatBy::Set)], done).await;
    for id in ["CAP-1", "CAP-2"] {
        let run = house.event(id).await;
        house.becomes(run, RunState::Succeeded).await;
    }
    assert_eq!(house.sent().len(), 2);
}

fn own(id: &str, operation: &str, params: Vec<(&str, Param)>) -> Node {
    let writes = !operation.ends_with(".get");
    let by = if writes { RepeatBy::Transaction } else { RepeatBy::Read };
    let operation = Operation { connection: "".into(), entity: None, ..operation_of(operation, writes, params, by) };
    step(id, if writes { NodeKind::Call(Box::new(operation)) } else { NodeKind::Lookup(Box::new(operation)) })
}

fn operation_of(name: &str, writes: bool, params: Vec<(&str, Param)>, by: RepeatBy) -> Operation {
    operation(name, writes, params, repeat(by, 0))
}

fn key() -> (&'static str, Param) {
    ("key", Param::Key(slot(path("event.id"))))
}

fn named(kind: &'static str) -> (&'static str, Param) {
    (kind, Param::Literal(text("one")))
}

fn value(code: crate::language::code::Code) -> (&'static str, Param) {
    ("value", Param::Slot(slot(code)))
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_totals_are_kept_and_read() {
    let steps = vec![
        own("tied", "links.put", vec![named("link"), key(), value(constant(text("C-1")))]),
        own("known", "links.get", vec![named("link"), key()]),
        own("spent", "totals.add", vec![named("total"), key(), value(constant(Value::from(12)))]),
        own("sum", "totals.get", vec![named("total"), key()]),
        own("untied", "links.delete", vec![named("link"), key()]),
        own("gone", "links.get", vec![named("link"), key()]),
    ];
    let house = House::new(steps, done).await;
    let run = house.event("P-1").await;
    let loaded = house.becomes(run, RunState::DeadLetter).await;
    let error = loaded.run.error.unwrap();
    assert_eq!(
        (error.step.as_deref(), error.code.as_str(), error.class),
        (Some("gone"), "not_found", ErrorClass::Data)
    );
    let gave = |node: &str| {
        let results =
            loaded.journal.iter().filter(|entry| entry.node == node).filter_map(|entry| match &entry.record {
                Record::Result(result) => Some(result.value.as_str().to_owned()),
                _ => None,
            });
        results.collect::<Vec<_>>()
    };
    assert_eq!(gave("known"), [r#""C-1""#]);
    assert_eq!(gave("sum"), ["12"]);
    assert_eq!(house.sent(), Vec::<String>::new(), "no system is asked");

    // From the start again: what is done stays done. "Again" on a step lets it count once more in its place.
    let by = || By { actor: "anna".into(), reason: "mended".into(), at: Timestamp::now() };
    let total = async || house.store.total("one".into(), "P-1".into()).await.unwrap().unwrap().to_string();
    for again in [vec![], vec![machine::NodePath::new("spent")]] {
        house
            .executor
            .replay(run, Replay { from: machine::From::Start, again, ..Replay::default() }, None, by())
            .await
            .unwrap();
        house.becomes(run, RunState::DeadLetter).await;
        assert_eq!(total().await, "12");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_an_error_of_the_data() {
    for (what, code) in [
        (own("a", "links.put", vec![named("link"), key(), value(constant(text(" ")))]), "keep"),
        (own("a", "links.put", vec![named("link"), key(), value(constant(Value::from(1)))]), "keep"),
        (own("a", "links.put", vec![named("link"), key(), value(constant(text(&"x".repeat(10_001))))]), "keep"),
        (own("a", "totals.add", vec![named("total"), key(), value(constant(text("1")))]), "keep"),
        (
            own(
                "a",
                "links.put",
                vec![named("link"), ("key", Param::Key(slot(path("run.started_at")))), value(constant(text("x")))],
            ),
            "",
        ),
        (own("a", "links.get", vec![named("link"), ("key", Param::Key(slot(path("event.gone"))))]), "absent"),
    ] {
        let house = House::new(vec![what], done).await;
        let run = house.event("P-1").await;
        if code.is_empty() {
            house.becomes(run, RunState::Succeeded).await;
            continue;
        }
        let error = house.becomes(run, RunState::DeadLetter).await.run.error.unwrap();
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, code), "{}", error.message);
    }
}
