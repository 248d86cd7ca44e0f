//! The table of hazards. Codes are stable once shipped: none is ever reused or renumbered.

use raddle_protocol::Severity;

/// One hazard of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Hazard {
    /// Its code, `RD0201`.
    pub code: &'static str,
    /// Its name in the field's words.
    pub name: &'static str,
    /// Whether it is a finding or a warning.
    pub severity: Severity,
    /// When the severity is another, as a sentence.
    pub severity_note: Option<&'static str>,
    /// Whether this version of Raddle reports it.
    pub reported: bool,
    /// Its page, Markdown.
    pub page: &'static str,
}

impl Hazard {
    /// 201 for `RD0201`.
    pub(super) fn number(&self) -> u32 {
        self.code[2..].parse().expect("a code is `RD` and four digits")
    }
}

/// All hazards in the order of their codes.
pub fn hazards() -> &'static [Hazard] {
    HAZARDS
}

/// First two digits of a code, and what the codes that begin so have in common.
pub(super) const GROUPS: [(&str, &str); 5] = [
    ("01", "races: the result depends on who comes first"),
    ("02", "progress: somebody waits for ever"),
    ("03", "async: the event loop and its tasks"),
    ("04", "structure and resources"),
    ("05", "outcome"),
];

/// Width of the longest name.
pub(super) const LONGEST_NAME: usize = 30;

use Severity::{Error, Warning};

const fn hazard(code: &'static str, name: &'static str, severity: Severity, page: &'static str) -> Hazard {
    Hazard { code, name, severity, severity_note: None, reported: false, page }
}

impl Hazard {
    const fn reported(self) -> Self {
        Hazard { reported: true, ..self }
    }

    const fn but(self, note: &'static str) -> Self {
        Hazard { severity_note: Some(note), ..self }
    }
}

macro_rules! page {
    ($code:literal) => {
        include_str!(concat!("pages/", $code, ".md"))
    };
}

/// How patterns are reported.
const BEHIND: &str = "It is reported as the pattern behind another finding, such as a failed assertion (RD0501).";

const HAZARDS: &[Hazard] = &[
    hazard("RD0101", "data race", Error, page!("RD0101")).reported(),
    hazard("RD0102", "lost update", Error, page!("RD0102")).but(BEHIND).reported(),
    hazard("RD0103", "check-then-act", Error, page!("RD0103")).but(BEHIND).reported(),
    hazard("RD0104", "file-system check-then-use", Warning, page!("RD0104"))
        .but("Where a test fails by it, it is named as the pattern behind that finding (RD0501).")
        .reported(),
    hazard("RD0105", "use after free", Error, page!("RD0105")).reported(),
    hazard("RD0106", "lock too narrow", Warning, page!("RD0106")).reported(),
    hazard("RD0107", "uninitialised or torn read", Error, page!("RD0107")).but(BEHIND).reported(),
    hazard("RD0201", "deadlock", Error, page!("RD0201")).reported(),
    hazard("RD0202", "lock-order inversion", Warning, page!("RD0202")).reported(),
    hazard("RD0203", "self-deadlock", Error, page!("RD0203")).reported(),
    hazard("RD0204", "lost wakeup", Error, page!("RD0204")).reported(),
    hazard("RD0205", "livelock", Error, page!("RD0205")).reported(),
    hazard("RD0206", "starvation", Error, page!("RD0206")).reported(),
    hazard("RD0207", "spinning without progress", Warning, page!("RD0207")).reported(),
    hazard("RD0301", "event loop blocked", Warning, page!("RD0301")).reported(),
    hazard("RD0302", "lock guard held across await", Warning, page!("RD0302"))
        .but("Where it leads to a deadlock, it is a finding.")
        .reported(),
    hazard("RD0303", "check-then-act across await", Error, page!("RD0303")).but(BEHIND).reported(),
    hazard("RD0304", "cancellation leaves damage", Error, page!("RD0304")).reported(),
    hazard("RD0305", "task failure lost", Error, page!("RD0305")).reported(),
    hazard("RD0306", "waker lost", Error, page!("RD0306")).reported(),
    hazard("RD0401", "outlives its scope", Warning, page!("RD0401")).reported(),
    hazard("RD0402", "queue without backpressure", Warning, page!("RD0402")).reported(),
    hazard("RD0403", "lock held during I/O or sleep", Warning, page!("RD0403")).reported(),
    hazard("RD0404", "handle leak", Error, page!("RD0404"))
        .but("Memory that a test leaves behind (`--leaks`) is a warning.")
        .reported(),
    hazard("RD0501", "fails under some schedules", Error, page!("RD0501")).reported(),
    hazard("RD0502", "result depends on the schedule", Warning, page!("RD0502")).reported(),
    hazard("RD0503", "no progress", Error, page!("RD0503")).reported(),
    hazard("RD0504", "crash", Error, page!("RD0504")).reported(),
    hazard("RD0505", "not reproducible", Error, page!("RD0505")).reported(),
];
