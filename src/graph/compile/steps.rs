//! Lists of steps: order, scope, and what each verb gives.

use super::parallel::{Together, writes};
use super::scope::{Scope, error_type};
use super::{Work, text};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::graph::{Case, ErrorCase, ErrorClass, ForEach, Node, NodeKind, RUN_FLOW, Retry, Severity, Slot, Then};
use crate::language::check;
use crate::language::types::{Field, Kind, RecordType, Type};
use crate::model::flow::{self, Step, Verb};

/// A compiled list.
pub(super) struct Compiled {
    pub nodes: Vec<Node>,
    /// Nothing behind it is reached: it ends in `stop` or `fail`.
    pub ends: bool,
}

impl Work<'_> {
    /// All ids of the flow, each once.
    pub(super) fn collect_ids(&mut self, steps: &[Step]) {
        for step in steps {
            let id = step.id.value.0.clone();
            if let Some(first) = self.ids.get(&id) {
                let finding = Diagnostic::error(Code::F0350, format!("there are two steps `{id}`"), step.id.span);
                let finding = finding
                    .also(*first, "the first")
                    .help("a step's id is its name in journals and tests: unique in the flow");
                self.say(finding);
            } else {
                self.ids.insert(id.clone(), step.id.span);
                self.later.insert(id);
            }
            match &step.verb {
                Verb::Branch(branch) => {
                    branch.cases.iter().for_each(|case| self.collect_ids(&case.steps));
                    self.collect_ids(&branch.otherwise.steps);
                }
                Verb::ForEach(each) => self.collect_ids(&each.steps),
                Verb::Parallel(parallel) => parallel.lists.iter().for_each(|list| self.collect_ids(list)),
                _ => {}
            }
            step.on_error.iter().for_each(|case| self.collect_ids(&case.steps));
        }
    }

    pub(super) fn steps(&mut self, steps: &[Step], scope: &mut Scope) -> Compiled {
        let mut nodes = Vec::new();
        let mut together = Together::default();
        let mut ended: Option<Span> = None;
        for step in steps {
            if let Some(end) = ended {
                let finding =
                    Diagnostic::error(Code::F0352, format!("step `{}` never runs", step.id.value.0), step.id.span);
                self.say(
                    finding.also(end, "the run ends here").help("take the step out, or give the one above a `when`"),
                );
                break;
            }
            let before = std::mem::take(&mut self.reads);
            let (mut node, ends) = self.step(step, scope);
            together.take(step, node.as_mut(), &self.reads);
            self.reads.add(before);
            nodes.extend(node);
            if ends {
                ended = Some(step.id.span);
            }
        }
        for step in steps {
            self.later.remove(&step.id.value.0);
        }
        Compiled { nodes, ends: ended.is_some() }
    }

    /// One step. Its result joins the scope even where it has an error, so that what uses it is not blamed.
    fn step(&mut self, step: &Step, scope: &mut Scope) -> (Option<Node>, bool) {
        let condition = Type::bool();
        self.check_conditions(step);
        let when = step.when.as_ref().map(|expr| self.slot(expr, scope, Some(&condition)));
        let (when_true, when_false) = match &when {
            Some(Some((_, checked))) => (checked.when_true.clone(), checked.when_false.clone()),
            _ => Default::default(),
        };
        let facts_before = scope.facts.clone();
        let wrote_before = scope.wrote;
        scope.facts.extend(when_true);
        let before = scope.clone();
        let (kind, result, ends) = self.verb(step, scope);
        let inner = scope.beyond(&before);
        let on_error = self.on_error(step, &before, scope, result.as_ref());
        scope.facts = facts_before;
        if step.when.is_some() {
            // What stands inside a step with `when` may not have been reached, nor may its writes.
            scope.steps.truncate(before.steps.len());
            scope.take_maybe(inner);
            scope.wrote = wrote_before || scope.wrote;
            if ends {
                scope.facts.extend(when_false);
            }
        }
        self.later.remove(&step.id.value.0);
        let (on_error, result) = on_error;
        let mut visible = result.clone().unwrap_or_else(Type::any);
        if step.when.is_some() {
            visible = visible.or_missing();
        }
        scope.steps.push((text(&step.id), visible));
        let (timeout, retry) = self.patience(step);
        let slot = |compiled: Option<(Slot, check::Checked)>| compiled.map(|(slot, _)| slot);
        let when = when.map(slot);
        let ends = ends && step.when.is_none();
        let (Some(kind), Some(result)) = (kind, result) else { return (None, ends) };
        if matches!(when, Some(None)) {
            return (None, ends);
        }
        let node = Node {
            id: text(&step.id),
            description: step.description.as_ref().map(|d| text(d)),
            when: when.flatten(),
            kind,
            together: false,
            timeout,
            retry,
            on_error,
            result,
            span: step.span,
        };
        (Some(node), ends)
    }

    /// The verb, the type of its result, and whether nothing behind it is reached.
    fn verb(&mut self, step: &Step, scope: &mut Scope) -> (Option<NodeKind>, Option<Type>, bool) {
        match &step.verb {
            Verb::Transform(expr) => match self.slot(expr, scope, None) {
                Some((slot, _)) => {
                    let ty = slot.expression.result().clone();
                    (Some(NodeKind::Transform(slot)), Some(ty), false)
                }
                None => (None, None, false),
            },
            Verb::Lookup(lookup) => {
                if let Some(cache) = &lookup.cache {
                    self.unsupported("`cache`", cache.span());
                }
                let operation = self.lookup(lookup, scope);
                let ty = operation.as_ref().map(|operation| operation.result.clone());
                (operation.map(|o| NodeKind::Lookup(Box::new(o))), ty, false)
            }
            Verb::Call(call) => {
                if let Some(reread) = &call.reread {
                    self.unsupported("`reread`", reread.span);
                }
                let operation = match call.operation.as_str() {
                    RUN_FLOW => self.run_flow(call, scope),
                    _ => self.call(call, scope),
                };
                scope.wrote = true;
                let ty = operation.as_ref().map(|operation| operation.result.clone());
                (operation.map(|o| NodeKind::Call(Box::new(o))), ty, false)
            }
            Verb::Branch(branch) => self.branch(branch, scope),
            Verb::ForEach(each) => self.for_each(each, scope),
            Verb::Alert(alert) => {
                let title = self.template(&alert.title, scope);
                let detail = alert.detail.as_ref().map(|detail| self.template(detail, scope));
                let code = self.word(&alert.code);
                let severity = self.given(&alert.severity, "an alert says itself how bad it is");
                let kind = match (severity, code, title, detail) {
                    (_, _, _, Some(None)) => None,
                    (Some(severity), Some(code), Some(title), detail) => {
                        let severity = match severity {
                            flow::Severity::Info => Severity::Info,
                            flow::Severity::Warning => Severity::Warning,
                            flow::Severity::Error => Severity::Error,
                        };
                        Some(NodeKind::Alert { severity, code, title, detail: detail.flatten() })
                    }
                    _ => None,
                };
                (kind, Some(nothing()), false)
            }
            Verb::Fail(fail) => {
                let message = self.template(&fail.message, scope);
                let code = self.word(&fail.code);
                let class = match &fail.class {
                    None => Some(flow::ErrorClass::Data),
                    Some(class) => self.given(class, "a failure says itself what class it is"),
                };
                let kind = match (code, message, class) {
                    (Some(code), Some(message), Some(class)) => {
                        Some(NodeKind::Fail { code, class: error_class(class), message })
                    }
                    _ => None,
                };
                (kind, Some(nothing()), true)
            }
            Verb::Stop(stop) => {
                let release = stop.release.as_ref().is_some_and(|flag| flag.value.0);
                if let (true, true, Some(flag)) = (release, scope.wrote, &stop.release) {
                    let finding = Diagnostic::error(Code::F0371, "`release` stands behind a writing step", flag.span);
                    self.say(finding.help("the same event could then write a second time; stop without `release`"));
                }
                let reason = self.template(&stop.reason, scope);
                (reason.map(|reason| NodeKind::Stop { reason, release }), Some(nothing()), true)
            }
            Verb::Parallel(parallel) => self.parallel(parallel, scope),
            Verb::Wait(wait) => {
                let (kind, ty) = self.wait(wait, scope);
                (kind, ty, false)
            }
            Verb::Approve(_) => {
                self.unsupported("this verb", step.verb_key);
                (None, None, false)
            }
        }
    }

    fn branch(&mut self, branch: &flow::Branch, scope: &mut Scope) -> (Option<NodeKind>, Option<Type>, bool) {
        let condition = Type::bool();
        let mut cases = Vec::new();
        let mut results = Vec::new();
        let mut all_end = true;
        let mut inner_steps = Vec::new();
        let mut wrote = scope.wrote;
        let mut good = true;
        let outside = scope.clone();
        let mut facts = scope.facts.clone();
        let otherwise = (None, &branch.otherwise.steps, &branch.otherwise.result);
        let listed = branch.cases.iter().map(|case| (Some(&case.when), &case.steps, &case.result));
        for (when, steps, result) in listed.chain([otherwise]) {
            let mut inner = Scope { facts: facts.clone(), ..outside.clone() };
            let when = when.map(|expr| self.slot(expr, &inner, Some(&condition)));
            if let Some(Some((_, checked))) = &when {
                inner.facts.extend(checked.when_true.iter().cloned());
                facts.extend(checked.when_false.iter().cloned());
            }
            let compiled = self.steps(steps, &mut inner);
            let result = result.as_ref().map(|expr| self.slot(expr, &inner, None));
            if !compiled.ends {
                all_end = false;
                results.push(match &result {
                    Some(Some((slot, _))) => Some(slot.expression.result().clone()),
                    Some(None) => None,
                    None => Some(nothing()),
                });
            }
            inner_steps.extend(inner.beyond(&outside));
            wrote |= inner.wrote;
            let failed = matches!(when, Some(None)) || matches!(result, Some(None));
            good &= !failed;
            let slot = |compiled: Option<Option<(Slot, _)>>| compiled.flatten().map(|(slot, _)| slot);
            cases.push(Case { when: slot(when), steps: compiled.nodes, result: slot(result) });
        }
        scope.take_maybe(inner_steps);
        scope.wrote = wrote;
        let ty = match results.into_iter().collect::<Option<Vec<Type>>>() {
            None => None,
            Some(types) => match check::one_type(&types) {
                Some(ty) => Some(ty),
                None => {
                    let shown: Vec<String> = types.iter().map(Type::to_string).collect();
                    let message = format!("the cases give different types: {}", shown.join(", "));
                    self.say(
                        Diagnostic::error(Code::F0375, message, branch.span)
                            .help("let every `result` give the same type"),
                    );
                    None
                }
            },
        };
        let kind = cases.pop().filter(|_| good).map(|otherwise| NodeKind::Branch { cases, otherwise });
        (kind, ty, all_end)
    }

    fn for_each(&mut self, each: &flow::ForEach, scope: &mut Scope) -> (Option<NodeKind>, Option<Type>, bool) {
        let items = self.slot(&each.items, scope, None);
        let element = match items.as_ref().map(|(slot, _)| &slot.expression.result().kind) {
            Some(Kind::List(element)) => Some((**element).clone()),
            Some(Kind::Any) | None => Some(Type::any()),
            Some(_) => {
                let ty = items.as_ref().map(|(slot, _)| slot.expression.result().to_string()).unwrap_or_default();
                let finding = Diagnostic::error(Code::F0376, format!("`items` is a list, got {ty}"), each.items.span);
                self.say(finding);
                None
            }
        };
        let mut inner = scope.clone();
        // The next item comes behind the writes of this one.
        inner.wrote |= writes(&each.steps);
        inner.bound.push((text(&each.item), element.unwrap_or_else(Type::any)));
        if let Some(index) = &each.index {
            inner.bound.push((text(index), Type::int()));
        }
        let key = self.slot(&each.key, &inner, None);
        inner.items.push((text(&each.item), key.iter().flat_map(|(_, checked)| checked.reads.clone()).collect()));
        if key.is_some() {
            self.check_key(each, &inner);
        }
        let compiled = self.steps(&each.steps, &mut inner);
        let result = each.result.as_ref().map(|expr| self.slot(expr, &inner, None));
        let concurrency = match &each.concurrency {
            None => Some(1),
            Some(count) => self.count(count).map(|count| count.max(1)),
        };
        scope.wrote |= inner.wrote;
        let element = match &result {
            Some(Some((slot, _))) => Some(slot.expression.result().clone()),
            Some(None) => None,
            None => {
                let fields = inner.beyond(scope).into_iter().map(|(id, ty)| (id, Field::plain(ty))).collect();
                Some(Type::record(RecordType { name: None, fields }))
            }
        };
        let kind = match (items, key, concurrency, result) {
            (_, _, _, Some(None)) => None,
            (Some((items, _)), Some((key, _)), Some(concurrency), result) => {
                Some(NodeKind::ForEach(Box::new(ForEach {
                    items,
                    item: text(&each.item),
                    index: each.index.as_ref().map(|index| text(index)),
                    key,
                    concurrency,
                    steps: compiled.nodes,
                    result: result.flatten().map(|(slot, _)| slot),
                })))
            }
            _ => None,
        };
        (kind, element.map(Type::list), false)
    }

    /// The entries of `on_error`, and the step's type with what they may give instead.
    fn on_error(
        &mut self,
        step: &Step,
        before: &Scope,
        scope: &mut Scope,
        result: Option<&Type>,
    ) -> (Vec<ErrorCase>, Option<Type>) {
        let mut cases = Vec::new();
        let mut types = vec![result.cloned()];
        let condition = Type::bool();
        for case in &step.on_error {
            let mut inner = before.clone();
            inner.bound.push(("error".into(), error_type()));
            let when = self.slot(&case.when, &inner, Some(&condition));
            let compiled = self.steps(&case.steps, &mut inner);
            let instead = case.result.as_ref().map(|expr| self.slot(expr, &inner, None));
            let then = case.then.as_ref().map_or(flow::Then::Fail, |then| then.value);
            if let (Some(result), false) = (&case.result, then == flow::Then::Continue) {
                let finding = Diagnostic::error(Code::F0377, "`result` stands without `then: continue`", result.span);
                self.say(finding.help("only a run that goes on can use it"));
            }
            if then == flow::Then::Continue {
                types.push(match &instead {
                    Some(compiled) => compiled.as_ref().map(|(slot, _)| slot.expression.result().clone()),
                    None => Some(Type::never().or_missing()),
                });
            }
            scope.take_maybe(inner.beyond(before));
            scope.wrote |= inner.wrote;
            let Some((when, _)) = when else { continue };
            let result = instead.flatten().map(|(slot, _)| slot);
            let then = match then {
                flow::Then::Fail => Then::Fail,
                flow::Then::Continue => Then::Continue { result },
                flow::Then::Stop => Then::Stop,
            };
            cases.push(ErrorCase { when, steps: compiled.nodes, then });
        }
        let types: Option<Vec<Type>> = types.into_iter().collect();
        let ty = types.and_then(|types| {
            let ty = check::one_type(&types);
            if ty.is_none() {
                let span = step.on_error.first().map_or(step.span, |case| case.span);
                let finding = Diagnostic::error(Code::F0375, "the step and its `on_error` give different types", span);
                self.say(finding.help("let `result` give what the step gives"));
            }
            ty
        });
        (cases, ty)
    }

    /// Runs outside the steps: each of them may not have been reached.
    pub(super) fn on_failure(&mut self, steps: &[Step], scope: &Scope) -> Vec<Node> {
        let mut inner = Scope { event: scope.event.clone(), ..Scope::default() };
        inner.take_maybe(scope.steps.clone());
        inner.bound.push(("error".into(), error_type()));
        inner.wrote = true;
        self.collect_ids(steps);
        self.steps(steps, &mut inner).nodes
    }

    /// `timeout` and `retry`, which only what speaks to a system has.
    fn patience(&mut self, step: &Step) -> (Option<std::time::Duration>, Retry) {
        let speaks = matches!(step.verb, Verb::Lookup(_) | Verb::Call(_));
        let place = step.timeout.as_ref().map(|t| t.span()).or(step.retry.as_ref().map(|r| r.span));
        if let (false, Some(place)) = (speaks, place) {
            let finding = Diagnostic::error(Code::F0366, "only a lookup or call has `timeout` and `retry`", place);
            self.say(finding.help("nothing else can fail in a way that a repeat would mend"));
        }
        let timeout = step.timeout.as_ref().and_then(|timeout| self.duration(timeout));
        let mut retry = Retry::default();
        if let Some(written) = &step.retry {
            let mut set = |target: &mut std::time::Duration, value: &Option<_>| {
                if let Some(duration) = value.as_ref().and_then(|value| self.duration(value)) {
                    *target = duration;
                }
            };
            set(&mut retry.budget, &written.budget);
            set(&mut retry.initial, &written.initial);
            set(&mut retry.max, &written.max);
            if let Some(factor) = written.factor.as_ref().and_then(|value| self.share(value, "1", "100")) {
                retry.factor = factor;
            }
            if let Some(jitter) = written.jitter.as_ref().and_then(|value| self.share(value, "0", "1")) {
                retry.jitter = jitter;
            }
        }
        (timeout, retry)
    }
}

/// What a step gives that gives nothing.
pub(super) fn nothing() -> Type {
    Type::never().or_missing()
}

fn error_class(class: flow::ErrorClass) -> ErrorClass {
    match class {
        flow::ErrorClass::Data => ErrorClass::Data,
        flow::ErrorClass::Config => ErrorClass::Config,
        flow::ErrorClass::Auth => ErrorClass::Auth,
        flow::ErrorClass::Throttled => ErrorClass::Throttled,
        flow::ErrorClass::Unavailable => ErrorClass::Unavailable,
        flow::ErrorClass::Timeout => ErrorClass::Timeout,
        flow::ErrorClass::Conflict => ErrorClass::Conflict,
    }
}
