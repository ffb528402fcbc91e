//! Saving files under traffic: every delivery is answered 200, every event is one order, every run finishes on the
//! revision with which it began; a bad save changes nothing and says why.

mod support;

use flowctl::sandbox::Sandbox;
use flowctl::sandbox::credentials;
use flowctl::sandbox::webhooks::Sender;
use flowctl::value::Record;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::events::Charge;
use support::oracle::{self, text};
use support::process::{Runtime, Setup};
use support::project::{FLOW_FILE, MAP_FILE, Project};

const RISK_FILE: &str = "stripe-dynamics-365/risk.rhai";
const PRODUCTS_FILE: &str = "stripe-dynamics-365/tables/products.csv";
const LIMIT: Duration = Duration::from_secs(30);

/// How many saves, and every how many a broken one before it; more of both with
/// `RELOADS=1000 BROKEN_EVERY=3 cargo test --test reload`.
const SAVES: usize = 200;
const BROKEN_EVERY: usize = 10;
const A_SAVE_WITHIN: Duration = Duration::from_secs(3);

fn number(name: &str, unless: usize) -> usize {
    std::env::var(name).map_or(unless, |number| number.parse().expect("a whole number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_reloads_lose_double_and_refuse_nothing() {
    let begun = Instant::now();
    let (saves, broken_every) = (number("RELOADS", SAVES), number("BROKEN_EVERY", BROKEN_EVERY));
    let within = A_SAVE_WITHIN * saves as u32;
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    // What the order and its lines say of the save with which they were made.
    project.change(
        MAP_FILE,
        "SalesOrderName                = buyer(charge, customer)",
        "SalesOrderName                = \"save 0\"",
    );
    project.change(MAP_FILE, "LineDescription            = i.note?", "LineDescription            = \"save 0\"");
    let (map, flow) = (project.read(MAP_FILE), project.read(FLOW_FILE));
    let setup = Setup::of(&project);
    let runtime = setup.start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    let sent = Mutex::new(Vec::new());
    let over = AtomicBool::new(false);

    let traffic = async {
        let mut number = 0;
        while !over.load(Ordering::Relaxed) {
            let charge = Charge::new(number, if number % 5 == 0 { None } else { Some(number % 40) });
            charge.known_to(&sandbox);
            let answer = sender.send(&charge.event()).await;
            assert_eq!(answer.expect("an answer"), 200, "delivery {number}");
            sent.lock().expect("whole").push(charge);
            number += 1;
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    };
    let saving = async {
        let mut random = fastrand::Rng::with_seed(0x5eed_0002);
        let mut revision = runtime.revision().await;
        // Which save's texts each revision holds.
        let mut revisions = BTreeMap::from([(revision.clone(), 0)]);
        let mut mapped = 0;
        for n in 1..=saves {
            assert!(begun.elapsed() < within, "save {n} after {:?}", begun.elapsed());
            let broken = n % broken_every == broken_every / 2;
            if broken {
                let good = project.read(MAP_FILE);
                project.write(MAP_FILE, &good.replacen("fn buyer(", "fn buyer((", 1));
                let problem = refused(&runtime).await;
                assert_eq!(problem[0]["path"], MAP_FILE, "{problem}");
                assert_eq!(runtime.revision().await, revision, "a broken save changes nothing");
            }
            // The text of a mapping, or only that of the flow around it.
            let (path, text) = if n % 2 == 0 || broken {
                mapped = n;
                (MAP_FILE, map.replace("\"save 0\"", &format!("\"save {n}\"")))
            } else {
                (FLOW_FILE, flow.replacen("description: ", &format!("description: \"{n}\" # "), 1))
            };
            if random.bool() {
                project.write(path, &text)
            } else {
                project.save(path, &text)
            }
            revision = runtime.revision_other_than(&revision).await;
            assert!(revisions.insert(revision.clone(), mapped).is_none(), "each save is a revision of its own");
        }
        over.store(true, Ordering::Relaxed);
        revisions
    };
    let (revisions, ()) = tokio::join!(saving, traffic);
    assert_eq!(revisions.len(), saves + 1);
    let charges = sent.into_inner().expect("whole");
    support::until("all runs are done", LIMIT, || oracle::marked(&sandbox) == charges.len()).await;
    assert!(runtime.flow().await["problem"].is_null(), "the last save was good");
    assert!(runtime.stop().await.success());
    println!("{saves} saves, {} deliveries, {:?}", charges.len(), begun.elapsed());

    let wrong = oracle::wrong(&sandbox, &charges);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let runs = oracle::runs(&project.store()).await;
    assert_eq!(oracle::unfinished(&runs), Vec::<String>::new());
    assert_eq!(runs.len(), charges.len());
    // The runs' revisions, oldest first, are those of the saves, and what each run wrote comes from its own.
    let mut used: BTreeMap<usize, usize> = BTreeMap::new();
    for run in &runs {
        let revision = run.revision.expect("it ran").to_string();
        *used.entry(*revisions.get(&revision).expect("a revision that was live")).or_default() += 1;
    }
    let mut written: BTreeMap<usize, usize> = BTreeMap::new();
    let lines = sandbox.finops.rows("CDSSalesOrderLinesV2");
    for order in sandbox.finops.rows("SalesOrderHeadersV2") {
        let name = text(&order, "SalesOrderName");
        let number = text(&order, "SalesOrderNumber");
        for line in lines.iter().filter(|line| text(line, "SalesOrderNumber") == number) {
            assert_eq!(text(line, "LineDescription"), name, "a run finishes on the revision with which it began");
        }
        *written.entry(name.strip_prefix("save ").expect("a save").parse().expect("its number")).or_default() += 1;
    }
    assert_eq!(written, used);
    assert!(used.len() > saves / 4, "only {} texts were ever used: too little traffic", used.len());
}

/// Waits until the last save was refused; its errors, without those that only say that a used file has some (F0228).
async fn refused(runtime: &Runtime) -> serde_json::Value {
    let begun = Instant::now();
    loop {
        let problem = runtime.flow().await["problem"].clone();
        if !problem.is_null() {
            let findings = problem["findings"].as_array().expect("a list").clone();
            let errors: Vec<serde_json::Value> =
                findings.into_iter().filter(|f| f["severity"] == "error" && f["code"] != "F0228").collect();
            assert!(!errors.is_empty(), "{problem}");
            return errors.into();
        }
        assert!(begun.elapsed() < LIMIT, "a broken save was never refused");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn accepted_again(runtime: &Runtime) {
    let begun = Instant::now();
    while !runtime.flow().await["problem"].is_null() {
        assert!(begun.elapsed() < LIMIT, "what was mended is still a problem");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Delivers a charge and waits until its run is done; its order and its lines.
async fn order(sandbox: &Sandbox, runtime: &Runtime, charge: &Charge) -> (Record, Vec<Record>) {
    charge.known_to(sandbox);
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    assert_eq!(sender.send(&charge.event()).await.expect("an answer"), 200);
    let done = || sandbox.stripe.objects("charges").iter().any(|c| text(c, "id") == charge.id && oracle::is_marked(c));
    support::until("the order is made", LIMIT, done).await;
    let order = oracle::orders(sandbox).remove(&charge.id).expect("an order").remove(0);
    let number = text(&order, "SalesOrderNumber");
    let mut lines = sandbox.finops.rows("CDSSalesOrderLinesV2");
    lines.retain(|line| text(line, "SalesOrderNumber") == number);
    (order, lines)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_keeps_the_last_good_revision_also_across_a_restart() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    let mut runtime = setup.start().await;
    let good = runtime.revision().await;
    let (name, map) = ("CurrencyCode                  = total.currency", project.read(MAP_FILE));

    // A mapping that names what is not there.
    project.change(MAP_FILE, name, "CurrencyCode                  = total.curency");
    let line = map[..map.find(name).expect("there")].matches('\n').count() + 1;
    let errors = refused(&runtime).await;
    assert_eq!(errors.as_array().map(Vec::len), Some(1), "one mistake, one error: {errors}");
    assert_eq!(
        (&errors[0]["path"], &errors[0]["line"], &errors[0]["column"]),
        (&MAP_FILE.into(), &line.into(), &41.into())
    );
    assert!(errors[0].to_string().contains("currency"), "{errors}");
    runtime.says(&format!("{MAP_FILE}:{line}:41")).await;
    assert_eq!(runtime.revision().await, good);
    let (first, _) = order(&sandbox, &runtime, &Charge::new(1, Some(1))).await;
    assert_eq!(text(&first, "CurrencyCode"), "USD");
    let alerts = runtime.admin("/api/alerts?open=true").await;
    assert!(alerts.to_string().contains("reload_refused"), "{alerts}");

    // Killed and started again with the file as it is: the last good revision comes from the store.
    runtime.kill();
    let mut runtime = setup.start().await;
    assert_eq!(runtime.revision().await, good);
    let errors = refused(&runtime).await;
    assert_eq!(errors[0]["line"], line);
    order(&sandbox, &runtime, &Charge::new(2, Some(1))).await;

    // The flow file itself broken: too broken to say its own name.
    project.write(MAP_FILE, &map);
    accepted_again(&runtime).await;
    let flow = project.read(FLOW_FILE);
    project.write(FLOW_FILE, &flow.replacen("flow: stripe-charge-to-sales-order", "flow: [stripe", 1));
    let errors = refused(&runtime).await;
    assert_eq!(errors[0]["path"], FLOW_FILE, "{errors}");
    order(&sandbox, &runtime, &Charge::new(3, Some(2))).await;
    runtime.kill();
    let runtime = setup.start().await;
    assert_eq!(runtime.revision().await, good);
    order(&sandbox, &runtime, &Charge::new(4, Some(3))).await;

    // Mended: the same sources are the same revision, and what is new is another.
    project.save(FLOW_FILE, &flow);
    accepted_again(&runtime).await;
    assert_eq!(runtime.revision().await, good);
    project.change(
        MAP_FILE,
        "SalesOrderName                = buyer(charge, customer)",
        "SalesOrderName                = \"mended\"",
    );
    runtime.revision_other_than(&good).await;
    let (last, _) = order(&sandbox, &runtime, &Charge::new(5, Some(3))).await;
    assert_eq!(text(&last, "SalesOrderName"), "mended");
    assert!(runtime.stop().await.success());
    assert_eq!(oracle::unfinished(&oracle::runs(&project.store()).await), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_and_tables_are_part_of_a_revision() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    let first = runtime.revision().await;
    let novelty = |lines: &[Record]| {
        text(lines.iter().find(|l| text(l, "LineCreationSequenceNumber") == "3").expect("a third"), "ProductNumber")
    };
    let (before, lines) = order(&sandbox, &runtime, &Charge::new(2, Some(1))).await;
    assert_eq!((text(&before, "SalesOrderPoolId"), novelty(&lines)), (String::new(), "MISC".into()));

    project.change(RISK_FILE, "    amount > allowed", "    amount >= 0 * allowed");
    let second = runtime.revision_other_than(&first).await;
    let (held, lines) = order(&sandbox, &runtime, &Charge::new(5, Some(1))).await;
    assert_eq!((text(&held, "SalesOrderPoolId"), novelty(&lines)), ("REVIEW".into(), "MISC".into()));

    let table = project.read(PRODUCTS_FILE);
    project.write(PRODUCTS_FILE, &format!("{}\nNOVELTY,D0003\n", table.trim_end()));
    let third = runtime.revision_other_than(&second).await;
    let (_, lines) = order(&sandbox, &runtime, &Charge::new(8, Some(1))).await;
    assert_eq!(novelty(&lines), "D0003");

    // Broken ones are refused at their own place.
    let script = project.read(RISK_FILE);
    project.write(RISK_FILE, &script.replacen("return true;", "return tru e;", 1));
    let errors = refused(&runtime).await;
    let line = script[..script.find("return true;").expect("there")].matches('\n').count() + 1;
    assert_eq!((&errors[0]["path"], &errors[0]["line"]), (&RISK_FILE.into(), &line.into()), "{errors}");
    project.write(RISK_FILE, &script);
    accepted_again(&runtime).await;
    project.write(PRODUCTS_FILE, "sku,item\nTSHIRT,D0011\nMUG\n");
    let errors = refused(&runtime).await;
    assert_eq!((&errors[0]["path"], &errors[0]["line"]), (&PRODUCTS_FILE.into(), &3.into()), "{errors}");
    assert_eq!(runtime.revision().await, third);
    assert!(runtime.stop().await.success());
}

/// Other files are not held up by a bad one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_flow_holds_up_no_other() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    let first = runtime.revision().await;
    project.write("other/other.flow.yaml", "flow: other\ntrigger:\n  webhook: { connection: stripe, events: [charge.captured] }\nsteps:\n  - id: x\n    transform: nobody(event)\n");
    runtime.says("other/other.flow.yaml:6:16").await;
    project.change(
        MAP_FILE,
        "SalesOrderName                = buyer(charge, customer)",
        "SalesOrderName                = \"new\"",
    );
    runtime.revision_other_than(&first).await;
    let (made, _) = order(&sandbox, &runtime, &Charge::new(1, Some(1))).await;
    assert_eq!(text(&made, "SalesOrderName"), "new");
    assert!(runtime.stop().await.success());
}
