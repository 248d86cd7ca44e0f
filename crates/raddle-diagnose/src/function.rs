//! Function names as a reader knows them, from demangled paths.
//!
//! Both of rustc's mangling schemes occur in one program: the legacy one writes `alloc::sync::Arc<T>::new` and
//! `<std::sync::MutexGuard<T> as core::ops::drop::Drop>::drop`, the current one `<std::thread::thread::Thread>::park` and
//! `f::<u32>`. What is understood here is the nesting of brackets, no more of either grammar.

/// The name without generic arguments and traits, such as `std::sync::mpmc::Receiver::drop`.
pub fn plain(function: &str) -> String {
    let (own, rest) = match qualified(function) {
        Some((own, rest)) => (own, rest),
        None => ("", function),
    };
    let mut name = if own.is_empty() { String::new() } else { without_generics(own) };
    name.push_str(&without_generics(rest));
    name
}

/// Type and method, or module and function: the last two segments of [`plain`], such as `Receiver::drop`.
pub fn short(function: &str) -> String {
    let plain = plain(function);
    let mut segments: Vec<&str> = plain.split("::").collect();
    let closure = segments.iter().position(|segment| segment.starts_with('{')).unwrap_or(segments.len());
    segments.truncate(closure.max(1));
    segments[segments.len().saturating_sub(2)..].join("::")
}

/// The last segment that is not a closure, such as `fetch_add`.
pub fn method(function: &str) -> String {
    let short = short(function);
    short.rsplit("::").next().unwrap_or(&short).to_owned()
}

/// The first segment: the crate that defines the function, or the type it is a method of.
pub fn krate(function: &str) -> String {
    let plain = plain(function);
    plain.split("::").next().unwrap_or_default().to_owned()
}

/// `<Type as Trait>::rest` or `<Type>::rest` as `Type` and `::rest`.
fn qualified(function: &str) -> Option<(&str, &str)> {
    if !function.starts_with('<') {
        return None;
    }
    let end = closing(function)?;
    let inside = &function[1..end];
    let mut depth = 0usize;
    let mut own = inside;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'[' => depth += 1,
            b'>' if inside[..at].ends_with('-') => {}
            b'>' | b')' | b']' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 && inside[at..].starts_with(" as ") => {
                own = &inside[..at];
                break;
            }
            _ => {}
        }
    }
    // `<<T as Trait>::Item>::method` nests.
    let own = qualified(own).map_or(own, |(inner, _)| inner);
    Some((
        own.trim_start_matches(['&', '*']).trim_start_matches("mut ").trim_start_matches("const "),
        &function[end + 1..],
    ))
}

/// Where the bracket that opens `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if !text[..at].ends_with('-') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Drops everything in angle brackets, and the `::` of a turbofish.
fn without_generics(path: &str) -> String {
    let mut name = String::new();
    let mut depth = 0usize;
    for (at, character) in path.char_indices() {
        match character {
            '<' => {
                if depth == 0 && name.ends_with("::") {
                    name.truncate(name.len() - 2);
                }
                depth += 1;
            }
            '>' if !path[..at].ends_with('-') => depth = depth.saturating_sub(1),
            _ if depth == 0 => name.push(character),
            _ => {}
        }
    }
    name.replace("{{closure}}", "{closure}").replace("{closure#0}", "{closure}")
}

/// A type with its paths shortened: `alloc::sync::Arc<std::sync::poison::mutex::Mutex<u32>>` becomes `Arc<Mutex<u32>>`.
/// `None` when it is only a placeholder such as `T`.
pub fn short_type(name: &str) -> Option<String> {
    let mut short = String::new();
    let mut segment = String::new();
    for character in name.chars() {
        match character {
            ':' => segment.clear(),
            c if c.is_alphanumeric() || c == '_' => segment.push(c),
            c => {
                short.push_str(&segment);
                segment.clear();
                short.push(c);
            }
        }
    }
    short.push_str(&segment);
    let placeholder = |word: &str| word.len() == 1 && word.chars().all(|c| c.is_ascii_uppercase());
    let vague = short.split(|c: char| !c.is_alphanumeric()).any(placeholder);
    (!vague && !short.is_empty()).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_mangling_schemes() {
        for (function, expected_plain, expected_short) in [
            ("std::sync::poison::mutex::Mutex<T>::lock", "std::sync::poison::mutex::Mutex::lock", "Mutex::lock"),
            (
                "<std::sync::poison::mutex::MutexGuard<T> as core::ops::drop::Drop>::drop",
                "std::sync::poison::mutex::MutexGuard::drop",
                "MutexGuard::drop",
            ),
            ("<std::thread::thread::Thread>::park", "std::thread::thread::Thread::park", "Thread::park"),
            ("sample::main::{{closure}}::{{closure}}", "sample::main::{closure}::{closure}", "sample::main"),
            ("core::ptr::drop_in_place::<alloc::sync::Arc<u32>>", "core::ptr::drop_in_place", "ptr::drop_in_place"),
            ("<<a::B as c::D>::E as f::G>::h", "a::B::h", "B::h"),
            ("f::<fn() -> u32>::g", "f::g", "f::g"),
            ("main", "main", "main"),
        ] {
            assert_eq!((plain(function).as_str(), short(function).as_str()), (expected_plain, expected_short));
        }
        assert_eq!(method("core::sync::atomic::AtomicU32::fetch_add"), "fetch_add");
        assert_eq!(krate("<alloc::sync::Arc<T,A> as core::ops::drop::Drop>::drop"), "alloc");
    }

    #[test]
    fn types_are_shortened_and_placeholders_refused() {
        let name = "alloc::sync::Arc<std::sync::poison::mutex::Mutex<u32>>";
        assert_eq!(short_type(name).as_deref(), Some("Arc<Mutex<u32>>"));
        assert_eq!(short_type("alloc::sync::Arc<T>"), None);
    }
}
