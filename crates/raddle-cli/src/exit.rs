//! The one registry of exit codes.
//!
//! Scripts and continuous integration read these: a number is never given another meaning.

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Nothing was found.
    Clean = 0,
    /// Wrong usage: an option, a selection, a token, or no package here.
    Usage = 2,
    /// Raddle cannot work here: platform, toolchain, or a binary of an unsupported kind.
    Unsupported = 3,
    /// A fault in Raddle itself.
    Fault = 70,
    /// There are findings, or a test failed or could not be judged.
    Findings = 100,
    /// The build failed; cargo has said why.
    BuildFailed = 101,
    /// The user stopped it.
    Interrupted = 130,
}

impl Exit {
    /// All codes with their meaning, as the help shows them.
    pub const HELP: &str = "\
Exit codes:
    0  nothing found
    2  wrong usage
    3  Raddle cannot work here (platform, toolchain, kind of binary)
   70  a fault in Raddle itself
  100  findings, or tests that fail
  101  the build failed
  130  interrupted";

    /// The code that tells most, of two things that happened in one run.
    #[must_use]
    pub fn or_worse(self, other: Exit) -> Exit {
        fn weight(exit: Exit) -> u8 {
            match exit {
                Exit::Clean => 0,
                Exit::Findings => 1,
                Exit::BuildFailed => 2,
                Exit::Usage => 3,
                Exit::Unsupported => 4,
                Exit::Fault => 5,
                Exit::Interrupted => 6,
            }
        }
        if weight(other) > weight(self) { other } else { self }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        (exit as u8).into()
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn numbers_are_the_contract() {
        let all = [Exit::Clean, Exit::Usage, Exit::Unsupported, Exit::Fault, Exit::Findings, Exit::BuildFailed];
        assert_eq!(all.map(|exit| exit as u8), [0, 2, 3, 70, 100, 101]);
        assert_eq!(Exit::Interrupted as u8, 130);
        for exit in all.into_iter().chain([Exit::Interrupted]) {
            let listed = Exit::HELP.lines().any(|line| line.trim_start().starts_with(&format!("{} ", exit as u8)));
            assert!(listed, "{exit:?} is missing in the help");
        }
    }

    #[test]
    fn an_interruption_hides_nothing_worse() {
        assert_eq!(Exit::Findings.or_worse(Exit::Clean), Exit::Findings);
        assert_eq!(Exit::Findings.or_worse(Exit::Fault), Exit::Fault);
        assert_eq!(Exit::Interrupted.or_worse(Exit::Findings), Exit::Interrupted);
    }
}
