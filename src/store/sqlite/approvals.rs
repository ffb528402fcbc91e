//! What persons are asked, and what they answered. An answer is kept until the run has taken it up.

use super::alerts;
use super::query::{List, all, execute, one};
use super::rows::At;
use crate::store::journal::Judged;
use crate::store::{
    Approval, ApprovalChange, ApprovalFilter, ApprovalState, By, Listed, Page, Run, RunId, RunState, StoreError, sql,
};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

/// What a write to a run does to its approvals.
pub(super) fn change(c: &Connection, run: RunId, change: &ApprovalChange, at: Timestamp) -> Result<(), StoreError> {
    match change {
        ApprovalChange::Asked { node, request, expires_at } => {
            let id = uuid::Uuid::now_v7().to_string();
            let values = params![id, run, node, request, expires_at.map(At), At(at)];
            execute(c, sql::ASK, values)?;
        }
        ApprovalChange::Taken { node } => drop(execute(c, sql::ANSWER_TAKEN, params![run, node])?),
        ApprovalChange::Expired { node } => {
            // Somebody was faster: what the worker was about to write is not true.
            if execute(c, sql::ASK_EXPIRED, params![At(at), run, node])? == 0 {
                return Err(StoreError::Fenced { run });
            }
        }
        ApprovalChange::Withdrawn => drop(execute(c, sql::WITHDRAW, params![At(at), run])?),
    }
    Ok(())
}

/// Answers that the run has not taken up, with the nodes they answer.
pub(super) fn untaken(c: &Connection, run: RunId) -> Result<Vec<(String, Judged)>, StoreError> {
    let answers =
        all(c, sql::UNTAKEN_ANSWERS, params![run], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    answers.into_iter().map(|(node, text)| Ok((node, read(&text)?))).collect()
}

fn read(text: &str) -> Result<Judged, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("an answer cannot be read: {error}")))
}

pub(super) fn answer(c: &Connection, run: &Run, node: &str, answer: &Judged) -> Result<(), StoreError> {
    let text = serde_json::to_string(answer).map_err(|error| StoreError::Conflict(error.to_string()))?;
    let state = if answer.approved { ApprovalState::Approved } else { ApprovalState::Rejected };
    if execute(c, sql::ANSWER, params![state, text, At(answer.at), run.id, node])? == 0 {
        let found = one(c, sql::ASK_STATE, params![run.id, node], |row| row.get::<_, ApprovalState>(0))?;
        return Err(match found {
            None => StoreError::NotFound(format!("approval `{node}` of run {}", run.id)),
            Some(ApprovalState::Pending) => StoreError::Conflict(format!("the question of `{node}` has expired")),
            Some(state) => StoreError::Conflict(format!("the question of `{node}` is {state} already")),
        });
    }
    if run.state == RunState::Waiting {
        execute(c, sql::WAKE_RUN, params![At(answer.at), run.id])?;
    }
    let by = By { actor: answer.actor.clone(), reason: answer.reason.clone(), at: answer.at };
    let action = if answer.approved { "approve" } else { "reject" };
    let without =
        if answer.without.is_empty() { String::new() } else { format!(" without {}", answer.without.join(", ")) };
    let role = answer.role.as_ref().map_or_else(String::new, |role| format!(" as {role}"));
    alerts::audit(c, &by, action, &format!("run {} step {node}{role}{without}", run.id))
}

pub(super) fn list(c: &Connection, filter: &ApprovalFilter, page: &Page) -> Result<Listed<Approval>, StoreError> {
    let mut list = List::new(sql::APPROVAL_COLUMNS, "approvals a join runs r on r.id = a.run");
    if let Some(state) = filter.state {
        list.and("a.state =", &state)?;
    }
    if let Some(flow) = &filter.flow {
        list.and("r.flow =", flow)?;
    }
    if let Some(run) = filter.run {
        list.and("a.run =", &run)?;
    }
    let after = page.after.clone().map(Value::Text);
    let listed = list.page(c, "a.id", page, after, approval, |(id, ..)| id.clone())?;
    let items = listed
        .items
        .into_iter()
        .map(|(_, approval, answer)| Ok(Approval { answer: answer.as_deref().map(read).transpose()?, ..approval }));
    Ok(Listed { items: items.collect::<Result<_, StoreError>>()?, next: listed.next })
}

fn approval(row: &Row<'_>) -> rusqlite::Result<(String, Approval, Option<String>)> {
    let at = |i| row.get::<_, Option<At>>(i).map(|at| at.map(|at| at.0));
    let approval = Approval {
        run: row.get(1)?,
        flow: row.get(2)?,
        node: row.get(3)?,
        state: row.get(4)?,
        request: row.get(5)?,
        asked_at: row.get::<_, At>(6)?.0,
        expires_at: at(7)?,
        ended_at: at(8)?,
        answer: None,
    };
    Ok((row.get(0)?, approval, row.get(9)?))
}
