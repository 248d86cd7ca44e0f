//! Files that are written beside what is shown, on an example: what other programs read there is what was found.
//!
//! That each form says all it should is the matter of `raddle-report`'s tests. What is compared here is an outline, in which
//! nothing depends on how the compiler has laid out the program.

mod browser;
#[allow(dead_code)]
mod support;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::read_to_string;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{at_top, raddle};

/// `raddle test` with these arguments in `examples/`, where other tests have built it already.
fn test(arguments: &str) -> Command {
    let mut command = raddle(&at_top("examples"), &Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples"));
    command.env("RADDLE_REGRESSIONS", "off").arg("test").args(arguments.split(' '));
    command
}

/// An attribute's value in a line of XML.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(&format!(" {name}=\""))?.1.split_once('"').map(|(value, _)| value)
}

/// The elements of a JUnit file, without texts, times, and numbers that another compiler may change.
fn outline(xml: &str) -> String {
    let mut out = String::new();
    for line in xml.lines() {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        let element = body.strip_prefix('<').filter(|rest| rest.starts_with(['t', 'f', 'e', 'p']));
        let Some(element) = element else { continue };
        let element = element.split(['>', ' ']).next().unwrap_or_default();
        let changes = ["schedules", "distinct", "replay"];
        let value = |name: &str| match (name, attribute(line, "name")) {
            ("time", _) => "[time]",
            ("value", Some(property)) if changes.contains(&property) => "[varies]",
            _ => attribute(line, name).unwrap_or_default(),
        };
        let names = ["name", "classname", "tests", "failures", "errors", "type", "message", "time", "value"];
        let there = names.into_iter().filter(|name| attribute(line, name).is_some());
        let attributes: Vec<String> = there.map(|name| format!(" {name}={}", value(name))).collect();
        out.push_str(&format!("{indent}{element}{}\n", attributes.concat()));
    }
    out
}

/// The results of a SARIF file.
fn results(sarif: &str) -> Vec<Value> {
    let log: Value = serde_json::from_str(sarif).unwrap();
    log["runs"][0]["results"].as_array().unwrap().clone()
}

#[test]
fn what_was_found_is_in_each_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (junit, sarif, html) = (path("a.xml"), path("a.sarif"), path("a.html"));
    let options = "--seed 7 --schedules 200 --time 5m -j 1 --message-format json -p bank --test wrong";
    let output = test(&format!("{options} --junit {junit} --sarif {sarif} --html {html}")).output().unwrap();
    assert_eq!(output.status.code(), Some(100), "{}", String::from_utf8_lossy(&output.stderr));
    let events = support::events(&output);
    let findings: Vec<&Value> = events.iter().filter(|event| event["type"] == "finding").collect();

    let junit = read_to_string(junit).unwrap();
    insta::assert_snapshot!("junit", outline(&junit));
    let sarif = read_to_string(sarif).unwrap();
    let results = results(&sarif);
    let page = read_to_string(html).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert_eq!(results.len(), findings.len());
    for (result, finding) in results.iter().zip(findings) {
        let token = finding["replay"].as_str().unwrap();
        assert!(junit.contains(&format!("name=\"replay\" value=\"{token}\"")));
        assert!(page.contains(&format!("cargo raddle replay {token}")));
        assert_eq!(result["properties"]["replay"], token);
        assert_eq!(result["ruleId"], finding["code"]);
        let place = &result["locations"][0]["physicalLocation"];
        let primary = &finding["spans"].as_array().unwrap().iter().find(|span| span["primary"] == true).unwrap();
        // Relative to this repository, of which the workspace of examples is a part.
        let file = format!("examples/{}", primary["file"].as_str().unwrap());
        assert_eq!(place["artifactLocation"]["uri"], file.as_str());
        assert!(at_top(&file).is_file());
        assert_eq!(place["region"]["startLine"], primary["line"]);
        let flows = result["codeFlows"][0]["threadFlows"].as_array().unwrap();
        assert!(flows.len() >= 2, "{flows:?}");
    }
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_of_before_anything_is_built() {
    let target = tempfile::tempdir().unwrap();
    for option in ["--junit", "--sarif", "--html"] {
        let mut command = raddle(&at_top("examples"), target.path());
        let output = command.args(["test", "-p", "bank", option, "/no/such/place/a"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("cannot write `/no/such/place/a`: No such file or directory"), "{said}");
        assert!(said.contains(&format!("help: {option} takes a file in a directory that is there")), "{said}");
        assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 0, "nothing was built");
    }
}

/// What is known by then is written when the user stops a run.
#[test]
fn an_interrupted_run_writes_what_it_knows() {
    let directory = tempfile::tempdir().unwrap();
    let junit = directory.path().join("a.xml");
    let options = "--seed 7 --schedules 1000000000 --time 1h -j 1 --strategy random --message-format json -p counter";
    let mut command = test(&format!("{options} --junit {} fixed::tests", junit.display()));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let started = lines.by_ref().map(|line| line.unwrap()).find(|line| line.contains("\"test-started\""));
    assert!(started.is_some());
    assert!(!junit.exists(), "nothing stands there that is not complete");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let junit = read_to_string(junit).unwrap();
    assert!(
        junit.contains("<skipped message=\"the run was interrupted before this test had been explored\"/>"),
        "{junit}"
    );
    assert!(junit.ends_with("</testsuites>\n"), "{junit}");
}

/// A picture of the page, light and dark; somebody has to look at it, but it must not be empty.
#[test]
#[ignore = "takes a browser: chromium"]
fn the_page_is_shown_by_a_browser() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let page = directory.path().join("a.html");
    let options = format!("--seed 7 --schedules 200 --time 5m -p bank --test wrong --html {}", page.display());
    assert_eq!(test(&options).output().unwrap().status.code(), Some(100));
    let picture = |dark| browser::picture(&page, directory.path(), dark);
    let (light, dark) = (picture(false), picture(true));
    assert!(light.starts_with(b"\x89PNG") && light.len() > 20_000 && dark.len() > 20_000);
    assert_ne!(light, dark, "the page knows light and dark");
}
