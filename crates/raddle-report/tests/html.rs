//! A run as a page: what it shows, that it stands alone, and that nothing that a program says can act in it.

mod runs;
mod samples;

use raddle_protocol::Finding;
use raddle_report::events::{Event, TestOutcome};
use raddle_report::html;
use samples::Samples;

fn page() -> String {
    html::page(&runs::run(&runs::events()), &Samples)
}

fn of(finding: Finding) -> String {
    html::page(&runs::run(&runs::test("shop", "a_test", TestOutcome::Failed, vec![finding])), &Samples)
}

/// The elements that are open at the end, and those that were closed without having been opened.
fn unbalanced(page: &str) -> Vec<String> {
    const VOID: [&str; 3] = ["meta", "!doctype", "br"];
    let mut open: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    for tag in page.split('<').skip(1) {
        let name = tag.split(['>', ' ', '\n']).next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) if open.last().is_some_and(|last| last == name) => drop(open.pop()),
            Some(_) => wrong.push(format!("</{name}> within {open:?}")),
            None if VOID.contains(&name) => {}
            None => open.push(name.to_owned()),
        }
    }
    wrong.into_iter().chain(open).collect()
}

/// Attributes of this name.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let parts = page.split(&format!(" {attribute}=\"")).skip(1).collect::<Vec<_>>();
    parts.into_iter().map(|rest| rest.split('"').next().unwrap_or_default()).collect()
}

#[test]
fn a_page_of_one_finding() {
    let page = of(samples::lost_update());
    let (_, body) = page.split_once("</style>").unwrap();
    insta::assert_snapshot!(body);
}

#[test]
fn the_page_stands_alone_and_is_well_formed() {
    for page in [page(), of(samples::long_loop()), of(samples::four_threads()), html::page(&runs::run(&[]), &Samples)] {
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">") && page.ends_with("</html>\n"));
        for foreign in ["http:", "https:", "<script", "<link", "url(", "@import", " src=", " onclick"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert_eq!(unbalanced(&page), [""; 0]);
        let ids = values(&page, "id");
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "each id once: {ids:?}");
        let led_to = values(&page, "href").into_iter().map(|to| to.trim_start_matches('#'));
        let labels = values(&page, "aria-labelledby").into_iter();
        for id in led_to.chain(labels) {
            assert!(ids.contains(&id), "{id}");
        }
    }
}

/// Headings go down by one step at a time, and there is one of the first level.
#[test]
fn headings_are_in_order() {
    let page = page();
    let levels: Vec<u32> = page.split("<h").skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10)).collect();
    assert_eq!((levels[0], levels.iter().filter(|level| **level == 1).count()), (1, 1));
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}

#[test]
fn tests_that_need_somebody_come_first_and_lead_to_their_findings() {
    let page = page();
    let (table, below) = page.split_once("<h2 id=\"findings\"").unwrap();
    let at = |test: &str| table.find(test).unwrap_or_else(|| panic!("no {test}"));
    let order = ["transfers_in_both_directions", "asks_for_a_name", "stopped", "bank::tests::audit", "parsing"];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])));
    // What passed is out of the way.
    let quiet = table.find("<details><summary>2 tests in which nothing was found</summary>").unwrap();
    assert!(at("bank::tests::audit") < quiet && quiet < at("parsing"));
    // The same warning of two tests is shown once, and both lead to it.
    assert_eq!(table.matches("<a href=\"#f1\">RD0202</a> (warning)").count(), 2);
    assert_eq!(below.matches("<article id=\"f1\"").count(), 1);
    assert!(!below.contains("<article id=\"f2\""));
    assert!(below.contains("<dt>The same in</dt><dd><code>shop bank::tests::opening</code></dd>"));
    assert!(below.find("id=\"findings\"") < below.find("id=\"warnings\""));
    assert!(page.contains("<title>Raddle: 4 findings, 3 warnings in shop (interrupted)</title>"));
}

#[test]
fn where_nothing_was_found_all_tests_are_in_sight() {
    let page = html::page(&runs::run(&runs::test("shop", "a_test", TestOutcome::Passed, Vec::new())), &Samples);
    assert!(page.contains("<details open><summary>1 test in which nothing was found</summary>"));
    assert!(page.contains("<h1>Raddle: nothing found (interrupted)</h1>") && page.contains("≤ 0.40%"));
    assert!(!page.contains("id=\"findings\"") && page.contains("<a class=\"skip\" href=\"#tests\">"));
}

#[test]
fn steps_that_matter_are_marked_by_more_than_colour() {
    let page = of(samples::lost_update());
    assert_eq!(page.matches("<tr role=\"row\" class=\"key\">").count(), 5);
    assert_eq!(page.matches("<span class=\"hidden\">matters, step </span>").count(), 5);
    assert!(page.contains(
        "<mark class=\"primary\">assert_eq!(stats.served(), 2, &quot;a request was not counted&quot;)</mark>"
    ));
    assert!(page.contains("Step 3 came before step 4: thread 2 reads <code>served</code>"));
    assert!(of(samples::long_loop()).contains("steps left out"));
}

#[test]
fn hostile_text_is_harmless() {
    let evil = "<script>alert(1)</script>\"' onclick=x \u{202e}`\u{1b}[2J\n  <b>";
    let mut finding = samples::crash();
    for text in [&mut finding.message, &mut finding.output, &mut finding.replay, &mut finding.code.0] {
        *text = evil.into();
    }
    for span in &mut finding.spans {
        (span.file, span.label) = (evil.into(), evil.into());
    }
    for thread in &mut finding.threads {
        (thread.name, thread.state, thread.spawned_at) = (evil.into(), evil.into(), Some(evil.into()));
    }
    for step in &mut finding.steps {
        (step.action, step.file) = (evil.into(), evil.into());
    }
    for texts in [&mut finding.reason, &mut finding.fix, &mut finding.notes] {
        *texts = vec![evil.into(), String::new()];
    }
    let mut events = runs::test(evil, evil, TestOutcome::Failed, vec![finding]);
    if let Some(Event::TestFinished(test)) = events.last_mut() {
        (test.detail, test.mode_why) = (Some(evil.into()), Some(evil.into()));
    }
    let source = |_: &str| Some(format!("{evil}\n").repeat(30));
    let page = html::page(&runs::run(&events), &source);
    assert!(!page.contains("<script") && !page.contains("<b>"));
    assert!(!page.contains(['\u{202e}', '\u{1b}']));
    assert_eq!(unbalanced(&page), [""; 0]);
}

/// For looking at it: the page of the sample run.
#[test]
#[ignore = "writes target/tmp/run.html, to be looked at in a browser"]
fn a_page_to_look_at() {
    let mut events = runs::events();
    let at = events.len() - 2;
    events
        .splice(at..at, runs::test("shop::pool", "everybody_eats", TestOutcome::Failed, vec![samples::four_threads()]));
    let page = html::page(&runs::run(&events), &Samples);
    std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("run.html"), page).unwrap();
}
