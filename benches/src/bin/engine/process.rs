//! Contestants as processes: started, found ready, their CPU and memory read from /proc, stopped.

use crate::{Result, project};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Contestant {
    Bare,
    Durable,
    Flowctl,
}

impl Contestant {
    pub const ALL: [Contestant; 3] = [Contestant::Bare, Contestant::Durable, Contestant::Flowctl];

    pub fn name(self) -> &'static str {
        match self {
            Contestant::Bare => "bare proxy",
            Contestant::Durable => "durable reference",
            Contestant::Flowctl => "flowctl",
        }
    }

    /// Starts it with what it keeps in a new folder under `place`.
    pub async fn start(self, place: &Path, sink: SocketAddr) -> Result<Running> {
        let folder = Folder::new(place)?;
        let hooks = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        match self {
            Contestant::Bare => {
                command.args(["reference", &hooks.to_string(), &sink.to_string()]);
            }
            Contestant::Durable => {
                let kept = folder.0.join("events");
                command.args(["reference", &hooks.to_string(), &sink.to_string()]).arg(kept);
            }
            Contestant::Flowctl => {
                project::write(&folder.0, sink)?;
                command.arg("run").arg(&folder.0);
                command.args(["--listen", &hooks.to_string(), "--admin", &free_address()?.to_string()]);
                command.envs(project::ENVIRONMENT).env("FLOWCTL_LOG", "error");
            }
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut running = Running { hooks, child, folder };
        let begun = Instant::now();
        while !running.is_ready().await {
            if let Some(status) = running.child.try_wait()? {
                return Err(format!("{} ended with {status}", self.name()).into());
            }
            if begun.elapsed() > Duration::from_secs(20) {
                return Err(format!("{} is not ready", self.name()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(running)
    }
}

/// How long flowctl takes until it is ready, and what it holds in memory (MB) when it has nothing to do.
pub async fn begin_and_idle() -> Result<(Duration, f64)> {
    let begun = Instant::now();
    let running = Contestant::Flowctl.start(Path::new("/dev/shm"), "127.0.0.1:9".parse()?).await?;
    let ready = begun.elapsed();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = running.memory()?;
    running.stop()?;
    Ok((ready, idle))
}

pub struct Running {
    pub hooks: SocketAddr,
    child: Child,
    #[allow(dead_code)] // removed when dropped
    folder: Folder,
}

impl Running {
    async fn is_ready(&self) -> bool {
        let asked = async {
            let mut stream = tokio::net::TcpStream::connect(self.hooks).await.ok()?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.ok()?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.ok()?;
            answer.starts_with(b"HTTP/1.1 200").then_some(())
        };
        asked.await.is_some()
    }

    /// User and system time so far. The kernel counts in hundredths of a second.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |n: usize| fields.get(n).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
        Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
    }

    /// Resident memory in MB.
    pub fn memory(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        Ok(kilobytes.ok_or("no VmRSS")?.trim().parse::<f64>()? / 1024.0)
    }

    pub fn stop(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(place: &Path) -> Result<Folder> {
        let name = format!("flowctl-bench-{}-{}", std::process::id(), free_address()?.port());
        let folder = place.join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Folder(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
