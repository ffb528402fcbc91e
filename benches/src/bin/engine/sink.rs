//! The other side: takes each POST, remembers whose it is, answers at once.

use crate::{Result, event};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct Sink {
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

struct Seen {
    /// How often each charge was written to.
    times: Vec<AtomicU32>,
    arrived: AtomicUsize,
}

impl Sink {
    /// For charges numbered from 0 on.
    pub async fn start(events: usize) -> Result<Sink> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen { times: (0..events).map(|_| AtomicU32::new(0)).collect(), arrived: AtomicUsize::new(0) });
        let theirs = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, theirs.clone()));
            }
        });
        Ok(Sink { address, seen })
    }

    /// So many charges were written to at least once.
    pub fn arrived(&self) -> usize {
        self.seen.arrived.load(Ordering::Relaxed)
    }

    /// Every charge exactly once, or what is wrong.
    pub fn check(&self) -> Result<()> {
        let wrong = self.seen.times.iter().enumerate().find(|(_, times)| times.load(Ordering::Relaxed) != 1);
        match wrong {
            Some((number, times)) => {
                Err(format!("charge {number} was written to {} times", times.load(Ordering::Relaxed)).into())
            }
            None => Ok(()),
        }
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        while let Some((length, id)) = request(&buffer) {
            buffer.drain(..length);
            if let Some(times) = event::number(&id).and_then(|number| seen.times.get(number))
                && times.fetch_add(1, Ordering::Relaxed) == 0
            {
                seen.arrived.fetch_add(1, Ordering::Relaxed);
            }
            let body = format!("{{\"id\":\"{id}\",\"object\":\"charge\",\"amount\":4205,\"currency\":\"usd\",\"metadata\":{{}}}}");
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// A whole request at the beginning of `bytes`: its length, and the last part of its path.
fn request(bytes: &[u8]) -> Option<(usize, String)> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let path = text.split(' ').nth(1)?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = head + 4 + length.unwrap_or(0);
    (bytes.len() >= whole).then(|| (whole, path.rsplit('/').next().unwrap_or_default().to_owned()))
}
