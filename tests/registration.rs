//! `flowctl check` and `flowctl webhooks sync` against providers that keep what is registered: nothing is registered
//! twice, nothing taken away, no secret shown.

mod support;

use axum::extract::Request;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use support::process::{Finished, finish, flowctl};
use support::project::Project;

const KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";

/// Stripe, PayPal and Dataverse as far as registrations go.
#[derive(Default)]
struct Providers {
    stripe: Vec<Value>,
    paypal: Vec<Value>,
    endpoints: Vec<Value>,
    steps: Vec<Value>,
    /// Everything but reads.
    written: Vec<String>,
    /// What every request is refused with.
    refuse: Option<u16>,
}

type Shared = Arc<Mutex<Providers>>;

async fn serve(shared: Shared) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = move |request: Request| {
        let shared = shared.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
            let body = String::from_utf8(body.to_vec()).expect("text");
            let (status, id, value) =
                shared.lock().expect("whole").answer(parts.method.as_str(), parts.uri.path(), &body);
            let mut response = Response::builder().status(status);
            if let Some(id) = id {
                response = response.header("OData-EntityId", id);
            }
            response.body(axum::body::Body::from(value.to_string())).expect("an answer")
        }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    url
}

impl Providers {
    fn answer(&mut self, method: &str, path: &str, body: &str) -> (u16, Option<String>, Value) {
        if path.ends_with("token") {
            return (200, None, json!({ "access_token": "tok_5ecret", "expires_in": 3600 }));
        }
        if let Some(status) = self.refuse {
            return (status, None, json!({ "error": { "type": "x", "message": "No" } }));
        }
        if method != "GET" {
            self.written.push(format!("{method} {path} {body}"));
        }
        match (method, path) {
            ("GET", "/v1/webhook_endpoints") => {
                (200, None, json!({ "object": "list", "data": self.stripe, "has_more": false }))
            }
            ("POST", "/v1/webhook_endpoints") => {
                let events: Vec<&str> = body
                    .split('&')
                    .filter(|part| part.contains("enabled_events"))
                    .filter_map(|part| part.split_once('='))
                    .map(|(_, name)| name)
                    .collect();
                let id = format!("we_{}", self.stripe.len() + 1);
                let row = json!({ "id": id, "url": "https://hooks.example/hooks/stripe", "enabled_events": events, "status": "enabled" });
                self.stripe.push(row.clone());
                let mut told = row;
                told["secret"] = "whsec_5ecret".into();
                (200, None, told)
            }
            ("POST", path) if path.starts_with("/v1/webhook_endpoints/") => {
                self.stripe[0]["enabled_events"] = json!(["charge.succeeded", "charge.captured", "mine"]);
                self.stripe[0]["status"] = "enabled".into();
                (200, None, self.stripe[0].clone())
            }
            ("GET", "/v1/notifications/webhooks") => (200, None, json!({ "webhooks": self.paypal })),
            ("POST", "/v1/notifications/webhooks") => {
                let mut row: Value = serde_json::from_str(body).expect("JSON");
                row["id"] = "8PV".into();
                self.paypal.push(row.clone());
                (201, None, row)
            }
            ("GET", "/api/data/v9.2/serviceendpoints") => (200, None, json!({ "value": self.endpoints })),
            ("POST", "/api/data/v9.2/serviceendpoints") => {
                let mut row: Value = serde_json::from_str(body).expect("JSON");
                row["serviceendpointid"] = "11111111-0000-4000-8000-000000000001".into();
                self.endpoints.push(row);
                (204, Some("http://x/serviceendpoints(11111111-0000-4000-8000-000000000001)".into()), Value::Null)
            }
            ("GET", "/api/data/v9.2/sdkmessageprocessingsteps") => (200, None, json!({ "value": self.steps })),
            ("POST", "/api/data/v9.2/sdkmessageprocessingsteps") => {
                self.steps.push(serde_json::from_str(body).expect("JSON"));
                (204, Some("http://x/steps(22222222-0000-4000-8000-000000000001)".into()), Value::Null)
            }
            ("GET", "/api/data/v9.2/sdkmessages") => (200, None, json!({ "value": [{ "sdkmessageid": "m-1" }] })),
            ("GET", "/api/data/v9.2/sdkmessagefilters") => {
                (200, None, json!({ "value": [{ "sdkmessagefilterid": "f-1" }] }))
            }
            ("GET", "/v1/events") => (200, None, json!({ "data": [] })),
            ("GET", _) => (200, None, json!({ "value": [] })),
            _ => (404, None, Value::Null),
        }
    }
}

fn project(url: &str) -> Project {
    let project = Project::bare();
    let id = "8c1d2b1e-0000-4000-8000-000000000000";
    let authorised = format!("tenant: {id}, client_id: app, client_secret: env://SECRET");
    project.write(
        "connections.yaml",
        &format!(
            "public_url: https://hooks.example/
connections:
  stripe:
    {{ system: stripe, mode: sandbox, base_url: '{url}', api_key: env://SECRET, webhook: {{ path: /hooks/stripe, secrets: [secret://stripe/whsec] }} }}
  paypal: {{ system: paypal, mode: sandbox, base_url: '{url}', client_id: app, client_secret: env://SECRET, webhook: {{ path: /hooks/paypal, id: env://HOOK }} }}
  crm: {{ system: dataverse, base_url: '{url}', authority: '{url}', {authorised}, webhook: {{ path: /hooks/crm, secret: env://SECRET }} }}
  shop: {{ system: http, base_url: '{url}/api', webhook: {{ path: /hooks/shop, event_id: $.id, hmac: {{ header: X-Sig, algorithm: sha256, encoding: hex, secret: env://SECRET }} }} }}
"
        ),
    );
    let flow = |name: &str, connection: &str, events: &str| {
        let text = format!(
            "flow: {name}\ntrigger: {{ webhook: {{ connection: {connection}, events: [{events}] }} }}\nsteps:\n  - {{ id: a, transform: '1' }}\n"
        );
        project.write(&format!("{name}.flow.yaml"), &text);
    };
    flow("charges", "stripe", "charge.succeeded, charge.captured");
    flow("captures", "paypal", "PAYMENT.CAPTURE.COMPLETED");
    flow("orders", "crm", "salesorders.Update");
    flow("messages", "shop", "message");
    project
}

async fn run(project: &Project, args: &[&str]) -> Finished {
    let root = project.root().to_string_lossy().to_string();
    let mut all: Vec<&str> = args.to_vec();
    all.push(&root);
    let mut command = flowctl(&all);
    command.env("SECRET", "s_5ecret").env("HOOK", "8PV").env("FLOWCTL_SECRETS_KEY", KEY);
    let ended = tokio::task::spawn_blocking(move || finish(command)).await.expect("it ended");
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("5ecret"), "{ended:?}");
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_registered_once() {
    let shared = Shared::default();
    let project = project(&serve(shared.clone()).await);
    let dry = run(&project, &["webhooks", "sync", "--dry-run"]).await;
    dry.said(0, &[]);
    for line in [
        "+ stripe: would register https://hooks.example/hooks/stripe for charge.captured, charge.succeeded at Stripe",
        "+ paypal: would register https://hooks.example/hooks/paypal for PAYMENT.CAPTURE.COMPLETED",
        "+ crm: would register https://hooks.example/hooks/crm for salesorders.Update",
        "? shop: Register https://hooks.example/hooks/shop where the API lets you",
    ] {
        assert!(dry.stdout.contains(line), "{line}\n{}", dry.stdout);
    }
    assert_eq!(shared.lock().expect("whole").written, Vec::<String>::new());

    let done = run(&project, &["webhooks", "sync"]).await;
    done.said(0, &[]);
    assert!(done.stdout.contains("its secret is kept as secret://stripe/whsec"), "{}", done.stdout);
    assert!(project.read("secrets.sealed").contains("stripe/whsec"));
    let written = shared.lock().expect("whole").written.clone();
    assert_eq!(written.len(), 4, "{written:#?}");
    assert!(written.iter().any(|one| one.contains("\"authtype\":4") && one.contains("s_5ecret")), "{written:#?}");
    assert!(
        written.iter().any(|one| one.starts_with("POST /v1/webhook_endpoints url=https%3A%2F%2Fhooks.example%2Fhooks%2Fstripe&enabled_events[0]=charge.captured&enabled_events[1]=charge.succeeded&api_version=2026-10-28.endive")),
        "{written:#?}"
    );

    // Again: nothing to do.
    let again = run(&project, &["webhooks", "sync"]).await;
    again.said(0, &[]);
    assert_eq!(again.stdout.matches('✓').count(), 3, "{}", again.stdout);
    assert_eq!(shared.lock().expect("whole").written.len(), 4);

    // Lacking an event and switched off: completed, and what somebody else asked for stays.
    {
        let mut providers = shared.lock().expect("whole");
        providers.stripe[0]["enabled_events"] = json!(["charge.succeeded", "mine"]);
        providers.stripe[0]["status"] = "disabled".into();
    }
    let completed = run(&project, &["webhooks", "sync"]).await;
    completed.said(0, &[]);
    assert!(
        completed.stdout.contains("~ stripe: adds charge.captured and switches it on to we_1"),
        "{}",
        completed.stdout
    );
    let last = shared.lock().expect("whole").written.last().cloned().expect("one");
    assert_eq!(
        last,
        "POST /v1/webhook_endpoints/we_1 enabled_events[0]=charge.succeeded&enabled_events[1]=mine&enabled_events[2]=charge.captured&disabled=false"
    );

    // Twice there: said, and left to a person.
    {
        let mut providers = shared.lock().expect("whole");
        let twin = providers.paypal[0].clone();
        providers.paypal.push(twin);
    }
    let twice = run(&project, &["webhooks", "sync"]).await;
    assert_eq!(twice.code, Some(1));
    assert!(twice.stdout.contains("✗ paypal: registered 2 times at PayPal"), "{}", twice.stdout);

    // What cannot be read is not made.
    let before = shared.lock().expect("whole").written.len();
    shared.lock().expect("whole").refuse = Some(500);
    assert_eq!(run(&project, &["webhooks", "sync"]).await.code, Some(1));
    assert_eq!(shared.lock().expect("whole").written.len(), before);
    project.change("connections.yaml", "public_url: https://hooks.example/\n", "");
    run(&project, &["webhooks", "sync"]).await.said(1, &["F0617"]);
}

/// The stand-in checks what is registered as Dataverse does, and hears no update that nobody wants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dataverse_is_told_which_columns_matter() {
    use flowctl::sandbox::credentials;
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox);
    for other in ["paypal-dynamics-crm", "paypal-dynamics-365", "stripe-dynamics-365"] {
        std::fs::remove_dir_all(project.path(other)).expect("removed");
    }
    let connections = format!("public_url: https://hooks.example\n{}", project.read("connections.yaml"));
    project.write("connections.yaml", &connections);
    let flow = |name: &str, columns: &str| {
        let text = format!(
            "flow: {name}\ntrigger: {{ webhook: {{ connection: crm, events: [salesorders.Create, salesorders.Update]{columns} }} }}\nsteps:\n  - {{ id: a, transform: '1' }}\n"
        );
        project.write(&format!("{name}.flow.yaml"), &text);
    };
    let sync = async || {
        let root = project.root().to_string_lossy().to_string();
        let mut command = flowctl(&["webhooks", "sync", &root, "--env", "test"]);
        command.envs(support::project::SECRETS).env("CRM_WEBHOOK_KEY", credentials::DATAVERSE_WEBHOOK_KEY);
        tokio::task::spawn_blocking(move || finish(command)).await.expect("it ended")
    };
    let steps = || -> Vec<String> {
        use flowctl::sandbox::server::Standin;
        let text = |row: &flowctl::value::Record, name: &str| {
            row.get(name).and_then(|value| value.as_text()).map(|text| text.to_string()).unwrap_or_default()
        };
        let rows = sandbox.dataverse.inspect("sdkmessageprocessingsteps").expect("steps");
        let mut all: Vec<String> =
            rows.iter().map(|row| format!("{}: {}", text(row, "message"), text(row, "filteringattributes"))).collect();
        all.sort();
        all
    };
    flow("paid", ", columns: [statecode, _customerid_value]");
    let done = sync().await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("+ crm: registers https://hooks.example/hooks/crm"), "{}", done.stdout);
    assert_eq!(steps(), ["Create: ", "Update: statecode,customerid"]);
    assert!(sync().await.stdout.contains("✓ crm"));

    // Another flow wants another column: the step hears of all of them. One that wants fewer takes none away.
    flow("shipped", ", columns: [name, statecode]");
    let wider = sync().await;
    assert!(wider.stdout.contains("~ crm: adds columns of salesorders.Update"), "{}", wider.stdout);
    assert_eq!(steps(), ["Create: ", "Update: statecode,customerid,name"]);
    flow("shipped", ", columns: [statecode]");
    assert!(sync().await.stdout.contains("✓ crm"));
    assert_eq!(steps(), ["Create: ", "Update: statecode,customerid,name"]);

    // A flow that wants every update: no filter at all.
    flow("shipped", "");
    assert!(sync().await.stdout.contains("~ crm: adds columns of salesorders.Update"));
    assert_eq!(steps(), ["Create: ", "Update: "]);
    assert!(sync().await.stdout.contains("✓ crm"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_what_is_missing_before_going_live() {
    let shared = Shared::default();
    let project = project(&serve(shared.clone()).await);
    let state = async |project: &Project, args: &[&str], connection: &str, what: &str| {
        let mut all = vec!["check", "--format", "json"];
        all.extend(args);
        let ended = run(project, &all).await;
        let entries: Vec<Value> =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        let found = entries.iter().find(|one| one["connection"] == connection && one["what"] == what);
        (ended.code, found.map(|one| one["state"].as_str().expect("text").to_owned()))
    };
    // The secret of the webhook is in no store yet; offline that is all there is to know.
    assert_eq!(state(&project, &["--offline"], "stripe", "set").await, (Some(1), Some("wrong".into())));
    assert_eq!(state(&project, &["--offline"], "paypal", "set").await, (Some(1), Some("fine".into())));
    assert_eq!(state(&project, &["--offline"], "paypal", "reachable").await.1, None);
    assert_eq!(state(&project, &[], "paypal", "registered").await.1, Some("wrong".into()));
    assert_eq!(state(&project, &[], "shop", "registered").await.1, Some("by_hand".into()));
    run(&project, &["webhooks", "sync"]).await.said(0, &[]);
    for connection in ["stripe", "paypal", "crm"] {
        for what in ["set", "reachable", "authorised", "registered"] {
            assert_eq!(
                state(&project, &[], connection, what).await,
                (Some(0), Some("fine".into())),
                "{connection} {what}"
            );
        }
    }
    shared.lock().expect("whole").refuse = Some(401);
    assert_eq!(state(&project, &[], "stripe", "authorised").await, (Some(1), Some("wrong".into())));
    assert_eq!(state(&project, &[], "stripe", "reachable").await.1, Some("fine".into()));
    project.change("connections.yaml", "api_key: env://SECRET", "api_key: env://NOWHERE");
    let text = run(&project, &["check"]).await;
    text.said(1, &["to mend"]);
    assert!(text.stdout.contains("the environment variable NOWHERE is not set (F0453)"), "{}", text.stdout);
}

/// The providers' stand-ins instead of stubs: registered once, completed, moved with the address, and never doubled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stand_ins_are_told_once_and_again_when_something_changes() {
    use flowctl::sandbox::credentials;
    let sandbox = support::sandbox().await;
    let project = Project::bare();
    let (stripe, paypal, finops) =
        (sandbox.stripe_server.url(), sandbox.paypal_server.url(), sandbox.finops_server.url());
    project.write("flowctl.yaml", "project: shop\nversion: 1\n");
    project.write("environments/staging.yaml", "settings: {}\n");
    project.write(
        "connections.yaml",
        &format!(
            "public_url: https://hooks.example
connections:
  stripe: {{ system: stripe, mode: sandbox, base_url: '{stripe}', api_key: env://STRIPE, webhook: {{ path: /hooks/stripe, secrets: [secret://stripe/whsec] }} }}
  paypal: {{ system: paypal, mode: sandbox, base_url: '{paypal}', client_id: {}, client_secret: env://PAYPAL, webhook: {{ path: /hooks/paypal, id: env://HOOK }} }}
  d365: {{ system: finops, base_url: '{finops}', authority: '{finops}', company: usmf, tenant: {}, client_id: {}, client_secret: env://D365, webhook: {{ path: /hooks/d365, secret: env://D365 }} }}
",
            credentials::PAYPAL_CLIENT_ID,
            credentials::FINOPS_TENANT,
            credentials::FINOPS_CLIENT_ID
        ),
    );
    let listen = |name: &str, connection: &str, events: &str| {
        let trigger = format!("trigger: {{ webhook: {{ connection: {connection}, events: [{events}] }} }}");
        project.write(
            &format!("{name}.flow.yaml"),
            &format!("flow: {name}\n{trigger}\nsteps:\n  - {{ id: a, transform: '1' }}\n"),
        );
    };
    listen("charges", "stripe", "charge.succeeded");
    listen("captures", "paypal", "PAYMENT.CAPTURE.COMPLETED");
    listen("invoices", "d365", "SalesInvoicePostedBusinessEvent");
    let hook = Arc::new(Mutex::new(String::from("not-known-yet")));
    let sync = async |args: &[&str]| {
        let root = project.root().to_string_lossy().to_string();
        let mut command = flowctl(&[&["webhooks", "sync"], args, &[&root]].concat());
        command.env("STRIPE", credentials::STRIPE_KEY).env("PAYPAL", credentials::PAYPAL_CLIENT_SECRET);
        command.env("D365", credentials::FINOPS_CLIENT_SECRET).env("HOOK", &*hook.lock().expect("whole"));
        command.env("FLOWCTL_SECRETS_KEY", KEY);
        let ended = tokio::task::spawn_blocking(move || finish(command)).await.expect("it ended");
        ended.said(0, &[]);
        assert!(!ended.stdout.contains("whsec_"), "{ended:?}");
        ended.stdout
    };
    // What is there now: address and events of each.
    let at_stripe = || {
        let all = sandbox.stripe.objects("webhook_endpoints");
        let text =
            |row: &flowctl::value::Record| flowctl::value::json::write(&flowctl::value::Value::Record(row.clone()));
        all.iter().map(|row| serde_json::from_str(&text(row).expect("JSON")).expect("JSON")).collect::<Vec<Value>>()
    };
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let at_paypal = async || {
        let secret = credentials::PAYPAL_CLIENT_SECRET;
        let token =
            client.post(format!("{paypal}/v1/oauth2/token")).basic_auth(credentials::PAYPAL_CLIENT_ID, Some(secret));
        let token = token.form(&[("grant_type", "client_credentials")]).send().await.expect("an answer");
        let token: Value = serde_json::from_str(&token.text().await.expect("a text")).expect("JSON");
        let asked = client
            .get(format!("{paypal}/v1/notifications/webhooks"))
            .bearer_auth(token["access_token"].as_str().expect("one"));
        let told: Value =
            serde_json::from_str(&asked.send().await.expect("an answer").text().await.expect("a text")).expect("JSON");
        told["webhooks"].as_array().expect("a list").clone()
    };

    let dry = sync(&["--dry-run"]).await;
    assert!(dry.contains("+ stripe: would register") && dry.contains("+ paypal: would register"), "{dry}");
    assert_eq!((at_stripe().len(), at_paypal().await.len()), (0, 0));

    let first = sync(&[]).await;
    assert!(first.contains("its secret is kept as secret://stripe/whsec"), "{first}");
    assert!(first.contains("? d365: F&O has no API for it"), "{first}");
    let registered = at_paypal().await;
    let id = registered[0]["id"].as_str().expect("an id").to_owned();
    assert!(first.contains(&format!("! paypal: its id is {id}: put it where `webhook.id` refers to")), "{first}");
    *hook.lock().expect("whole") = id.clone();
    assert_eq!((at_stripe().len(), registered.len()), (1, 1));
    assert_eq!(at_stripe()[0]["metadata"]["flowctl"], "shop/stripe");
    let sealed = project.read("secrets.sealed");

    // Again: nothing.
    let again = sync(&[]).await;
    assert_eq!(again.matches('✓').count(), 2, "{again}");
    assert_eq!((at_stripe().len(), at_paypal().await), (1, registered));
    assert_eq!(project.read("secrets.sealed"), sealed);

    // More events: added.
    listen("charges", "stripe", "charge.succeeded, charge.refunded");
    listen("captures", "paypal", "PAYMENT.CAPTURE.COMPLETED, PAYMENT.CAPTURE.DENIED");
    let more = sync(&[]).await;
    assert!(
        more.contains("~ stripe: adds charge.refunded") && more.contains("~ paypal: adds PAYMENT.CAPTURE.DENIED"),
        "{more}"
    );

    // Another address: what is ours moves. A staging environment has none of its own yet and takes nobody's at Stripe.
    let staging = sync(&["--env", "staging", "--dry-run"]).await;
    assert!(staging.contains("✓ stripe"), "it has the same address: {staging}");
    project.change("connections.yaml", "https://hooks.example", "https://new.example");
    let staging = sync(&["--env", "staging", "--dry-run"]).await;
    assert!(staging.contains("+ stripe: would register"), "{staging}");
    let would = sync(&["--dry-run"]).await;
    assert!(
        would.contains("from https://hooks.example/hooks/stripe to https://new.example/hooks/stripe at Stripe"),
        "{would}"
    );
    let moved = sync(&[]).await;
    assert!(moved.contains("~ stripe: moves we_") && moved.contains(&format!("~ paypal: moves {id}")), "{moved}");
    let (stripe, paypal) = (at_stripe(), at_paypal().await);
    assert_eq!((stripe.len(), paypal.len()), (1, 1));
    assert_eq!(stripe[0]["url"], "https://new.example/hooks/stripe");
    assert_eq!(stripe[0]["enabled_events"], json!(["charge.succeeded", "charge.refunded"]));
    assert_eq!(
        (paypal[0]["url"].as_str(), paypal[0]["id"].as_str()),
        (Some("https://new.example/hooks/paypal"), Some(&*id))
    );
    assert_eq!(paypal[0]["event_types"].as_array().map(Vec::len), Some(2));
    assert_eq!(sync(&[]).await.matches('✓').count(), 2);
    assert_eq!(project.read("secrets.sealed"), sealed, "a secret given once is still the one");

    // A flow with errors: what it listens to is not known.
    listen("charges", "stripe", "charge.sucseeded");
    let root = project.root().to_string_lossy().to_string();
    let mut command = flowctl(&["webhooks", "sync", &root]);
    command.env("STRIPE", credentials::STRIPE_KEY).env("PAYPAL", credentials::PAYPAL_CLIENT_SECRET);
    command.env("D365", credentials::FINOPS_CLIENT_SECRET).env("HOOK", &id);
    let ended = tokio::task::spawn_blocking(move || finish(command)).await.expect("it ended");
    ended.said(1, &["charge.sucseeded", "Mend what `flowctl validate` says first."]);
}
