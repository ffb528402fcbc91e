//! Deliveries over kept-alive connections: closed loops (each connection sends when its last was answered) and an open
//! loop (events come when they come; a delivery's latency counts from the moment it was due).

use crate::process::Running;
use crate::sink::Sink;
use crate::{Result, event};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What one row measured.
#[derive(Clone)]
pub struct Figures {
    /// Events a second, from the first delivery to the last effect.
    pub rate: f64,
    /// Microseconds of CPU (user and system) of the contestant's process for each event.
    pub cpu: f64,
    /// Resident memory at the end, in MB.
    pub memory: f64,
    /// Acknowledgements in milliseconds, sorted.
    latencies: Vec<f64>,
}

impl Figures {
    pub fn quantile(&self, q: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * q).round() as usize).copied().unwrap_or(f64::NAN)
    }
}

pub async fn closed(running: &Running, sink: &Sink, connections: usize, events: usize) -> Result<Figures> {
    measured(running, sink, connections, events, None).await
}

pub async fn open(running: &Running, sink: &Sink, rate: f64, events: usize) -> Result<Figures> {
    measured(running, sink, 64, events, Some(rate)).await
}

async fn measured(
    running: &Running,
    sink: &Sink,
    connections: usize,
    events: usize,
    rate: Option<f64>,
) -> Result<Figures> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let deliveries: Arc<Vec<Vec<u8>>> = Arc::new((0..events).map(|number| event::delivery(number, now)).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let (cpu, begun) = (running.cpu()?, Instant::now());
    let mut senders = Vec::new();
    for _ in 0..connections {
        let (deliveries, next, address) = (deliveries.clone(), next.clone(), running.hooks);
        senders.push(tokio::spawn(send(address, deliveries, next, rate.map(|rate| (begun, rate)))));
    }
    let mut latencies = Vec::with_capacity(events);
    for sender in senders {
        latencies.extend(sender.await??);
    }
    while sink.arrived() < events {
        if begun.elapsed() > Duration::from_secs(600) {
            return Err(format!("only {} of {events} events arrived", sink.arrived()).into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let took = begun.elapsed();
    // What ends runs behind their last effect belongs to them.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let cpu = running.cpu()?.saturating_sub(cpu);
    sink.check()?;
    latencies.sort_by(f64::total_cmp);
    Ok(Figures {
        rate: events as f64 / took.as_secs_f64(),
        cpu: cpu.as_secs_f64() * 1e6 / events as f64,
        memory: running.memory()?,
        latencies,
    })
}

async fn send(
    address: SocketAddr,
    deliveries: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    open: Option<(Instant, f64)>,
) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut latencies = Vec::new();
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(delivery) = deliveries.get(number) else { return Ok(latencies) };
        let mut from = Instant::now();
        if let Some((begun, rate)) = open {
            let due = begun + Duration::from_secs_f64(number as f64 / rate);
            tokio::time::sleep_until(due.into()).await;
            from = due;
        }
        loop {
            stream.write_all(delivery).await?;
            match answer(&mut stream, &mut buffer).await? {
                200 => break,
                // Full for a moment: a provider comes again.
                503 => tokio::time::sleep(Duration::from_millis(20)).await,
                status => return Err(format!("event {number} was answered {status}").into()),
            }
        }
        latencies.push(from.elapsed().as_secs_f64() * 1e3);
    }
}

/// Reads one answer; gives its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u16> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the connection was closed".into());
        }
        let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if buffer.len() >= head + 4 + length.unwrap_or(0) {
            return Ok(text.split(' ').nth(1).unwrap_or_default().parse()?);
        }
    }
}
