//! The ways in which editors, deployments and Kubernetes save: each is seen, and what was saved is live.

#![cfg(unix)]

mod support;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::process::{Runtime, Setup};
use support::project::{FLOW_FILE, MAP_FILE, Project};

const NAME: &str = "SalesOrderName                = buyer(charge, customer)";

fn other(project: &Project, text: &str) -> String {
    let map = project.read(MAP_FILE);
    let line = map.lines().find(|line| line.trim_start().starts_with("SalesOrderName ")).expect("the line").trim();
    map.replace(line, &format!("SalesOrderName                = \"{text}\""))
}

fn flow_of(name: &str) -> String {
    format!(
        "flow: {name}\ntrigger:\n  webhook: {{ connection: stripe, events: [charge.captured] }}\nsteps:\n  - id: x\n    transform: event.id\n"
    )
}

async fn flows(runtime: &Runtime) -> Vec<String> {
    let listed = runtime.admin("/api/flows").await;
    let names = listed["items"].as_array().expect("a list").iter();
    names
        .filter(|flow| flow["revision"].is_string())
        .map(|flow| flow["flow"].as_str().expect("a name").to_owned())
        .collect()
}

async fn until_flows(runtime: &Runtime, what: &str, holds: impl Fn(&[String]) -> bool) {
    let begun = Instant::now();
    loop {
        let now = flows(runtime).await;
        if holds(&now) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {now:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_of_saving_is_seen() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox);
    assert!(project.read(MAP_FILE).contains(NAME));
    let runtime = Setup::of(&project).start().await;
    let mut revision = runtime.revision().await;
    let path = project.path(MAP_FILE);
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    type Save<'a> = Box<dyn Fn(&str) + 'a>;
    let ways: Vec<(&str, Save)> = vec![
        ("in place", Box::new(|text| std::fs::write(&path, text).expect("written"))),
        (
            "beside and renamed over (VS Code, JetBrains)",
            Box::new(|text| {
                std::fs::write(beside(".tmp"), text).expect("written");
                std::fs::rename(beside(".tmp"), &path).expect("renamed");
            }),
        ),
        (
            "old one moved away, new one written, old one deleted (vim with backup)",
            Box::new(|text| {
                std::fs::rename(&path, beside("~")).expect("renamed");
                std::fs::write(&path, text).expect("written");
                std::fs::remove_file(beside("~")).expect("deleted");
            }),
        ),
        (
            "deleted and written again (git checkout)",
            Box::new(|text| {
                std::fs::remove_file(&path).expect("deleted");
                std::fs::write(&path, text).expect("written");
            }),
        ),
        (
            "emptied, then written in pieces",
            Box::new(|text| {
                let (first, rest) = text.split_at(text.len() / 2);
                std::fs::write(&path, "").expect("emptied");
                std::fs::write(&path, first).expect("written");
                let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("open");
                std::io::Write::write_all(&mut file, rest.as_bytes()).expect("written");
            }),
        ),
        (
            "with a lock that leads nowhere (emacs)",
            Box::new(|text| {
                let lock = path.with_file_name(".#charge.map");
                symlink("ada@desk.4711:1", &lock).expect("a lock");
                std::fs::write(&path, text).expect("written");
                std::fs::remove_file(lock).expect("unlocked");
            }),
        ),
        (
            "its folder renamed away and back (a deployment)",
            Box::new(|text| {
                let folder = path.parent().expect("a folder");
                let away = folder.with_file_name("away");
                std::fs::rename(folder, &away).expect("renamed");
                std::fs::write(away.join("charge.map"), text).expect("written");
                std::fs::rename(&away, folder).expect("renamed");
            }),
        ),
    ];
    for (n, (way, save)) in ways.iter().enumerate() {
        save(&other(&project, &format!("save {n}")));
        revision = runtime.revision_other_than(&revision).await;
        assert_eq!(runtime.revision().await, revision, "{way}");
    }
    // What settles in between may have been half a file: in the end nothing is wrong.
    let begun = Instant::now();
    while !runtime.flow().await["problem"].is_null() {
        assert!(begun.elapsed() < Duration::from_secs(20), "still refused");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let bundled = flows(&runtime).await.len();
    project.write("new/new.flow.yaml", &flow_of("new"));
    until_flows(&runtime, "a new file in a new folder", |flows| flows.contains(&"new".to_owned())).await;
    std::fs::rename(project.path("new/new.flow.yaml"), project.path("new/renamed.flow.yaml")).expect("renamed");
    project.write("new/other.flow.yaml", &flow_of("other"));
    until_flows(&runtime, "a renamed file keeps its flow", |flows| flows.len() == bundled + 2).await;
    std::fs::remove_dir_all(project.path("new")).expect("deleted");
    until_flows(&runtime, "a deleted folder", |flows| flows.len() == bundled).await;
    assert!(runtime.stop().await.success());
}

/// Moves a project behind links, as Kubernetes mounts a volume: every name leads through `..data` to a dated folder.
fn mount(project: &Path, dated: &Path) {
    std::fs::create_dir_all(project).expect("a folder");
    symlink(dated.file_name().expect("a name"), project.join("..data")).expect("a link");
    for entry in std::fs::read_dir(dated).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        symlink(Path::new("..data").join(&name), project.join(&name)).expect("a link");
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().filter_map(Result::ok).filter(|e| e.file_type().is_file()) {
        let target = to.join(entry.path().strip_prefix(from).expect("below"));
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        std::fs::copy(entry.path(), target).expect("copied");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_of_kubernetes_is_swapped_whole() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox);
    let mounted = tempfile::tempdir().expect("a folder");
    let root = mounted.path().join("config");
    copy(&project.root(), &root.join("..2026_03_02_first"));
    mount(&root, &root.join("..2026_03_02_first"));
    let setup = Setup { project: root.clone(), ..Setup::of(&project) };
    let runtime = setup.start().await;
    let first = runtime.revision().await;
    let revisions = async || runtime.admin("/api/revisions").await["items"].as_array().map_or(0, Vec::len);
    let before = revisions().await;

    // Two files at once: seen together or not at all.
    copy(&project.root(), &root.join("..2026_03_02_second"));
    let second = root.join("..2026_03_02_second");
    std::fs::write(second.join(MAP_FILE), other(&project, "second")).expect("written");
    let flow = project.read(FLOW_FILE).replacen("description: ", "description: \"second\" # ", 1);
    std::fs::write(second.join(FLOW_FILE), flow).expect("written");
    symlink("..2026_03_02_second", root.join("..data_tmp")).expect("a link");
    std::fs::rename(root.join("..data_tmp"), root.join("..data")).expect("swapped");
    std::fs::remove_dir_all(root.join("..2026_03_02_first")).expect("deleted");
    let swapped = runtime.revision_other_than(&first).await;
    assert_eq!(revisions().await, before + 1, "no half of it");
    assert_eq!(runtime.revision().await, swapped);

    // Links that lead out of the project are nobody's files.
    let outside = mounted.path().join("outside.flow.yaml");
    std::fs::write(&outside, flow_of("outside")).expect("written");
    symlink(&outside, root.join("outside.flow.yaml")).expect("a link");
    std::fs::write(root.join("inside.flow.yaml"), flow_of("inside")).expect("written");
    until_flows(&runtime, "a file beside the links", |flows| flows.contains(&"inside".to_owned())).await;
    assert!(!flows(&runtime).await.contains(&"outside".to_owned()));
    assert!(runtime.stop().await.success());
}

/// Where nothing tells of a change, it is found by looking: the project stands behind a link that leads elsewhere now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_release_behind_the_same_link_is_found() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox);
    let releases = tempfile::tempdir().expect("a folder");
    let (one, two, current) =
        (releases.path().join("one"), releases.path().join("two"), releases.path().join("current"));
    copy(&project.root(), &one);
    copy(&project.root(), &two);
    std::fs::write(two.join(MAP_FILE), other(&project, "two")).expect("written");
    symlink(&one, &current).expect("a link");
    let runtime = Setup { project: current.clone(), ..Setup::of(&project) }.start().await;
    let first = runtime.revision().await;
    symlink(&two, releases.path().join("next")).expect("a link");
    std::fs::rename(releases.path().join("next"), &current).expect("swapped");
    runtime.revision_other_than(&first).await;
    assert!(runtime.stop().await.success());
}
