//! `flowctl fmt`: how mappings look (`tests/fmt/*.md`), and the command.
//!
//! In the fixtures a block ` ```map ` is what someone wrote and the block ` ```formatted ` below it what comes out.
//! `UPDATE_FMT=1` writes the second from the first: look at the difference before you keep it.

use flowctl::language::{SourceText, format};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn formatted(text: &str) -> String {
    format::file(&SourceText::file(Default::default(), text.into()))
        .unwrap_or_else(|findings| panic!("{findings:?}\n{text}"))
}

#[test]
fn every_fixture_comes_out_as_it_says() {
    let update = std::env::var_os("UPDATE_FMT").is_some();
    let mut pairs = 0;
    for entry in fs::read_dir(root().join("tests/fmt")).unwrap() {
        let path = entry.unwrap().path();
        let chapter = fs::read_to_string(&path).unwrap();
        let mut now = String::new();
        let mut rest = chapter.as_str();
        while let Some((before, more)) = rest.split_once("```map\n") {
            let (written, more) = more.split_once("```\n\n```formatted\n").expect("a block `formatted` below");
            let (wanted, more) = more.split_once("```\n").expect("its end");
            let got = formatted(written);
            if !update {
                assert_eq!(got, wanted, "{}:\n{written}", path.display());
            }
            assert_eq!(formatted(&got), got, "{}: formatted twice", path.display());
            now += &format!("{before}```map\n{written}```\n\n```formatted\n{got}```\n");
            rest = more;
            pairs += 1;
        }
        if update {
            fs::write(&path, now + rest).unwrap();
        }
    }
    assert!(pairs >= 10, "{pairs} fixtures");
}

// ---- the command

fn fmt(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowctl"));
    command.arg("fmt").args(args).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path: PathBuf = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

const UGLY: &str = "fn  f() -> int=1\n";
const TIDY: &str = "fn f() -> int = 1\n";

#[test]
fn the_project_s_own_mappings_are_formatted() {
    let output = fmt(root(), &["--check", "flows", "src/language/std"], "");
    assert_eq!(status(&output), 0, "{}", told(&output));
}

#[test]
fn a_folder_is_formatted_in_place() {
    let project = folder(&[
        ("flowctl.yaml", ""),
        ("a.map", UGLY),
        ("deep/b.map", UGLY),
        ("deep/tidy.map", TIDY),
        ("deep/c.txt", UGLY),
        (".hidden/d.map", UGLY),
        ("target/e.map", UGLY),
        ("other/flowctl.yaml", ""),
        ("other/f.map", UGLY),
    ]);
    let at = |path: &str| fs::read_to_string(project.path().join(path)).unwrap();
    let output = fmt(project.path(), &[], "");
    assert_eq!(status(&output), 0);
    assert_eq!(told(&output), "formatted a.map\nformatted deep/b.map\n3 mapping files, 2 formatted\n");
    assert!(output.stdout.is_empty());
    assert_eq!([at("a.map"), at("deep/b.map")], [TIDY, TIDY]);
    assert!(["deep/c.txt", ".hidden/d.map", "target/e.map", "other/f.map"].iter().all(|path| at(path) == UGLY));
    assert_eq!(told(&fmt(project.path(), &[], "")), "3 mapping files, nothing to change\n");
    assert_eq!(fs::read_dir(project.path()).unwrap().count(), 6, "nothing is left behind");
}

#[test]
fn above_all_projects_each_of_them_is_meant() {
    let folder = folder(&[("one/flowctl.yaml", ""), ("one/a.map", UGLY), ("two/b.map", UGLY)]);
    let output = fmt(folder.path(), &["."], "");
    assert_eq!(told(&output), "formatted one/a.map\nformatted two/b.map\n2 mapping files, 2 formatted\n");
}

#[test]
fn check_changes_nothing_and_names_what_would_change() {
    let project =
        folder(&[("a.map", "// é\nfn f() -> int=1\r\n"), ("b.map", TIDY), ("c.map", "fn f() -> int = 1  \n")]);
    let output = fmt(project.path(), &["--check", "."], "");
    assert_eq!(status(&output), 1);
    assert_eq!(
        told(&output),
        "a.map:2\n  - fn f() -> int=1\\r\n  + fn f() -> int = 1\nc.map:1\n  - fn f() -> int = 1··\n  + fn f() -> int = 1\n\
         3 mapping files, 2 would change: run flowctl fmt\n"
    );
    assert_eq!(fs::read_to_string(project.path().join("c.map")).unwrap(), "fn f() -> int = 1  \n");
    assert_eq!(status(&fmt(project.path(), &["--check", "b.map"], "")), 0);
}

#[test]
fn a_file_with_errors_is_left_and_the_others_are_not() {
    let project = folder(&[("a.map", "fn f() -> int =\n"), ("b.map", UGLY)]);
    let output = fmt(project.path(), &["a.map", "b.map"], "");
    assert_eq!(status(&output), 1);
    assert!(told(&output).contains("F0120") && told(&output).contains("a.map:1:16"), "{}", told(&output));
    assert_eq!(fs::read_to_string(project.path().join("a.map")).unwrap(), "fn f() -> int =\n");
    assert_eq!(fs::read_to_string(project.path().join("b.map")).unwrap(), TIDY);
}

#[test]
fn an_editor_sends_the_text() {
    let here = folder(&[]);
    let output = fmt(here.path(), &["-"], "\u{feff}fn  f() -> int=1\r\n");
    assert_eq!((status(&output), output.stdout.as_slice(), told(&output).as_str()), (0, TIDY.as_bytes(), ""));
    let broken = fmt(here.path(), &["-"], "fn f(");
    assert_eq!((status(&broken), broken.stdout.len()), (1, 0));
    assert!(told(&broken).contains("<stdin>:1:6"), "{}", told(&broken));
    let check = fmt(here.path(), &["-", "--check"], UGLY);
    assert_eq!((status(&check), check.stdout.len()), (1, 0));
}

#[test]
fn wrong_usage_is_told() {
    let here = folder(&[("a.txt", UGLY)]);
    for (args, part) in [
        (&["gone.map"][..], "cannot read gone.map"),
        (&["a.txt"], "a.txt is no .map file"),
        (&["-", "a.map"], "stands alone"),
    ] {
        let output = fmt(here.path(), args, "");
        assert_eq!(status(&output), 2);
        assert!(told(&output).contains(part), "{}", told(&output));
    }
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::PermissionsExt;
    let project = folder(&[("a.map", UGLY), ("locked.map", UGLY)]);
    let at = |path: &str| project.path().join(path);
    fs::set_permissions(at("a.map"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(at("locked.map"), fs::Permissions::from_mode(0o444)).unwrap();
    std::os::unix::fs::symlink("a.map", at("link.map")).unwrap();
    assert_eq!(status(&fmt(project.path(), &["link.map"], "")), 0);
    assert!(fs::symlink_metadata(at("link.map")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(at("a.map")).unwrap(), TIDY);
    assert_eq!(fs::metadata(at("a.map")).unwrap().permissions().mode() & 0o777, 0o640);
    let output = fmt(project.path(), &["locked.map"], "");
    assert_eq!((status(&output), fs::read_to_string(at("locked.map")).unwrap().as_str()), (2, UGLY));
    assert!(told(&output).contains("read-only"), "{}", told(&output));
}
