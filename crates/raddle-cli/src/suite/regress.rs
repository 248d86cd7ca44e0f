//! Kept schedules come first: a process each, under the seed that it was found with, since what a program draws at random
//! before its test begins is part of an execution too. So the search that follows is the same, whatever is kept.

use super::milliseconds;
use super::work::Work;
use crate::args::values;
use crate::judge::Judge;
use crate::settings::Settings;
use crate::verdict::Verdict;
use raddle_protocol::Job;
use raddle_protocol::message::Regressed;
use raddle_report::events::{KeptOutcome, KeptSchedule, TestOutcome};

/// What is to be done after the kept schedules.
pub enum Next {
    /// The search, under these circumstances.
    Search(Settings),
    /// Nothing: there is a verdict; none when the user has stopped it.
    Nothing(Option<Verdict>),
}

impl Work<'_> {
    /// Tries the kept schedules of the subject, until one fails.
    pub fn regress(&mut self, settings: &Settings, judge: &mut Judge) -> Next {
        let (tried, others) = self.suite.regressions.of(self.subject.kept_in.as_ref(), &self.subject.name);
        for file in others {
            self.tell(&file.file, KeptOutcome::OtherOptions, 0, file.kept.seed);
        }
        for file in &tried {
            // Kept schedules, and what is searched because of them, have half of the time.
            let left = (settings.time_ms / 2).saturating_sub(milliseconds(self.begun));
            let kept = &file.kept;
            let is_known = values::strategy(&kept.strategy).is_ok();
            let circumstances = Settings {
                seed: kept.seed,
                strategy: if is_known { kept.strategy.clone() } else { settings.strategy.clone() },
                time_ms: left.max(1),
                ..settings.clone()
            };
            // As many again as it took then, for what has been added since.
            let search = kept.number.saturating_mul(2).clamp(2, (settings.schedules / 2).max(2));
            let job = Job::Regress { choices: kept.choices.clone(), search };
            let before = self.findings.len();
            let verdict = self.perform(&circumstances, job, Some(file), judge);
            let Some(verdict) = verdict else { return Next::Nothing(None) };
            let shown = self.suite.regressions.shown(&file.file);
            let has_shown = |finding: &raddle_protocol::Finding| {
                finding.schedule.kept.as_ref().is_some_and(|kept| kept.file == shown)
            };
            let outcome = match self.regressed {
                Some(Regressed::DoesNotFit) => Some(KeptOutcome::DoesNotFit),
                Some(Regressed::Passes) if !self.findings[before..].iter().any(has_shown) => Some(KeptOutcome::Passes),
                Some(Regressed::Fails | Regressed::Passes) => Some(KeptOutcome::Fails),
                None => None,
            };
            if let Some(outcome) = outcome {
                self.tell(&file.file, outcome, self.test.schedules, kept.seed);
            }
            match verdict.outcome {
                TestOutcome::Error => {
                    let detail = verdict.detail.as_deref().unwrap_or_default();
                    let detail = Some(format!("While the schedule kept in `{shown}` was tried: {detail}"));
                    return Next::Nothing(Some(Verdict { detail, ..verdict }));
                }
                TestOutcome::Failed if !self.suite.keep_going => return Next::Nothing(Some(verdict)),
                _ => {}
            }
        }
        let spent = if tried.is_empty() { 0 } else { milliseconds(self.begun) };
        Next::Search(Settings { time_ms: settings.time_ms.saturating_sub(spent).max(1), ..settings.clone() })
    }

    fn tell(&mut self, file: &std::path::Path, outcome: KeptOutcome, schedules: u64, seed: u64) {
        let file = self.suite.regressions.shown(file);
        self.test.kept.push(KeptSchedule { file, outcome, schedules, seed });
    }
}
