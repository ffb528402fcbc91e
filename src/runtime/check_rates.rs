//! The part of `flowctl check` that looks at exchange rates: whether a feed answers what can be read, and how old the newest
//! rates are.

use super::check::{Checked, State, What};
use super::rates::fetch;
use crate::connectors::http;
use crate::model::rates::{Feed, Rates};
use crate::value::time::write_duration;
use jiff::civil::Date;
use std::path::Path;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the files say.
pub(super) fn files(rates: &Rates, feeds: &[Feed], today: Date) -> Vec<Checked> {
    let of_feed = |name: &str| feeds.iter().any(|feed| feed.name == name);
    let files = rates.tables().filter(|(name, _)| !of_feed(name));
    files.map(|(name, table)| newest(name, table.last_day(), table.max_age(), today)).collect()
}

/// What the feeds say.
pub(super) async fn feeds(
    feeds: &[Feed],
    root: &Path,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
    today: Date,
) -> Result<Vec<Checked>, Box<dyn std::error::Error + Send + Sync>> {
    let client = http::client()?;
    let mut all = vec![];
    for feed in feeds {
        let name = &feed.name;
        match fetch(feed, root, env, &client).await {
            Ok(answer) => {
                all.push(checked(What::Reachable, State::Fine, format!("the feed of the rates `{name}` answers")));
                all.push(newest(name, answer.table.last_day(), feed.max_age, today));
            }
            Err(why) => {
                let says = format!("the feed of the rates `{name}` cannot be read: {why}");
                let help = "a runtime uses what it gave last until that is older than `max_age`; is its `url` right?";
                all.push(Checked { help: Some(help.to_owned()), ..checked(What::Reachable, State::Wrong, says) });
            }
        }
    }
    Ok(all)
}

fn newest(name: &str, day: Option<Date>, max_age: Duration, today: Date) -> Checked {
    let Some(day) = day else {
        return checked(What::Current, State::Wrong, format!("the rates `{name}` have no day"));
    };
    let age = Duration::try_from(today.duration_since(day)).unwrap_or_default();
    let days = age.as_secs() / DAY.as_secs();
    let ago = match days {
        0 => "of today".to_owned(),
        1 => "a day old".to_owned(),
        days => format!("{days} days old"),
    };
    let says = format!("the newest rates of `{name}` are of {day}, {ago}");
    if age <= max_age {
        return checked(What::Current, State::Fine, says);
    }
    let help = format!("`max_age` is {}: steps that ask for today's rates fail", write_duration(max_age));
    Checked { help: Some(help), ..checked(What::Current, State::Wrong, says) }
}

fn checked(what: What, state: State, says: String) -> Checked {
    Checked { connection: None, what, state, says, help: None }
}
