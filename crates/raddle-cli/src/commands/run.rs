//! `run`: explores a binary, an example, or any program that was built for Raddle, from `main` to its end.

use crate::args::RunCommand;
use crate::building;
use crate::console::Console;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::judge::Judgement;
use crate::regressions::Regressions;
use crate::report_files::ReportFiles;
use crate::runtime_library::RuntimeLibrary;
use crate::settings::Settings;
use crate::subject::{Origin, Subject};
use crate::suite::{Suite, available_jobs};
use raddle_instrument::compile::{Artifact, Build, Goal, Kind};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Runs the command.
///
/// # Errors
/// When nothing can be built, chosen or explored.
pub fn run(command: &RunCommand, console: &Console) -> Result<Exit> {
    let settings = Settings::new(&command.explore)?;
    let mut files = ReportFiles::open(&command.files)?;
    let interrupt = Interrupt::listen()?;
    let runtime = RuntimeLibrary::provide()?;
    let directory = building::here()?;
    let (subject, packages) = match command.words.split_first() {
        Some((program, arguments)) if !command.program.names_a_package() => {
            (file(program, arguments, &directory)?, Vec::new())
        }
        _ => {
            let selection = command.program.selection();
            let build = building::build(&directory, selection, Goal::Programs, &runtime, console, &interrupt)?;
            let artifact = choose(&build, command)?;
            let origin =
                |target| Origin::Program { directory: directory.clone(), build: command.program.clone(), target };
            let source = building::source(artifact, &build, origin)?;
            (Subject::program(artifact, &command.words, &directory, &source), vec![artifact.package.clone()])
        }
    };
    let root = subject.source.root.clone();
    let suite = Suite {
        subjects: vec![subject],
        ignored: 0,
        packages,
        settings,
        verify: command.explore.verify,
        keep_going: command.explore.keep_going,
        judgement: Judgement { allow: command.explore.allow.clone(), deny: command.explore.deny.clone() },
        jobs: command.explore.jobs.map_or_else(available_jobs, std::num::NonZero::get),
        regressions: Regressions::off(),
        runtime: &runtime,
    };
    let exit = suite.run(console, &interrupt, &mut files);
    files.write(&root)?;
    Ok(exit)
}

/// The one program that is meant.
fn choose<'a>(build: &'a Build, command: &RunCommand) -> Result<&'a Artifact> {
    let program = &command.program;
    let wanted = |artifact: &&Artifact| match (&program.bin, &program.example) {
        (Some(name), _) => artifact.kind == Kind::Binary && artifact.target == *name,
        (None, Some(name)) => artifact.kind == Kind::Example && artifact.target == *name,
        (None, None) => artifact.kind == Kind::Binary,
    };
    let candidates: Vec<&Artifact> = build.artifacts.iter().filter(wanted).collect();
    match (&candidates[..], candidates.iter().find(|artifact| artifact.default_run)) {
        ([], _) => Err(Error::Usage {
            sentence: "there is no program to run: this selection builds no binary and no example".into(),
            remedy: Some("name an example with --example, or any program that was built for Raddle after `--`".into()),
        }),
        ([one], _) => Ok(one),
        (_, Some(default)) => Ok(default),
        (several, None) => {
            let names: Vec<&str> = several.iter().map(|artifact| artifact.target.as_str()).collect();
            Err(Error::Usage {
                sentence: format!("there are several binaries: {}", names.join(", ")),
                remedy: Some("choose one with --bin, or set `default-run` in Cargo.toml".into()),
            })
        }
    }
}

fn file(program: &OsStr, arguments: &[OsString], directory: &Path) -> Result<Subject> {
    let found = look_up(program, directory, std::env::var_os("PATH").as_deref()).ok_or_else(|| Error::Usage {
        sentence: format!("there is no program `{}`", program.display()),
        remedy: Some("to give arguments to a program of the package, name that with --bin or --example".into()),
    })?;
    let source = building::file_source(&found, directory)?;
    Ok(Subject::file(&found, arguments, directory, &source))
}

/// Finds a program as a shell would: a name without a slash is looked for on the path.
fn look_up(program: &OsStr, directory: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    let is_file = |candidate: &PathBuf| candidate.is_file();
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(directory.join(program)).filter(is_file);
    }
    std::env::split_paths(path?).map(|place| directory.join(place).join(program)).find(is_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        let here = tempfile::tempdir().unwrap();
        std::fs::create_dir(here.path().join("bin")).unwrap();
        std::fs::write(here.path().join("bin/tool"), "").unwrap();
        let expected = Some(here.path().join("bin/tool"));
        let find = |name: &str, path: &str| look_up(OsStr::new(name), here.path(), Some(OsStr::new(path)));
        assert_eq!(find("bin/tool", ""), expected);
        assert_eq!(find("tool", "/nowhere:bin"), expected);
        assert_eq!(find("tool", "/nowhere"), None);
        assert_eq!(find("./tool", "bin"), None);
        assert_eq!(find("bin/", "bin"), None, "a directory is no program");
    }
}
