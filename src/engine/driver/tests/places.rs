//! `one_at_a_time`: writes of one journal wait for each other, also past a restart.

use super::*;
use std::time::Instant;

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

async fn accept(store: &SqliteStore, graph: &crate::graph::ExecutionGraph, n: usize, journal: &str) {
    let body = format!(r#"{{"id":"evt_{n}","created":{n},"data":{{"object":{{"id":"{journal}"}}}}}}"#);
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
    let run = door::ask(graph, &value, &Value::Missing, &format!("evt_{n}"), false);
    store.accept(event, vec![run]).await.unwrap();
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
        accept(&store, flow.graph.as_ref().unwrap(), n, charge).await;
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

/// Answers nothing while it holds; knows when which line was sent.
#[derive(Default)]
struct Holding {
    holds: AtomicBool,
    sent: Mutex<Vec<(String, Instant)>>,
    called: Notify,
    release: Notify,
}

impl Holding {
    fn one_more(&self) {
        self.release.notify_one();
    }

    fn go_on(&self) {
        self.holds.store(false, Ordering::SeqCst);
        self.release.notify_one();
    }
}

impl Connector for Holding {
    fn send<'a>(&'a self, request: &'a Request, _: &'a Attempt<'a>) -> Reply<'a, Outcome> {
        Box::pin(async move {
            let body = request.body.clone().unwrap();
            let line = json::write(body.get("LineNumber")).unwrap();
            self.sent.lock().unwrap().push((line.clone(), Instant::now()));
            self.called.notify_one();
            if self.holds.load(Ordering::SeqCst) {
                self.release.notified().await;
            }
            Outcome::Done(Row { value: body, key: Some(line.into()), status: Some(201) })
        })
    }

    fn look<'a>(&'a self, _: &'a Request, _: &'a Attempt<'a>) -> Reply<'a, LookOutcome> {
        Box::pin(async { LookOutcome::Found(vec![]) })
    }
}

/// Runs of one journal, the first of them under way and held there.
struct Queue {
    store: Arc<SqliteStore>,
    holding: Arc<Holding>,
    executor: Executor,
    graph: Arc<crate::graph::ExecutionGraph>,
    stop: CancellationToken,
    working: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Queue {
    async fn new(config: Config) -> Queue {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        let revisions = Arc::new(Revisions::new(Arc::new(|_| Err("not needed".into()))));
        let flow = compiled(&[("journal.flow.yaml", JOURNAL)]).flows.remove(0);
        let graph = flow.graph.clone().unwrap();
        revisions.set_live(Live { revision: Hash::of(b"journal"), graph: graph.clone() });
        let holding = Arc::new(Holding::default());
        holding.holds.store(true, Ordering::SeqCst);
        let connectors: Connectors = [(Text::from("d365"), holding.clone() as Arc<dyn Connector>)].into();
        let executor = Executor::new(store.clone(), revisions, connectors, config);
        let stop = CancellationToken::new();
        let working = tokio::spawn({
            let (executor, stop) = (executor.clone(), stop.clone());
            async move { executor.run(stop).await }
        });
        let queue = Queue { store, holding, executor, graph, stop, working, _folder: folder };
        queue.accept(1).await;
        queue.holding.called.notified().await;
        queue
    }

    async fn accept(&self, n: usize) {
        accept(&self.store, &self.graph, n, "00001").await;
        self.executor.wake();
    }

    /// The runs of a state, the first accepted first, once there are so many.
    async fn are(&self, state: RunState, many: usize) -> Vec<RunId> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let filter = RunFilter { states: vec![state], ..RunFilter::default() };
            let runs = self.store.runs(filter, Page::first(100)).await.unwrap().items;
            if runs.len() == many {
                return runs.iter().rev().map(|run| run.id).collect();
            }
            assert!(Instant::now() < deadline, "{} of {many} are {state}", runs.len());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn lines(&self) -> Vec<String> {
        self.holding.sent.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }

    async fn end(self) {
        self.stop.cancel();
        self.working.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_ended_while_he_waits_for_a_place_sends_nothing() {
    let queue = Queue::new(Config::new("p")).await;
    queue.accept(2).await;
    let waiting = queue.are(RunState::Running, 2).await[1];
    let by = By { actor: "ada".into(), reason: "not any more".into(), at: Timestamp::now() };
    queue.executor.cancel(waiting, by).await.unwrap();
    assert_eq!(queue.are(RunState::Stopped, 1).await, [waiting], "while the place is held");
    queue.accept(3).await;
    queue.are(RunState::Running, 2).await;
    queue.holding.go_on();
    queue.are(RunState::Succeeded, 2).await;
    assert_eq!(queue.lines(), ["1", "3"]);
    let journal = queue.store.load_run(waiting).await.unwrap().unwrap().journal;
    assert!(!journal.iter().any(|entry| matches!(entry.record, Record::Intent(_))), "{journal:?}");
    queue.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_in_between_comes_back_to_his_turn() {
    let queue = Queue::new(Config { patience: Duration::from_millis(800), ..Config::new("p") }).await;
    queue.accept(2).await;
    // The second has waited long enough and is away; the third comes meanwhile.
    let away = queue.are(RunState::Waiting, 1).await;
    queue.accept(3).await;
    queue.are(RunState::Running, 2).await;
    queue.are(RunState::Running, 3).await;
    while queue.executor.inner.places.waiting() < 2 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    queue.holding.one_more();
    assert_eq!(queue.are(RunState::Succeeded, 1).await.len(), 1);
    queue.holding.one_more();
    assert_eq!(queue.are(RunState::Succeeded, 2).await[1], away[0]);
    queue.holding.go_on();
    queue.are(RunState::Succeeded, 3).await;
    assert_eq!(queue.lines(), ["1", "2", "3"]);
    queue.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_write_of_the_last_process_has_its_place_until_it_has_settled() {
    const SETTLE: Duration = Duration::from_millis(1500);
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    let revisions = Arc::new(Revisions::new(Arc::new(|_| Err("not needed".into()))));
    let flow = settling("1500ms", &[("journal.flow.yaml", JOURNAL)]).flows.remove(0);
    let graph = flow.graph.clone().unwrap();
    revisions.set_live(Live { revision: Hash::of(b"journal"), graph: graph.clone() });
    let holding = Arc::new(Holding::default());
    let process = || {
        let connectors: Connectors = [(Text::from("d365"), holding.clone() as Arc<dyn Connector>)].into();
        let config = Config { grace: Duration::from_millis(50), ..Config::new("p") };
        let executor = Executor::new(store.clone(), revisions.clone(), connectors, config);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let wake = executor.clone();
        (stop, tokio::spawn(async move { executor.run(stopped).await }), wake)
    };
    holding.holds.store(true, Ordering::SeqCst);
    accept(&store, &graph, 1, "00001").await;
    let (stop, working, wake) = process();
    holding.called.notified().await;
    // Another one waits for its turn: nothing says that it has begun.
    accept(&store, &graph, 2, "00001").await;
    wake.wake();
    let at_work = RunFilter { states: vec![RunState::Running], ..RunFilter::default() };
    while store.runs(at_work.clone(), Page::first(9)).await.unwrap().items.len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.cancel();
    working.await.unwrap();
    let waiting = RunFilter { states: vec![RunState::Waiting], ..RunFilter::default() };
    let waiting = store.runs(waiting, Page::first(9)).await.unwrap().items;
    assert_eq!(waiting.len(), 2, "both are given back");
    let mut begun = vec![];
    for run in &waiting {
        let journal = store.load_run(run.id).await.unwrap().unwrap().journal;
        begun.push(journal.iter().filter(|entry| matches!(entry.record, Record::Intent(_))).count());
    }
    assert_eq!(begun, [0, 1], "the latest first: it has not begun");

    holding.holds.store(false, Ordering::SeqCst);
    accept(&store, &graph, 3, "00002").await;
    let begun = Instant::now();
    let (stop, working, _) = process();
    let filter = || RunFilter { states: vec![RunState::Succeeded], ..RunFilter::default() };
    while store.runs(filter(), Page::first(9)).await.unwrap().items.len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", holding.sent.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    working.await.unwrap();
    let sent = holding.sent.lock().unwrap().clone();
    let first = |line: &str| sent[1..].iter().find(|(sent, _)| sent == line).expect("sent").1;
    for line in ["1", "2"] {
        assert!(first(line) - begun >= SETTLE, "F&O may still be working on the journal: {sent:?}");
    }
    assert!(first("3") < first("2"), "another journal goes on: {sent:?}");
}
