//! The systems and the store: what they hold, and how they answer.

use super::*;

/// What the systems and the store hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// By the name of the work.
    pub(super) rows: BTreeMap<String, Vec<Value>>,
    /// Every body received, by key.
    pub(super) bodies: BTreeMap<String, String>,
    /// Work taken up and not yet committed, with the last moment at which it will be.
    pub(super) late: Vec<(Arc<Request>, i64)>,
    pub(super) state: u8,
    pub(super) ready: bool,
    /// The called run, by the key of its call: whether it has ended, and how.
    pub(super) child: Option<(String, Option<bool>)>,
    pub(super) broken: Option<String>,
}

pub(super) fn work_of(request: &Request) -> String {
    request.body.as_ref().and_then(|body| body.get("ref").as_text()).map(|name| name.to_string()).unwrap_or_default()
}

impl Side {
    pub(super) fn receive(&mut self, request: &Request) {
        let Some(key) = &request.key else { return };
        let body = json::write(request.body.as_ref().unwrap()).unwrap();
        if *self.bodies.entry(key.to_string()).or_insert(body.clone()) != body {
            self.broken = Some(format!("two bodies under the key of {}", work_of(request)));
        }
    }

    pub(super) fn commit(&mut self, request: &Request, by: RepeatBy) -> Outcome {
        if request.key.is_none() {
            let state = text(&self.state.to_string());
            let row = fields(&[("state", state), ("ready", Value::Bool(self.ready))]);
            return Outcome::Done(Row { value: row, key: None, status: Some(200) });
        }
        let name = work_of(request);
        let body = request.body.clone().unwrap();
        let rows = self.rows.entry(name.clone()).or_default();
        match (by, rows.first()) {
            // The key is known: the stored answer.
            (RepeatBy::Header, Some(row)) => return Outcome::Done(row_of(&name, row.clone())),
            (RepeatBy::Key, Some(_)) => {
                let mut error = StepError::data("duplicate_key", "exists");
                error.is = Some(Is::MaybeDone);
                return Outcome::Failed(error);
            }
            _ => {}
        }
        if let Some(state) = body.get("state").as_text()
            && state.as_str() != self.state.to_string()
        {
            return Outcome::Failed(StepError::new(ErrorClass::Conflict, "etag", "changed meanwhile"));
        }
        rows.push(body.clone());
        if rows.len() > 1 {
            self.broken = Some(format!("{name} is done twice"));
        }
        Outcome::Done(row_of(&name, body))
    }

    pub(super) fn find(&self, request: &Request) -> LookOutcome {
        let name = work_of(request);
        LookOutcome::Found(self.rows.get(&name).into_iter().flatten().map(|row| row_of(&name, row.clone())).collect())
    }
}

fn row_of(name: &str, value: Value) -> Row {
    Row { value, key: Some(name.into()), status: Some(201) }
}
