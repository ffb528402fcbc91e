//! A small HTTP/1.1 server that answers as a test says, and can close a connection instead.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With the query, as it stood there.
    pub target: String,
    pub head: String,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The query's value of that name, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        pairs
            .map(|(name, value)| (decoded(name), decoded(value)))
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

pub enum Say {
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Reads the request and closes the connection.
    Close,
    /// Reads the request, says nothing until released and closes the connection then.
    Silence(Arc<Semaphore>),
}

pub fn json(status: u16, body: impl Into<String>) -> Say {
    Say::Answer(status, vec![("Content-Type", "application/json".into())], body.into())
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start(say: impl Fn(&Asked) -> Say + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (say, kept) = (Arc::new(say), seen.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, say.clone(), kept.clone()));
            }
        });
        Server { address, seen, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far, tokens excepted.
    pub fn seen(&self) -> Vec<Asked> {
        self.all().into_iter().filter(|asked| !asked.target.ends_with("/token")).collect()
    }

    pub fn all(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    say: Arc<impl Fn(&Asked) -> Say + Send + Sync + 'static>,
    seen: Arc<Mutex<Vec<Asked>>>,
) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let asked = loop {
            if let Some(asked) = whole(&mut bytes) {
                break asked;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        seen.lock().unwrap().push(asked.clone());
        match say(&asked) {
            Say::Close => return None,
            Say::Silence(released) => {
                released.acquire().await.ok()?.forget();
                return None;
            }
            Say::Answer(status, headers, body) => {
                let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let answer = format!("HTTP/1.1 {status} It\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.ok()?;
            }
        }
    }
}

/// Takes a whole request off the front.
fn whole(bytes: &mut Vec<u8>) -> Option<Asked> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map(|(_, value)| value.parse().unwrap()).next().unwrap_or(0);
    let body = bytes.get(end..end + length)?.to_vec();
    bytes.drain(..end + length);
    let mut first = head.lines().next()?.split(' ');
    let (method, target) = (first.next()?.to_string(), first.next()?.to_string());
    Some(Asked { method, target, head, body: String::from_utf8(body).unwrap() })
}
