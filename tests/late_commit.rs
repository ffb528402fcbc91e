//! A request whose answer is lost, a process that dies right behind it, and a mapping that is another when it comes
//! back: the other side still sees one request, byte for byte, and one row.

mod support;

use flowctl::sandbox::Sandbox;
use flowctl::sandbox::credentials;
use flowctl::sandbox::faults::{Fault, FaultKind, Faults};
use flowctl::sandbox::server::{Seen, Server, Standin};
use flowctl::sandbox::webhooks::Sender;
use std::time::Duration;
use support::events::Charge;
use support::oracle;
use support::process::Setup;
use support::project::{MAP_FILE, Project};

const LATE: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(40);

/// Where the answer is lost, and what is changed in the mapping that made the request.
struct Case {
    path: &'static str,
    change: (&'static str, &'static str),
    kind: FaultKind,
    /// How many times the request may be sent: one more where it was never done.
    sent: std::ops::RangeInclusive<usize>,
}

impl Case {
    fn faults<'a>(&self, sandbox: &'a Sandbox) -> &'a Faults {
        if self.path.starts_with("/v1/") { sandbox.stripe.faults() } else { sandbox.finops.faults() }
    }

    fn server<'a>(&self, sandbox: &'a Sandbox) -> &'a Server {
        if self.path.starts_with("/v1/") { &sandbox.stripe_server } else { &sandbox.finops_server }
    }

    fn requests(&self, sandbox: &Sandbox) -> Vec<Seen> {
        let seen = self.server(sandbox).seen();
        seen.into_iter().filter(|seen| seen.method == "POST" && seen.path.starts_with(self.path)).collect()
    }
}

const HEADER: (&str, &str) =
    ("SalesOrderName                = buyer(charge, customer)", "SalesOrderName                = \"changed\"");
const LINE: (&str, &str) = ("LineDescription            = i.note?", "LineDescription            = \"changed\"");
const CUSTOMER: (&str, &str) = ("AddressDescription     = \"Stripe\"", "AddressDescription     = \"changed\"");
const MARK: (&str, &str) = ("metadata = { d365_company = company ", "metadata = { d365_company = \"changed\" ");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_committed_late_is_adopted() {
    prove(Case { path: "/data/SalesOrderHeadersV2", change: HEADER, kind: FaultKind::CommitLate(LATE), sent: 1..=1 })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_never_arrived_is_sent_again_as_it_was() {
    prove(Case { path: "/data/SalesOrderHeadersV2", change: HEADER, kind: FaultKind::DropBefore, sent: 2..=2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_whose_answer_was_lost_is_found_by_its_key() {
    prove(Case { path: "/data/CDSSalesOrderLinesV2", change: LINE, kind: FaultKind::DropAfter, sent: 1..=1 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_committed_late_is_there_once() {
    // A chosen key needs no settle time: a second sending is refused by the key.
    prove(Case { path: "/data/CDSSalesOrderLinesV2", change: LINE, kind: FaultKind::CommitLate(LATE), sent: 1..=20 })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_that_is_committed_late_is_adopted() {
    prove(Case { path: "/data/CustomersV3", change: CUSTOMER, kind: FaultKind::CommitLate(LATE), sent: 1..=1 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripe_sees_one_request_under_one_key() {
    prove(Case { path: "/v1/charges/", change: MARK, kind: FaultKind::CommitLate(LATE), sent: 2..=20 }).await;
}

async fn prove(case: Case) {
    let sandbox = support::sandbox().await;
    let mut charge = Charge::new(1, None); // a guest, so that a customer has to be made; one line
    charge.items = vec![("MUG", 2, 1205)];
    charge.known_to(&sandbox);
    let project = Project::bundled(&sandbox).impatient();
    project.change("environments/test.yaml", "settle: 2000ms", "settle: 3500ms");
    let setup = Setup::of(&project);
    let mut runtime = setup.start().await;
    let fault =
        Fault { method: "POST".into(), path: case.path.into(), body: String::new(), times: 1, kind: case.kind.clone() };
    case.faults(&sandbox).add(fault);
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    assert_eq!(sender.send(&charge.event()).await.expect("an answer"), 200);

    support::until("the request arrives", LIMIT, || !case.requests(&sandbox).is_empty()).await;
    runtime.kill();
    project.change(MAP_FILE, case.change.0, case.change.1);
    let runtime = setup.start().await;
    support::until("the run is done", LIMIT, || oracle::marked(&sandbox) == 1).await;

    tokio::time::sleep(LATE).await; // whatever else was on its way is there now
    let wrong = oracle::wrong(&sandbox, &[charge]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let differing = oracle::differing(&sandbox);
    assert!(differing.is_empty(), "bodies differ under one key:\n{}", differing.join("\n"));
    let requests = case.requests(&sandbox);
    assert!(case.sent.contains(&requests.len()), "sent {} times", requests.len());
    let first = &requests[0];
    for request in &requests {
        assert_eq!(request.body, first.body, "the held request, byte for byte");
        assert_eq!(request.headers.get("idempotency-key"), first.headers.get("idempotency-key"), "the same key");
        assert!(!String::from_utf8_lossy(&request.body).contains("changed"), "not what the mapping says now");
    }
    // The run that is new takes the mapping that is new.
    let mut other = Charge::new(2, None);
    other.items = vec![("MUG", 1, 100)];
    other.known_to(&sandbox);
    assert_eq!(sender.send(&other.event()).await.expect("an answer"), 200);
    support::until("the other run is done", LIMIT, || oracle::marked(&sandbox) == 2).await;
    let last = case.requests(&sandbox).pop().expect("a request");
    assert!(String::from_utf8_lossy(&last.body).contains("changed"), "a new run takes the new mapping");
    assert!(runtime.stop().await.success());
    let runs = oracle::runs(&project.store()).await;
    assert_eq!(oracle::unfinished(&runs), Vec::<String>::new());
}
