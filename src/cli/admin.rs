//! What the commands that operate a runtime have in common: where it is, who asks and why, and how its answers are read.
//!
//! Answers are printed as they come with `--format json`; amounts keep their text either way.

use super::{End, output};
use crate::console::DEFAULT_ADDRESS;
use crate::value::{Value, json};
use anyhow::Context;
use std::time::Duration;

/// Where the runtime is, and how to say what it answers.
#[derive(clap::Args)]
pub struct Admin {
    /// The admin API of the runtime.
    #[arg(long, value_name = "URL", default_value = DEFAULT_ADDRESS, env = "FLOWCTL_ADMIN")]
    admin: String,
    /// How answers are written to stdout.
    #[arg(long, default_value = "text")]
    pub format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// Who changes something, and why: both go into the audit.
#[derive(clap::Args)]
pub struct Who {
    /// Who does this. Unless written: your user name.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Why; it is kept in the audit.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
}

/// The same where there is nothing to try first.
#[derive(clap::Args)]
pub struct Change {
    /// Who does this. Unless written: your user name.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Why; it is kept in the audit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl From<Change> for Who {
    fn from(change: Change) -> Who {
        Who { actor: change.actor, reason: Some(change.reason) }
    }
}

impl Who {
    pub fn of(actor: Option<String>, reason: Option<String>) -> Who {
        Who { actor, reason }
    }

    /// As the API wants it.
    pub fn fields(&self) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
        let name = |variable: &str| std::env::var(variable).ok().filter(|name| !name.trim().is_empty());
        let actor = self.actor.clone().or_else(|| name("USER")).or_else(|| name("LOGNAME"));
        let actor = actor.context("nobody is logged in under a name: say who does this with --actor NAME")?;
        let reason = self.reason.clone().unwrap_or_default();
        Ok([("actor".to_owned(), actor.into()), ("reason".to_owned(), reason.into())].into_iter().collect())
    }
}

/// Which part of a list is shown.
#[derive(clap::Args)]
pub struct Part {
    /// How many at most.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Where an earlier part ended.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
}

impl Part {
    /// What is asked, with the part of it.
    pub fn of<const N: usize>(self, asked: [(&str, Option<String>); N]) -> Vec<(&str, Option<String>)> {
        let part = [("limit", self.limit.map(|limit| limit.to_string())), ("after", self.after)];
        asked.into_iter().chain(part).collect()
    }
}

/// Whether payloads are shown as they are, and who wants to see them so.
#[derive(clap::Args)]
pub struct Unmasked {
    /// Everything as it is. Needs a reason, which is kept in the audit.
    #[arg(long, requires = "reason")]
    unmasked: bool,
    /// Who looks. Unless written: your user name.
    #[arg(long, value_name = "NAME", requires = "unmasked")]
    actor: Option<String>,
    /// With --unmasked: why.
    #[arg(long, value_name = "TEXT", requires = "unmasked")]
    reason: Option<String>,
}

impl Unmasked {
    /// As it is asked of the admin API.
    pub fn query(self) -> anyhow::Result<Vec<(&'static str, Option<String>)>> {
        if !self.unmasked {
            return Ok(vec![]);
        }
        let who = Who::of(self.actor, self.reason.clone()).fields()?;
        let actor = who.get("actor").and_then(|actor| Some(actor.as_str()?.to_owned()));
        Ok(vec![("masked", Some("false".to_owned())), ("actor", actor), ("reason", self.reason)])
    }
}

/// An answer of the runtime.
pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Answer {
    /// As a value, amounts verbatim.
    pub fn value(&self) -> anyhow::Result<Value> {
        json::parse(self.text.as_bytes()).map_err(|why| anyhow::anyhow!("the answer of the runtime is no JSON: {why}"))
    }
}

impl Admin {
    /// Asks for something.
    pub fn get(&self, path: &str, query: &[(&str, Option<String>)]) -> anyhow::Result<Answer> {
        let query: Vec<(&str, &String)> = query.iter().filter_map(|(n, v)| Some((*n, v.as_ref()?))).collect();
        self.ask(|client, base| client.get(format!("{base}{path}")).query(&query))
    }

    /// Changes something.
    pub fn post(&self, path: &str, body: serde_json::Map<String, serde_json::Value>) -> anyhow::Result<Answer> {
        self.ask(|client, base| client.post(format!("{base}{path}")).json(&body))
    }

    /// Changes something, with a document whose numbers keep their text.
    pub fn post_with(
        &self,
        path: &str,
        body: serde_json::Map<String, serde_json::Value>,
        document: Option<(&str, Box<serde_json::value::RawValue>)>,
    ) -> anyhow::Result<Answer> {
        let mut text = serde_json::to_string(&body)?;
        if let Some((name, document)) = document {
            text.pop();
            text.push_str(&format!(",{}:{}}}", serde_json::Value::from(name), document.get()));
        }
        self.ask(|client, base| client.post(format!("{base}{path}")).body(text))
    }

    fn ask(&self, request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder) -> anyhow::Result<Answer> {
        let base = match self.admin.contains("://") {
            true => self.admin.trim_end_matches('/').to_owned(),
            false => format!("http://{}", self.admin),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            // A reload or a backup may take its time; whether anybody is there is known at once.
            let client = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build()?;
            let answer = request(&client, &base).send().await.map_err(|error| {
                let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                anyhow::anyhow!("no runtime answers at {base}: {why}. Is `flowctl run` up? --admin says where")
            })?;
            Ok(Answer { status: answer.status().as_u16(), text: answer.text().await? })
        })
    }

    /// Shows an answer: as it came with `--format json`, else as `render` makes it. A refusal is exit status 1.
    pub fn show(&self, answer: &Answer, render: impl FnOnce(&Value) -> String) -> anyhow::Result<End> {
        let end = outcome(answer)?;
        match (self.format, &end) {
            (Format::Json, _) => output::print(&format!("{}\n", answer.text.trim_end()))?,
            (Format::Text, End::Fine) => output::print(&render(&answer.value()?))?,
            (Format::Text, End::Findings) => {}
        }
        Ok(end)
    }
}

/// What an answer means: a refusal is told and ends with 1, anything else that is no success is an error.
pub fn outcome(answer: &Answer) -> anyhow::Result<End> {
    let message = || {
        let value = answer.value().ok()?;
        Some(value.get("error").get("message").as_text()?.to_string())
    };
    match answer.status {
        200..300 => Ok(End::Fine),
        409 => {
            output::tell(&format!("flowctl: {}", plain(&message().unwrap_or_else(|| "refused".to_owned()))));
            Ok(End::Findings)
        }
        status => match message() {
            Some(message) => anyhow::bail!("{}", plain(&message)),
            None => anyhow::bail!("this is no admin API of flowctl: it answers with status {status}"),
        },
    }
}

/// A text without what could steer a terminal: payloads and providers' messages come from outside.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '·' } else { c }).collect()
}

/// A field as text; nothing where it is missing or null.
pub fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        Value::Missing | Value::Null => String::new(),
        Value::Text(text) => plain(text),
        Value::Number(number) => number.written().into_owned(),
        Value::Bool(bool) => bool.to_string(),
        other => json::write(other).map(|text| plain(&text)).unwrap_or_default(),
    }
}

/// The items of a list.
pub fn items(value: &Value) -> &[Value] {
    value.get("items").as_list().unwrap_or_default()
}

/// An instant to the second.
pub fn time(value: &Value, name: &str) -> String {
    let text = text(value, name);
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// The beginning of a hash: enough to name it.
pub fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// A text in one line of at most so many characters.
pub fn line(text: &str, most: usize) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &flat[..at]),
        None => flat,
    }
}

/// Says on stderr how to get the next part of a list.
pub fn more(listed: &Value) {
    let next = text(listed, "next");
    if !next.is_empty() {
        output::tell(&format!("more: --after {next}"));
    }
}

/// `--since` and `--until`: an instant, or how long ago.
pub fn instant(text: &str) -> Result<String, String> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(at.to_string());
    }
    let ago = crate::value::time::parse_duration(text)
        .map_err(|_| format!("`{text}` is neither an instant (2026-03-02T09:00:00Z) nor a duration ago (24h)"))?;
    let ago = jiff::SignedDuration::try_from(ago).map_err(|error| error.to_string())?;
    jiff::Timestamp::now().checked_sub(ago).map(|at| at.to_string()).map_err(|error| error.to_string())
}
