//! A run asks a person, waits in the store, and goes on with the answer.

use super::*;

fn ask(expires: Option<Duration>) -> Node {
    let approve = Approve {
        title: slot(constant(text("Pay?"))),
        detail: None,
        roles: vec![],
        expires,
        items: Some((slot(constant(list(&[fields(&[("k", text("a"))])]))), slot(path("row.k")))),
    };
    step("approval", NodeKind::Approve(Box::new(approve)))
}

fn by(reason: &str) -> By {
    By { actor: "ada".into(), reason: reason.into(), at: Timestamp::now() }
}

impl House {
    async fn approvals(&self) -> Vec<Approval> {
        self.store.approvals(ApprovalFilter::default(), Page::first(9)).await.unwrap().items
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_asked_for_and_answered_also_across_a_restart() {
    let mut house = House::new(vec![ask(None), lookup("after", path("steps.approval.by"))], done).await;
    let run = house.event("CAP-1").await;
    house.becomes(run, RunState::Waiting).await;
    house.restart().await;
    let asked = house.approvals().await.remove(0);
    assert_eq!((asked.run, asked.node.as_str(), asked.state), (run, "approval", ApprovalState::Pending));
    assert_eq!(asked.request, r#"{"title":"Pay?","items":[{"key":"a","row":{"k":"a"}}]}"#);
    let wrong = house.executor.judge(run, "approval", true, vec!["b".into()], by("?")).await;
    assert!(matches!(wrong, Err(CommandError::Refused(_))), "{wrong:?}");
    house.executor.judge(run, "approval", true, vec!["a".into()], by("checked")).await.unwrap();
    let loaded = house.becomes(run, RunState::Succeeded).await;
    let kinds: Vec<_> = loaded.journal.iter().map(|entry| entry.record.kind()).collect();
    assert_eq!(kinds, ["accepted", "started", "asked", "judged", "result", "intent", "result"]);
    assert_eq!(loaded.answers, []);
    assert_eq!(house.approvals().await[0].state, ApprovalState::Approved);
    let audit = house.store.audit(Page::first(9)).await.unwrap().items.remove(0);
    assert_eq!((audit.actor.as_str(), audit.action.as_str(), audit.reason.as_str()), ("ada", "approve", "checked"));
    let again = house.executor.judge(run, "approval", false, vec![], by("no")).await;
    assert!(again.is_err(), "it is answered");
}

/// Another list of the run has a call under way: the answer reaches the run where it is at work.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_at_work_hears_the_answer_at_once() {
    let lists = vec![vec![lookup("slow", path("event.id"))], vec![ask(None), lookup("after", path("event.id"))]];
    let house = House::new(vec![step("both", NodeKind::Parallel(lists))], |n, request| {
        if n == 1 { Behaviour::Hang } else { done(n, request) }
    })
    .await;
    let run = house.event("CAP-1").await;
    house.fake.called.notified().await;
    house.executor.judge(run, "approval", true, vec![], by("checked")).await.unwrap();
    house.fake.called.notified().await;
    assert_eq!(house.sent().len(), 2, "`after` is sent while `slow` still hangs");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_and_nobody_stop_the_run() {
    let house = House::new(vec![ask(Some(Duration::from_millis(300)))], done).await;
    let run = house.event("CAP-1").await;
    house.becomes(run, RunState::Waiting).await;
    house.executor.judge(run, "approval", false, vec![], by("too much")).await.unwrap();
    let loaded = house.becomes(run, RunState::Stopped).await;
    assert_eq!(loaded.run.reason.as_deref(), Some("too much"));
    let late = house.event("CAP-2").await;
    let loaded = house.becomes(late, RunState::Stopped).await;
    assert_eq!(loaded.run.reason.as_deref(), Some("nobody answered within 300ms"));
    assert_eq!(house.approvals().await[0].state, ApprovalState::Expired);
}
