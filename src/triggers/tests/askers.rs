use super::*;
use crate::engine::connector::{
    Attempt, Connector, EvaluatedFilter, LookOutcome, Outcome, Parameter, Reply, Request, Row, StepError,
};
use crate::engine::{Live, Revisions};
use crate::graph::project::compile;
use crate::graph::{ErrorClass, TriggerKind};
use crate::model::Project;
use crate::store::{AlertFilter, By, EventFilter, EventState, Hash, Page, Revision, RunFilter, RunState, SqliteStore};
use crate::telemetry::Metrics;
use crate::triggers::askers::{Askers, Trouble};
use crate::triggers::server::Routes;
use crate::triggers::{files, poll, reconcile, schedule};
use crate::value::{Text, json, time};
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A system with rows of orders and past events, that can be told to fail.
#[derive(Default)]
pub(super) struct System {
    /// What `dataverse.changes` gives next.
    pub pages: Mutex<Vec<Value>>,
    rows: Mutex<Vec<(String, String)>>,
    events: Mutex<Vec<Value>>,
    asked: Mutex<Vec<Request>>,
    fails: AtomicBool,
}

impl System {
    fn row(&self, number: &str, at: &str) {
        self.rows.lock().unwrap().push((number.to_owned(), at.to_owned()));
    }

    /// The rows that meet a condition on the time, which is all that these tests ask.
    fn orders(&self, request: &Request) -> Vec<Value> {
        let mut from = None;
        let mut limit = usize::MAX;
        for (name, param) in &request.params {
            match (name.as_str(), param) {
                ("where", Parameter::Filter(EvaluatedFilter::And(parts))) => {
                    for part in parts {
                        if let EvaluatedFilter::Compare { value: Value::Time(at), .. } = part {
                            from = Some(*at);
                        }
                    }
                }
                ("limit", Parameter::Value(Value::Number(n))) => {
                    limit = usize::try_from(n.exact().unwrap().to_i64().unwrap()).unwrap();
                }
                _ => {}
            }
        }
        let from = from.expect("a poll says from where on");
        let mut rows: Vec<_> = self.rows.lock().unwrap().clone();
        rows.retain(|(_, at)| time::parse_time(at).unwrap() >= from);
        rows.sort_by(|a, b| a.1.cmp(&b.1));
        rows.truncate(limit);
        let row = |(number, at): (String, String)| {
            json::parse(format!(r#"{{"dataAreaId":"usmf","SalesOrderNumber":"{number}","OrderCreationDateTime":"{at}","OrderTotalAmount":1.10}}"#).as_bytes()).unwrap()
        };
        rows.into_iter().map(row).collect()
    }
}

impl Connector for System {
    fn send<'a>(&'a self, request: &'a Request, _: &'a Attempt<'a>) -> Reply<'a, Outcome> {
        self.asked.lock().unwrap().push(request.clone());
        let outcome = if self.fails.load(Ordering::SeqCst) {
            Outcome::Failed(StepError::new(ErrorClass::Unavailable, "down", "told to fail"))
        } else if request.operation == Text::from("dataverse.changes") {
            Outcome::Done(Row::value(self.pages.lock().unwrap().remove(0)))
        } else if request.operation == Text::from("stripe.events.list") {
            Outcome::Done(Row::value(Value::from(self.events.lock().unwrap().clone())))
        } else {
            Outcome::Done(Row::value(Value::from(self.orders(request))))
        };
        Box::pin(std::future::ready(outcome))
    }

    fn look<'a>(&'a self, _: &'a Request, _: &'a Attempt<'a>) -> Reply<'a, LookOutcome> {
        Box::pin(std::future::ready(LookOutcome::Found(vec![])))
    }
}

const CONNECTIONS: &str = "connections:
  shop: { system: stripe, mode: sandbox, api_key: env://K }
  d365: { system: finops, base_url: https://a.example, company: usmf, tenant: 8c1d2b1e-0000-4000-8000-000000000000,
    client_id: env://I, client_secret: env://S, limits: { settle: 3m } }
  crm: { system: dataverse, base_url: https://b.example, tenant: 8c1d2b1e-0000-4000-8000-000000000000,
    client_id: env://I, client_secret: env://S }
";

/// Flows, a store and a system.
pub(super) struct House {
    folder: tempfile::TempDir,
    pub system: Arc<System>,
    store: Arc<SqliteStore>,
    pub askers: Arc<Askers>,
}

impl House {
    pub fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        House::at(folder, Arc::default())
    }

    fn at(folder: tempfile::TempDir, system: Arc<System>) -> House {
        let store = Arc::new(SqliteStore::open(&folder.path().join("store")).unwrap());
        let mut endpoint = endpoint();
        endpoint.connection = "shop".to_owned();
        let endpoints = [("/hooks/stripe".to_owned(), Arc::new(endpoint))].into();
        let askers = Askers {
            root: folder.path().to_path_buf(),
            revisions: Arc::new(Revisions::new(Arc::new(|_| Err("not asked for".into())))),
            routes: Arc::new(ArcSwap::from_pointee(Routes { endpoints, flows: vec![] })),
            store: store.clone(),
            connector: system.clone(),
            privacy: Arc::default(),
            metrics: Arc::new(Metrics::new()),
            wake: Arc::new(|| {}),
        };
        House { folder, system, store, askers: Arc::new(askers) }
    }

    /// The same store and system, in a process that was started anew.
    fn again(self) -> House {
        let House { folder, system, store, askers } = self;
        drop((store, askers));
        House::at(folder, system)
    }

    /// A flow with that trigger, live.
    pub fn flow(&self, name: &str, trigger: &str) -> Arc<ExecutionGraph> {
        let flow = format!("flow: {name}\ntrigger:\n  {trigger}\nsteps: [{{ id: a, transform: event }}]\n");
        let root = "project: p\nversion: 1\nsettings: { first: { type: text, default: '2026-03-01T00:00:00Z' } }\n";
        let texts = [("flowctl.yaml", root), ("connections.yaml", CONNECTIONS), ("a/a.flow.yaml", &flow)];
        let texts: BTreeMap<String, Arc<str>> =
            texts.iter().map(|(path, text)| (path.to_string(), Arc::from(*text))).collect();
        let (project, sources, found) = Project::from_files(&texts);
        assert_eq!(found, []);
        let effective = project.effective(None).unwrap();
        let compilation = compile(&project, &effective, sources, &Catalog::bundled());
        let graph = compilation.flows[0].graph.clone().unwrap_or_else(|| panic!("{:?}", compilation.findings));
        self.askers.revisions.set_live(Live { revision: Hash::of(flow.as_bytes()), graph: graph.clone() });
        graph
    }

    /// Makes the store know the flow as active since then.
    async fn active_since(&self, flow: &str, at: Timestamp) {
        let hash = Hash::of(flow.as_bytes());
        let revision = Revision { flow: flow.to_owned(), hash, language_version: 1, sources: vec![], created_at: at };
        self.store.put_revision(revision).await.unwrap();
        let by = By { actor: "ada".into(), reason: "new".into(), at };
        self.store.activate(hash, None, by).await.unwrap();
    }

    /// The events of an inbox, oldest first, with their bodies.
    pub async fn events(&self, inbox: &str) -> Vec<(String, String)> {
        let filter = EventFilter { connection: Some(inbox.to_owned()), ..EventFilter::default() };
        let listed = self.store.events(filter, Page::first(1000)).await.unwrap().items;
        let mut events = vec![];
        for event in listed.into_iter().rev() {
            let (event, body) = self.store.event(event.id).await.unwrap().unwrap();
            events.push((event.provider_id, String::from_utf8(body).unwrap()));
        }
        events
    }

    async fn runs(&self) -> Vec<(String, RunState)> {
        let runs = self.store.runs(RunFilter::default(), Page::first(1000)).await.unwrap().items;
        runs.into_iter().rev().map(|run| (run.flow, run.state)).collect()
    }

    async fn alerts(&self) -> Vec<String> {
        let open = AlertFilter { open: Some(true), ..AlertFilter::default() };
        self.store.alerts(open, Page::first(100)).await.unwrap().items.into_iter().map(|alert| alert.code).collect()
    }
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn tick(house: &House, graph: &ExecutionGraph, now: &str) -> Timestamp {
    let TriggerKind::Schedule(kind) = &graph.trigger.kind else { panic!("no schedule") };
    schedule::turn(&house.askers, graph, kind, at(now)).await.unwrap()
}

#[tokio::test]
async fn a_tick_starts_one_run_and_missed_ones_together_one() {
    let house = House::new();
    let graph = house.flow("nightly", "schedule: { cron: '0 * * * *', zone: UTC }");
    assert_eq!(tick(&house, &graph, "2026-03-02T09:30:00Z").await, at("2026-03-02T10:00:00Z"));
    assert_eq!(tick(&house, &graph, "2026-03-02T09:59:59Z").await, at("2026-03-02T10:00:00Z"));
    assert_eq!(house.events("schedule/nightly").await, [], "a schedule begins with its next tick");
    for now in ["2026-03-02T10:00:00.004Z", "2026-03-02T10:00:01Z", "2026-03-02T09:00:00Z"] {
        tick(&house, &graph, now).await;
    }
    let first = ("2026-03-02T10:00:00Z".to_owned(), r#"{"scheduled_at":"2026-03-02T10:00:00Z"}"#.to_owned());
    assert_eq!(house.events("schedule/nightly").await, [first], "whatever the clock does");

    // Three were missed while nobody was there.
    let house = house.again();
    assert_eq!(tick(&house, &graph, "2026-03-02T13:20:00Z").await, at("2026-03-02T14:00:00Z"));
    let events = house.events("schedule/nightly").await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].1, r#"{"scheduled_at":"2026-03-02T13:00:00Z","previous_at":"2026-03-02T10:00:00Z"}"#);
    assert_eq!(house.runs().await, vec![("nightly".to_owned(), RunState::Ready); 2]);
}

#[tokio::test]
async fn without_catch_up_what_was_missed_is_gone() {
    let house = House::new();
    let graph = house.flow("nightly", "schedule: { cron: '0 * * * *', zone: UTC, catch_up: false }");
    tick(&house, &graph, "2026-03-02T09:30:00Z").await;
    assert_eq!(tick(&house, &graph, "2026-03-02T12:20:00Z").await, at("2026-03-02T13:00:00Z"));
    assert_eq!(house.events("schedule/nightly").await, []);
    tick(&house, &graph, "2026-03-02T13:00:30Z").await;
    let events = house.events("schedule/nightly").await;
    assert_eq!(events[0].1, r#"{"scheduled_at":"2026-03-02T13:00:00Z"}"#, "a little late is in time");
}

#[tokio::test]
async fn a_changed_schedule_has_missed_nothing() {
    let house = House::new();
    let hourly = house.flow("nightly", "schedule: { cron: '0 * * * *', zone: UTC }");
    tick(&house, &hourly, "2026-03-02T09:30:00Z").await;
    tick(&house, &hourly, "2026-03-02T10:00:00Z").await;
    // At half past, a quarter past was an hour's part ago: it is no missed tick.
    let other = house.flow("nightly", "schedule: { cron: '15 * * * *', zone: UTC }");
    assert_eq!(tick(&house, &other, "2026-03-02T10:30:00Z").await, at("2026-03-02T11:15:00Z"));
    assert_eq!(house.events("schedule/nightly").await.len(), 1);
    tick(&house, &other, "2026-03-02T11:15:00Z").await;
    let events = house.events("schedule/nightly").await;
    assert_eq!(events[1].1, r#"{"scheduled_at":"2026-03-02T11:15:00Z","previous_at":"2026-03-02T10:00:00Z"}"#);
}

const POLL: &str =
    "poll: { operation: finops.list, entity: SalesOrderHeadersV2, every: 5m, cursor: OrderCreationDateTime }";

async fn ask(house: &House, graph: &Arc<ExecutionGraph>, now: &str) -> Result<Timestamp, Trouble> {
    let TriggerKind::Poll(kind) = &graph.trigger.kind else { panic!("no poll") };
    poll::turn(&house.askers, graph, kind, at(now)).await
}

#[tokio::test]
async fn a_poll_gives_each_row_once() {
    let house = House::new();
    house.system.row("SO-0", "2026-03-02T08:59:59Z");
    let graph = house.flow("orders", POLL);
    assert_eq!(ask(&house, &graph, "2026-03-02T09:00:00.7Z").await.unwrap(), at("2026-03-02T09:05:00.7Z"));
    assert_eq!(house.events("poll/orders").await, [], "it begins with now");
    house.system.row("SO-1", "2026-03-02T09:00:00Z");
    house.system.row("SO-2", "2026-03-02T09:04:00Z");
    ask(&house, &graph, "2026-03-02T09:03:00Z").await.unwrap();
    assert_eq!(house.events("poll/orders").await, [], "not before its time");

    let house = house.again();
    let graph = house.flow("orders", POLL);
    ask(&house, &graph, "2026-03-02T09:06:00Z").await.unwrap();
    let events = house.events("poll/orders").await;
    assert_eq!(
        events.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
        ["usmf/SO-1@2026-03-02T09:00:00Z", "usmf/SO-2@2026-03-02T09:04:00Z"]
    );
    assert!(events[0].1.contains(r#""OrderTotalAmount":1.10"#), "the row as it came: {}", events[0].1);

    // The same value once more, one that was written late, and a change of the first.
    house.system.row("SO-3", "2026-03-02T09:04:00Z");
    house.system.row("SO-4", "2026-03-02T09:02:00Z");
    house.system.row("SO-1", "2026-03-02T09:11:00Z");
    ask(&house, &graph, "2026-03-02T09:11:30Z").await.unwrap();
    ask(&house, &graph, "2026-03-02T09:17:00Z").await.unwrap();
    let ids: Vec<String> = house.events("poll/orders").await.into_iter().skip(2).map(|(id, _)| id).collect();
    assert_eq!(
        ids,
        ["usmf/SO-4@2026-03-02T09:02:00Z", "usmf/SO-3@2026-03-02T09:04:00Z", "usmf/SO-1@2026-03-02T09:11:00Z"]
    );
    let run = house.store.runs(RunFilter::default(), Page::first(1)).await.unwrap().items.remove(0);
    let event = house.store.load_run(run.id).await.unwrap().unwrap().event;
    let trigger = crate::engine::door::trigger(&event);
    assert_eq!(trigger.get("connection"), &Value::from("d365"));
    assert_eq!(trigger.get("type"), &Value::from("poll"));
}

#[tokio::test]
async fn a_poll_goes_to_the_end_whatever_the_values_are() {
    let house = House::new();
    for n in 0..700 {
        house.system.row(&format!("A-{n:04}"), &format!("2026-03-02T07:{:02}:{:02}Z", n / 60, n % 60));
    }
    // More of one value than are asked for at once.
    for n in 0..1300 {
        house.system.row(&format!("B-{n:04}"), "2026-03-02T08:00:00Z");
    }
    for n in 0..300 {
        house.system.row(&format!("C-{n:04}"), "2026-03-02T08:30:00Z");
    }
    let from = format!("{}, from: parse_time(settings.first) }}", POLL.trim_end_matches(" }"));
    let graph = house.flow("orders", &from);
    ask(&house, &graph, "2026-03-02T09:00:00Z").await.unwrap();
    let mut page = Page::first(1000);
    let mut ids = std::collections::BTreeSet::new();
    loop {
        let listed = house.store.events(EventFilter::default(), page).await.unwrap();
        ids.extend(listed.items.into_iter().map(|event| event.provider_id));
        match listed.next {
            Some(next) => page = Page { limit: 1000, after: Some(next) },
            None => break,
        }
    }
    assert_eq!(ids.len(), 2300);
}

#[tokio::test]
async fn a_poll_that_fails_loses_nothing_and_is_told() {
    let house = House::new();
    let graph = house.flow("orders", POLL);
    ask(&house, &graph, "2026-03-02T09:00:00Z").await.unwrap();
    house.system.row("SO-1", "2026-03-02T09:01:00Z");
    house.system.fails.store(true, Ordering::SeqCst);
    let trouble = ask(&house, &graph, "2026-03-02T09:05:00Z").await.unwrap_err();
    assert!(trouble.passing && trouble.message.contains("unavailable down: told to fail"), "{}", trouble.message);
    house.system.fails.store(false, Ordering::SeqCst);
    ask(&house, &graph, "2026-03-02T09:05:01Z").await.unwrap();
    assert_eq!(house.events("poll/orders").await.len(), 1);
}

#[tokio::test]
async fn the_pollers_condition_goes_with_it() {
    let house = House::new();
    let own = format!("{}, where: row.CurrencyCode == \"USD\" }}", POLL.trim_end_matches(" }"));
    let graph = house.flow("orders", &own);
    ask(&house, &graph, "2026-03-02T09:00:00Z").await.unwrap();
    let asked = house.system.asked.lock().unwrap().remove(0);
    let filters: Vec<_> = asked.params.iter().filter(|(_, param)| matches!(param, Parameter::Filter(_))).collect();
    let [(_, Parameter::Filter(EvaluatedFilter::And(parts)))] = filters.as_slice() else { panic!("{filters:?}") };
    assert_eq!(parts.len(), 2);
    let sort = asked.params.iter().find(|(name, _)| name.as_str() == "sort");
    let Some((_, Parameter::Columns(columns))) = sort else { panic!("{sort:?}") };
    assert_eq!(
        columns.iter().map(Text::as_str).collect::<Vec<_>>(),
        ["OrderCreationDateTime", "dataAreaId", "SalesOrderNumber"]
    );
}

fn charge(id: &str, created: &str) -> Value {
    let created = at(created).as_second();
    json::parse(CHARGE.replace("evt_1", id).replace("\"created\":1", &format!("\"created\":{created}")).as_bytes())
        .unwrap()
}

const RECONCILED: &str =
    "webhook: { connection: shop, events: [charge.succeeded], reconcile: { every: 15m, lookback: 3d } }";

async fn reconciled(house: &House, graph: &Arc<ExecutionGraph>, now: &str) -> Result<Timestamp, Trouble> {
    let TriggerKind::Webhook { reconcile: Some(asked), .. } = &graph.trigger.kind else { panic!("not reconciled") };
    reconcile::turn(&house.askers, graph, *asked, at(now)).await
}

#[tokio::test]
async fn what_was_never_delivered_is_taken_from_the_list() {
    let house = House::new();
    let graph = house.flow("orders", RECONCILED);
    house.active_since("orders", at("2026-03-02T09:00:00.5Z")).await;
    *house.system.events.lock().unwrap() = vec![
        charge("evt_before", "2026-03-02T08:59:59Z"),
        charge("evt_first", "2026-03-02T09:00:00Z"),
        charge("evt_known", "2026-03-02T09:10:00Z"),
        charge("evt_missed", "2026-03-02T09:20:00Z"),
        charge("evt_coming", "2026-03-02T09:29:00Z"),
    ];
    // One was delivered, and the list has it in another rendering.
    let delivered = super::super::intake::read(
        &house.askers.endpoint("shop").unwrap(),
        std::slice::from_ref(&graph),
        Record::new(),
        json::write(&charge("evt_known", "2026-03-02T09:10:00Z")).unwrap().replace("1050", "2000").as_bytes(),
        at("2026-03-02T09:10:01Z"),
    );
    let (event, runs) = delivered.unwrap();
    house.store.accept(event, runs).await.unwrap();

    assert_eq!(reconciled(&house, &graph, "2026-03-02T09:30:00Z").await.unwrap(), at("2026-03-02T09:45:00Z"));
    let ids = |events: Vec<(String, String)>| events.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(house.events("shop").await), ["evt_known", "evt_first", "evt_missed"]);
    assert_eq!(house.alerts().await, ["events_missed"]);
    let metrics = house.askers.metrics.encode();
    assert!(metrics.contains("flowctl_deliveries_total{connection=\"shop\",answer=\"missed\"} 2"), "{metrics}");
    let request = house.system.asked.lock().unwrap().remove(0);
    let param = |name: &str| match request.params.iter().find(|(known, _)| known.as_str() == name) {
        Some((_, Parameter::Value(value))) => value.clone(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(param("from"), Value::from(at("2026-03-02T09:00:00Z").as_second()));
    assert_eq!(param("type"), Value::from("charge.succeeded"));

    // What was on its way is taken the next time, once; nothing is asked before that.
    reconciled(&house, &graph, "2026-03-02T09:40:00Z").await.unwrap();
    assert_eq!(house.events("shop").await.len(), 3);
    for now in ["2026-03-02T09:45:00Z", "2026-03-02T10:00:00Z"] {
        reconciled(&house, &graph, now).await.unwrap();
    }
    assert_eq!(ids(house.events("shop").await).split_off(3), ["evt_coming"]);
    assert_eq!(house.runs().await.len(), 4);
}

#[tokio::test]
async fn after_a_long_time_away_it_is_asked_back_to_the_last_time() {
    let house = House::new();
    let graph = house.flow("orders", RECONCILED);
    house.active_since("orders", at("2026-01-01T00:00:00Z")).await;
    let from = |house: &House| {
        let request = house.system.asked.lock().unwrap().pop().unwrap();
        let (_, Parameter::Value(Value::Number(from))) = &request.params[0] else { panic!("{request:?}") };
        Timestamp::from_second(from.exact().unwrap().to_i64().unwrap()).unwrap()
    };
    reconciled(&house, &graph, "2026-03-02T09:00:00Z").await.unwrap();
    assert_eq!(from(&house), at("2026-02-27T09:00:00Z"));
    reconciled(&house, &graph, "2026-03-12T09:00:00Z").await.unwrap();
    assert_eq!(from(&house), at("2026-03-02T09:00:00Z"), "longer than the lookback");
    reconciled(&house, &graph, "2026-06-12T09:00:00Z").await.unwrap();
    assert_eq!(from(&house), at("2026-05-13T09:00:00Z"), "as far as Stripe remembers");
}

#[tokio::test]
async fn a_backfill_gives_a_flow_what_was_there_before_it() {
    let house = House::new();
    let graph = house.flow("orders", RECONCILED);
    house.active_since("orders", at("2026-03-02T09:00:00Z")).await;
    *house.system.events.lock().unwrap() = vec![
        charge("evt_unrouted", "2026-02-20T00:00:00Z"),
        charge("evt_new", "2026-02-21T00:00:00Z"),
        charge("evt_later", "2026-02-28T00:00:00Z"),
    ];
    let endpoint = house.askers.endpoint("shop").unwrap();
    let body = json::write(&charge("evt_unrouted", "2026-02-20T00:00:00Z")).unwrap();
    let unrouted =
        super::super::intake::read(&endpoint, &[], Record::new(), body.as_bytes(), at("2026-02-20T00:00:01Z"));
    let (event, runs) = unrouted.unwrap();
    house.store.accept(event, runs).await.unwrap();

    reconciled(&house, &graph, "2026-03-02T09:30:00Z").await.unwrap();
    assert_eq!(house.events("shop").await.len(), 1, "never by itself");
    let by = || By { actor: "ada".into(), reason: "the new flow".into(), at: at("2026-03-02T10:00:00Z") };
    let fill = async || {
        let (from, to) = (at("2026-02-19T00:00:00Z"), at("2026-02-25T00:00:00Z"));
        reconcile::backfill(&house.askers, "orders", from, to, by()).await.unwrap()
    };
    assert_eq!(fill().await, reconcile::Backfilled { listed: 2, new: 1, runs: 2, not_before: None });
    assert_eq!(fill().await, reconcile::Backfilled { listed: 2, new: 0, runs: 0, not_before: None }, "once");
    assert_eq!(house.runs().await, vec![("orders".to_owned(), RunState::Ready); 2]);
    let audit = house.store.audit(Page::first(10)).await.unwrap().items;
    assert!(audit.iter().any(|entry| entry.action == "backfill" && entry.reason == "the new flow"), "{audit:?}");
    let (from, to) = (at("2026-02-25T00:00:00Z"), at("2026-02-19T00:00:00Z"));
    let refused = reconcile::backfill(&house.askers, "orders", from, to, by()).await;
    assert!(matches!(refused, Err(reconcile::NoBackfill::Refused(_))));
    let nobody = reconcile::backfill(&house.askers, "other", to, from, by()).await;
    assert!(matches!(nobody, Err(reconcile::NoBackfill::Store(crate::store::StoreError::NotFound(_)))));
    let scheduled = house.flow("nightly", "schedule: { cron: '0 * * * *', zone: UTC }");
    let none = reconcile::backfill(&house.askers, &scheduled.flow, to, from, by()).await;
    assert!(none.unwrap_err().to_string().contains("F1142"));
}

const FILES: &str = "file: { path: inbox/*.csv, settle: 40ms }";

struct Inbox<'a> {
    house: &'a House,
    graph: Arc<ExecutionGraph>,
    seen: files::Seen,
}

impl Inbox<'_> {
    fn new(house: &House) -> Inbox<'_> {
        std::fs::create_dir_all(house.folder.path().join("a/inbox")).unwrap();
        Inbox { house, graph: house.flow("uploads", FILES), seen: files::Seen::default() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.house.folder.path().join("a/inbox").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    async fn turn(&mut self) -> Result<Timestamp, Trouble> {
        let TriggerKind::Files(kind) = &self.graph.trigger.kind else { panic!("no files") };
        files::turn(&self.house.askers, &self.graph, kind, &mut self.seen, Timestamp::now()).await
    }

    /// Looks, waits until what is there has settled, and looks again.
    async fn settled(&mut self) -> Result<Timestamp, Trouble> {
        let _ = self.turn().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.turn().await
    }

    fn here(&self) -> Vec<String> {
        let mut names: Vec<String> = walkdir::WalkDir::new(self.path(""))
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.path().strip_prefix(self.path("")).unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_file_is_taken_once() {
    let house = House::new();
    let mut inbox = Inbox::new(&house);
    inbox.write("a.csv", "id,amount\n1,1.10\n");
    inbox.write("note.txt", "not ours");
    inbox.turn().await.unwrap();
    assert_eq!(inbox.here(), ["a.csv", "note.txt"], "not before it has settled");
    inbox.settled().await.unwrap();
    assert_eq!(inbox.here(), [".taken/a.csv", "note.txt"]);
    let events = house.events("file/uploads").await;
    let sha = Hash::of(b"id,amount\n1,1.10\n").to_string();
    assert_eq!(events[0].0, format!("a.csv {sha}"));
    assert_eq!(
        events[0].1,
        format!(
            r#"{{"name":"a.csv","path":"a/inbox/a.csv","size":17,"sha256":"{sha}","rows":[{{"id":"1","amount":"1.10"}}]}}"#
        )
    );
    // The same once more, as after a crash before it was moved; then another content under its name.
    inbox.write("a.csv", "id,amount\n1,1.10\n");
    inbox.settled().await.unwrap();
    assert_eq!(house.events("file/uploads").await.len(), 1);
    inbox.write("a.csv", "id,amount\n2,2.20\n");
    inbox.settled().await.unwrap();
    assert_eq!(house.events("file/uploads").await.len(), 2);
    assert_eq!(house.runs().await.len(), 2);
    let other = Hash::of(b"id,amount\n2,2.20\n").to_string();
    let (first, second) = (format!(".taken/a.csv.{}", &sha[..8]), format!(".taken/a.csv.{}", &other[..8]));
    let mut expected = vec![".taken/a.csv".to_owned(), first, second, "note.txt".to_owned()];
    expected.sort();
    assert_eq!(inbox.here(), expected);
}

#[tokio::test]
async fn a_file_that_still_grows_is_left_alone() {
    let house = House::new();
    let mut inbox = Inbox::new(&house);
    let mut text = "id\n".to_owned();
    for n in 0..5 {
        text.push_str(&format!("{n}\n"));
        inbox.write("a.csv", &text);
        inbox.turn().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(house.events("file/uploads").await, []);
    inbox.settled().await.unwrap();
    assert_eq!(house.events("file/uploads").await.len(), 1);
}

#[tokio::test]
async fn a_file_that_is_no_csv_is_a_dead_letter_and_one_too_long_is_left_and_told() {
    let house = House::new();
    let mut inbox = Inbox::new(&house);
    inbox.write("bad.csv", "id,amount\n1\n");
    inbox.settled().await.unwrap();
    let dead = EventFilter { state: Some(EventState::DeadLetter), ..EventFilter::default() };
    let dead = house.store.events(dead, Page::first(10)).await.unwrap().items;
    assert!(dead[0].problem.as_ref().is_some_and(|why| why.contains("the file is not csv") && why.contains("line: 2")));
    assert_eq!((house.runs().await, inbox.here()), (vec![], vec![".taken/bad.csv".to_owned()]));

    let long = std::fs::File::create(inbox.path("long.csv")).unwrap();
    long.set_len((16 << 20) + 1).unwrap();
    inbox.write("good.csv", "id\n1\n");
    let trouble = inbox.settled().await.unwrap_err();
    assert!(trouble.message.contains("a/inbox/long.csv: it is longer than 16 MiB"), "{}", trouble.message);
    assert!(!trouble.passing && trouble.rest.is_some(), "others go on");
    assert_eq!(inbox.here(), [".taken/bad.csv", ".taken/good.csv", "long.csv"]);
}

#[cfg(unix)]
#[tokio::test]
async fn links_lead_nowhere() {
    let house = House::new();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("secret.csv"), "id\n1\n").unwrap();
    let mut inbox = Inbox::new(&house);
    std::os::unix::fs::symlink(elsewhere.path().join("secret.csv"), inbox.path("a.csv")).unwrap();
    inbox.settled().await.unwrap();
    assert_eq!(house.events("file/uploads").await, []);
    std::fs::remove_dir_all(inbox.path("")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), house.folder.path().join("a/inbox")).unwrap();
    let trouble = inbox.settled().await.unwrap_err();
    assert!(trouble.message.contains("leads out of the project"), "{}", trouble.message);
    assert!(elsewhere.path().join("secret.csv").exists());
}

/// Polls until something holds; what is awaited happens in tasks of their own.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain until {what}");
}

#[tokio::test]
async fn flows_are_tended_as_they_come_and_go_and_alerts_close_by_themselves() {
    let house = House::new();
    let polled = POLL.replace("every: 5m", "every: 20ms");
    house.flow("orders", &polled);
    let (changed, changes) = watch::channel(());
    let stop = CancellationToken::new();
    let running = tokio::spawn(house.askers.clone().run(changes, stop.clone()));
    let asked = || house.system.asked.lock().unwrap().len();
    until("it asks", async || asked() > 1).await;

    // A flow that was not there before.
    let now = Timestamp::now() + SignedDuration::from_hours(1);
    house.system.row("SO-1", &time::write_time(now).unwrap());
    house.flow("more", &polled);
    changed.send_replace(());
    until("both have the row", async || house.runs().await.len() == 2).await;

    // It keeps failing: an alert that closes when it works again.
    house.system.fails.store(true, Ordering::SeqCst);
    until("alerts are raised", async || house.alerts().await.len() == 2).await;
    house.system.fails.store(false, Ordering::SeqCst);
    until("they are closed", async || house.alerts().await.is_empty()).await;

    // What is removed stops, and may come back.
    for flow in ["orders", "more"] {
        house.askers.revisions.remove(flow);
    }
    changed.send_replace(());
    until("nobody asks", async || {
        let before = asked();
        tokio::time::sleep(Duration::from_millis(200)).await;
        asked() == before
    })
    .await;
    let before = asked();
    house.flow("orders", &polled);
    changed.send_replace(());
    until("it asks again", async || asked() > before).await;
    stop.cancel();
    running.await.unwrap();
}
