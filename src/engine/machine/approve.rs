//! `approve`: a question to a person, and what follows from the answer, or from nobody giving one.
//!
//! The question is written down as it was asked, so that it stays what the person saw; the answer too. "No" and expiry
//! fail the step, so that `on_error` can do something first, and then stop the run. A question that was answered with
//! "yes" is not asked again when the run comes by once more and it is still the same.

use super::Run;
use super::backoff::after;
use super::entry::{Ask, Fact, Item, Judgement};
use super::path::{NodePath, key_text};
use super::scope::{Frame, record};
use super::walk::{Failed, Progress};
use crate::diagnostics::Code;
use crate::engine::connector::StepError;
use crate::graph::{Approve, ErrorClass, Node, NodeKind};
use crate::value::{Text, Value};
use jiff::Timestamp;
use std::collections::HashSet;

/// The code of a step that a person said "no" to.
pub const REJECTED: &str = "rejected";
/// The code of a question that nobody answered in time.
pub const EXPIRED: &str = "expired";

impl Run {
    pub(super) fn approve(
        &mut self,
        approve: &Approve,
        frame: &Frame<'_>,
        path: &NodePath,
        now: Timestamp,
    ) -> Progress {
        let state = self.state.node(path);
        let (asked, judged) =
            (state.and_then(|state| state.asked.clone()), state.and_then(|state| state.judged.clone()));
        let pending = asked.as_ref().filter(|_| state.is_some_and(|state| state.now.is_some())).cloned();
        let Some(ask) = pending else {
            let ask = match self.question(approve, frame, now) {
                Ok(ask) => ask,
                Err(error) => return self.give_up(path, error, false),
            };
            let same = asked.is_some_and(|asked| asked.is_same(&ask));
            if let Some(judged) = judged.filter(|judged| same && judged.approved) {
                return self.done(path, now, approval(&ask, &judged));
            }
            let due = ask.expires_at.unwrap_or(Timestamp::MAX);
            self.record(path.clone(), Fact::Asked(ask.into()));
            return self.wait(due);
        };
        match (judged, ask.expires_at) {
            (Some(judged), _) if judged.approved => self.done(path, now, approval(&ask, &judged)),
            (Some(judged), _) => {
                let why = format!("rejected by {}: {}", judged.actor, judged.reason);
                let error = StepError::data(REJECTED, why).explained(Code::F1111);
                self.give_up(path, error, false)
            }
            (None, Some(end)) if end <= self.now => {
                let error = StepError::new(ErrorClass::Timeout, EXPIRED, "approval expired");
                self.give_up(path, error.explained(Code::F1111), false)
            }
            (None, end) => self.wait(end.unwrap_or(Timestamp::MAX)),
        }
    }

    /// What a person is shown.
    fn question(&self, approve: &Approve, frame: &Frame<'_>, now: Timestamp) -> Result<Ask, StepError> {
        let title = self.text(&approve.title, frame, now)?;
        let detail = approve.detail.as_ref().map(|detail| self.text(detail, frame, now)).transpose()?;
        let items = match &approve.items {
            None => None,
            Some((list, key)) => {
                let Value::List(rows) = self.evaluate(list, frame, now)? else {
                    return Err(StepError::data("type", "`items` gave no list").at(self.place(list.span)));
                };
                let mut seen = HashSet::new();
                let mut items = Vec::with_capacity(rows.len());
                for (n, row) in rows.iter().enumerate() {
                    let frame = Frame::with(frame, frame.path.clone(), vec![("row".into(), row.clone())]);
                    let refuse = |message: String| {
                        StepError::data("item_key", message).explained(Code::F1101).at(self.place(key.span))
                    };
                    let key = key_text(&self.evaluate(key, &frame, now)?).map(Text::from).ok_or_else(|| {
                        refuse(format!("the key of item {} is missing, null or blank, or no single value", n + 1))
                    })?;
                    if !seen.insert(key.clone()) {
                        return Err(refuse(format!("two items have the key {key:?}; each needs one of its own")));
                    }
                    items.push(Item { key, row: row.clone() });
                }
                Some(items)
            }
        };
        let expires_at = approve.expires.map(|time| after(self.now, time));
        Ok(Ask { title, detail, roles: approve.roles.clone(), expires_at, items })
    }

    /// Why a person's answer cannot be taken, if it cannot.
    pub(super) fn objection(&self, path: &NodePath, judgement: &Judgement) -> Option<String> {
        let state = self.state.node(path).filter(|state| state.waits_for_a_person());
        let Some(ask) = state.and_then(|state| state.asked.as_ref()) else {
            return Some(format!("`{path}` is no step that waits for an approval"));
        };
        if ask.expires_at.is_some_and(|end| end <= judgement.at) {
            return Some(format!("the question of `{path}` has expired"));
        }
        if !ask.roles.is_empty() && judgement.role.as_ref().is_none_or(|role| !ask.roles.contains(role)) {
            let roles: Vec<&str> = ask.roles.iter().map(Text::as_str).collect();
            let role = judgement.role.as_ref().map_or("no role".to_owned(), |role| format!("the role {role:?}"));
            return Some(format!(
                "`{path}` asks for the role {}, and the answer is given in {role}",
                roles.join(" or ")
            ));
        }
        let keys: HashSet<&str> = ask.items.iter().flatten().map(|item| item.key.as_str()).collect();
        let unknown = judgement.without.iter().find(|key| !keys.contains(key.as_str()));
        unknown.map(|key| format!("`{path}` asks about no item {key:?}"))
    }

    /// Whether the step at `path` is one that asks a person.
    pub fn asks_at(&self, path: &NodePath) -> bool {
        self.state.node(path).is_some_and(|state| state.asked.is_some())
    }

    /// Steps at which a person's answer is awaited.
    pub fn asking(&self) -> impl Iterator<Item = &NodePath> {
        self.state.nodes.iter().filter(|(_, state)| state.waits_for_a_person()).map(|(path, _)| path)
    }
}

/// `{ by at reason items }`.
fn approval(ask: &Ask, judgement: &Judgement) -> Value {
    let mut fields = vec![
        (Text::from("by"), Value::Text(judgement.actor.clone())),
        (Text::from("at"), Value::Time(judgement.at)),
        (Text::from("reason"), Value::Text(judgement.reason.clone())),
    ];
    if let Some(items) = &ask.items {
        let left = items.iter().filter(|item| !judgement.without.contains(&item.key));
        fields.push((Text::from("items"), Value::from(left.map(|item| item.row.clone()).collect::<Vec<_>>())));
    }
    record(fields)
}

/// A "no", or no answer at all, ends the run as stopped.
pub(super) fn ends(node: &Node, path: &NodePath, failed: Failed) -> Progress {
    let unanswered = matches!(failed.error.code.as_str(), REJECTED | EXPIRED);
    if unanswered && matches!(node.kind, NodeKind::Approve(_)) && failed.step == *path {
        return Progress::Stopped { reason: failed.error.message, release: false };
    }
    Progress::Failed(failed)
}
