//! `--explain`: an account of a result, for people and for programs.

use crate::diagnostics::{Sources, Span, did_you_mean};
use crate::language::explain::{Account, Callee, Choice, Condition, Dropped, Fact, Field, Operand, Read, Step, Way};
use crate::value::{Record, Text, Value, json};
use std::io::IsTerminal;

/// Reads and calls of one field that a person is shown; a program gets all.
const SHOWN: usize = 12;
/// Longest value, and longest source, that a person is shown.
const WIDTH: usize = 72;
const SOURCE: usize = 110;

/// The account of that field and those below it; an error where there is none.
pub(super) fn narrow(account: &mut Account, wanted: &str) -> anyhow::Result<()> {
    let names: Vec<String> = account.fields.iter().map(|field| name(&field.path)).collect();
    let fits =
        |name: &String| name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    if !names.iter().any(fits) {
        let hint = match did_you_mean(wanted, names.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean {meant}?"),
            None => "--explain alone shows all".into(),
        };
        anyhow::bail!("the result has no field {wanted}; {hint}");
    }
    let mut fit = names.iter().map(fits);
    account.fields.retain(|_| fit.next().unwrap_or(false));
    Ok(())
}

/// `Lines[0].Price`; empty for the whole result.
fn name(path: &[Step]) -> String {
    let written: String = path.iter().map(Step::to_string).collect();
    written.strip_prefix('.').map(str::to_string).unwrap_or(written)
}

// ---- for people

/// A line per fact, what belongs together below each other.
pub(super) fn text(account: &Account, sources: &Sources) -> String {
    let paint = Paint::of_stdout();
    let mut out = String::new();
    for field in &account.fields {
        let shown = match &field.value {
            Value::Missing => paint.dim("left out"),
            value => format!("= {}", short(value)),
        };
        block(&mut out, field, &shown, sources, &paint);
    }
    if let Some(failed) = &account.failed {
        block(&mut out, failed, "failed", sources, &paint);
    }
    if account.cut {
        out.push_str("\nThere was too much to keep all of it: what happened last is not explained.\n");
    }
    out
}

fn block(out: &mut String, field: &Field, shown: &str, sources: &Sources, paint: &Paint) {
    if !out.is_empty() {
        out.push('\n');
    }
    let called = match name(&field.path) {
        whole if whole.is_empty() => "result".to_string(),
        name => name,
    };
    out.push_str(&format!("{} {shown}\n", paint.bold(&called)));
    let place = sources.position(field.span).to_string();
    out.push_str(&format!("  {}  {}\n", paint.dim(&place), source(field.span, sources)));
    let lines = lines(field, sources);
    let with_value = lines.iter().filter(|line| !line.value.is_empty());
    let widest = with_value.map(|line| line.what.chars().count()).filter(|n| *n <= WIDTH).max().unwrap_or(0);
    for line in lines {
        let label = paint.label(&format!("{:>9}", line.label));
        let gap = " ".repeat(widest.saturating_sub(line.what.chars().count()));
        let more = if line.place.is_empty() { String::new() } else { paint.dim(&format!("  {}", line.place)) };
        out.push_str(format!("{label}  {}{gap}  {}{more}", line.what, line.value).trim_end());
        out.push('\n');
    }
}

struct Line {
    label: &'static str,
    what: String,
    value: String,
    place: String,
}

fn lines(field: &Field, sources: &Sources) -> Vec<Line> {
    let mut lines = vec![];
    for condition in &field.conditions {
        let value = format!("{}{}", condition.held, because(&condition.operands, &condition.facts, sources));
        // What stands behind `else` is there because the condition did not hold.
        let label = if condition.wanted { "if" } else { "if not" };
        lines.push(Line { label, what: source(condition.span, sources), value, place: String::new() });
    }
    let mut reads = vec![];
    let mut others = vec![];
    let mut builtins: Vec<&str> = vec![];
    for fact in &field.facts {
        match fact {
            Fact::Read(read) => reads.push(Line {
                label: "from",
                what: read.path.clone(),
                value: short(&read.value),
                place: String::new(),
            }),
            Fact::Row { table, keys, value, row, .. } => {
                let place = row.map_or("else".into(), |row| sources.position(row).to_string());
                let value = value.as_ref().map_or("no row".into(), short);
                others.push(Line { label: "row", what: entry(table, keys), value, place });
            }
            Fact::Call { name, kind: Callee::Builtin, .. } => {
                if !builtins.contains(&&**name) {
                    builtins.push(name);
                }
            }
            Fact::Call { name, kind, value, .. } => {
                let place = match kind {
                    Callee::Routine(defined) => sources.position(*defined).to_string(),
                    _ => String::new(),
                };
                let label = if matches!(kind, Callee::Script) { "script" } else { "fn" };
                let value = value.as_ref().map_or("failed".into(), short);
                others.push(Line { label, what: name.to_string(), value, place });
            }
            Fact::Choice(choice) => others.push(chosen(choice, sources)),
            Fact::Dropped(dropped) => others.push(kept_out(dropped, sources)),
        }
    }
    for part in [&mut reads, &mut others] {
        if part.len() > SHOWN {
            let more = part.len() - SHOWN;
            let label = part[0].label;
            part.truncate(SHOWN);
            part.push(Line { label, what: format!("… and {more} more"), value: String::new(), place: String::new() });
        }
        lines.append(part);
    }
    // As they were applied: the outermost was met first.
    builtins.reverse();
    if !builtins.is_empty() {
        lines.push(Line { label: "with", what: builtins.join(", "), value: String::new(), place: String::new() });
    }
    lines
}

/// What a condition kept out of a list.
fn kept_out(dropped: &Dropped, sources: &Sources) -> Line {
    let Dropped { span, elements, of } = dropped;
    let more = if elements.len() > 3 { ", …" } else { "" };
    let first = elements.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
    let value = format!("false for {} of {of}: {first}{more}", elements.len());
    Line { label: "dropped", what: source(*span, sources), value, place: String::new() }
}

fn chosen(choice: &Choice, sources: &Sources) -> Line {
    let what = source(choice.span, sources);
    let reads = because(&choice.operands, &choice.facts, sources);
    let (label, value) = match &choice.way {
        Way::If(held) => ("if", format!("{held}{reads}")),
        Way::Match(Some(value), true) => ("match", format!("else, for {}", short(value))),
        Way::Match(None, true) => ("match", "else".into()),
        Way::Match(Some(value), false) => ("match", format!("for {}", short(value))),
        Way::Match(None, false) => ("match", format!("true{reads}")),
        Way::Coalesce => ("??", format!("gave nothing{reads}")),
        Way::Catch(message) => ("catch", message.to_string()),
    };
    Line { label, what, value, place: String::new() }
}

/// ": charge.shipping null": what was compared, or else what was looked at.
fn because(operands: &[Operand], facts: &[Fact], sources: &Sources) -> String {
    let compared = |one: &Operand| {
        let what = one.path.clone().unwrap_or_else(|| source(one.span, sources));
        format!("{what} {}", short(&one.value))
    };
    let said = |fact: &Fact| match fact {
        Fact::Read(read) => Some(format!("{} {}", read.path, short(&read.value))),
        Fact::Row { table, keys, row: None, .. } => Some(format!("{} has no row", entry(table, keys))),
        Fact::Row { table, keys, value, .. } => {
            Some(format!("{} {}", entry(table, keys), value.as_ref().map_or("failed".into(), short)))
        }
        _ => None,
    };
    let mut shown: Vec<String> = operands.iter().map(compared).collect();
    // What is not there says nothing of why.
    if operands.is_empty() || operands.iter().any(|one| one.path.is_none() && one.value.is_absent()) {
        shown.extend(facts.iter().filter_map(said));
    }
    let more = if shown.len() > 3 { ", …" } else { "" };
    let first = &shown[..shown.len().min(3)];
    if first.is_empty() { String::new() } else { format!(": {}{more}", first.join(", ")) }
}

/// `rates["USD", "EUR"]`.
fn entry(table: &str, keys: &[Value]) -> String {
    format!("{table}[{}]", keys.iter().map(short).collect::<Vec<_>>().join(", "))
}

/// The line of source, without the alignment of its neighbours.
fn source(span: Span, sources: &Sources) -> String {
    let written = sources.get(span.file).text;
    let written = written.get(span.start as usize..span.end as usize).unwrap_or("");
    let line = written.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join(" ");
    shorten(&line.split_whitespace().collect::<Vec<_>>().join(" "), SOURCE)
}

fn short(value: &Value) -> String {
    match value {
        Value::Missing => "missing".into(),
        Value::List(items) if json::write(value).is_ok_and(|text| text.len() > WIDTH) => match items.len() {
            1 => "a list of 1 element".into(),
            n => format!("a list of {n} elements"),
        },
        Value::Record(record) if json::write(value).is_ok_and(|text| text.len() > WIDTH) => match record.len() {
            1 => "a record of 1 field".into(),
            n => format!("a record of {n} fields"),
        },
        Value::Money(money) => money.to_string(),
        Value::Local(zoned) => zoned.to_string(),
        value => shorten(&json::write(value).unwrap_or_else(|why| why.to_string()), WIDTH),
    }
}

fn shorten(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

struct Paint(bool);

impl Paint {
    fn of_stdout() -> Paint {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Paint(wanted && std::io::stdout().is_terminal())
    }

    fn with(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }

    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }

    /// As diagnostics paint their margins.
    fn label(&self, text: &str) -> String {
        self.with("1;94", text)
    }
}

// ---- for programs

/// One line of JSON: the value, and of each field everything that is known.
pub(super) fn for_programs(account: &Account, sources: &Sources) -> Result<String, json::WriteError> {
    let mut out = Record::new();
    if let Ok(value) = &account.result {
        set(&mut out, "value", writable(value));
    }
    set(&mut out, "fields", list(&account.fields, |one| field(one, sources)));
    if let Some(failed) = &account.failed {
        set(&mut out, "failed", field(failed, sources));
    }
    if account.cut {
        set(&mut out, "cut", true.into());
    }
    json::write(&Value::Record(out))
}

fn field(one: &Field, sources: &Sources) -> Value {
    let mut out = Record::new();
    set(&mut out, "field", name(&one.path).into());
    set(&mut out, "value", writable(&one.value));
    set(&mut out, "left_out", matches!(one.value, Value::Missing).into());
    place(&mut out, one.span, sources);
    set(&mut out, "conditions", list(&one.conditions, |condition| of_condition(condition, sources)));
    set_facts(&mut out, &one.facts, sources);
    Value::Record(out)
}

fn set_facts(out: &mut Record, facts: &[Fact], sources: &Sources) {
    looked_at(out, facts, sources);
    some(out, "calls", facts, sources, |fact| matches!(fact, Fact::Call { .. }));
    some(out, "choices", facts, sources, |fact| matches!(fact, Fact::Choice(_)));
    some(out, "dropped", facts, sources, |fact| matches!(fact, Fact::Dropped(_)));
}

fn operands(out: &mut Record, operands: &[Operand], sources: &Sources) {
    let operand = |one: &Operand| {
        let mut out = Record::new();
        set(&mut out, "from", one.path.as_ref().map_or(Value::Missing, |path| path.as_str().into()));
        set(&mut out, "value", writable(&one.value));
        place(&mut out, one.span, sources);
        Value::Record(out)
    };
    set(out, "compared", list(operands, operand));
}

fn looked_at(out: &mut Record, facts: &[Fact], sources: &Sources) {
    some(out, "reads", facts, sources, |fact| matches!(fact, Fact::Read(_)));
    some(out, "rows", facts, sources, |fact| matches!(fact, Fact::Row { .. }));
}

fn some(out: &mut Record, name: &str, facts: &[Fact], sources: &Sources, kind: fn(&Fact) -> bool) {
    let facts: Vec<&Fact> = facts.iter().filter(|fact| kind(fact)).collect();
    set(out, name, list(&facts, |fact| of_fact(fact, sources)));
}

fn of_condition(condition: &Condition, sources: &Sources) -> Value {
    let mut out = Record::new();
    place(&mut out, condition.span, sources);
    set(&mut out, "held", condition.held.into());
    set(&mut out, "wanted", condition.wanted.into());
    operands(&mut out, &condition.operands, sources);
    looked_at(&mut out, &condition.facts, sources);
    Value::Record(out)
}

fn of_read(read: &Read, sources: &Sources) -> Value {
    let mut out = Record::new();
    set(&mut out, "from", read.path.as_str().into());
    set(&mut out, "value", writable(&read.value));
    set(&mut out, "missing", matches!(read.value, Value::Missing).into());
    place(&mut out, read.span, sources);
    Value::Record(out)
}

fn of_fact(fact: &Fact, sources: &Sources) -> Value {
    let mut out = Record::new();
    match fact {
        Fact::Read(read) => return of_read(read, sources),
        Fact::Row { table, keys, value, row, span } => {
            set(&mut out, "table", table.clone().into());
            set(&mut out, "keys", list(keys, writable));
            set(&mut out, "value", value.as_ref().map_or(Value::Missing, writable));
            set(&mut out, "row", row.map_or(Value::Null, |row| at(row, sources)));
            place(&mut out, *span, sources);
        }
        Fact::Call { name, kind, value, span } => {
            let (kind, defined) = match kind {
                Callee::Routine(defined) => ("fn", Some(*defined)),
                Callee::Builtin => ("built-in", None),
                Callee::Script => ("script", None),
            };
            set(&mut out, "name", name.clone().into());
            set(&mut out, "kind", kind.into());
            set(&mut out, "value", value.as_ref().map_or(Value::Missing, writable));
            set(&mut out, "defined", defined.map_or(Value::Missing, |span| at(span, sources)));
            place(&mut out, *span, sources);
        }
        Fact::Dropped(Dropped { span, elements, of }) => {
            set(&mut out, "elements", list(elements, |one| one.as_str().into()));
            set(&mut out, "of", i64::try_from(*of).unwrap_or(i64::MAX).into());
            place(&mut out, *span, sources);
        }
        Fact::Choice(choice) => {
            let way = match &choice.way {
                Way::If(held) => {
                    set(&mut out, "held", (*held).into());
                    "if"
                }
                Way::Match(value, otherwise) => {
                    set(&mut out, "looked_at", value.as_ref().map_or(Value::Missing, writable));
                    set(&mut out, "else", (*otherwise).into());
                    "match"
                }
                Way::Coalesce => "??",
                Way::Catch(message) => {
                    set(&mut out, "error", message.clone().into());
                    "catch"
                }
            };
            set(&mut out, "way", way.into());
            operands(&mut out, &choice.operands, sources);
            looked_at(&mut out, &choice.facts, sources);
            place(&mut out, choice.span, sources);
        }
    }
    Value::Record(out)
}

fn place(out: &mut Record, span: Span, sources: &Sources) {
    set(out, "at", at(span, sources));
    set(out, "source", source(span, sources).into());
}

fn at(span: Span, sources: &Sources) -> Value {
    let position = sources.position(span);
    let mut out = Record::new();
    set(&mut out, "path", (&*position.path).into());
    set(&mut out, "line", i64::from(position.line).into());
    set(&mut out, "column", i64::from(position.column).into());
    Value::Record(out)
}

fn set(out: &mut Record, name: &str, value: Value) {
    out.set(Text::from(name), value);
}

fn list<T>(items: &[T], of: impl Fn(&T) -> Value) -> Value {
    items.iter().map(of).collect::<Vec<_>>().into()
}

/// The value; what has no written form (a local time) as a person is shown it.
fn writable(value: &Value) -> Value {
    match value {
        Value::Missing => Value::Missing,
        value if json::write(value).is_ok() => value.clone(),
        value => short(value).into(),
    }
}
