use super::*;
use crate::diagnostics::{Code, FileId};
use proptest::prelude::*;

fn sources() -> (Sources, FileId, FileId) {
    let mut sources = Sources::default();
    let flow = sources.add("b.flow.yaml", "flow: a\ntriger:\n  webhook: é\n");
    let other = sources.add("a.yaml", "x: 1\nx: 2\r\n");
    (sources, flow, other)
}

fn findings(flow: FileId, other: FileId) -> Vec<Diagnostic> {
    vec![
        Diagnostic::error(Code::F0310, "a flow has no key `triger`", Span::new(flow, 8, 14))
            .help("its keys are few")
            .help("did you mean `trigger`?")
            .fix(Span::new(flow, 8, 14), "trigger"),
        Diagnostic::warning(Code::F0301, "the key `x` stands here twice", Span::new(other, 5, 6))
            .label("again here")
            .also(Span::new(other, 0, 1), "first here")
            .also(Span::new(flow, 27, 29), "and elsewhere")
            .help("keep one"),
        Diagnostic::error(Code::F0310, "a flow has no key `triger`", Span::new(flow, 8, 14))
            .help("its keys are few")
            .help("did you mean `trigger`?")
            .fix(Span::new(flow, 8, 14), "trigger"),
        Diagnostic::general(Code::F0330, "no flowctl.yaml").help("make one"),
    ]
}

#[test]
fn people_see_the_lines() {
    let (sources, flow, other) = sources();
    insta::assert_snapshot!(text(&findings(flow, other), &sources, false), @r#"
    error[F0330]: no flowctl.yaml
     |
     = help: make one

    warning[F0301]: the key `x` stands here twice
     --> a.yaml:2:1
      |
    1 | x: 1
      | - first here
    2 | x: 2
      | ^ again here
      |
     ::: b.flow.yaml:3:12
      |
    3 |   webhook: é
      |            - and elsewhere
      |
      = help: keep one

    error[F0310]: a flow has no key `triger`
     --> b.flow.yaml:2:1
      |
    2 | triger:
      | ^^^^^^
      |
      = help: its keys are few
    help: did you mean `trigger`?
      |
    2 | trigger:
      |     +

    2 errors, 1 warning
    "#);
}

#[test]
fn programs_get_a_list() {
    let (sources, flow, other) = sources();
    insta::assert_snapshot!(json(&findings(flow, other), &sources), @r#"
    [
      {
        "code": "F0330",
        "severity": "error",
        "message": "no flowctl.yaml",
        "label": "",
        "help": [
          "make one"
        ],
        "related": []
      },
      {
        "code": "F0301",
        "severity": "warning",
        "message": "the key `x` stands here twice",
        "path": "a.yaml",
        "line": 2,
        "column": 1,
        "end_line": 2,
        "end_column": 2,
        "label": "again here",
        "help": [
          "keep one"
        ],
        "related": [
          {
            "path": "a.yaml",
            "line": 1,
            "column": 1,
            "end_line": 1,
            "end_column": 2,
            "message": "first here"
          },
          {
            "path": "b.flow.yaml",
            "line": 3,
            "column": 12,
            "end_line": 3,
            "end_column": 13,
            "message": "and elsewhere"
          }
        ]
      },
      {
        "code": "F0310",
        "severity": "error",
        "message": "a flow has no key `triger`",
        "path": "b.flow.yaml",
        "line": 2,
        "column": 1,
        "end_line": 2,
        "end_column": 7,
        "label": "",
        "help": [
          "its keys are few",
          "did you mean `trigger`?"
        ],
        "fix": {
          "path": "b.flow.yaml",
          "line": 2,
          "column": 1,
          "end_line": 2,
          "end_column": 7,
          "replacement": "trigger"
        },
        "related": []
      }
    ]
    "#);
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(text(&[], &Sources::default(), true), "");
    assert_eq!(json(&[], &Sources::default()), "[]\n");
}

#[test]
fn xml_holds_no_control_characters() {
    assert_eq!(xml("a <b> & \"c\"\u{1}\u{1b}[0m\n"), "a &lt;b&gt; &amp; &quot;c&quot;\u{FFFD}\u{FFFD}[0m\n");
}

/// A message is one line whatever it holds, and a path cannot end its property.
#[test]
fn workflow_commands_are_escaped() {
    let mut sources = Sources::default();
    let file = sources.add("a,b:c%.flow.yaml", "x: 1\ny: 2\n");
    let one = Diagnostic::error(Code::F0310, "50%\nof it", Span::new(file, 5, 6)).help("a: b, c");
    let two = Diagnostic::warning(Code::F0301, "::error::no", Span::new(file, 0, 9));
    let three = Diagnostic::general(Code::F0330, "no\rproject");
    let part = Part { findings: &[one, two, three], sources: &sources, prefix: "flows/" };
    insta::assert_snapshot!(github(&part), @r"
    ::error title=F0330::no%0Dproject
    ::warning file=flows/a%2Cb%3Ac%25.flow.yaml,line=1,endLine=2,title=F0301::::error::no
    ::error file=flows/a%2Cb%3Ac%25.flow.yaml,line=2,endLine=2,col=1,endColumn=2,title=F0310::50%25%0Aof it%0Aa: b, c
    ");
}

#[test]
fn colour_is_only_on_demand() {
    let (sources, flow, other) = sources();
    let found = findings(flow, other);
    assert!(text(&found, &sources, true).contains('\u{1b}'));
    assert!(!text(&found, &sources, false).contains('\u{1b}'));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wrong_places_never_panic(content in "[aé\r\n\t\u{202e}]{0,12}", a in 0u32..20, b in 0u32..20, file in 0u32..3) {
        let mut sources = Sources::default();
        sources.add("t", content);
        let span = Span { file: FileId(file), start: a, end: b };
        let found = [Diagnostic::error(Code::F0300, "m", span).also(Span { start: b, end: a, ..span }, "l").fix(span, "x\ny")];
        prop_assert!(!text(&found, &sources, true).is_empty());
        prop_assert!(!json(&found, &sources).is_empty());
        let part = Part { findings: &found, sources: &sources, prefix: "" };
        prop_assert!(!github(&part).is_empty());
        prop_assert!(!sarif(&[part]).is_empty());
    }
}
