//! Killed again and again while the other side loses answers, refuses, throttles and commits late: every acknowledged
//! event is exactly one sales order with exactly its lines.

mod support;

use flowctl::sandbox::Sandbox;
use flowctl::sandbox::credentials;
use flowctl::sandbox::faults::{Fault, FaultKind};
use flowctl::sandbox::server::Standin;
use flowctl::sandbox::webhooks::Sender;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::events::Charge;
use support::oracle;
use support::process::Setup;
use support::project::{Project, SETTLE_MS};

const EVENTS: usize = 500;
const SENDERS: usize = 6;
const KILLS: usize = 10;
const FAULTS: usize = 300;
/// Events that may be accepted and not finished: so that accepting goes on for as long as the kills do.
const BACKLOG: usize = 60;
/// What happens when; another one with `CRASH_SEED=7 cargo test --test crash`. The machine's own timing stays its own.
const SEED: u64 = 1;
const DEADLINE: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_and_nothing_is_done_twice() {
    let begun = Instant::now();
    let seed = std::env::var("CRASH_SEED").map_or(SEED, |seed| seed.parse().expect("a whole number"));
    let sandbox = support::sandbox().await;
    let charges: Vec<Charge> = (0..EVENTS).map(charge).collect();
    charges.iter().for_each(|charge| charge.known_to(&sandbox));
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    let mut runtime = setup.start().await;

    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    let waiting: Mutex<VecDeque<&Charge>> = Mutex::new(charges.iter().collect());
    let (accepted, done, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let sending = futures_of(SENDERS, |n| send(seed + 1 + n as u64, &sender, &waiting, &accepted, &done));
    let chaos = spoil(seed + 100, &sandbox, &over);
    let killing = async {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut kills = 0;
        // A kill somewhere in each part of the run.
        let part = EVENTS / (KILLS + 1);
        let mut next = part / 2 + random.usize(..part);
        loop {
            let now = oracle::marked(&sandbox);
            done.store(now, Ordering::Relaxed);
            if now >= EVENTS {
                break;
            }
            if kills < KILLS && now >= next {
                tokio::time::sleep(Duration::from_millis(random.u64(..40))).await;
                runtime.kill();
                kills += 1;
                next = part * kills + part / 2 + random.usize(..part);
                runtime = setup.start().await;
            }
            let accepted = accepted.load(Ordering::Relaxed);
            assert!(
                begun.elapsed() < DEADLINE,
                "{now} of {accepted} accepted are done after {DEADLINE:?} and {kills} kills"
            );
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        over.store(true, Ordering::Relaxed);
        kills
    };
    let (kills, (), ()) = tokio::join!(killing, sending, chaos);

    assert!(kills >= 8, "only {kills} kills");
    assert_eq!(accepted.load(Ordering::Relaxed), EVENTS, "every event was accepted in the end");
    // What was late is committed by then.
    tokio::time::sleep(Duration::from_millis(SETTLE_MS)).await;
    let wrong = oracle::wrong(&sandbox, &charges);
    assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
    let differing = oracle::differing(&sandbox);
    assert!(differing.is_empty(), "bodies differ under one key:\n{}", differing.join("\n"));
    let open = runtime.admin("/api/runs?state=queued,ready,running,waiting,parked,dead_letter,outcome_unknown").await;
    assert_eq!(open["items"].as_array().map(Vec::len), Some(0), "unfinished: {open}");
    assert!(runtime.stop().await.success());
    let runs = oracle::runs(&project.store()).await;
    assert_eq!(oracle::unfinished(&runs), Vec::<String>::new());
    let succeeded = runs.iter().filter(|run| run.state == flowctl::store::RunState::Succeeded).count();
    assert_eq!(succeeded, EVENTS, "one run that did the work for each event");
    // The weather was bad enough to prove something.
    let seen = [sandbox.finops_server.seen(), sandbox.stripe_server.seen()].concat();
    let lost = seen.iter().filter(|seen| seen.status.is_none()).count();
    let refused = seen.iter().filter(|seen| matches!(seen.status, Some(429 | 503))).count();
    println!("{EVENTS} events, {kills} kills, {lost} answers lost, {refused} refused, {:?}", begun.elapsed());
    assert!(lost >= FAULTS / 4 && refused >= FAULTS / 10, "{lost} answers lost, {refused} refused");
}

/// Most customers buy more than once; every seventh buyer is a guest.
fn charge(number: usize) -> Charge {
    Charge::new(number, if number % 7 == 3 { None } else { Some(number * 31 % 150) })
}

async fn futures_of<F: Future<Output = ()>>(count: usize, make: impl Fn(usize) -> F) {
    let mut all: Vec<std::pin::Pin<Box<F>>> = (0..count).map(|n| Box::pin(make(n))).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Delivers what is waiting, each event until it is acknowledged, as Stripe does; some twice and as two kinds of event.
async fn send(
    seed: u64,
    sender: &Sender,
    waiting: &Mutex<VecDeque<&Charge>>,
    accepted: &AtomicUsize,
    done: &AtomicUsize,
) {
    let mut random = fastrand::Rng::with_seed(seed);
    loop {
        while accepted.load(Ordering::Relaxed) > done.load(Ordering::Relaxed) + BACKLOG {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let Some(charge) = waiting.lock().expect("whole").pop_front() else { return };
        let event = charge.event();
        assert!(sender.send_until_accepted(&event, 2000, Duration::from_millis(20)).await, "{} is refused", charge.id);
        accepted.fetch_add(1, Ordering::Relaxed);
        match random.u32(..10) {
            // At least once means: sometimes twice. Nobody waits for this answer to be good.
            0 => drop(sender.send(&event).await),
            1 => drop(sender.send(&charge.event_of("charge.captured")).await),
            _ => {}
        }
    }
}

/// Spoils requests of every kind, a few at a time, until all is over.
async fn spoil(seed: u64, sandbox: &Sandbox, over: &AtomicBool) {
    let mut random = fastrand::Rng::with_seed(seed);
    let finops: &[(&str, &str)] = &[
        ("POST", "/data/SalesOrderHeadersV2"),
        ("POST", "/data/SalesOrderHeadersV2"),
        ("POST", "/data/CDSSalesOrderLinesV2"),
        ("POST", "/data/CDSSalesOrderLinesV2"),
        ("POST", "/data/CustomersV3"),
        ("GET", "/data/"),
    ];
    let stripe: &[(&str, &str)] = &[("POST", "/v1/charges/"), ("GET", "/v1/customers/")];
    for _ in 0..FAULTS {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let of_stripe = random.u32(..4) == 0;
        let (method, path) = if of_stripe { random.choice(stripe) } else { random.choice(finops) }.expect("some");
        let kind = match random.u32(..8) {
            0 => FaultKind::Status { status: 429, retry_after: Some(1) },
            1 => FaultKind::Status { status: 503, retry_after: None },
            2 => FaultKind::DropBefore,
            3 | 4 => FaultKind::DropAfter,
            5 | 6 => FaultKind::CommitLate(Duration::from_millis(random.u64(..SETTLE_MS / 2))),
            _ => FaultKind::Delay(Duration::from_millis(random.u64(..300))),
        };
        let fault = Fault { method: (*method).into(), path: (*path).into(), body: String::new(), times: 1, kind };
        if of_stripe {
            sandbox.stripe.faults().add(fault)
        } else {
            sandbox.finops.faults().add(fault)
        }
        tokio::time::sleep(Duration::from_millis(random.u64(20..100))).await;
    }
}
