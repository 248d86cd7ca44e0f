//! Functions of the user's that do one short thing for many callers: one that loads an atomic variable, a `lock` that unwraps.
//!
//! A report that points into such a function says the same of all steps, so it points at the calls, which differ. The record
//! shows that it does one thing: whatever threads do in it is done at one place, and it is called from several, or another
//! such method of its type is. The text shows that it is short, so that nothing is lost by looking at the call.

use crate::carried::indent;
use crate::site::Site;
use raddle_instrument::symbols::{Origin, SourceFrame};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Lines that such a function has at the most, before and after the one that does something.
const MOST_BESIDE: u32 = 2;

/// The functions, by their names.
#[derive(Clone, Debug, Default)]
pub struct Wrappers(BTreeSet<Arc<str>>);

/// Where something is done in a function or below, and from where it is called.
#[derive(Default)]
struct Uses<'a> {
    places: BTreeMap<(u32, u32), &'a SourceFrame>,
    calls: BTreeSet<(&'a str, u32, u32)>,
}

impl Wrappers {
    /// Those among the functions in which something is done at these sites. `line` gives a line of a file's text.
    pub fn of<'a>(sites: impl Iterator<Item = &'a Site>, line: impl Fn(&str, u32) -> Option<String>) -> Self {
        let mut uses: BTreeMap<&Arc<str>, Uses<'_>> = BTreeMap::new();
        for site in sites.filter(|site| !site.panics) {
            let mut frames = user_frames(site).peekable();
            while let Some(frame) = frames.next() {
                let used = uses.entry(&frame.function).or_default();
                used.places.insert((frame.line, frame.column), frame);
                used.calls.extend(frames.peek().map(|call| (&*call.function, call.line, call.column)));
            }
        }
        uses.retain(|_, used| {
            used.places.len() == 1 && !used.calls.is_empty() && used.places.values().all(|frame| is_short(frame, &line))
        });
        let is_called_from_several = |used: &Uses<'_>| used.calls.len() > 1;
        let types: BTreeSet<&str> = uses
            .iter()
            .filter(|(_, used)| is_called_from_several(used))
            .filter_map(|(name, _)| type_of(name))
            .collect();
        let is_wrapper = |name: &str, used: &Uses<'_>| {
            is_called_from_several(used) || type_of(name).is_some_and(|of| types.contains(of))
        };
        Self(uses.iter().filter(|(name, used)| is_wrapper(name, used)).map(|(name, _)| (*name).clone()).collect())
    }

    /// The frame at which to point for what is done at a site of the user's code: the innermost one, past these functions.
    pub fn frame<'a>(&self, site: &'a Site) -> Option<&'a SourceFrame> {
        let innermost = user_frames(site).next();
        let call = user_frames(site).find(|frame| !self.0.contains(&frame.function));
        if site.panics { innermost } else { call.or(innermost) }
    }
}

/// The type that a function is a method of.
fn type_of(function: &str) -> Option<&str> {
    let (path, _) = function.rsplit_once("::")?;
    let last = path.trim_end_matches('>').rsplit("::").next()?;
    last.trim_start_matches('<').starts_with(char::is_uppercase).then_some(path)
}

fn user_frames(site: &Site) -> impl Iterator<Item = &SourceFrame> {
    site.frames.iter().filter(|frame| frame.origin == Origin::User && frame.file.is_some() && frame.line > 0)
}

/// Whether the function that this frame is of has but a few lines.
fn is_short(frame: &SourceFrame, line: &impl Fn(&str, u32) -> Option<String>) -> bool {
    let Some(file) = frame.file.as_deref() else { return false };
    let text = |number: u32| line(file, number);
    let from = frame.line.saturating_sub(MOST_BESIDE).max(1);
    let head =
        (from..=frame.line).rev().find_map(|number| Some((number, text(number)?)).filter(|(_, text)| is_head(text)));
    let Some((number, head)) = head else { return false };
    let is_end = |text: &str| indent(text) == indent(&head) && text.trim_start().starts_with('}');
    let on_one_line = number == frame.line && head.trim_end().ends_with('}');
    on_one_line || (frame.line..=frame.line + MOST_BESIDE).filter_map(text).any(|text| is_end(&text))
}

fn is_head(line: &str) -> bool {
    line.split_whitespace().any(|word| word == "fn")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "impl Cell {\n    fn get(&self) -> u32 {\n        self.0.load(SeqCst)\n    }\n\n    fn set(&self, n: u32) { self.0.store(n, SeqCst) }\n\n    fn add(&self) {\n        let n = self.get();\n        check(n);\n        check(n + 1);\n        self.set(n + 1);\n    }\n}\n";

    fn frame(function: &str, line: u32) -> SourceFrame {
        let origin = Origin::User;
        SourceFrame { function: function.into(), file: Some("/lib.rs".into()), line, column: 1, origin }
    }

    /// A site with these frames, innermost first.
    fn site(frames: &[(&str, u32)]) -> Site {
        let frames: Vec<SourceFrame> = frames.iter().map(|(function, line)| frame(function, *line)).collect();
        Site { user: Some(0), frames, ..Site::default() }
    }

    /// The lines at which a report points for these sites.
    fn shown(sites: &[Site]) -> Vec<u32> {
        let line = |_: &str, number: u32| TEXT.lines().nth(number as usize - 1).map(str::to_owned);
        let wrappers = Wrappers::of(sites.iter(), line);
        sites.iter().map(|site| wrappers.frame(site).unwrap().line).collect()
    }

    #[test]
    fn the_calls_of_a_short_function_are_shown() {
        assert_eq!(shown(&[site(&[("get", 3), ("one", 40)]), site(&[("get", 3), ("other", 50)])]), [40, 50]);
        assert_eq!(shown(&[site(&[("set", 6), ("one", 40)]), site(&[("set", 6), ("one", 41)])]), [40, 41]);
    }

    #[test]
    fn so_are_those_of_the_other_methods_of_its_type() {
        let set = |name| site(&[(name, 6), ("one", 40)]);
        let get = |name, line| site(&[(name, 3), ("one", line)]);
        assert_eq!(shown(&[get("my::Cell::get", 41), get("my::Cell::get", 42), set("my::Cell::set")]), [41, 42, 40]);
        assert_eq!(
            shown(&[get("<my::Cell<T>>::get", 41), get("<my::Cell<T>>::get", 42), set("<my::Cell<T>>::set")])[2],
            40
        );
        assert_eq!(shown(&[get("my::get", 41), get("my::get", 42), set("my::set")]), [41, 42, 6]);
    }

    #[test]
    fn a_function_that_is_called_from_one_place_is_shown_itself() {
        assert_eq!(shown(&[site(&[("get", 3), ("one", 40)]), site(&[("get", 3), ("one", 40)])]), [3, 3]);
        assert_eq!(shown(&[site(&[("get", 3)]), site(&[("get", 3)])]), [3, 3]);
    }

    #[test]
    fn a_function_that_does_several_things_is_shown_itself() {
        let add = |inner, line, call| site(&[inner, ("add", line), ("test", call)]);
        let sites = [add(("get", 3), 9, 40), add(("set", 6), 12, 40), site(&[("get", 3), ("test", 41)])];
        assert_eq!(shown(&sites), [9, 6, 41]);
    }

    #[test]
    fn a_long_function_is_shown_itself() {
        assert_eq!(shown(&[site(&[("add", 11), ("one", 40)]), site(&[("add", 11), ("other", 50)])]), [11, 11]);
    }
}
