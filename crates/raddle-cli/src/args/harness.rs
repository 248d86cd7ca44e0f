//! Which tests are chosen: words and options of the test harness (libtest), before `--` or after it.
//!
//! Options of the harness that steer how tests are run have no meaning here, where Raddle runs them: they are known, so
//! that a habit such as `-- --nocapture` does no harm, and named in a note. All other words after `--` are for test
//! targets that have a harness of their own, and refused when there is none.

use clap::{Args, Parser};
use std::ffi::OsString;

/// What `test` takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which tests")]
pub struct TestFilter {
    /// Only tests whose names contain one of these words
    #[arg(value_name = "FILTERS", help_heading = None::<&str>)]
    pub words: Vec<String>,
    /// Names must be equal to a filter, not merely contain it
    #[arg(long)]
    pub exact: bool,
    /// Leave out tests whose names contain this word
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
    /// Only tests that are marked `#[ignore]`
    #[arg(long, conflicts_with = "include_ignored")]
    pub ignored: bool,
    /// Also tests that are marked `#[ignore]`
    #[arg(long)]
    pub include_ignored: bool,
    /// The harness's own options and filters; all words for a test target with a harness of its own
    #[arg(last = true, value_name = "HARNESS ARGS", help_heading = None::<&str>)]
    pub rest: Vec<OsString>,
}

/// The harness's options, after `--`.
#[derive(Debug, Default, Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_version_flag = true, args_override_self = true)]
struct Libtest {
    words: Vec<String>,
    #[arg(long)]
    exact: bool,
    #[arg(long)]
    skip: Vec<String>,
    #[arg(long)]
    ignored: bool,
    #[arg(long)]
    include_ignored: bool,
    #[arg(long, alias = "no-capture")]
    nocapture: bool,
    #[arg(long)]
    show_output: bool,
    #[arg(long)]
    test_threads: Option<String>,
    #[arg(short, long)]
    quiet: bool,
    #[arg(long)]
    color: Option<String>,
    #[arg(long)]
    format: Option<String>,
}

/// Tests marked `#[ignore]`: left out, alone, or among the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Ignored {
    #[default]
    LeftOut,
    Only,
    Included,
}

/// Which tests are chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// A test is chosen when one of these is in its name, or when there are none.
    pub words: Vec<String>,
    /// Names must be equal to a word, for `words` and `skip` alike.
    pub exact: bool,
    /// Tests with one of these in their names are left out.
    pub skip: Vec<String>,
    /// What happens to ignored tests.
    pub ignored: Ignored,
    /// All words after `--`, for harnesses of their own.
    pub rest: Vec<OsString>,
    /// Why libtest would not understand `rest`.
    pub not_libtest: Option<String>,
    /// Options among `rest` that are known but of no effect.
    pub without_effect: Vec<&'static str>,
}

impl TestFilter {
    /// Which executables with a harness of their own are chosen: what stands after `--` is for them to read.
    pub fn of_whole_executables(&self) -> Filter {
        TestFilter { rest: Vec::new(), ..self.clone() }.filter()
    }

    /// Joins what stands before and after `--`.
    pub fn filter(&self) -> Filter {
        let (after, not_libtest) = match Libtest::try_parse_from(&self.rest) {
            Ok(after) => (after, None),
            Err(error) => (Libtest::default(), Some(first_line(&error.to_string()))),
        };
        let only = self.ignored || after.ignored;
        let included = self.include_ignored || after.include_ignored;
        let without_effect = [
            ("--nocapture", after.nocapture),
            ("--show-output", after.show_output),
            ("--test-threads", after.test_threads.is_some()),
            ("--quiet", after.quiet),
            ("--color", after.color.is_some()),
            ("--format", after.format.is_some()),
        ];
        Filter {
            words: [&self.words[..], &after.words].concat(),
            exact: self.exact || after.exact,
            skip: [&self.skip[..], &after.skip].concat(),
            ignored: if included {
                Ignored::Included
            } else if only {
                Ignored::Only
            } else {
                Ignored::LeftOut
            },
            rest: self.rest.clone(),
            not_libtest,
            without_effect: without_effect.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect(),
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// What becomes of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is explored.
    Chosen,
    /// Its name would be right, but it is marked `#[ignore]`.
    Ignored,
    /// It was not asked for.
    LeftOut,
}

impl Filter {
    /// What becomes of the test of this name.
    pub fn judge(&self, name: &str, ignored: bool) -> Verdict {
        let matches = |word: &String| if self.exact { name == word } else { name.contains(word.as_str()) };
        if !(self.words.is_empty() || self.words.iter().any(matches)) || self.skip.iter().any(matches) {
            return Verdict::LeftOut;
        }
        match (self.ignored, ignored) {
            (Ignored::LeftOut, true) => Verdict::Ignored,
            (Ignored::Only, false) => Verdict::LeftOut,
            _ => Verdict::Chosen,
        }
    }

    /// Whether tests are chosen by name at all.
    pub fn is_by_name(&self) -> bool {
        !self.words.is_empty() || !self.skip.is_empty()
    }
}
