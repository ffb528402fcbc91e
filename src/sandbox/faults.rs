//! Faults on demand: what the stand-ins are told to do wrong, to whom and how often.

use crate::value::{Record, Text, Value};
use std::sync::Mutex;
use std::time::Duration;

/// One fault: which requests it hits, how often, and what happens to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// `POST`; empty: every method.
    pub method: String,
    /// A part of the path with its query: `/data/SalesOrderHeadersV2`. Empty: every path.
    pub path: String,
    /// A part of the body. Empty: every body.
    pub body: String,
    /// How many requests it hits before it is gone.
    pub times: u32,
    pub kind: FaultKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// Answers this status without doing the work; with `retry_after` in seconds.
    Status { status: u16, retry_after: Option<u32> },
    /// Answers this status without doing the work and, where the system stores answers by idempotency key, every repeat
    /// of the key with the same.
    Stored { status: u16 },
    /// Closes the connection before the work.
    DropBefore,
    /// Does the work, then closes the connection without an answer.
    DropAfter,
    /// Closes the connection at once and does the work so much later.
    CommitLate(Duration),
    /// Answers so much later.
    Delay(Duration),
    /// Of an event that is sent out, not of a request: `path` is a part of its name.
    Deliver(Deliver),
}

/// What becomes of an event on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    Twice,
    /// Behind the next one.
    Late,
    Never,
}

/// The faults still to come, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds one behind the others.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Forgets all that are still to come.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Those still to come.
    pub fn waiting(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// The fault that hits this request, counted down.
    pub fn take(&self, method: &str, path: &str, body: &[u8]) -> Option<FaultKind> {
        self.hit(body, |fault| {
            let method_fits = fault.method.is_empty() || fault.method.eq_ignore_ascii_case(method);
            !matches!(fault.kind, FaultKind::Deliver(_)) && method_fits && path.contains(&fault.path)
        })
    }

    /// What becomes of the event with that name and body that is about to be sent out.
    pub fn on_the_way(&self, event: &str, body: &[u8]) -> Option<Deliver> {
        let hit = self.hit(body, |fault| matches!(fault.kind, FaultKind::Deliver(_)) && event.contains(&fault.path));
        match hit {
            Some(FaultKind::Deliver(deliver)) => Some(deliver),
            _ => None,
        }
    }

    fn hit(&self, body: &[u8], fits: impl Fn(&Fault) -> bool) -> Option<FaultKind> {
        let mut faults = self.lock();
        if faults.is_empty() {
            return None;
        }
        let body = String::from_utf8_lossy(body);
        let hit = faults.iter().position(|fault| fits(fault) && body.contains(&fault.body))?;
        let kind = faults[hit].kind.clone();
        faults[hit].times = faults[hit].times.saturating_sub(1);
        if faults[hit].times == 0 {
            faults.remove(hit);
        }
        Some(kind)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Fault {
    /// Reads `{"method": "POST", "path": "/data/…", "body": "…", "times": 1, "status": 429, "retry_after": 1}`, or
    /// instead of `status`: `"stored": 400` (also for every repeat of its key), `"drop": "before"|"after"`, `"commit_late_ms": 2000`, `"delay_ms": 50`. Of an event that is sent out
    /// (`path`: a part of its name): `"deliver": "twice"|"late"|"never"`.
    pub fn from_json(record: &Record) -> Result<Fault, String> {
        let text = |name: &str| record.get(name).and_then(Value::as_text).map(|t| t.to_string()).unwrap_or_default();
        let whole = |name: &str| -> Option<u64> {
            record
                .get(name)
                .and_then(Value::as_number)
                .and_then(|n| n.exact().ok())
                .and_then(|n| n.to_i64()?.try_into().ok())
        };
        let kind = if let Some(status) = whole("status") {
            let status = u16::try_from(status).map_err(|_| "`status` is no HTTP status")?;
            FaultKind::Status { status, retry_after: whole("retry_after").and_then(|s| s.try_into().ok()) }
        } else if let Some(status) = whole("stored") {
            FaultKind::Stored { status: u16::try_from(status).map_err(|_| "`stored` is no HTTP status")? }
        } else if let Some(late) = whole("commit_late_ms") {
            FaultKind::CommitLate(Duration::from_millis(late))
        } else if let Some(delay) = whole("delay_ms") {
            FaultKind::Delay(Duration::from_millis(delay))
        } else if record.get("deliver").is_some() {
            FaultKind::Deliver(match text("deliver").as_str() {
                "twice" => Deliver::Twice,
                "late" => Deliver::Late,
                "never" => Deliver::Never,
                _ => return Err("`deliver` is twice, late or never".into()),
            })
        } else {
            match text("drop").as_str() {
                "before" => FaultKind::DropBefore,
                "after" => FaultKind::DropAfter,
                _ => return Err("a fault has `status`, `stored`, `drop`: before or after, `commit_late_ms`, `delay_ms` or `deliver`".into()),
            }
        };
        if let Some(unknown) = record.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("a fault has no `{unknown}`; it has {}", KEYS.join(", ")));
        }
        let times = whole("times").unwrap_or(1).clamp(1, u32::MAX as u64) as u32;
        Ok(Fault { method: text("method"), path: text("path"), body: text("body"), times, kind })
    }

    /// The same, as it would be ordered.
    pub fn to_json(&self) -> Record {
        let (name, value) = match &self.kind {
            FaultKind::Status { status, .. } => ("status", Value::from(i64::from(*status))),
            FaultKind::Stored { status } => ("stored", Value::from(i64::from(*status))),
            FaultKind::DropBefore => ("drop", Value::from("before")),
            FaultKind::DropAfter => ("drop", Value::from("after")),
            FaultKind::CommitLate(late) => ("commit_late_ms", millis(late)),
            FaultKind::Delay(delay) => ("delay_ms", millis(delay)),
            FaultKind::Deliver(Deliver::Twice) => ("deliver", Value::from("twice")),
            FaultKind::Deliver(Deliver::Late) => ("deliver", Value::from("late")),
            FaultKind::Deliver(Deliver::Never) => ("deliver", Value::from("never")),
        };
        let retry_after = match &self.kind {
            FaultKind::Status { retry_after: Some(seconds), .. } => Some(Value::from(i64::from(*seconds))),
            _ => None,
        };
        let texts = [("method", &self.method), ("path", &self.path), ("body", &self.body)];
        let texts = texts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name, Value::from(text.as_str())));
        let rest = [("times", Value::from(i64::from(self.times))), (name, value)].into_iter();
        let all = texts.chain(rest).chain(retry_after.map(|seconds| ("retry_after", seconds)));
        all.map(|(name, value)| (Text::from(name), value)).collect()
    }
}

/// What an order of a fault can say.
const KEYS: &[&str] = &[
    "method",
    "path",
    "body",
    "times",
    "status",
    "retry_after",
    "stored",
    "drop",
    "commit_late_ms",
    "delay_ms",
    "deliver",
];

fn millis(time: &Duration) -> Value {
    Value::from(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
