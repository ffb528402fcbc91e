//! The execution graph for people (Mermaid) and programs (JSON).

use super::{Approve, Case, ExecutionGraph, Node, NodeKind, Operation, Param, Then, TriggerKind, Wait};
use crate::value::time::write_duration;
use serde_json::{Value, json};

/// A Mermaid flowchart. Every writing step says why a repeat of it is safe.
pub fn mermaid(graph: &ExecutionGraph) -> String {
    let mut chart = Chart { lines: vec!["flowchart TD".into()], next: 0 };
    let trigger = chart.node("([", "])", &label(&graph.trigger.kind));
    let mut ends = vec![(trigger, String::new())];
    if graph.trigger.when.is_some() {
        let door = chart.node("{", "}", "when");
        chart.edges(&ends, &door);
        let skipped = chart.node("([", "])", "skipped");
        chart.edge(&door, &skipped, "no");
        ends = vec![(door, "yes".into())];
    }
    let ends = chart.steps(&graph.steps, ends);
    let done = chart.node("([", "])", "succeeded");
    chart.edges(&ends, &done);
    chart.lines.join("\n") + "\n"
}

struct Chart {
    lines: Vec<String>,
    next: usize,
}

/// Where the drawing goes on from: a node and what stands at the edge from it.
type Ends = Vec<(String, String)>;

impl Chart {
    fn node(&mut self, open: &str, close: &str, label: &str) -> String {
        let id = format!("n{}", self.next);
        self.next += 1;
        // Quotes would end the label; Mermaid takes HTML entities in it.
        let label = label.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('\n', "<br/>");
        self.lines.push(format!("  {id}{open}\"{label}\"{close}"));
        id
    }

    fn edge(&mut self, from: &str, to: &str, label: &str) {
        let label = if label.is_empty() { String::new() } else { format!("|\"{}\"|", label.replace('"', "&quot;")) };
        self.lines.push(format!("  {from} -->{label} {to}"));
    }

    fn edges(&mut self, ends: &Ends, to: &str) {
        for (from, label) in ends {
            self.edge(from, to, label);
        }
    }

    fn steps(&mut self, steps: &[Node], mut ends: Ends) -> Ends {
        for step in steps {
            ends = self.step(step, ends);
        }
        ends
    }

    fn step(&mut self, step: &Node, ends: Ends) -> Ends {
        let maybe = if step.when.is_some() { " (when …)" } else { "" };
        let id = format!("{}{maybe}", step.id);
        match &step.kind {
            NodeKind::Transform(_) => self.follow("[", "]", &format!("{id}\ntransform"), &ends),
            NodeKind::Lookup(operation) => self.follow("[/", "/]", &format!("{id}\n{}", what(operation)), &ends),
            NodeKind::Call(operation) => {
                let back = step.reread.as_ref().map(|lookup| format!("\non a conflict back to {lookup}"));
                let reason = &operation.repeat.reason;
                let label = format!("{id}\n{}\n{reason}{}", what(operation), back.unwrap_or_default());
                self.follow("[[", "]]", &label, &ends)
            }
            NodeKind::Branch { cases, otherwise } => {
                let branch = self.node("{", "}", &id);
                self.edges(&ends, &branch);
                let mut after = Vec::new();
                for (n, case) in cases.iter().enumerate() {
                    after.extend(self.case(case, &branch, &format!("case {}", n + 1)));
                }
                after.extend(self.case(otherwise, &branch, "else"));
                after
            }
            NodeKind::ForEach(each) => {
                let head = self.node("{{", "}}", &format!("{id}\nfor each {}", each.item));
                self.edges(&ends, &head);
                let inner = self.steps(&each.steps, vec![(head.clone(), "each".into())]);
                for (from, _) in &inner {
                    self.lines.push(format!("  {from} -.-> {head}"));
                }
                vec![(head, "done".into())]
            }
            NodeKind::Parallel(lists) => {
                let head = self.node("{{", "}}", &format!("{id}\nparallel"));
                self.edges(&ends, &head);
                lists.iter().flat_map(|list| self.steps(list, vec![(head.clone(), String::new())])).collect()
            }
            NodeKind::Wait(wait) => self.follow("(", ")", &format!("{id}\n{}", waits(wait)), &ends),
            NodeKind::Approve(approve) => self.follow("[/", "\\]", &format!("{id}\napprove{}", who(approve)), &ends),
            NodeKind::Alert { code, .. } => self.follow(">", "]", &format!("{id}\nalert {code}"), &ends),
            NodeKind::Fail { code, .. } => {
                self.follow("([", "])", &format!("{id}\nfail {code}"), &ends);
                self.passed_by(step, ends)
            }
            NodeKind::Stop { .. } => {
                self.follow("([", "])", &format!("{id}\nstop"), &ends);
                self.passed_by(step, ends)
            }
        }
    }

    /// A step that ends the run lets pass only those for whom its `when` did not hold.
    fn passed_by(&self, step: &Node, ends: Ends) -> Ends {
        if step.when.is_some() { ends } else { Ends::new() }
    }

    fn follow(&mut self, open: &str, close: &str, label: &str, ends: &Ends) -> Ends {
        let node = self.node(open, close, label);
        self.edges(ends, &node);
        vec![(node, String::new())]
    }

    fn case(&mut self, case: &Case, branch: &str, label: &str) -> Ends {
        self.steps(&case.steps, vec![(branch.to_string(), label.to_string())])
    }
}

fn waits(wait: &Wait) -> String {
    match wait {
        Wait::For(time) => format!("wait {}", write_duration(*time)),
        Wait::Until(_) => "wait until …".into(),
        Wait::Row(poll) => {
            let (every, at_most) = (write_duration(poll.every), write_duration(poll.at_most));
            format!("wait for {}\nevery {every}, at most {at_most}", what(&poll.operation))
        }
    }
}

fn who(approve: &Approve) -> String {
    let roles = if approve.roles.is_empty() { String::new() } else { format!(": {}", join(&approve.roles)) };
    let expires = approve.expires.map(|time| format!("\nwithin {}", write_duration(time))).unwrap_or_default();
    roles + &expires
}

fn what(operation: &Operation) -> String {
    let called = operation.params.iter().find_map(|(name, param)| match param {
        Param::Literal(crate::value::Value::Text(flow)) if name.as_str() == "flow" => Some(flow),
        _ => None,
    });
    match operation.entity.as_ref().or(called) {
        Some(entity) => format!("{} {entity}", operation.name),
        None => operation.name.to_string(),
    }
}

fn join(texts: &[crate::value::Text]) -> String {
    texts.iter().map(|text| text.to_string()).collect::<Vec<_>>().join(", ")
}

/// What starts a run, in a few words.
fn label(kind: &TriggerKind) -> String {
    match kind {
        TriggerKind::Webhook { connection, events, columns, reconcile, .. } => {
            let columns = if columns.is_empty() { String::new() } else { format!("\nof {}", join(columns)) };
            let asked = match reconcile {
                Some(reconcile) => format!("\nasked every {}", write_duration(reconcile.every)),
                None => String::new(),
            };
            format!("{connection}: {}{columns}{asked}", join(events))
        }
        TriggerKind::Schedule(schedule) => format!("schedule: {}", schedule.ticks.as_str()),
        TriggerKind::Poll(poll) => {
            format!("poll: {}\nevery {} by {}", what(&poll.operation), write_duration(poll.every), poll.cursor)
        }
        TriggerKind::Changes(tracking) => {
            format!("poll: {}\nevery {}", what(&tracking.operation), write_duration(tracking.every))
        }
        TriggerKind::Flow { params } => format!("called with {params}"),
        TriggerKind::Files(files) => format!("files: {}/{}", files.folder, files.name),
    }
}

/// The same for programs.
fn source(kind: &TriggerKind) -> Value {
    match kind {
        TriggerKind::Webhook { connection, events, columns, reconcile, .. } => {
            let events: Vec<&str> = events.iter().map(|event| event.as_str()).collect();
            let mut shown = json!({ "connection": connection.as_str(), "events": events });
            if let (false, Value::Object(shown)) = (columns.is_empty(), &mut shown) {
                let columns: Vec<&str> = columns.iter().map(|column| column.as_str()).collect();
                shown.insert("columns".into(), json!(columns));
            }
            if let (Some(reconcile), Value::Object(shown)) = (reconcile, &mut shown) {
                let (every, lookback) = (write_duration(reconcile.every), write_duration(reconcile.lookback));
                shown.insert("reconcile".into(), json!({ "every": every, "lookback": lookback }));
            }
            shown
        }
        TriggerKind::Schedule(schedule) => {
            json!({ "ticks": schedule.ticks.as_str(), "catch_up": schedule.catch_up })
        }
        TriggerKind::Poll(poll) => json!({
            "operation": bound(&poll.operation), "every": write_duration(poll.every), "cursor": poll.cursor.as_str(),
            "key": poll.key.iter().map(|column| column.as_str()).collect::<Vec<_>>(),
        }),
        TriggerKind::Changes(tracking) => {
            json!({ "operation": bound(&tracking.operation), "every": write_duration(tracking.every) })
        }
        TriggerKind::Flow { params } => json!({ "params": params.to_string() }),
        TriggerKind::Files(files) => json!({
            "folder": files.folder.as_str(), "name": files.name.as_str(), "reader": files.reader.as_str(),
            "settle": write_duration(files.settle),
        }),
    }
}

/// The same facts for programs: steps by id, their kinds, operations, and why a repeat is safe.
pub fn json(graph: &ExecutionGraph) -> Value {
    let mut trigger = json!({
        "when": graph.trigger.when.is_some(),
        "dedupe": graph.trigger.dedupe.is_some(),
        "order_by": graph.trigger.order_by.is_some(),
        "sequence": graph.trigger.sequence.is_some(),
    });
    if let Value::Object(shown) = &mut trigger {
        shown.insert(graph.trigger.kind.word().into(), source(&graph.trigger.kind));
    }
    json!({
        "flow": graph.flow.as_str(),
        "description": graph.description.as_ref().map(|text| text.as_str()),
        "trigger": trigger,
        "steps": nodes(&graph.steps),
        "on_failure": nodes(&graph.on_failure),
        "result": graph.result.as_ref().map(|slot| slot.expression.result().to_string()),
    })
}

fn nodes(steps: &[Node]) -> Value {
    steps.iter().map(node).collect()
}

fn node(step: &Node) -> Value {
    let mut shown = json!({ "id": step.id.as_str(), "result": step.result.to_string(), "when": step.when.is_some() });
    let kind = match &step.kind {
        NodeKind::Transform(_) => json!({ "transform": {} }),
        NodeKind::Lookup(operation) => json!({ "lookup": bound(operation) }),
        NodeKind::Call(operation) => json!({ "call": bound(operation) }),
        NodeKind::Branch { cases, otherwise } => json!({ "branch": {
            "cases": cases.iter().map(|case| nodes(&case.steps)).collect::<Vec<_>>(),
            "else": nodes(&otherwise.steps),
        }}),
        NodeKind::ForEach(each) => json!({ "for_each": {
            "as": each.item.as_str(), "concurrency": each.concurrency, "steps": nodes(&each.steps),
        }}),
        NodeKind::Parallel(lists) => {
            json!({ "parallel": { "lists": lists.iter().map(|list| nodes(list)).collect::<Vec<_>>() } })
        }
        NodeKind::Wait(Wait::For(time)) => json!({ "wait": { "for": write_duration(*time) } }),
        NodeKind::Wait(Wait::Until(_)) => json!({ "wait": { "until": {} } }),
        NodeKind::Wait(Wait::Row(poll)) => json!({ "wait": {
            "lookup": bound(&poll.operation), "every": write_duration(poll.every), "at_most": write_duration(poll.at_most),
        }}),
        NodeKind::Approve(approve) => json!({ "approve": {
            "roles": approve.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
            "expires": approve.expires.map(write_duration),
            "items": approve.items.is_some(),
        }}),
        NodeKind::Alert { code, .. } => json!({ "alert": { "code": code.as_str() } }),
        NodeKind::Fail { code, class, .. } => json!({ "fail": { "code": code.as_str(), "class": class.as_str() } }),
        NodeKind::Stop { release, .. } => json!({ "stop": { "release": release } }),
    };
    let on_error: Vec<Value> = step
        .on_error
        .iter()
        .map(|case| {
            let then = match case.then {
                Then::Fail => "fail",
                Then::Continue { .. } => "continue",
                Then::Stop => "stop",
            };
            json!({ "then": then, "steps": nodes(&case.steps) })
        })
        .collect();
    if let (Value::Object(shown), Value::Object(kind)) = (&mut shown, kind) {
        shown.extend(kind);
        if let Some(lookup) = &step.reread {
            shown.insert("reread".into(), Value::String(lookup.to_string()));
        }
        if step.together {
            shown.insert("together".into(), Value::Bool(true));
        }
        if !on_error.is_empty() {
            shown.insert("on_error".into(), Value::Array(on_error));
        }
    }
    shown
}

fn bound(operation: &Operation) -> Value {
    let mut shown = json!({
        "operation": operation.name.as_str(),
        "connection": operation.connection.as_str(),
        "entity": operation.entity.as_ref().map(|entity| entity.as_str()),
        "params": operation.params.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        "repeat": operation.repeat.reason,
    });
    if let (Some(time), Value::Object(shown)) = (operation.cache, &mut shown) {
        shown.insert("cache".into(), Value::String(write_duration(time)));
    }
    shown
}
