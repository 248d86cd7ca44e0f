//! What the usual harness prints around a test.
//!
//! A test that fails returns to libtest, which then names it, names it again in a list, and counts it. Reports say all
//! that in their own way; of the harness's words only those about the failure itself are kept.

/// The output of a failed test without what libtest prints after it. Text that does not end in libtest's way is left
/// alone.
pub fn without_closing_words(output: &str) -> &str {
    let text = output.trim_end();
    let last_line = text.rfind('\n').map_or(text, |at| &text[at + 1..]);
    if !last_line.starts_with("test result: ") {
        return output;
    }
    // Names stand in a list at the end, and what the harness has to say about each in another one before it.
    let Some(list) = text.rfind("\nfailures:\n") else { return output };
    let body = text[..list].trim_end();
    match body.find("FAILED\n\nfailures:") {
        Some(0) => body["FAILED\n\nfailures:".len()..].trim_start_matches('\n'),
        Some(at) if body[at..].trim_end() == "FAILED\n\nfailures:" => body[..at].trim_end(),
        _ => body,
    }
}

#[cfg(test)]
mod tests {
    use super::without_closing_words;

    const RESULT: &str =
        "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.00s\n\n";

    #[test]
    fn what_the_test_printed_stays() {
        let output = format!("left: 2\nright: 1\nFAILED\n\nfailures:\n\nfailures:\n    a::b\n\n{RESULT}");
        assert_eq!(without_closing_words(&output), "left: 2\nright: 1");
    }

    #[test]
    fn what_the_harness_says_about_the_failure_stays() {
        let said = "---- a stdout ----\nnote: test did not panic as expected";
        let output = format!("FAILED\n\nfailures:\n\n{said}\n\nfailures:\n    a\n\n{RESULT}");
        assert_eq!(without_closing_words(&output), said);
        let both = format!("hello\nFAILED\n\nfailures:\n\n{said}\n\nfailures:\n    a\n\n{RESULT}");
        assert!(without_closing_words(&both).starts_with("hello\n") && without_closing_words(&both).ends_with(said));
    }

    #[test]
    fn other_texts_are_left_alone() {
        for text in ["", "hello\n", "failures:\n    x\nbye", "\nfailures:\n", "test result: mine"] {
            assert_eq!(without_closing_words(text), text);
        }
        assert_eq!(without_closing_words(&format!("FAILED\n\nfailures:\n\nfailures:\n    a\n\n{RESULT}")), "");
    }
}
