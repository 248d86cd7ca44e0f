//! What the events of a run add up to, for the forms that are written as a whole at its end: JUnit, SARIF, a page.
//!
//! A run that has been interrupted is one without all its ends: tests that have begun and not ended, and no summary if it
//! could not be told.

use crate::Repeats;
use crate::events::{Event, SuiteFinished, SuiteStarted, TestFinished, TestStarted};
use raddle_protocol::{Finding, Severity};

/// A run, as far as it is known.
#[derive(Debug, Default)]
pub struct Run {
    /// How it began.
    pub started: SuiteStarted,
    /// Its tests, in the order in which they began.
    pub tests: Vec<Test>,
    /// How it ended, when it has.
    pub finished: Option<SuiteFinished>,
    repeats: Repeats,
    findings: usize,
}

/// A test of a run.
#[derive(Debug)]
pub struct Test {
    /// Its names.
    pub started: TestStarted,
    /// What was found in it, in the order in which it was found.
    pub findings: Vec<Found>,
    /// How it ended; `None` when the run was interrupted before.
    pub finished: Option<TestFinished>,
}

/// A finding of a run.
#[derive(Debug)]
pub struct Found {
    /// Its number within the run, from 0, in the order of the run.
    pub number: usize,
    /// The finding.
    pub finding: Finding,
    /// The number of the earlier warning, in another test, that says the same.
    pub repeats: Option<usize>,
}

impl Run {
    /// Takes in the next event.
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::SuiteStarted(started) => self.started = started.clone(),
            Event::TestStarted(started) => {
                self.tests.push(Test { started: started.clone(), findings: Vec::new(), finished: None });
            }
            Event::Finding(finding) => {
                let number = self.findings;
                self.findings += 1;
                let found =
                    Found { number, repeats: self.repeats.earlier(finding, number), finding: Finding::clone(finding) };
                self.test(&finding.test).findings.push(found);
            }
            Event::TestFinished(finished) => self.test(&finished.test).finished = Some(TestFinished::clone(finished)),
            Event::SuiteFinished(finished) => self.finished = Some(finished.clone()),
        }
    }

    /// The test of this full name.
    fn test(&mut self, name: &str) -> &mut Test {
        let at = self.tests.iter().position(|test| test.started.test == name).unwrap_or_else(|| {
            let started = TestStarted { test: name.to_owned(), binary: name.to_owned() };
            self.tests.push(Test { started, findings: Vec::new(), finished: None });
            self.tests.len() - 1
        });
        &mut self.tests[at]
    }

    /// Executables in the order in which their first tests began, each with its tests.
    #[must_use]
    pub fn binaries(&self) -> Vec<(&str, Vec<&Test>)> {
        let mut binaries: Vec<(&str, Vec<&Test>)> = Vec::new();
        for test in &self.tests {
            match binaries.iter_mut().find(|(name, _)| *name == test.started.binary) {
                Some((_, tests)) => tests.push(test),
                None => binaries.push((&test.started.binary, vec![test])),
            }
        }
        binaries
    }

    /// All findings, by test.
    pub fn findings(&self) -> impl Iterator<Item = &Found> {
        self.tests.iter().flat_map(|test| &test.findings)
    }
}

impl Test {
    /// Findings of this severity.
    pub fn found(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().map(|found| &found.finding).filter(move |finding| finding.severity == severity)
    }
}
