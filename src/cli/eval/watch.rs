//! `--watch`: evaluates again after every save and shows what changed in the result.
//!
//! A save that breaks something shows its errors; the next result is compared with the last good one.

use super::{Args, Format, Outcome};
use crate::cli::{End, output, run};
use crate::diagnostics::Sources;
use crate::runtime::watch::Watch;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Lines shown around a change.
const AROUND: usize = 2;
/// Results of more lines than this are shown whole: comparing costs the product of both.
const COMPARED: usize = 2000;

pub(super) fn main(args: &Args) -> anyhow::Result<End> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(watch(args))
}

async fn watch(args: &Args) -> anyhow::Result<End> {
    let first = super::once(args)?;
    let watch = start(&first)?;
    let mut seen = fingerprint(&first.sources);
    let mut told = first.told.clone();
    show(&first.told, &first.data)?;
    let mut last = first.fine.then_some(first.data);
    output::tell("-- watching; Ctrl-C ends");
    let stopped = run::stopped();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            ended = &mut stopped => {
                ended?;
                return Ok(End::Fine);
            }
            () = watch.changed() => {}
        }
        // What cannot even be begun, as while a file is being replaced, is told like any error.
        let (now, fine) = match super::once(args) {
            Ok(outcome) => {
                let now = fingerprint(&outcome.sources);
                if now == seen && outcome.told == told {
                    continue;
                }
                seen = now;
                let fine = outcome.fine;
                (outcome, fine)
            }
            Err(error) => {
                let text = format!("flowctl: {error:#}");
                if text != told {
                    separate();
                    output::tell(&text);
                    told = text;
                }
                continue;
            }
        };
        separate();
        told = now.told.clone();
        match (&last, fine) {
            (_, false) => show(&now.told, &now.data)?,
            (Some(before), true) if *before == now.data => {
                show(&now.told, "")?;
                output::tell("the result is the same");
            }
            (Some(before), true) if args.format == Format::Text => show(&now.told, &changes(before, &now.data))?,
            (_, true) => show(&now.told, &now.data)?,
        }
        if fine {
            last = Some(now.data);
        }
    }
}

fn start(first: &Outcome) -> anyhow::Result<Watch> {
    let mut folders: Vec<&Path> = first.files.iter().map(|file| folder_of(file)).collect();
    folders.sort();
    folders.dedup();
    if first.root.is_none() && folders.is_empty() {
        anyhow::bail!("--watch: nothing is read from a file, so nothing will change");
    }
    // The store of a runtime beside us changes all the time.
    let store = first.root.as_ref().map(|root| root.join(".flowctl"));
    Ok(Watch::over(first.root.as_deref(), &folders, store)?)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn fingerprint(sources: &Sources) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (_, source) in sources.iter() {
        (&source.path, &source.text).hash(&mut hasher);
    }
    hasher.finish()
}

fn separate() {
    output::tell(&format!("-- {}", jiff::Zoned::now().strftime("%H:%M:%S")));
}

fn show(told: &str, data: &str) -> anyhow::Result<()> {
    if !told.is_empty() {
        output::tell(told.trim_end());
    }
    output::print(data)
}

/// The lines that differ, with a few around them: `- ` was, `+ ` is.
fn changes(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    if old.len() > COMPARED || new.len() > COMPARED {
        return after.to_string();
    }
    let lines = aligned(&old, &new);
    let near = |at: usize| {
        let around = &lines[at.saturating_sub(AROUND)..lines.len().min(at + AROUND + 1)];
        around.iter().any(|(mark, _)| *mark != ' ')
    };
    let (mut out, mut left_out) = (String::new(), false);
    for (at, (mark, line)) in lines.iter().enumerate() {
        if near(at) {
            out.push_str(&format!("{mark} {line}\n"));
            left_out = false;
        } else if !std::mem::replace(&mut left_out, true) {
            out.push_str("  …\n");
        }
    }
    out
}

/// Both texts as one, by a longest common subsequence.
fn aligned<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(char, &'t str)> {
    let width = new.len() + 1;
    let mut longest = vec![0u32; (old.len() + 1) * width];
    for (i, was) in old.iter().enumerate().rev() {
        for (j, is) in new.iter().enumerate().rev() {
            longest[i * width + j] = match was == is {
                true => longest[(i + 1) * width + j + 1] + 1,
                false => longest[(i + 1) * width + j].max(longest[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::with_capacity(old.len() + new.len());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let before = "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3,\n  \"d\": 4,\n  \"e\": 5\n}\n";
        let after = before.replace("\"e\": 5", "\"e\": 6");
        assert_eq!(changes(before, &after), "  …\n    \"c\": 3,\n    \"d\": 4,\n-   \"e\": 5\n+   \"e\": 6\n  }\n");
        assert_eq!(changes("a\n", "a\nb\n"), "  a\n+ b\n");
        assert_eq!(changes("a\nb\n", "b\n"), "- a\n  b\n");
    }
}
