//! The real binary as a process: started, watched, asked, killed.

use super::project::{FLOW, Project, SECRETS};
use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a runtime may take from its start to `/readyz`.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// `flowctl` with these arguments and nothing of this process's environment that it could notice.
pub fn flowctl(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowctl"));
    command.args(args).env_remove("FLOWCTL_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
    for (name, _) in SECRETS {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end; fails when it takes longer than a minute.
pub fn finish(mut command: Command) -> Finished {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let (mut stdout, mut stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut text).expect("UTF-8");
        text
    });
    let watching = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stderr, &mut text).expect("UTF-8");
        text
    });
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} did not end; stderr:\n{}", watching.join().expect("read"));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let stdout = reading.join().expect("read").into_bytes();
    let stderr = watching.join().expect("read").into_bytes();
    Finished::of(Output { status, stdout, stderr })
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    fn of(output: Output) -> Finished {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let finished =
            Finished { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!finished.stderr.contains("panicked"), "a panic:\n{}", finished.stderr);
        finished
    }

    /// Fails unless it ended so and said all of these on stderr.
    #[track_caller]
    pub fn said(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "stderr:\n{}\nstdout:\n{}", self.stderr, self.stdout);
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in stderr:\n{}", self.stderr);
        }
    }
}

/// A port that nobody uses, from below the range that the system hands out for connections: it is still free after a
/// process that had it was killed.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (std::process::id().wrapping_mul(37).wrapping_add(step.wrapping_mul(7)) % 20_000) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// What became of a start.
#[derive(Debug)]
pub enum CameUp {
    Ready,
    Ended(ExitStatus),
    NotReady,
}

/// What a runtime is started with, again and again.
#[derive(Clone)]
pub struct Setup {
    pub project: PathBuf,
    pub store: PathBuf,
    pub log: PathBuf,
    pub hooks: SocketAddr,
    pub admin: SocketAddr,
    /// Environment variables beside the bundled connections'.
    pub env: Vec<(&'static str, &'static str)>,
    /// No file that it writes may grow beyond so many bytes.
    pub limited: Option<u64>,
    /// More arguments.
    pub more: Vec<String>,
}

impl Setup {
    pub fn of(project: &Project) -> Setup {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (hooks, admin) = (local(free_port()), local(free_port()));
        Setup {
            project: project.root(),
            store: project.store(),
            log: project.log(),
            hooks,
            admin,
            env: vec![],
            limited: None,
            more: vec![],
        }
    }

    /// `flowctl run` as it will be started.
    pub fn command(&self) -> Command {
        let text = |path: &Path| path.to_string_lossy().to_string();
        let (hooks, admin) = (self.hooks.to_string(), self.admin.to_string());
        let (project, store) = (text(&self.project), text(&self.store));
        let args = ["run", &project, "--listen", &hooks, "--admin", &admin, "--store", &store, "--env", "test"];
        let mut command = flowctl(&args);
        command.args(&self.more).envs(SECRETS).envs(self.env.iter().copied());
        let Some(bytes) = self.limited else { return command };
        // A write beyond it is an error only where the signal that tells of it is ignored.
        let mut limited = Command::new("sh");
        let script = format!("trap '' XFSZ; exec prlimit --fsize={bytes} \"$0\" \"$@\"");
        limited.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
        limited.env_remove("FLOWCTL_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
        limited.envs(SECRETS).envs(self.env.iter().copied());
        limited
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&self) -> Runtime {
        self.start_as(self.command()).await
    }

    /// Starts it by another command and waits until it is ready.
    pub async fn start_as(&self, command: Command) -> Runtime {
        let mut runtime = self.launch_as(command);
        match runtime.came_up(READY_WITHIN).await {
            CameUp::Ready => runtime,
            CameUp::NotReady => panic!("not ready after {READY_WITHIN:?}"),
            CameUp::Ended(status) => {
                panic!("flowctl run ended with {status} before it was ready:\n{}", runtime.stderr())
            }
        }
    }

    /// Starts it and waits for nothing.
    pub fn launch(&self) -> Runtime {
        self.launch_as(self.command())
    }

    fn launch_as(&self, mut command: Command) -> Runtime {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).expect("a log");
        let child = command.stdout(Stdio::null()).stderr(Stdio::from(log)).spawn().expect("flowctl starts");
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("a client");
        Runtime { child, setup: self.clone(), client }
    }
}

/// A runtime in a process of its own. Dropped, it is killed; where the test fails, its stderr is shown.
pub struct Runtime {
    child: Child,
    pub setup: Setup,
    client: reqwest::Client,
}

impl Runtime {
    /// Waits until it is ready or has ended, or for so long.
    pub async fn came_up(&mut self, within: Duration) -> CameUp {
        let begun = Instant::now();
        while begun.elapsed() < within {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return CameUp::Ended(status);
            }
            if self.get_status(&format!("{}/readyz", self.hooks_url())).await == Some(200) {
                return CameUp::Ready;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        CameUp::NotReady
    }

    /// What `/readyz` answers.
    pub async fn ready(&self) -> u16 {
        self.get_status(&format!("{}/readyz", self.hooks_url())).await.expect("an answer")
    }

    /// Why `/readyz` says no.
    pub async fn not_ready_because(&self) -> String {
        let answer = self.client.get(format!("{}/readyz", self.hooks_url())).send().await.expect("an answer");
        answer.text().await.expect("a text")
    }

    fn hooks_url(&self) -> String {
        format!("http://{}", self.setup.hooks)
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where Stripe delivers.
    pub fn hook(&self) -> String {
        format!("http://{}/hooks/stripe", self.setup.hooks)
    }

    /// SIGKILL: no handler, no flush, no goodbye.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// SIGTERM, and how it ended.
    pub async fn stop(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "SIGTERM was not heard");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Everything that it and its predecessors wrote to stderr.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.setup.log).unwrap_or_default()
    }

    /// Waits until stderr has this.
    pub async fn says(&self, part: &str) {
        let begun = Instant::now();
        while !self.stderr().contains(part) {
            assert!(begun.elapsed() < Duration::from_secs(20), "never said: {part}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn get_status(&self, url: &str) -> Option<u16> {
        Some(self.client.get(url).send().await.ok()?.status().as_u16())
    }

    /// Where the admin API is.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.setup.admin)
    }

    /// What the admin API answers.
    pub async fn admin(&self, path: &str) -> serde_json::Value {
        let url = format!("http://{}{path}", self.setup.admin);
        let answer = self.client.get(&url).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{url} answered {status}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"))
    }

    /// The same; `None` where that is refused.
    pub async fn try_admin(&self, path: &str) -> Option<serde_json::Value> {
        let answer = self.client.get(format!("http://{}{path}", self.setup.admin)).send().await.ok()?;
        let fine = answer.status().is_success();
        serde_json::from_str(&answer.text().await.ok()?).ok().filter(|_| fine)
    }

    /// `GET /api/flows`, the bundled flow's entry.
    pub async fn flow(&self) -> serde_json::Value {
        let flows = self.admin("/api/flows").await;
        let list = flows.as_array().or_else(|| flows["items"].as_array()).or_else(|| flows["flows"].as_array());
        let list = list.unwrap_or_else(|| panic!("no list of flows: {flows}"));
        let flow = list.iter().find(|flow| flow["flow"] == FLOW);
        flow.unwrap_or_else(|| panic!("no {FLOW} in {flows}")).clone()
    }

    /// The live revision of the bundled flow.
    pub async fn revision(&self) -> String {
        let flow = self.flow().await;
        flow["revision"].as_str().unwrap_or_else(|| panic!("no revision: {flow}")).to_string()
    }

    /// Waits until another revision than this is live.
    pub async fn revision_other_than(&self, old: &str) -> String {
        let begun = Instant::now();
        loop {
            let now = self.revision().await;
            if now != old {
                return now;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "the revision is still {old}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.stderr();
        if std::thread::panicking() {
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("---- the end of flowctl's stderr");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        } else {
            assert!(!log.contains("panicked"), "flowctl panicked:\n{log}");
        }
    }
}
