//! Formatting keeps the tree and the comments, and formatting again changes nothing.

use super::choices::Choices;
use super::layouts::{self, WORDS};
use super::programs::Generator;
use super::texts;
use flowctl::language::{SourceText, format};

/// Programs in any layout, with comments between any two words; and texts that are mostly no programs.
pub fn format(data: &[u8]) {
    let mut choices = Choices::new(data);
    match choices.below(5) {
        0 => drop(promises(&texts::any_text(&mut choices))),
        1 => {
            let mut text = String::new();
            while !choices.is_over() {
                text.push_str(choices.one_of(WORDS));
            }
            promises(&text);
        }
        2 => {
            let text = Generator::new(&mut choices).definitions();
            assert!(promises(&text).is_some(), "the generator wrote what cannot be read:\n{text}");
        }
        _ => layout(&mut choices),
    }
}

fn layout(choices: &mut Choices) {
    let program = layouts::program(choices);
    let (text, comments) = program.laid_out(choices);
    let formatted = promises(&text).unwrap_or_else(|| panic!("the generator wrote what cannot be read:\n{text}"));
    let kept: Vec<&str> = formatted.lines().filter_map(|line| line.split_once("// #").map(|(_, n)| n)).collect();
    assert_eq!(kept, comments, "comments of\n{text}");
}

/// What holds of any text that can be read; `None` for one with syntax errors. That the tree and the comments are the
/// same is the formatter's own rule: F0130 where it would have broken it.
pub fn promises(text: &str) -> Option<String> {
    let once = formatted(text)?;
    let again = formatted(&once).expect("what was formatted can be read");
    assert_eq!(again, once, "formatted twice:\n{text}");
    assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n") && !once.starts_with('\n'));
    assert!(once.lines().all(|line| line.trim_end() == line), "blanks at a line's end:\n{once}");
    assert!(!once.contains("\n\n\n") && !once.contains('\r'), "{once}");
    Some(once)
}

fn formatted(text: &str) -> Option<String> {
    match format::file(&SourceText::file(Default::default(), text.into())) {
        Ok(formatted) => Some(formatted),
        Err(findings) => {
            let refused = findings.iter().any(|finding| finding.code.0 == "F0130");
            assert!(!refused, "meant something else when formatted:\n{text}");
            None
        }
    }
}
