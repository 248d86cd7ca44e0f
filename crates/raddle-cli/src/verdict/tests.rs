use super::*;
use crate::samples;
use raddle_protocol::Trace;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

fn finished(summary: Summary) -> Ended {
    Ended {
        ending: Ending::Finished(Box::new(Summary { schedules: 9, most_threads: 2, ..summary })),
        output: Vec::new(),
    }
}

fn raw(outcome: Outcome, output: &str) -> RawFinding {
    let trace = Trace { output: output.into(), ..Trace::default() };
    RawFinding { trace, ..RawFinding::new(outcome, 0) }
}

fn finding(severity: Severity) -> Finding {
    Finding { severity, ..samples::finding() }
}

fn outcome(ended: &Ended, heard: &Heard, findings: &[Finding]) -> TestOutcome {
    verdict(ended, heard, findings).unwrap().outcome
}

#[test]
fn the_words_of_the_contract() {
    let nothing = Heard::default();
    let end = |end| finished(Summary { end, ..Summary::default() });
    assert_eq!(outcome(&end(End::Budget), &nothing, &[]), TestOutcome::Passed);
    assert_eq!(outcome(&end(End::Exhausted), &nothing, &[]), TestOutcome::Exhausted);
    assert_eq!(outcome(&end(End::Finding), &nothing, &[finding(Severity::Error)]), TestOutcome::Failed);
    assert_eq!(outcome(&end(End::Budget), &nothing, &[finding(Severity::Warning)]), TestOutcome::Passed);
    let mut alone = end(End::Exhausted);
    if let Ending::Finished(summary) = &mut alone.ending {
        summary.most_threads = 1;
    }
    assert_eq!(outcome(&alone, &nothing, &[]), TestOutcome::SingleThreaded);
}

#[test]
fn a_test_that_always_fails_is_an_ordinary_one_with_its_output() {
    let ended = finished(Summary { end: End::AlwaysFails, ..Summary::default() });
    let heard = Heard { raw: vec![raw(Outcome::Exited(101), "\nthread panicked\nleft: 1\n")], ..Heard::default() };
    let verdict = verdict(&ended, &heard, &[]).unwrap();
    assert_eq!(verdict.outcome, TestOutcome::Failed);
    let detail = verdict.detail.unwrap();
    assert!(detail.contains("each of 9 schedules"), "{detail}");
    assert!(detail.ends_with("It printed:\n  thread panicked\n  left: 1"), "{detail}");
    assert!(ordinary_failure(&ended.ending, &heard.raw).is_some());
}

#[test]
fn an_unusual_exit_status_is_named() {
    let ended = finished(Summary { end: End::AlwaysFails, ..Summary::default() });
    let heard = Heard { raw: vec![raw(Outcome::Exited(3), "")], ..Heard::default() };
    let detail = verdict(&ended, &heard, &[]).unwrap().detail.unwrap();
    assert!(detail.starts_with("It ends with exit status 3 in each of 9 schedules"), "{detail}");
}

#[test]
fn a_test_that_always_crashes_is_a_finding_that_says_so() {
    let always = Summary { end: End::AlwaysFails, ..Summary::default() };
    let of = |ended: &Ended| verdict(ended, &Heard::default(), &[finding(Severity::Error)]).unwrap();
    let detail = of(&finished(always.clone())).detail.unwrap();
    assert!(detail.starts_with("It crashes in each of 9 schedules tried, the one without preemption"), "{detail}");
    assert_eq!(of(&finished(Summary { end: End::Finding, ..always })).detail, None);
}

#[test]
fn a_test_that_leaves_with_success_before_its_end_passes_with_a_word_about_it() {
    let detail = |left_early| {
        let ended = finished(Summary { left_early, passed: 9, ..Summary::default() });
        let verdict = verdict(&ended, &Heard::default(), &[]).unwrap();
        assert_eq!(verdict.outcome, TestOutcome::Passed);
        verdict.detail
    };
    assert!(detail(9).unwrap().starts_with("In every schedule the process ended with exit status 0 before"));
    assert!(detail(2).unwrap().starts_with("In 2 of the schedules the process"));
    assert_eq!(detail(0), None);
}

#[test]
fn a_test_of_which_no_schedule_has_ended_does_not_look_as_if_one_had() {
    let cut = verdict(&finished(Summary::default()), &Heard::default(), &[finding(Severity::Warning)]).unwrap();
    assert_eq!((cut.outcome, cut.detail.as_deref()), (TestOutcome::Passed, Some(NONE_ENDED)));
}

#[test]
fn a_test_that_always_hangs_is_a_finding() {
    let ended = finished(Summary { end: End::AlwaysFails, ..Summary::default() });
    assert!(ordinary_failure(&ended.ending, &[raw(Outcome::Stuck, "")]).is_none());
}

#[test]
fn a_process_that_dies_is_an_error_with_its_last_words() {
    let words = (0..100).map(|line| format!("line {line}\n")).collect::<String>();
    let died = |status, greeted| Ended {
        ending: Ending::Died(ExitStatus::from_raw(status), greeted),
        output: words.clone().into(),
    };
    let killed = verdict(&died(9, true), &Heard::default(), &[]).unwrap();
    assert_eq!(killed.outcome, TestOutcome::Error);
    let detail = killed.detail.unwrap();
    assert!(detail.contains("was ended by signal 9 (SIGKILL) while it was explored"), "{detail}");
    assert!(detail.contains("60 lines left out") && detail.ends_with("line 99"), "{detail}");
    let early = verdict(&died(3 << 8, false), &Heard::default(), &[]).unwrap().detail.unwrap();
    assert!(early.contains("exit status 3 before Raddle's runtime took charge"), "{early}");
}

#[test]
fn silence_and_faults_are_told_apart() {
    let ended = |ending| Ended { ending, output: Vec::new() };
    let silent = verdict(&ended(Ending::Silent(Duration::from_secs(50))), &Heard::default(), &[]).unwrap();
    assert!(!silent.fault && silent.detail.unwrap().contains("50 s"));
    assert!(verdict(&ended(Ending::Fault("x".into())), &Heard::default(), &[]).unwrap().fault);
    assert_eq!(verdict(&ended(Ending::Interrupted), &Heard::default(), &[]), None);
}
