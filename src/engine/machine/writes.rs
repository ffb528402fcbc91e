//! The entries of a change set → its writes, all evaluated before anything is sent.

use super::Run;
use super::path::{key_text, segment};
use super::request::Prepared;
use super::scope::Frame;
use crate::diagnostics::Code;
use crate::engine::connector::{StepError, Write};
use crate::graph::{Each, Member};
use crate::value::{Text, Value};
use jiff::Timestamp;
use std::collections::HashSet;

impl Run {
    pub(super) fn writes(
        &self,
        members: &[Member],
        frame: &Frame<'_>,
        now: Timestamp,
    ) -> Result<Vec<Write>, StepError> {
        let mut writes: Vec<Write> = Vec::with_capacity(members.len());
        for member in members {
            match &member.each {
                None => {
                    let write = self.write(member, member.id.clone(), frame, now, &writes)?;
                    writes.extend(write);
                }
                Some(each) => {
                    for (key, value) in self.set_items(each, frame, now)? {
                        let item = Frame::with(frame, frame.path.clone(), vec![(each.item.clone(), value)]);
                        let path = format!("{}/{}", member.id, segment(&key)).into();
                        let write = self.write(member, path, &item, now, &writes)?;
                        writes.extend(write);
                    }
                }
            }
        }
        Ok(writes)
    }

    /// `None`: an update that changes nothing.
    fn write(
        &self,
        member: &Member,
        path: Text,
        frame: &Frame<'_>,
        now: Timestamp,
        before: &[Write],
    ) -> Result<Option<Write>, StepError> {
        let request = match self.prepare(&member.operation, frame, now)? {
            Prepared::Request(request) => request,
            Prepared::Unchanged | Prepared::Blank | Prepared::Nothing => return Ok(None),
        };
        let refer = member.refer.iter().map(|(column, entry)| {
            let place = before.iter().position(|write| write.path == *entry);
            let missing = || {
                let message = format!("`{path}` refers to `{entry}`, which writes nothing this time");
                StepError::data("refer", message).explained(Code::F0466)
            };
            Ok((column.clone(), place.ok_or_else(missing)?))
        });
        let refer = refer.collect::<Result<_, StepError>>()?;
        Ok(Some(Write { path, request, refer }))
    }

    fn set_items(&self, each: &Each, frame: &Frame<'_>, now: Timestamp) -> Result<Vec<(String, Value)>, StepError> {
        let Value::List(values) = self.evaluate(&each.items, frame, now)? else {
            return Err(StepError::data("type", "`items` gave no list").at(self.place(each.items.span)));
        };
        let mut seen = HashSet::new();
        let mut items = Vec::with_capacity(values.len());
        for (n, value) in values.iter().enumerate() {
            let keyed = Frame::with(frame, frame.path.clone(), vec![(each.item.clone(), value.clone())]);
            let wrong = |message: String| {
                StepError::data("iteration_key", message).explained(Code::F1101).at(self.place(each.key.span))
            };
            let key = key_text(&self.evaluate(&each.key, &keyed, now)?).ok_or_else(|| {
                wrong(format!("the key of item {} is missing, null or blank, or no single value", n + 1))
            })?;
            if !seen.insert(key.clone()) {
                return Err(wrong(format!("two items have the key {key:?}; each needs one of its own")));
            }
            items.push((key, value.clone()));
        }
        Ok(items)
    }
}
