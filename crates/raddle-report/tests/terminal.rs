//! Findings on a terminal, as a reader sees them, and what must hold of them whatever they say.

mod samples;

use raddle_protocol::Finding;
use raddle_report::{Repeats, Style, terminal};
use samples::Samples;
use unicode_width::UnicodeWidthStr;

const fn utf8(width: usize) -> Style {
    Style { width, color: false, unicode: true }
}

const fn ascii(width: usize) -> Style {
    Style { width, color: false, unicode: false }
}

fn render(finding: &Finding, style: Style) -> String {
    terminal::render_finding(finding, &style, &Samples)
}

fn all() -> [Finding; 7] {
    [
        samples::deadlock(),
        samples::lost_update(),
        samples::self_deadlock(),
        samples::lost_wakeup(),
        samples::crash(),
        samples::four_threads(),
        samples::long_loop(),
    ]
}

/// What is left when the colours are taken off.
fn bare(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        out.push_str(&rest[..start]);
        let end = rest[start..].find('m').expect("only colours are written") + start;
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

macro_rules! snapshots {
    ($($test:ident: $finding:ident, $style:expr;)*) => {
        $(
            #[test]
            fn $test() {
                insta::assert_snapshot!(stringify!($test), render(&samples::$finding(), $style));
            }
        )*
    };
}

snapshots! {
    deadlock_60: deadlock, utf8(60);
    deadlock_80: deadlock, utf8(80);
    deadlock_120: deadlock, utf8(120);
    deadlock_80_ascii: deadlock, ascii(80);
    deadlock_100_color: deadlock, Style { width: 100, color: true, unicode: true };
    lost_update_60: lost_update, utf8(60);
    lost_update_80: lost_update, utf8(80);
    lost_update_120: lost_update, utf8(120);
    self_deadlock_60_ascii: self_deadlock, ascii(60);
    self_deadlock_80: self_deadlock, utf8(80);
    lost_wakeup_60: lost_wakeup, utf8(60);
    lost_wakeup_80: lost_wakeup, utf8(80);
    crash_80: crash, utf8(80);
    crash_80_ascii: crash, ascii(80);
    four_threads_60: four_threads, utf8(60);
    four_threads_80: four_threads, utf8(80);
    four_threads_120: four_threads, utf8(120);
    long_loop_60: long_loop, utf8(60);
    long_loop_80: long_loop, utf8(80);
    long_loop_120: long_loop, utf8(120);
}

#[test]
fn a_schedule_that_was_kept_says_where() {
    use raddle_protocol::finding::KeptIn;
    let line = |new| {
        let mut finding = samples::deadlock();
        finding.schedule.kept = Some(KeptIn { file: ".raddle/\u{1b}[31ma.txt".into(), new });
        let shown = render(&finding, utf8(120));
        shown.lines().find(|line| line.contains("schedule: ")).expect("a line of its own").to_owned()
    };
    let earlier = line(false);
    assert!(earlier.contains("schedule: kept in .raddle/a.txt from an earlier run; as"), "{earlier}");
    assert!(!earlier.contains('\u{1b}'), "{earlier}");
    assert!(line(true).contains("schedule: found by number 13 of seed 20231124; as"), "{}", line(true));
}

#[test]
fn a_replay_shows_every_step() {
    let text = terminal::render_steps(&samples::long_loop(), &ascii(80));
    assert!(!text.contains("left out"));
    for number in 1..=samples::long_loop().steps.len() {
        assert!(text.lines().any(|line| line.trim_start_matches('>').trim_start().starts_with(&format!("{number}  "))));
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for finding in all() {
        for unicode in [true, false] {
            for width in [40, 60, 80, 120, 200] {
                let plain = Style { width, color: false, unicode };
                assert_eq!(bare(&render(&finding, Style { color: true, ..plain })), render(&finding, plain));
            }
        }
    }
}

#[test]
fn a_terminal_without_utf8_gets_ascii_and_no_control_characters() {
    for finding in all() {
        let text = render(&finding, ascii(80));
        assert!(text.chars().all(|c| c == '\n' || c.is_ascii_graphic() || c == ' '), "{text}");
    }
}

#[test]
fn everything_but_source_code_fits_the_width() {
    for finding in all() {
        for width in [60, 72, 80, 100, 120, 160] {
            let text = render(&finding, utf8(width));
            let (_, below) = text.split_once("\nwhat happened").expect("an interleaving");
            for line in below.lines() {
                assert!(line.width() <= width, "{} columns for {width}: {line}", line.width());
            }
        }
    }
}

/// A finding whose texts are as hostile as they can be still gives a report, in every width, and drives no terminal.
#[test]
fn hostile_text_is_harmless() {
    let evil = "\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[2J\r\n\t`\u{202e}\u{9b}31m漢字".to_owned();
    let mut finding = samples::crash();
    finding.message = evil.clone();
    finding.test = evil.clone();
    finding.replay = evil.clone();
    finding.output = evil.repeat(50);
    for span in &mut finding.spans {
        (span.label, span.file) = (evil.clone(), evil.clone());
        (span.line, span.column) = (span.line + 1, span.column + 3);
    }
    for thread in &mut finding.threads {
        (thread.name, thread.state, thread.spawned_at) = (evil.clone(), evil.clone(), Some(evil.clone()));
    }
    for step in &mut finding.steps {
        (step.action, step.file, step.thread) = (evil.clone(), evil.clone(), step.thread + 1);
    }
    for texts in [&mut finding.reason, &mut finding.fix, &mut finding.notes] {
        *texts = vec![evil.clone(), String::new()];
    }
    let source = |_: &str| Some(format!("{evil}\n").repeat(30));
    for width in [0, 1, 7, 20, 60, 80] {
        for unicode in [true, false] {
            let style = Style { width, color: false, unicode };
            let text = terminal::render_finding(&finding, &style, &source);
            let bad = |c: &char| c.is_control() && *c != '\n' || *c == '\u{202e}';
            assert_eq!(text.chars().find(bad), None, "{text}");
        }
    }
}

#[test]
fn an_almost_empty_finding_still_reads() {
    let mut finding = samples::deadlock();
    finding.spans.clear();
    finding.threads.clear();
    finding.steps.clear();
    finding.reason.clear();
    finding.fix.clear();
    finding.notes.clear();
    finding.message.clear();
    finding.replay.clear();
    insta::assert_snapshot!("almost_empty", render(&finding, ascii(80)));
}

#[test]
fn source_that_is_gone_or_shorter_than_it_was_is_named_by_place() {
    let mut finding = samples::self_deadlock();
    finding.steps.clear();
    finding.reason.clear();
    finding.fix.clear();
    finding.spans[0].line = 900;
    insta::assert_snapshot!("source_shorter", render(&finding, ascii(80)));
    insta::assert_snapshot!("source_gone", terminal::render_finding(&finding, &ascii(80), &|_: &str| None));
}

#[test]
fn a_warning_is_headed_as_one() {
    let mut finding = samples::deadlock();
    finding.severity = raddle_protocol::Severity::Warning;
    finding.code.0 = "RD0202".into();
    let text = render(&finding, ascii(120));
    assert!(text.starts_with("warning[RD0202]: lock-order inversion: `left` waits"), "{text}");
}

#[test]
fn a_warning_that_says_the_same_again_is_short() {
    let mut finding = samples::long_loop();
    finding.severity = raddle_protocol::Severity::Warning;
    let mut repeats = Repeats::default();
    assert_eq!(repeats.earlier(&finding, 3), None);
    assert_eq!(repeats.earlier(&finding, 4), Some(3));
    let short = terminal::render_repeat(&finding, "shop::bank::tests::opening", &utf8(80));
    insta::assert_snapshot!(short);
    // A secondary place depends on the schedule; another primary one is another mistake.
    let mut other = finding.clone();
    other.spans.iter_mut().filter(|span| !span.primary).for_each(|span| span.line += 1);
    assert_eq!(repeats.earlier(&other, 5), Some(3));
    other.spans.iter_mut().for_each(|span| span.line += 1);
    assert_eq!(repeats.earlier(&other, 6), None);
    let mut failure = finding.clone();
    failure.severity = raddle_protocol::Severity::Error;
    assert_eq!(repeats.earlier(&failure, 7), None);
}

#[test]
fn a_message_that_begins_with_the_hazards_name_does_not_get_it_twice() {
    let mut finding = samples::deadlock();
    finding.message = "Deadlock of two threads".into();
    let text = render(&finding, ascii(120));
    assert!(text.starts_with("error[RD0201]: Deadlock of two threads\n"), "{text}");
}

#[test]
fn a_label_that_has_no_room_beside_its_underline_goes_below() {
    let text = render(&samples::lost_update(), utf8(60));
    let long: Vec<&str> = text.lines().filter(|line| line.contains("passes in others")).collect();
    assert!(long.iter().all(|line| line.width() <= 60), "{long:?}");
}

/// Two threads that run the same code have all their places in common.
#[test]
fn labels_of_the_same_place_stand_below_each_other() {
    let mut finding = samples::four_threads();
    finding.steps.clear();
    finding.threads.clear();
    let (second, first) = (finding.spans[0].clone(), finding.spans[1].clone());
    finding.spans.clear();
    for thread in ["Aristotle", "Hypatia"] {
        let long = format!("thread `{thread}` waits here for the fork of its neighbour, who waits as well");
        finding.spans.push(samples::labelled(&second, &long));
        finding.spans.push(samples::labelled(&first, &format!("thread `{thread}` took its fork here")));
    }
    insta::assert_snapshot!("same_place", render(&finding, ascii(80)));
}

/// Threads without a step of their own that are in the same state share a sentence.
#[test]
fn idle_threads_are_named_together() {
    let mut finding = samples::deadlock();
    for number in 1..=5 {
        finding.threads.push(samples::thread(100 + number, &format!("worker {number}"), "waits for work"));
    }
    finding.threads.push(samples::thread(200, "clock", "sleeps"));
    let text = render(&finding, utf8(100));
    let idle: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("meanwhile ")).collect();
    assert_eq!(idle, ["each of `worker 1`, `worker 2` and 3 others: waits for work", "`clock`: sleeps"]);
}
