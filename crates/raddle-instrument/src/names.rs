//! Function and type names as a reader wants them.
//!
//! A compiler's name for an instance of a generic function holds every type argument with its full path. Kept here: the
//! path of the function and of the type it belongs to, because that is what one searches for; and, in short, that type's
//! arguments, because they tell one lock from another. Dropped: the function's own arguments, the paths within arguments,
//! hashes, and the allocator of a collection. Both of rustc's manglings (RFC 2603 `v0` and the older one) and C++'s lead to
//! the same form:
//!
//! | demangled | here |
//! |---|---|
//! | `<std::sync::poison::mutex::Mutex<alloc::vec::Vec<u8>>>::lock` | `std::sync::poison::mutex::Mutex<Vec<u8>>::lock` |
//! | `<alloc::sync::Arc<T> as core::ops::drop::Drop>::drop` | `<alloc::sync::Arc<T> as Drop>::drop` |
//! | `core::sync::atomic::atomic_load::<u64>` | `core::sync::atomic::atomic_load` |

use std::borrow::Cow;

/// Arguments longer than this many characters say less than they cost.
const LONGEST_ARGUMENTS: usize = 60;

/// The readable name of a function, from its symbol.
pub(crate) fn function(symbol: &str) -> String {
    match rustc_demangle::try_demangle(symbol) {
        Ok(name) => simplify(&format!("{name:#}")),
        Err(_) => match addr2line::demangle(symbol, gimli::DW_LANG_C_plus_plus) {
            Some(name) => name,
            None => symbol.to_owned(),
        },
    }
}

/// A demangled function name, shortened.
fn simplify(name: &str) -> String {
    let Some(end) = name.strip_prefix('<').and_then(|_| closing(name, 0)) else { return without_arguments(name) };
    let (owner, rest) = (&name[1..end], without_arguments(&name[end + 1..]));
    if let Some(at) = split_at_depth_zero(owner, " as ") {
        return format!("<{} as {}>{rest}", type_with_path(&owner[..at]), short_type(&owner[at + 4..]));
    }
    let names_a_path =
        owner.starts_with(|first: char| first.is_alphabetic() || first == '_') && !owner.starts_with("dyn ");
    if names_a_path { format!("{}{rest}", type_with_path(owner)) } else { format!("<{}>{rest}", short_type(owner)) }
}

/// A type with its own path whole and the paths of its arguments shortened.
fn type_with_path(text: &str) -> String {
    match text.find('<') {
        Some(open) if closing(text, open) == Some(text.len() - 1) => {
            format!("{}{}", text[..open].trim_end_matches("::"), arguments(&text[open + 1..text.len() - 1]))
        }
        _ if text.starts_with(['&', '*', '[', '(']) || text.starts_with("dyn ") => short_type(text),
        _ => text.to_owned(),
    }
}

fn arguments(inner: &str) -> String {
    let short = short_type(inner);
    if short.chars().count() <= LONGEST_ARGUMENTS { format!("<{short}>") } else { "<..>".to_owned() }
}

/// Any type, with only the last segment of each path, and without a collection's allocator.
pub(crate) fn short_type(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut segment_start = 0;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            // A path goes on: what stands before is only where it lives. A closure needs its function's name.
            if !after.starts_with('{') && !after.starts_with('<') {
                out.truncate(segment_start);
                rest = after;
                continue;
            }
            out.push_str(if after.starts_with('<') { "" } else { "::" });
            rest = after;
            continue;
        }
        if !(next.is_alphanumeric() || matches!(next, '_' | '{' | '}' | '#')) {
            segment_start = out.len() + next.len_utf8();
        }
        out.push(next);
        rest = &rest[next.len_utf8()..];
    }
    out.replace(", Global>", ">")
}

/// Without the arguments given to functions (`::<T>`, and the older mangling's `<T>` after a lower-case name).
fn without_arguments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(open) = text[at..].find('<').map(|found| at + found) {
        let Some(close) = closing(text, open) else { break };
        let before = &text[at..open];
        let of_function = before.ends_with("::") || last_segment_is_function(before);
        out.push_str(if of_function { before.trim_end_matches("::") } else { before });
        if !of_function {
            out.push_str(&arguments(&text[open + 1..close]));
        }
        at = close + 1;
    }
    out.push_str(&text[at..]);
    out
}

fn last_segment_is_function(path: &str) -> bool {
    let segment = path.rsplit("::").next().unwrap_or(path);
    segment.starts_with(|first: char| first.is_lowercase())
}

/// Index of the `>` that closes the `<` at `open`. The `>` of an arrow closes nothing.
fn closing(text: &str, open: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    for at in open..bytes.len() {
        match bytes[at] {
            b'<' => depth += 1,
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn split_at_depth_zero(text: &str, separator: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0i32;
    for at in 0..bytes.len() {
        match bytes[at] {
            b'<' | b'(' | b'[' => depth += 1,
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' | b')' | b']' => depth -= 1,
            b' ' if depth == 0 && text[at..].starts_with(separator) => return Some(at),
            _ => {}
        }
    }
    None
}

/// The path of a function with all type arguments and traits removed, for comparing: `alloc::sync::Arc::drop` from
/// `<alloc::sync::Arc<T> as Drop>::drop`.
pub(crate) fn bare_path(name: &str) -> String {
    let unqualified: Cow<'_, str> = match name.strip_prefix('<').and_then(|_| closing(name, 0)) {
        Some(end) => {
            let owner = &name[1..end];
            let owner = split_at_depth_zero(owner, " as ").map_or(owner, |at| &owner[..at]);
            Cow::Owned(format!("{owner}{}", &name[end + 1..]))
        }
        None => Cow::Borrowed(name),
    };
    let mut out = String::with_capacity(unqualified.len());
    let mut at = 0;
    while let Some(open) = unqualified[at..].find('<').map(|found| at + found) {
        let Some(close) = closing(&unqualified, open) else { break };
        out.push_str(unqualified[at..open].trim_end_matches("::"));
        at = close + 1;
    }
    out.push_str(&unqualified[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_but_can_be_searched_for() {
        for (demangled, expected) in [
            (
                "<std::sync::poison::mutex::Mutex<alloc::vec::Vec<u8>>>::lock",
                "std::sync::poison::mutex::Mutex<Vec<u8>>::lock",
            ),
            ("<alloc::sync::Arc<a::B<c::D>> as core::ops::drop::Drop>::drop", "<alloc::sync::Arc<B<D>> as Drop>::drop"),
            ("core::sync::atomic::atomic_load::<u64>", "core::sync::atomic::atomic_load"),
            ("pkg::add::{closure#0}::{closure#1}", "pkg::add::{closure#0}::{closure#1}"),
            (
                "<pkg::add::{closure#0} as core::ops::function::FnOnce<()>>::call_once",
                "<pkg::add::{closure#0} as FnOnce<()>>::call_once",
            ),
            ("<[u8]>::sort", "<[u8]>::sort"),
            ("<&mut a::B as c::D>::e::<fn() -> x::Y>", "<&mut B as D>::e"),
            ("std::sync::mutex::Mutex<T>::lock", "std::sync::mutex::Mutex<T>::lock"),
            ("core::ptr::drop_in_place<a::B>", "core::ptr::drop_in_place"),
            ("<fn() -> a::B as c::D>::e", "<fn() -> a::B as D>::e"),
            ("main", "main"),
        ] {
            assert_eq!(simplify(demangled), expected);
        }
    }

    #[test]
    fn long_arguments_are_left_out() {
        let long = format!("<a::B<{}>>::c", "x::Yyyyyyyyyyyy<".repeat(8) + &">".repeat(8));
        assert_eq!(simplify(&long), "a::B<..>::c");
    }

    #[test]
    fn types_lose_their_paths_and_their_allocator() {
        assert_eq!(
            short_type("core::option::Option<alloc::vec::Vec<(u8, a::b::C), alloc::alloc::Global>>"),
            "Option<Vec<(u8, C)>>"
        );
        assert_eq!(short_type("&mut dyn core::fmt::Write"), "&mut dyn Write");
        assert_eq!(short_type("pkg::add::{closure_env#0}"), "add::{closure_env#0}");
    }

    #[test]
    fn bare_paths_have_neither_arguments_nor_traits() {
        for (name, expected) in [
            ("<alloc::sync::Arc<B<D>> as Drop>::drop", "alloc::sync::Arc::drop"),
            ("std::sync::poison::mutex::Mutex<Vec<u8>>::lock", "std::sync::poison::mutex::Mutex::lock"),
            ("a::b::<T>::c", "a::b::c"),
            ("a::f::{closure#0}", "a::f::{closure#0}"),
        ] {
            assert_eq!(bare_path(name), expected);
        }
    }

    #[test]
    fn both_manglings_of_rust_and_that_of_cxx_are_read() {
        assert_eq!(function("_ZN3pkg3add17h302c8a5424b56a07E"), "pkg::add");
        assert_eq!(function("_RNvCslGbzKYTcUcB_3pkg3add"), "pkg::add");
        assert_eq!(function("_ZN3foo3barEi"), "foo::bar(int)");
        assert_eq!(function("pthread_create"), "pthread_create");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,80}") {
            let _ = (simplify(&text), short_type(&text), bare_path(&text), function(&text));
        }

        #[test]
        fn no_brackets_are_too_strange(text in "[<>:a-zA ()\\[\\]{}#&-]{0,40}") {
            let _ = (simplify(&text), short_type(&text), bare_path(&text));
        }
    }
}
