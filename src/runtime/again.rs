//! A kept event that started nothing goes through the door again: unrouted, or not readable when it came. That it was
//! proved then still holds, and so do the facts of its delivery; what it says, and who wants it, is asked anew.

use super::Inner;
use crate::console::{Door, NotDone};
use crate::store::{AcceptOutcome, By, Event, EventId, EventState, NewEvent, NewRun, Reread, StoreError};
use crate::triggers::intake;
use crate::value::{Record, Value, json};

impl Inner {
    /// Without `by`: only what would come of it.
    pub(super) async fn through_the_door_again(&self, id: EventId, by: Option<By>) -> Result<Door, NotDone> {
        let kept = self.store.event(id).await?;
        let (event, body) = kept.ok_or_else(|| StoreError::NotFound(format!("event {id}")))?;
        let refused = |why: String| NotDone::Refused(format!("event {id} {why}"));
        match event.state {
            EventState::Unrouted | EventState::DeadLetter => {}
            EventState::Routed => {
                return Err(refused("has its runs already: `flowctl runs replay` is for those".into()));
            }
            EventState::Conflicting => {
                let why = "came under the id of another: one of the two is wrong, and only the first starts runs";
                return Err(refused(why.into()));
            }
            EventState::Erased => return Err(refused("says nothing any more: it was erased".into())),
        }
        let (read, runs) = self.read_again(&event, &body).map_err(refused)?;
        let flows = runs.iter().map(|run| run.flow.clone()).collect();
        let mut door = Door { event: id, kind: read.kind.clone(), flows, runs: vec![] };
        let Some(by) = by else { return Ok(door) };
        let NewEvent { provider_id, kind, same, own, subjects, .. } = read;
        let unread = event.state == EventState::DeadLetter;
        let reread = unread.then_some(Reread { provider_id, kind, same, own, subjects });
        let accepted = self.store.accept_again(id, reread, runs, vec![], by).await;
        let accepted = accepted.map_err(|error| match error {
            error @ StoreError::Conflict(_) => NotDone::Refused(error.to_string()),
            error => NotDone::Store(error),
        })?;
        self.executor.wake();
        if let AcceptOutcome::Kept(runs) = accepted.outcome {
            door.runs = runs;
        }
        Ok(door)
    }

    /// What it is and who wants it; the error says why still nothing comes of it.
    fn read_again(&self, event: &Event, body: &[u8]) -> Result<(NewEvent, Vec<NewRun>), String> {
        let routes = self.routes.load();
        let connection = event.connection.as_str();
        let endpoint = routes.endpoints.values().find(|endpoint| endpoint.connection == connection);
        let endpoint = endpoint.ok_or_else(|| format!("came to `{connection}`, which has no webhook any more"))?;
        let headers = match json::parse(event.delivery.as_bytes()).unwrap_or(Value::Missing).get("headers") {
            Value::Record(headers) => headers.clone(),
            _ => Record::new(),
        };
        let read = intake::read(endpoint, &routes.flows, headers, body, event.received_at);
        let (read, runs) = read.ok_or("is of a kind that says nothing")?;
        if let Some(problem) = read.problem {
            return Err(format!("still cannot be read: {problem}"));
        }
        if runs.is_empty() {
            return Err(format!("is a `{}` of `{connection}`, and no live flow wants those", read.kind));
        }
        Ok((read, runs))
    }
}
