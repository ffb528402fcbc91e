//! Flows at random: as people write them, and then with a slip or two of the kinds that people make.

/// YAML as it will be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Text(String),
    List(Vec<Piece>),
    Map(Vec<(String, Piece)>),
}

use Piece::{List, Map, Text};

fn text(text: &str) -> Piece {
    Text(text.to_owned())
}

fn map<const N: usize>(fields: [(&str, Piece); N]) -> Piece {
    Map(fields.into_iter().map(|(name, piece)| (name.to_owned(), piece)).collect())
}

pub struct Maker {
    random: fastrand::Rng,
    steps: usize,
}

impl Maker {
    pub fn new(seed: u64) -> Maker {
        Maker { random: fastrand::Rng::with_seed(seed), steps: 0 }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(..100) < percent
    }

    fn one_of(&mut self, these: &[&str]) -> Piece {
        text(these[self.random.usize(..these.len())])
    }

    pub fn flow(&mut self) -> Piece {
        self.steps = 0;
        let mut flow = vec![("flow".to_owned(), text("made-up"))];
        if self.chance(30) {
            flow.push(("description".into(), text("What it is for.")));
        }
        let (trigger, event) = self.trigger();
        flow.push(("trigger".into(), trigger));
        flow.push(("steps".into(), self.list(event, 3)));
        if self.chance(20) {
            flow.push(("on_failure".into(), List(vec![self.alert("error.code")])));
        }
        if self.chance(20) {
            flow.push(("result".into(), text("run.id")));
        }
        Map(flow)
    }

    /// A trigger, and an expression over its event that is a text.
    fn trigger(&mut self) -> (Piece, &'static str) {
        let (kind, piece, event) = match self.random.u32(..5) {
            0 => {
                let cron = self.one_of(&["0 6 * * *", "*/15 * * * *", "0 0 1 * *"]);
                ("schedule", map([("cron", cron), ("zone", text("Europe/Oslo"))]), "text(event.scheduled_at)")
            }
            1 => ("flow", map([("params", map([("charge", text("text")), ("day", text("date"))]))]), "event.charge"),
            2 => ("file", map([("path", text("in/*.csv")), ("reader", text("csv"))]), "event.name"),
            _ => {
                let events = List(vec![text("charge.succeeded"), text("charge.captured")]);
                ("webhook", map([("connection", text("stripe")), ("events", events)]), "event.data.object.id")
            }
        };
        let mut trigger = vec![(kind.to_owned(), piece)];
        for (name, slot) in [("when", "true"), ("dedupe", event), ("order_by", event)] {
            if self.chance(25) {
                trigger.push((name.into(), text(slot)));
            }
        }
        (Map(trigger), event)
    }

    fn list(&mut self, event: &str, depth: u32) -> Piece {
        let count = 1 + self.random.usize(..3);
        List((0..count).map(|_| self.step(event, depth)).collect())
    }

    fn alert(&mut self, over: &str) -> Piece {
        self.steps += 1;
        let title = text(&format!("Look at {{{over}}}"));
        let alert =
            map([("severity", self.one_of(&["info", "warning", "error"])), ("code", text("odd")), ("title", title)]);
        map([("id", text(&format!("told_{}", self.steps))), ("alert", alert)])
    }

    fn step(&mut self, event: &str, depth: u32) -> Piece {
        self.steps += 1;
        let id = format!("step_{}", self.steps);
        let mut step = vec![("id".to_owned(), text(&id))];
        if self.chance(10) {
            step.push(("description".into(), text("Why it is there.")));
        }
        if self.chance(15) {
            step.push(("when".into(), text(&format!("{event} != \"\""))));
        }
        let verbs = if depth == 0 { 8 } else { 11 };
        let (verb, piece) = match self.random.u32(..verbs) {
            0 => ("transform", text(&format!("{event}.upper()"))),
            1 => ("lookup", map([("operation", text("stripe.charges.get")), ("key", text(event))])),
            2 => {
                let found = text(&format!("row.CustomerAccount == {event}"));
                let list = [
                    ("operation", text("finops.list")),
                    ("entity", text("CustomersV3")),
                    ("where", found),
                    ("limit", text("2")),
                ];
                ("lookup", map(list))
            }
            3 => {
                let body =
                    text(&format!("{{ OrderingCustomerAccountNumber = \"C\", CustomersOrderReference = {event} }}"));
                let create = [
                    ("operation", text("finops.create")),
                    ("entity", text("SalesOrderHeadersV2")),
                    ("body", body),
                    ("find_by", List(vec![text("CustomersOrderReference")])),
                ];
                ("call", map(create))
            }
            4 => match self.random.u32(..2) {
                0 => ("wait", map([("for", self.one_of(&["5m", "2d", "90s"]))])),
                _ => ("wait", map([("until", text("run.now.add_days(1)"))])),
            },
            5 => {
                let title = text(&format!("Go on with {{{event}}}?"));
                ("approve", map([("title", title), ("expires", text("2d"))]))
            }
            6 => {
                let Map(alert) = self.alert(event) else { return Map(step) };
                step.extend(alert.into_iter().filter(|(name, _)| name == "alert"));
                return Map(step);
            }
            7 => {
                // Nothing behind it runs, unless it has a condition.
                step.retain(|(name, _)| name != "when");
                step.push(("when".into(), text(&format!("{event} == \"x\""))));
                match self.random.u32(..2) {
                    0 => ("stop", map([("reason", text("nothing to do"))])),
                    _ => ("fail", map([("code", text("odd")), ("message", text(&format!("odd: {{{event}}}")))])),
                }
            }
            8 => {
                let case = map([("when", text(&format!("{event} == \"a\""))), ("steps", self.list(event, depth - 1))]);
                let otherwise =
                    if self.chance(50) { Map(vec![]) } else { map([("steps", self.list(event, depth - 1))]) };
                step.push(("branch".into(), map([("cases", List(vec![case]))])));
                let Some((_, Map(branch))) = step.last_mut() else { return Map(step) };
                branch.push(("else".into(), otherwise));
                return Map(step);
            }
            9 => {
                let each = [
                    ("items", text("[{ k = \"a\" }, { k = \"b\" }]")),
                    ("as", text(&format!("item_{}", self.steps))),
                    ("key", text(&format!("item_{}.k", self.steps))),
                ];
                let mut each: Vec<(String, Piece)> = each.map(|(name, piece)| (name.to_owned(), piece)).into();
                if self.chance(40) {
                    each.push(("concurrency".into(), text("4")));
                }
                each.push(("steps".into(), self.list(event, depth - 1)));
                step.push(("for_each".into(), Map(each)));
                return Map(step);
            }
            _ => {
                let lists = List(vec![self.list(event, depth - 1), self.list(event, depth - 1)]);
                ("parallel", map([("lists", lists)]))
            }
        };
        let asks = matches!(verb, "lookup" | "call");
        step.push((verb.to_owned(), piece));
        if asks && self.chance(30) {
            step.push(("retry".into(), map([("for", text("2h")), ("initial", text("5s")), ("jitter", text("0.2"))])));
        }
        if asks && self.chance(20) {
            step.push(("timeout".into(), text("20s")));
        }
        if asks && self.chance(20) {
            let case = map([
                ("when", text("error.class == \"data\"")),
                ("steps", List(vec![self.alert("error.message")])),
                ("then", self.one_of(&["fail", "stop"])),
            ]);
            step.push(("on_error".into(), List(vec![case])));
        }
        Map(step)
    }

    /// The same with a slip somewhere.
    pub fn slip(&mut self, piece: &Piece) -> Piece {
        let mut slipped = piece.clone();
        let places = count(&slipped);
        let mut place = self.random.usize(..places);
        self.spoil(&mut slipped, &mut place);
        slipped
    }

    fn spoil(&mut self, piece: &mut Piece, place: &mut usize) {
        if *place == 0 {
            *place = usize::MAX;
            return self.spoil_here(piece);
        }
        *place -= 1;
        match piece {
            Text(_) => {}
            List(items) => {
                for item in items {
                    if *place != usize::MAX {
                        self.spoil(item, place);
                    }
                }
            }
            Map(fields) => {
                for (_, field) in fields {
                    if *place != usize::MAX {
                        self.spoil(field, place);
                    }
                }
            }
        }
    }

    fn spoil_here(&mut self, piece: &mut Piece) {
        let other = |random: &mut fastrand::Rng| match random.u32(..6) {
            0 => Text("true".into()),
            1 => Text("12".into()),
            2 => List(vec![Text("a".into())]),
            3 => Map(vec![("a".into(), Text("b".into()))]),
            4 => Text("Some Thing".into()),
            _ => Text("null".into()),
        };
        match piece {
            Map(fields) if !fields.is_empty() => {
                let at = self.random.usize(..fields.len());
                match self.random.u32(..5) {
                    0 => fields[at].0.push('x'),
                    1 => drop(fields.remove(at)),
                    2 => fields[at].1 = other(&mut self.random),
                    3 => fields.push(("surprise".into(), Text("1".into()))),
                    _ => fields.push(("transform".into(), Text("1".into()))),
                }
            }
            List(items) if !items.is_empty() && self.random.bool() => items.push(other(&mut self.random)),
            piece => *piece = other(&mut self.random),
        }
    }
}

fn count(piece: &Piece) -> usize {
    1 + match piece {
        Text(_) => 0,
        List(items) => items.iter().map(count).sum(),
        Map(fields) => fields.iter().map(|(_, field)| count(field)).sum(),
    }
}

/// In blocks, as people write it; what is no plain text in YAML is quoted.
pub fn yaml(piece: &Piece) -> String {
    let mut out = String::new();
    write(piece, 0, &mut out);
    out.trim_start_matches('\n').to_owned() + "\n"
}

fn write(piece: &Piece, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match piece {
        Text(text) if is_plain(text) => out.push_str(text),
        Text(text) => out.push_str(&format!("'{}'", text.replace('\'', "''"))),
        List(items) if items.is_empty() => out.push_str("[]"),
        Map(fields) if fields.is_empty() => out.push_str("{}"),
        List(items) => {
            for item in items {
                out.push_str(&format!("\n{pad}- "));
                write(item, indent + 2, out);
            }
        }
        Map(fields) => {
            for (name, field) in fields {
                out.push_str(&format!("\n{pad}{name}: "));
                write(field, indent + 2, out);
            }
        }
    }
}

fn is_plain(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    first && !text.contains(": ") && !text.contains(" #") && text.chars().all(|c| c != '\n')
}
