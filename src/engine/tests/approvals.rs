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
    let wrong = house.executor.judge(run, "approval", true, vec!["b".into()], None, by("?")).await;
    assert!(matches!(wrong, Err(CommandError::Refused(_))), "{wrong:?}");
    house.executor.judge(run, "approval", true, vec!["a".into()], None, by("checked")).await.unwrap();
    let loaded = house.becomes(run, RunState::Succeeded).await;
    let kinds: Vec<_> = loaded.journal.iter().map(|entry| entry.record.kind()).collect();
    assert_eq!(kinds, ["accepted", "started", "asked", "judged", "result", "intent", "result"]);
    assert_eq!(loaded.answers, []);
    assert_eq!(house.approvals().await[0].state, ApprovalState::Approved);
    let audit = house.store.audit(Page::first(9)).await.unwrap().items.remove(0);
    assert_eq!((audit.actor.as_str(), audit.action.as_str(), audit.reason.as_str()), ("ada", "approve", "checked"));
    let again = house.executor.judge(run, "approval", false, vec![], None, by("no")).await;
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
    house.executor.judge(run, "approval", true, vec![], None, by("checked")).await.unwrap();
    house.fake.called.notified().await;
    assert_eq!(house.sent().len(), 2, "`after` is sent while `slow` still hangs");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_and_nobody_stop_the_run() {
    let house = House::new(vec![ask(Some(Duration::from_millis(300)))], done).await;
    let run = house.event("CAP-1").await;
    house.becomes(run, RunState::Waiting).await;
    house.executor.judge(run, "approval", false, vec![], None, by("too much")).await.unwrap();
    let loaded = house.becomes(run, RunState::Stopped).await;
    assert_eq!(loaded.run.reason.as_deref(), Some("rejected by ada: too much"));
    let late = house.event("CAP-2").await;
    let loaded = house.becomes(late, RunState::Stopped).await;
    assert_eq!(loaded.run.reason.as_deref(), Some("approval expired"));
    assert_eq!(house.approvals().await[0].state, ApprovalState::Expired);
}

/// A replay by a revision without the step: the answer is taken out of the way once, and wakes nobody again.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_step_that_is_gone_is_not_taken_up_for_ever() {
    let mut house = House::new(vec![ask(None)], done).await;
    let run = house.event("CAP-1").await;
    house.becomes(run, RunState::Waiting).await;
    house.stop.cancel();
    while !house.working.is_finished() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Answered while nobody is at work.
    let judged = crate::store::journal::Judged {
        approved: true,
        without: vec![],
        actor: "ada".into(),
        role: None,
        reason: "ok".into(),
        at: Timestamp::now(),
    };
    house.store.answer(run, "approval".into(), judged).await.unwrap();
    house.store.park(run, by("another revision")).await.unwrap();
    let wait = step("pause", NodeKind::Wait(Wait::For(Duration::from_secs(3600))));
    house.revisions.set_live(Live { revision: Hash::of(b"second"), graph: Arc::new(graph(vec![wait])) });
    house.restart().await;
    let how = Replay { from: crate::engine::machine::From::Start, ..Replay::default() };
    house.executor.replay(run, how, Some(Hash::of(b"second")), by("go on")).await.unwrap();
    let loaded = house.becomes(run, RunState::Waiting).await;
    assert_eq!(loaded.answers, []);
    let due = loaded.run.due.unwrap().duration_since(Timestamp::now());
    assert!(due.as_secs() > 3000, "it sleeps: {due}");
    let kept = loaded.journal.len();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(house.store.load_run(run).await.unwrap().unwrap().journal.len(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_role_that_is_asked_for_may_answer() {
    let mut node = ask(None);
    if let NodeKind::Approve(approve) = &mut node.kind {
        approve.roles = vec!["finance".into(), "treasury".into()];
    }
    let house = House::new(vec![node], done).await;
    let run = house.event("CAP-1").await;
    house.becomes(run, RunState::Waiting).await;
    for (role, why) in [
        (None, "`approval` asks for the role finance or treasury, and the answer is given in no role"),
        (
            Some("sales"),
            "`approval` asks for the role finance or treasury, and the answer is given in the role \"sales\"",
        ),
    ] {
        let refused = house.executor.judge(run, "approval", true, vec![], role.map(str::to_owned), by("ok")).await;
        assert_eq!(refused, Err(CommandError::Refused(why.to_owned())));
    }
    house.executor.judge(run, "approval", true, vec![], Some("treasury".into()), by("ok")).await.unwrap();
    house.becomes(run, RunState::Succeeded).await;
    let audit = house.store.audit(Page::first(9)).await.unwrap().items.remove(0);
    assert_eq!(audit.target, format!("run {run} step approval as treasury"));
}
