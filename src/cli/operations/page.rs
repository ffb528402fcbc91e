//! A system's page of `docs/systems/`: a head that somebody wrote, and below it all that the catalogue knows.

use crate::catalog::{
    ConnectionKey, ErrorClass, ErrorTable, KeyType, Operation, Own, Param, ParamKind, Reconcile, RepeatBy, RepeatEntry,
    Rule, System,
};
use crate::value::time::write_duration;
use std::fmt::Write;

/// Where the head ends.
const MARK: &str = "<!-- operations -->";

/// The page with the head of the one before.
pub(super) fn page(system: &System, before: &str) -> String {
    let head = match before.split_once(MARK) {
        Some((head, _)) => head.trim_end().to_owned(),
        None => format!("# {}\n\nA connection with `system: {}`.", capital(&system.title), system.name),
    };
    let mut page = format!(
        "{head}\n\n{MARK}\n<!-- Written by `flowctl operations --write docs` from schemas/systems/{}.yaml. -->\n",
        system.name
    );
    connection(system, &mut page);
    limits(system, &mut page);
    operations(system, &mut page);
    entities(system, &mut page);
    events(system, &mut page);
    errors("What its errors mean", &system.errors, &mut page);
    page
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// In a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn connection(system: &System, page: &mut String) {
    for (title, keys) in [("Connection", &system.connection), ("Webhook", &system.webhook)] {
        if keys.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {title}\n\n| key | | |\n|---|---|---|\n");
        for (name, key) in keys {
            let description = key.description.as_deref().unwrap_or_default();
            let _ = writeln!(page, "| `{name}` | {} | {} |", kind(key), cell(description));
        }
    }
}

fn kind(key: &ConnectionKey) -> String {
    let ty = match key.ty {
        KeyType::Text => "text",
        KeyType::Texts => "texts",
        KeyType::Url => "address",
        KeyType::Uuid => "UUID",
        KeyType::Duration => "duration",
        KeyType::Int => "whole number",
    };
    let mut said = match &key.one_of {
        Some(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" "),
        None if key.secret => "a reference to a secret".to_owned(),
        None => ty.to_owned(),
    };
    if key.required {
        said.push_str(", required");
    }
    if let Some(default) = &key.default {
        let _ = write!(said, ", unless written `{default}`");
    }
    said
}

fn limits(system: &System, page: &mut String) {
    let Some(http) = &system.http else { return };
    let mut said = vec![];
    if let Some(concurrency) = http.limits.concurrency {
        said.push(format!("{concurrency} requests at once"));
    }
    if let Some(rate) = http.limits.rate {
        said.push(format!("{} in {}", rate.count, write_duration(rate.per)));
    }
    if let Some(timeout) = http.timeout {
        said.push(format!("an answer within {}", write_duration(timeout)));
    }
    if !said.is_empty() {
        let _ = write!(page, "\n## Limits\n\nUnless the connection's `limits` say otherwise: {}.\n", said.join(", "));
    }
}

fn operations(system: &System, page: &mut String) {
    page.push_str("\n## Operations\n");
    for operation in system.operations.values() {
        let verb = operation.belongs_under();
        let _ = write!(page, "\n### {}\n\n`{verb}`. {}.\n", operation.name, operation.title.trim_end_matches('.'));
        if !operation.params.is_empty() {
            page.push_str("\n| parameter | | |\n|---|---|---|\n");
        }
        for (name, param) in &operation.params {
            let name = if param.key { "key" } else { name };
            let required = if param.required { ", required" } else { "" };
            let description = param.description.as_deref().unwrap_or_default();
            let ty = written_as(param);
            let ty = if param.ty.is_some() { format!("`{ty}`") } else { ty };
            let _ = writeln!(page, "| `{name}` | {}{required} | {} |", cell(&ty), cell(description));
        }
        let _ = write!(page, "\nGives {}.", gives(operation));
        if operation.writes() {
            let reasons: Vec<String> = operation.repeat.iter().map(reason).collect();
            let _ = write!(page, " A repeat: {}.", reasons.join("; else "));
        }
        page.push('\n');
        errors("", &operation.errors, page);
    }
}

fn gives(operation: &Operation) -> String {
    let outcome = operation.result();
    let mut said = match outcome.ty.to_string().as_str() {
        "none" => "nothing".to_owned(),
        ty => format!("`{ty}`"),
    };
    if !outcome.missing.is_empty() {
        let statuses: Vec<String> = outcome.missing.iter().map(u16::to_string).collect();
        let _ = write!(said, ", or nothing where there is none ({})", statuses.join(", "));
    }
    said
}

/// What a flow writes for a parameter.
pub(super) fn written_as(param: &Param) -> String {
    if !param.one_of.is_empty() {
        return param.one_of.join(", ");
    }
    match (&param.ty, param.kind) {
        (Some(ty), _) => ty.to_string(),
        (None, ParamKind::Filter) => "a condition over row".into(),
        (None, ParamKind::Expand) => "paths to objects".into(),
        (None, ParamKind::Columns) => "names of columns".into(),
        (None, ParamKind::Path) => "a path with {holes}".into(),
        (None, ParamKind::Paging) => "keys".into(),
        (None, ParamKind::Repeat) => "a word".into(),
        (None, ParamKind::Writes) => "writes".into(),
        (None, ParamKind::Link | ParamKind::Total | ParamKind::Rate) => "a name of flowctl.yaml".into(),
        (None, _) => "a name".into(),
    }
}

/// Why a repeat is safe, in a clause.
pub(super) fn reason(entry: &RepeatEntry) -> String {
    let memory = entry.remembers.map(|time| format!(" for {}", write_duration(time))).unwrap_or_default();
    let settle = entry.settle.map(|time| format!(", after {}", write_duration(time))).unwrap_or_default();
    match entry.by {
        RepeatBy::Header => {
            format!("the server knows a repeat by {}{memory}", entry.header.as_deref().unwrap_or("a header"))
        }
        RepeatBy::Key => "where the flow chooses the whole key: a repeat meets its own row".into(),
        RepeatBy::MadeKey => "the row's id is made of the step's key: a repeat meets its own row".into(),
        RepeatBy::Set => "writing the same again changes nothing".into(),
        RepeatBy::FindBy => format!("`find_by` names columns by which a retry finds its own row{settle}"),
        RepeatBy::FirstWrite => "it is one transaction: done when its first write is found".into(),
        RepeatBy::Transaction => "it is written together with the step's result, or neither is".into(),
        RepeatBy::None => "nothing tells: an uncertain attempt waits for a person".into(),
    }
}

fn entities(system: &System, page: &mut String) {
    if system.entities.is_empty() {
        return;
    }
    page.push_str("\n## Entities\n\n| entity | key | operations | a new row needs |\n|---|---|---|---|\n");
    for (name, entity) in &system.entities {
        let chosen = if entity.is_chosen() { " (chosen by the flow)" } else { "" };
        let one = entity.one_at_a_time.as_ref().map(|column| format!(". One write at a time for each `{column}`"));
        let _ = writeln!(
            page,
            "| `{name}` | {}{chosen} | {} | {}{} |",
            entity.key.join(", "),
            entity.can.join(", "),
            entity.required.join(", "),
            one.unwrap_or_default()
        );
    }
}

fn events(system: &System, page: &mut String) {
    if system.events.is_empty() {
        return;
    }
    page.push_str("\n## Events\n");
    for (name, group) in &system.events {
        if system.events.len() > 1 {
            let _ = write!(page, "\n### {name}\n");
        }
        let own = match group.own {
            Own::Unknown => "`ignore_own` cannot be used: the system does not say who caused an event",
            _ => "`ignore_own` leaves out what we caused",
        };
        let missed = match &group.reconcile {
            Reconcile::None => "what was never delivered cannot be asked for".to_owned(),
            Reconcile::List(listing) => {
                let keeps =
                    listing.keeps.map(|time| format!(", kept for {}", write_duration(time))).unwrap_or_default();
                format!("`reconcile` asks `{}.{}` for what was never delivered{keeps}", system.name, listing.operation)
            }
            Reconcile::Rows(rows) => format!(
                "`reconcile` asks `{}.{}` for the rows that were made or changed; deleted ones cannot be listed",
                system.name, rows.operation
            ),
        };
        let _ = write!(page, "\n{}; {missed}.\n", capital(own));
        if !group.types.is_empty() {
            page.push_str("\n| event | gives | |\n|---|---|---|\n");
        }
        for (event, ty) in &group.types {
            let hint = ty.hint.as_deref().unwrap_or_default();
            let _ = writeln!(page, "| `{event}` | `{}` | {} |", ty.ty, cell(hint));
        }
    }
}

fn errors(title: &str, table: &ErrorTable, page: &mut String) {
    let by_message = table.by_message.iter().map(|one| (format!("… {} …", one.has), &one.rule));
    let by_code = table.by_code.iter().map(|(code, rule)| (code.clone(), rule));
    let by_status = table.by_status.iter().map(|(status, rule)| (status.clone(), rule));
    let rules: Vec<(String, &Rule)> = by_message.chain(by_code).chain(by_status).collect();
    if rules.is_empty() {
        return;
    }
    if !title.is_empty() {
        let _ = write!(page, "\n## {title}\n");
    }
    page.push_str("\n| error | class | what to do |\n|---|---|---|\n");
    for (what, rule) in rules {
        let hint = rule.hint.as_deref().unwrap_or_default();
        let _ = writeln!(page, "| {} | {} | {} |", cell(&what), class(rule.class), cell(hint));
    }
}

fn class(class: ErrorClass) -> String {
    format!("{class:?}").to_lowercase()
}
