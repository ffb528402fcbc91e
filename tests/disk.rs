//! A disk that is full, may not be written, or has lost something: what was acknowledged is done once in the end, or the
//! process says with a code why it does not begin. It never begins with less than it had.

mod support;

use flowctl::sandbox::Sandbox;
use flowctl::sandbox::credentials;
use flowctl::sandbox::webhooks::Sender;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};
use support::events::Charge;
use support::oracle;
use support::process::{CameUp, Runtime, Setup, finish};
use support::project::Project;

const LIMIT: Duration = Duration::from_secs(60);

fn sender(runtime: &Runtime) -> Sender {
    Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender")
}

/// Delivers charges until one is not taken, from the one of that number on; gives those that were.
async fn until_full(sandbox: &Sandbox, runtime: &Runtime, from: usize) -> Vec<Charge> {
    let sender = sender(runtime);
    let mut taken = vec![];
    for number in from..from + 5000 {
        let charge = Charge::new(number, Some(number % 50));
        charge.known_to(sandbox);
        match sender.send(&charge.event()).await.expect("an answer") {
            200 => taken.push(charge),
            503 => return taken,
            other => panic!("answered {other}"),
        }
    }
    panic!("never full");
}

/// What was taken is one order each once there is room, and nothing else was made.
async fn all_is_done(sandbox: &Sandbox, runtime: Runtime, project: &Project, taken: &[Charge]) {
    support::until("all that was acknowledged is done", LIMIT, || oracle::marked(sandbox) == taken.len()).await;
    assert!(runtime.stop().await.success());
    assert_eq!(oracle::wrong(sandbox, taken), Vec::<String>::new());
    assert_eq!(oracle::differing(sandbox), Vec::<String>::new());
    let runs = oracle::runs(&project.store()).await;
    assert_eq!((oracle::unfinished(&runs), runs.len()), (vec![], taken.len()));
}

/// No file may grow beyond a size: what a quota does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_grow_takes_nothing_and_loses_nothing() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let mut setup = Setup::of(&project);
    setup.limited = Some(4 << 20);
    let mut runtime = setup.start().await;
    let mut taken = until_full(&sandbox, &runtime, 0).await;
    assert!(taken.len() > 10, "only {} were taken", taken.len());
    // What is smaller still finds its place, until nothing does.
    let begun = Instant::now();
    while runtime.ready().await != 503 {
        assert!(begun.elapsed() < LIMIT, "nobody should send anything here");
        taken.extend(until_full(&sandbox, &runtime, 1000 + taken.len()).await);
    }
    // Killed while it is full, and started again while it is full: it says so, or works on what it has.
    runtime.kill();
    let full = setup.launch();
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(full);
    setup.limited = None;
    let runtime = setup.start().await;
    let more = Charge::new(9000, Some(3));
    more.known_to(&sandbox);
    assert_eq!(sender(&runtime).send(&more.event()).await.expect("an answer"), 200, "there is room");
    taken.push(more);
    all_is_done(&sandbox, runtime, &project, &taken).await;
}

/// A disk of its own, with something on it that can be taken away while the process works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_there_is_room_again_it_goes_on_by_itself() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    std::fs::create_dir_all(project.store()).expect("a folder");
    let store = project.store().to_string_lossy().to_string();
    let script = format!(
        "mount -t tmpfs -o size=12m tmpfs '{store}' && head -c 7000000 /dev/zero > '{store}/ballast' && exec \"$0\" \"$@\""
    );
    let Some(runtime) = in_a_namespace(&setup, &script).await else { return };
    let mut taken = until_full(&sandbox, &runtime, 0).await;
    assert!(taken.len() > 10, "only {} were taken", taken.len());
    // Nothing is acknowledged that is not kept, as long as there is no room.
    taken.extend(until_full(&sandbox, &runtime, 6000).await);
    assert!(runtime.stderr().contains("full"), "the log says why");
    std::fs::remove_file(format!("/proc/{}/root{store}/ballast", runtime.pid())).expect("taken away");
    let more = Charge::new(9000, Some(3));
    more.known_to(&sandbox);
    support::until_async("events are taken again", LIMIT, async || {
        sender(&runtime).send(&more.event()).await.ok() == Some(200)
    })
    .await;
    taken.push(more);
    assert_eq!(runtime.ready().await, 200);
    support::until("all that was acknowledged is done", LIMIT, || oracle::marked(&sandbox) == taken.len()).await;
    assert_eq!(oracle::wrong(&sandbox, &taken), Vec::<String>::new());
    let open = "/api/runs?state=queued,ready,running,waiting,parked,dead_letter,outcome_unknown";
    support::until_async("nothing is open", LIMIT, async || {
        runtime.admin(open).await["items"] == serde_json::json!([])
    })
    .await;
    assert!(runtime.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_may_not_be_written_is_refused() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    assert!(setup.start().await.stop().await.success());
    let store = project.store().to_string_lossy().to_string();
    let script =
        format!("mount --bind '{store}' '{store}' && mount -o remount,bind,ro '{store}' && exec \"$0\" \"$@\"");
    let Some(command) = namespaced(&setup, &script) else { return };
    finish(command).said(2, &[&store, "F0602"]);
    assert!(setup.start().await.stop().await.success(), "nothing was harmed");
}

/// A process that was killed with work under way, and what it had acknowledged.
async fn killed(sandbox: &Sandbox, setup: &Setup) -> Vec<Charge> {
    let mut runtime = setup.start().await;
    let mut taken = vec![];
    let sender = sender(&runtime);
    for number in 0..40 {
        let charge = Charge::new(number, Some(number % 9));
        charge.known_to(sandbox);
        assert_eq!(sender.send(&charge.event()).await.expect("an answer"), 200);
        taken.push(charge);
    }
    runtime.kill();
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_being_written_when_the_power_went_harms_nothing() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    let taken = killed(&sandbox, &setup).await;
    // A frame of the log of which only a part came to the disk, and a page of noise.
    let mut log = OpenOptions::new().append(true).open(project.store().join("store.db-wal")).expect("a log");
    let noise: Vec<u8> = (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    log.write_all(&noise).expect("written");
    drop(log);
    let runtime = setup.start().await;
    all_is_done(&sandbox, runtime, &project, &taken).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_has_lost_something_is_never_taken_for_a_whole_one() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    let taken = killed(&sandbox, &setup).await;
    let file = |name: &str| project.store().join(name);
    let aside = project.store().with_extension("aside");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let _ = std::fs::remove_dir_all(to);
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a folder").flatten() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    };
    copy(&project.store(), &aside);

    // Its log, and with it what was kept last.
    std::fs::remove_file(file("store.db-wal")).expect("removed");
    finish(setup.command()).said(2, &["has lost its log", "F0602"]);
    // All of it.
    copy(&aside, &project.store());
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(file(name));
    }
    finish(setup.command()).said(2, &["is gone", "F0602"]);
    // Files of no length, as a copy to a full disk leaves them.
    copy(&aside, &project.store());
    for name in ["store.db", "store.db-wal"] {
        std::fs::write(file(name), "").expect("written");
    }
    let _ = std::fs::remove_file(file("store.db-shm"));
    finish(setup.command()).said(2, &["is empty, and was not", "F0602"]);
    // Its first page.
    copy(&aside, &project.store());
    let _ = std::fs::remove_file(file("store.db-wal"));
    std::fs::write(file("store.db-wal"), "").expect("written");
    let mut database = OpenOptions::new().write(true).open(file("store.db")).expect("a file");
    database.write_all(&[0xA5; 4096]).expect("written");
    drop(database);
    finish(setup.command()).said(2, &["F0602"]);

    copy(&aside, &project.store());
    let runtime = setup.start().await;
    all_is_done(&sandbox, runtime, &project, &taken).await;
}

/// A page in the middle of the store turns to noise while nobody looks. Whatever is asked, the answer is an error or the
/// whole truth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_cannot_be_read_is_told_and_hides_nothing() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    let taken = killed(&sandbox, &setup).await;
    let runtime = setup.start().await;
    all_is_done(&sandbox, runtime, &project, &taken).await;
    let path = project.store().join("store.db");
    assert!(!project.store().join("store.db-wal").exists(), "put away, all of it is in the file");
    let whole = std::fs::read(&path).expect("readable");
    let pages = whole.len() / 4096;
    let mut told = 0;
    // The last page, and some before it.
    for page in [pages - 1, pages - 2, pages / 2, pages / 3, 2] {
        std::fs::write(&path, &whole).expect("written");
        let mut database = OpenOptions::new().write(true).open(&path).expect("a file");
        database.seek(SeekFrom::Start(page as u64 * 4096)).expect("there");
        database.write_all(&[0xA5; 4096]).expect("written");
        drop(database);
        let mut runtime = setup.launch();
        match runtime.came_up(Duration::from_secs(5)).await {
            CameUp::Ended(status) => {
                assert_eq!(status.code(), Some(2));
                assert!(runtime.stderr().contains("F0602"), "{}", runtime.stderr());
            }
            CameUp::NotReady => {
                let says = runtime.not_ready_because().await;
                assert!(says.contains("the store is unreadable"), "{says}");
                told += 1;
            }
            CameUp::Ready => {}
        }
        let listed = runtime.try_admin("/api/runs?limit=200").await;
        let runs = listed.as_ref().and_then(|listed| listed["items"].as_array());
        match runs {
            None => told += 1,
            Some(runs) => {
                assert_eq!(runs.len(), taken.len(), "page {page}: fewer than there were, and nobody says so");
                for run in runs {
                    let run = run["id"].as_str().expect("an id");
                    told += usize::from(runtime.try_admin(&format!("/api/runs/{run}")).await.is_none());
                }
            }
        }
        runtime.kill();
        assert_eq!(oracle::wrong(&sandbox, &taken), Vec::<String>::new(), "page {page}: nothing is done again");
        for name in ["store.db-wal", "store.db-shm", "store.state"] {
            let _ = std::fs::remove_file(project.store().join(name));
        }
    }
    assert!(told > 0, "no page that mattered was hit");
}

/// The process behind a script that sets up mounts of its own. `None`: this machine does not let us.
fn namespaced(setup: &Setup, script: &str) -> Option<Command> {
    let allowed = Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|output| output.status.success());
    if !allowed {
        eprintln!("skipped: no mounts of one's own on this machine");
        return None;
    }
    let inner = setup.command();
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script]).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // So that what is killed is not only the shell in front.
    command.process_group(0);
    Some(command)
}

async fn in_a_namespace(setup: &Setup, script: &str) -> Option<Runtime> {
    let command = namespaced(setup, script)?;
    Some(setup.start_as(command).await)
}
