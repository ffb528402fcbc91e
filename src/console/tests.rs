//! The API over real HTTP, against a real store.

use super::*;
use crate::diagnostics::{Code, Diagnostic};
use crate::store::conformance::{claim, event, noon, result, run};
use crate::store::journal::{Intent, Record};
use crate::store::{AcceptOutcome, By, Encoded, JournalEntry, NewAlert, NewEvent, Next, RunUpdate, SqliteStore};
use crate::store::{RunId, Start};
use crate::value::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

const BODY: &str =
    r#"{"id":"evt_1","amount":10.50,"customer":{"email":"ada@example.com","name":"Ada","country":"GB"}}"#;

#[derive(Default)]
struct Runtime {
    refuses: AtomicBool,
    store: std::sync::Mutex<Option<Arc<SqliteStore>>>,
}

impl Runtime {
    fn findings(&self) -> Findings {
        let mut sources = Sources::default();
        let file = sources.add("orders.flow.yaml", "flow: orders\nsteps: x\n");
        let span = crate::diagnostics::Span::new(file, 20, 21);
        Findings { findings: vec![Diagnostic::error(Code::F0301, "steps is a list", span)], sources: Arc::new(sources) }
    }
}

impl Control for Runtime {
    fn flows(&self) -> Vec<FlowStatus> {
        let refused = self.refuses.load(Ordering::SeqCst);
        vec![FlowStatus {
            flow: "orders".to_owned(),
            revision: Some(Hash::of(b"1")),
            activated_at: Some(noon()),
            instead_of: None,
            problem: refused.then(|| Refused { at: noon(), findings: self.findings() }),
        }]
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = ReloadReport> + Send + '_>> {
        Box::pin(async {
            let applied = !self.refuses.load(Ordering::SeqCst);
            let findings = if applied { Findings::default() } else { self.findings() };
            ReloadReport { applied, changed: vec![], removed: vec![], flows: self.flows(), findings }
        })
    }

    fn backfill(&self, flow: String, from: jiff::Timestamp, to: jiff::Timestamp, by: By) -> Found<'_> {
        Box::pin(async move {
            assert_eq!((by.actor.as_str(), by.reason.as_str()), ("ada", "a gap"));
            match flow.as_str() {
                "orders" if from < to => Ok(Backfilled { listed: 3, new: 1, runs: 2, not_before: None }),
                "orders" => Err(NoBackfill::Refused("`from` has to be before `to`".into())),
                _ => Err(NoBackfill::Store(StoreError::NotFound(format!("flow {flow}")))),
            }
        })
    }

    fn operate(&self, run: RunId, operation: operate::Operation, _: By) -> Answer<'_, Resumed> {
        Box::pin(async move {
            match operation {
                operate::Operation::Release => Err(NotDone::Refused("it holds no key".into())),
                _ => Ok(Resumed { run, state: crate::store::RunState::Ready }),
            }
        })
    }

    fn preview(&self, run: RunId, _: Replay, _: Which) -> Answer<'_, Preview> {
        let store = self.store.lock().unwrap().clone();
        Box::pin(async move {
            let loaded = store.unwrap().load_run(run).await?;
            let run = loaded.ok_or_else(|| StoreError::NotFound(format!("run {run}")))?.run;
            let refused = (run.flow == "other").then(|| "not that one".to_owned());
            Ok(Preview { revision: run.revision, run, door: false, refused, steps: vec![] })
        })
    }

    fn replay_event(&self, event: crate::store::EventId, _: Option<By>) -> Answer<'_, Door> {
        Box::pin(std::future::ready(Err(NotDone::Refused(format!("event {event} has its runs already")))))
    }

    fn activate(&self, revision: Hash, _: By) -> Answer<'_, FlowStatus> {
        let status = FlowStatus { revision: Some(revision), ..self.flows().remove(0) };
        Box::pin(std::future::ready(Ok(status)))
    }

    fn graph(&self, _: String, revision: Hash) -> Answer<'_, Arc<ExecutionGraph>> {
        Box::pin(std::future::ready(Err(NotDone::Refused(format!("no graph of {revision}")))))
    }
}

struct Running {
    _folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    runtime: Arc<Runtime>,
    address: SocketAddr,
    client: reqwest::Client,
    _stop: tokio_util::sync::DropGuard,
}

impl Running {
    async fn start() -> Running {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        let runtime = Arc::new(Runtime::default());
        *runtime.store.lock().unwrap() = Some(store.clone());
        let bound = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, stop) = (bound.address(), CancellationToken::new());
        let metrics = Arc::new(Metrics::new());
        metrics.reload(true);
        let console = Console { store: store.clone(), control: runtime.clone(), metrics };
        tokio::spawn(serve(bound, console, stop.clone()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Running { _folder: folder, store, runtime, address, client, _stop: stop.drop_guard() }
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        self.ask(self.client.get(format!("http://{}{path}", self.address))).await
    }

    async fn read(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        json::parse(body.as_bytes()).unwrap()
    }

    /// A run that sent something and was answered.
    async fn run(&self) -> RunId {
        let accepted = self.store.accept(event("evt_1", BODY), vec![run("orders", "evt_1")]).await.unwrap();
        let AcceptOutcome::Kept(runs) = accepted.outcome else { panic!("not kept") };
        let lease = claim(&*self.store).await.remove(0).lease;
        let request = r#"{"params":[{"name":"entity","value":"CustomersV3"},{"name":"email","value":"ada@example.com"}],"body":{"OrganizationName":"Ada Ltd","SalesPrice":1.10}}"#;
        let intent = Record::Intent(Intent {
            now: noon(),
            operation: "finops.create".to_owned(),
            connection: Some("d365".to_owned()),
            key: Some("flowctl-0-1".to_owned()),
            first_sent: noon(),
            request: Encoded::new(request.to_owned()).unwrap(),
            find_by: None,
        });
        let node = "lines/SKU-1/created".to_owned();
        let intent = JournalEntry { seq: 1, node, generation: 0, attempt: 1, record: intent, at: noon() };
        let answer = result(2, "lines/SKU-1/created", r#"{"Number":"SO-1","LineAmount":21.00}"#);
        self.store.append(lease, vec![intent, answer], RunUpdate::to(Next::Succeeded, noon())).await.unwrap();
        runs[0].id
    }
}

fn texts(list: &Value, name: &str) -> Vec<String> {
    list.get("items").as_list().unwrap().iter().map(|item| item.get(name).as_text().unwrap().to_string()).collect()
}

#[tokio::test]
async fn a_run_is_shown_with_its_journal_amounts_verbatim_and_persons_masked() {
    let running = Running::start().await;
    let id = running.run().await;
    let (status, body) = running.get(&format!("/api/runs/{id}")).await;
    assert_eq!(status, 200);
    for part in [
        r#""state":"succeeded""#,
        r#""payload":{"id":"evt_1","amount":10.50,"customer":{"email":"•••","name":"•••","country":"GB"}}"#,
        r#""params":{"entity":"CustomersV3","email":"•••"},"body":{"OrganizationName":"•••","SalesPrice":1.10}"#,
        r#""node":"lines/SKU-1/created","generation":0,"attempt":1,"kind":"result""#,
        r#""LineAmount":21.00"#,
        r#""dedupe":"evt_1""#,
        r#""provider_id":"evt_1""#,
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
    assert!(!body.contains("ada@example.com") && !body.contains("Ada"), "{body}");
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let running = Running::start().await;
    for n in 0..3 {
        let id = format!("evt_{n}");
        running.store.accept(event(&id, &id), vec![run("orders", &id), run("other", &id)]).await.unwrap();
    }
    let all = running.read("/api/runs").await;
    assert_eq!(texts(&all, "flow").len(), 6);
    let first = running.read("/api/runs?flow=orders&state=ready,waiting&limit=2").await;
    assert_eq!(texts(&first, "flow"), ["orders", "orders"]);
    let next = first.get("next").as_text().unwrap();
    let rest = running.read(&format!("/api/runs?flow=orders&limit=2&after={next}")).await;
    assert_eq!(texts(&rest, "flow"), ["orders"]);
    assert!(rest.get("next").is_absent());
    assert_eq!(texts(&running.read("/api/runs?state=stopped").await, "flow"), Vec::<String>::new());
    assert_eq!(texts(&running.read("/api/events?provider_id=evt_1").await, "provider_id"), ["evt_1"]);
}

#[tokio::test]
async fn dead_letters_are_runs_that_failed_and_events_that_cannot_be_read() {
    let running = Running::start().await;
    let error = serde_json::from_str(
        r#"{"class":"data","code":"absent","message":"card 4242424242424242 is refused","body":{"email":"a@b.c","amount":1.0}}"#,
    );
    let failed = crate::store::NewRun { start: Start::Failed(error.unwrap()), ..run("orders", "1") };
    running.store.accept(event("evt_1", "{}"), vec![failed]).await.unwrap();
    let broken = NewEvent { problem: Some("the body is not JSON".to_owned()), ..event("evt_2", "{") };
    running.store.accept(broken, vec![]).await.unwrap();
    let dead = running.read("/api/dead-letters").await;
    assert_eq!(texts(&dead, "state"), ["dead_letter"]);
    assert_eq!(texts(dead.get("events"), "provider_id"), ["evt_2"]);
    let (_, text) = running.get("/api/dead-letters").await;
    assert!(text.contains(r#""message":"card •••4242 is refused","body":{"email":"•••","amount":1.0}"#), "{text}");
}

#[tokio::test]
async fn wrong_requests_say_what_is_wrong() {
    let running = Running::start().await;
    for (path, status, says) in [
        ("/api/runs/nonsense", 400, "not the id of a run"),
        ("/api/runs/0190163d-8694-739b-aea5-966c26f8ad91", 404, "there is no run"),
        ("/api/runs?state=done", 400, "not a state of runs"),
        ("/api/runs?sate=ready", 400, "did you mean `state`"),
        ("/api/runs?limit=0", 400, "from 1 to 200"),
        ("/api/runs?limit=201", 400, "from 1 to 200"),
        ("/api/runs?limit=many", 400, "`limit`"),
        ("/api/runs?after=nowhere", 400, "not a place"),
        ("/api/runs?flow=a&flow=b", 400, "twice"),
        ("/api/events?state=open", 400, "not a state of events"),
        ("/api/alerts?open=perhaps", 400, "`open`"),
        ("/api/nothing", 404, "nothing at this path"),
        ("/api/reload", 405, "does not take that method"),
    ] {
        let (got, body) = running.get(path).await;
        assert_eq!(got, status, "{path}: {body}");
        let body = json::parse(body.as_bytes()).unwrap();
        let message = body.get("error").get("message").as_text().unwrap().to_string();
        assert!(message.contains(says), "{path}: {message}");
        assert!(body.get("error").get("code").as_text().is_some());
    }
}

#[tokio::test]
async fn a_reload_answers_with_what_is_live_and_with_findings_when_refused() {
    let running = Running::start().await;
    let url = format!("http://{}/api/reload", running.address);
    let (status, body) = running.ask(running.client.post(&url)).await;
    assert_eq!(status, 200);
    assert!(body.contains(r#""flow":"orders""#) && body.contains(r#""findings":[]"#), "{body}");
    running.runtime.refuses.store(true, Ordering::SeqCst);
    let (status, body) = running.ask(running.client.post(&url)).await;
    assert_eq!(status, 409);
    let body = json::parse(body.as_bytes()).unwrap();
    assert_eq!(body.get("error").get("code"), &Value::from("reload_refused"));
    let finding = &body.get("findings").as_list().unwrap()[0];
    assert_eq!((finding.get("code"), finding.get("line")), (&Value::from("F0301"), &Value::from(2)));
    let flows = running.read("/api/flows").await;
    let problem = flows.get("items").as_list().unwrap()[0].get("problem").clone();
    assert_eq!(problem.get("findings").as_list().map(<[_]>::len), Some(1));
}

#[tokio::test]
async fn pages_of_the_web_cannot_reach_it() {
    let running = Running::start().await;
    let url = |path: &str| format!("http://{}{path}", running.address);
    let rebound = running.client.get(url("/api/runs")).header("Host", "evil.example:8081");
    assert_eq!(running.ask(rebound).await.0, 403);
    let named = running.client.get(url("/api/runs")).header("Host", "localhost:9000");
    assert_eq!(running.ask(named).await.0, 200, "a forwarded port");
    let foreign = running.client.post(url("/api/reload")).header("Origin", "https://evil.example");
    assert_eq!(running.ask(foreign).await.0, 403);
    let own = running.client.post(url("/api/reload")).header("Origin", url(""));
    assert_eq!(running.ask(own).await.0, 200);
}

#[tokio::test]
async fn alerts_audit_metrics_and_health() {
    let running = Running::start().await;
    let alert = NewAlert {
        flow: Some("orders".to_owned()),
        run: None,
        severity: crate::graph::Severity::Warning,
        code: "key_blocked".to_owned(),
        title: "A key is blocked".to_owned(),
        detail: None,
    };
    let id = running.store.raise(alert, noon()).await.unwrap();
    assert_eq!(texts(&running.read("/api/alerts?open=true").await, "severity"), ["warning"]);
    let by = By { actor: "ada".to_owned(), reason: "seen".to_owned(), at: noon() };
    running.store.close_alert(id, by).await.unwrap();
    assert_eq!(texts(&running.read("/api/alerts?open=true").await, "code"), Vec::<String>::new());
    assert_eq!(texts(&running.read("/api/audit").await, "actor"), ["ada"]);
    let (status, metrics) = running.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("flowctl_reloads_total{result=\"applied\"} 1"), "{metrics}");
    assert_eq!(running.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn it_listens_on_this_machine_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8081", "[::ffff:192.0.2.1]:8081"] {
        let error = bind(address.parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, BindError::NotLoopback { .. }), "{address}");
        assert!(error.to_string().contains("loopback") && error.code() == Code::F0621);
    }
}

#[tokio::test]
async fn an_operators_wish_is_read_strictly_and_a_refusal_is_a_conflict() {
    let running = Running::start().await;
    let id = running.run().await;
    let wish = |what: &str, body: &'static str| {
        let url = format!("http://{}/api/runs/{id}/{what}", running.address);
        running.ask(running.client.post(url).body(body))
    };
    let (status, body) = wish("release", r#"{"actor":"ada","reason":"now"}"#).await;
    assert_eq!((status, body.contains("it holds no key")), (409, true), "{body}");
    assert_eq!(wish("replay", r#"{"actor":"ada","reason":"now","from":"failed","revision":"old"}"#).await.0, 200);
    for (what, body) in [
        ("replay", r#"{"actor":"ada"}"#),
        ("replay", r#"{"actor":" ","reason":"now"}"#),
        ("replay", r#"{"actor":"ada","reason":"now","revision":"newest"}"#),
        ("release", r#"{"actor":"ada","reason":"now","force":true}"#),
        ("decide", r#"{"actor":"ada","reason":"now","step":"a","verdict":"stop","row":{}}"#),
        ("decide", "not JSON"),
    ] {
        assert_eq!(wish(what, body).await.0, 400, "{what} {body}");
    }
}

#[tokio::test]
async fn a_backfill_has_an_actor_a_reason_and_a_time() {
    let running = Running::start().await;
    let fill = async |flow: &str, body: &str| {
        let url = format!("http://{}/api/flows/{flow}/backfill", running.address);
        running.ask(running.client.post(url).body(body.to_owned())).await
    };
    let whole = r#"{"actor":"ada","reason":"a gap","from":"2026-03-01T00:00:00Z","to":"2026-03-02T00:00:00Z"}"#;
    assert_eq!(fill("orders", whole).await, (200, r#"{"listed":3,"new":1,"runs":2}"#.to_owned()));
    let open = r#"{"actor":"ada","reason":"a gap","from":"2026-03-01T00:00:00Z"}"#;
    assert_eq!(fill("orders", open).await.0, 200, "until now");
    assert_eq!(fill("nothing", whole).await.0, 404);
    for (body, status) in [
        (r#"{"actor":"ada","reason":"a gap","from":"2026-03-03T00:00:00Z","to":"2026-03-02T00:00:00Z"}"#, 409),
        (r#"{"actor":"ada","reason":"a gap","from":"yesterday"}"#, 400),
        (r#"{"actor":"ada","reason":" ","from":"2026-03-01T00:00:00Z"}"#, 400),
        (r#"{"actor":"ada","from":"2026-03-01T00:00:00Z"}"#, 400),
    ] {
        assert_eq!(fill("orders", body).await.0, status, "{body}");
    }
}

#[tokio::test]
async fn what_persons_are_asked_is_listed_and_answered() {
    let running = Running::start().await;
    let event = event("evt_1", BODY);
    running.store.accept(event, vec![run("orders", "1")]).await.unwrap();
    let lease = claim(&*running.store).await[0].lease;
    let mut update = RunUpdate::to(Next::Waiting { due: noon() }, noon());
    update.approvals.push(crate::store::ApprovalChange::Asked {
        node: "approval".to_owned(),
        request: r#"{"title":"Pay","items":[{"key":"L-1","row":{"amount":10.50}}]}"#.to_owned(),
        expires_at: Some(noon()),
    });
    running.store.append(lease, vec![], update).await.unwrap();
    let (status, body) = running.get("/api/approvals?state=pending").await;
    assert_eq!(status, 200);
    assert!(body.contains(r#""step":"approval","state":"pending""#), "{body}");
    assert!(body.contains(r#"{"key":"L-1","row":{"amount":10.50}}"#), "amounts as they are: {body}");
    assert!(running.get("/api/approvals?state=open").await.0 == 400);
    let url = format!("http://{}/api/runs/{}/approve", running.address, lease.run);
    for (body, status) in [
        (r#"{"actor":"ada","reason":"ok","step":"approval","verdict":"approved","without":["L-1"]}"#, 200),
        (r#"{"actor":"ada","reason":"no","step":"approval","verdict":"rejected"}"#, 200),
        (r#"{"actor":"ada","reason":"no","step":"approval","verdict":"rejected","without":["L-1"]}"#, 400),
        (r#"{"actor":"ada","reason":"ok","step":"approval","verdict":"yes"}"#, 400),
        (r#"{"actor":"ada","reason":" ","step":"approval","verdict":"approved"}"#, 400),
        (r#"{"actor":"ada","step":"approval","verdict":"approved"}"#, 400),
    ] {
        assert_eq!(running.ask(running.client.post(&url).body(body)).await.0, status, "{body}");
    }
}
