//! The engine benchmark: a signed webhook in → verified → durable → two steps (transform, POST to a local sink) → done.
//!
//! flowctl stands beside two hand-written programs that do the same work: a bare proxy, which acknowledges after the
//! POST and keeps nothing, and the durable reference, which appends to a file with one `fdatasync` for all that wait and
//! acknowledges then. Each is a process of its own, so that its CPU time and memory can be told; load and sink are this
//! one. Every contestant's effects are counted: each event has to arrive, none twice.
//!
//! `engine [--events N] [--disk DIR] [--only flowctl|durable|bare]`; figures on tmpfs come first, then in DIR where one is named.

mod event;
mod load;
mod process;
mod project;
mod reference;
mod sink;

use load::Figures;
use process::Contestant;
use std::path::PathBuf;
use std::time::Duration;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// As flowctl's own `main.rs` says; the references have the same.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections of the closed loops.
const CONNECTIONS: [usize; 2] = [16, 64];
/// How long an open loop lasts.
const OPEN: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("run") => std::process::exit(if flowctl::cli::main() == std::process::ExitCode::SUCCESS { 0 } else { 1 }),
        Some("reference") => reference::main(&arguments[1..]),
        _ => tokio::runtime::Runtime::new()?.block_on(measure(&arguments)),
    }
}

async fn measure(arguments: &[String]) -> Result<()> {
    let named = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|n| arguments.get(n + 1));
    let events = named("--events").map_or(Ok(20_000), |count| count.parse())?;
    let only = named("--only");
    let contestants = |all: &[Contestant]| -> Vec<Contestant> {
        let wanted = |one: &&Contestant| only.is_none_or(|only| one.name().starts_with(only.as_str()));
        all.iter().filter(wanted).copied().collect()
    };
    let mut places = vec![("tmpfs", PathBuf::from("/dev/shm"))];
    places.extend(named("--disk").map(|folder| ("disk", PathBuf::from(folder))));
    for (name, place) in places {
        println!("\n{name} ({}), {events} events a row", place.display());
        println!(
            "{:<20} {:>5} {:>9} {:>7} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "", "conns", "events/s", "ratio", "CPU µs", "ratio", "p50 ms", "p99 ms", "p99.9", "MB"
        );
        let mut durable = [None, None];
        let mut best = 0.0_f64;
        for contestant in contestants(&Contestant::ALL) {
            for (n, connections) in CONNECTIONS.into_iter().enumerate() {
                let figures = closed(contestant, &place, connections, events).await?;
                if contestant == Contestant::Durable {
                    durable[n] = Some(figures.clone());
                }
                if contestant == Contestant::Flowctl {
                    best = best.max(figures.rate);
                }
                print(contestant.name(), connections, &figures, durable[n].as_ref());
            }
        }
        for contestant in contestants(&[Contestant::Durable, Contestant::Flowctl]) {
            let rate = best / 2.0;
            let figures = open(contestant, &place, rate).await?;
            println!(
                "{:<20} open loop at {rate:.0}/s: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, {:.0} µs of CPU each",
                contestant.name(),
                figures.quantile(0.5),
                figures.quantile(0.99),
                figures.quantile(0.999),
                figures.cpu
            );
        }
    }
    let (ready, idle) = process::begin_and_idle().await?;
    println!("\nflowctl: ready in {:.0} ms, idle {idle:.1} MB", ready.as_secs_f64() * 1e3);
    Ok(())
}

fn print(name: &str, connections: usize, figures: &Figures, durable: Option<&Figures>) {
    let ratio = |of: fn(&Figures) -> f64| durable.map_or("".into(), |durable| format!("{:.2}", of(figures) / of(durable)));
    println!(
        "{name:<20} {connections:>5} {:>9.0} {:>7} {:>9.1} {:>8} {:>8.2} {:>8.2} {:>8.2} {:>8.1}",
        figures.rate,
        ratio(|figures| figures.rate),
        figures.cpu,
        ratio(|figures| figures.cpu),
        figures.quantile(0.5),
        figures.quantile(0.99),
        figures.quantile(0.999),
        figures.memory
    );
}

async fn closed(contestant: Contestant, place: &std::path::Path, connections: usize, events: usize) -> Result<Figures> {
    let sink = sink::Sink::start(events).await?;
    let running = contestant.start(place, sink.address).await?;
    let figures = load::closed(&running, &sink, connections, events).await?;
    running.stop()?;
    Ok(figures)
}

async fn open(contestant: Contestant, place: &std::path::Path, rate: f64) -> Result<Figures> {
    let events = (rate * OPEN.as_secs_f64()) as usize;
    let sink = sink::Sink::start(events).await?;
    let running = contestant.start(place, sink.address).await?;
    let figures = load::open(&running, &sink, rate, events).await?;
    running.stop()?;
    Ok(figures)
}
