//! Builds what `profile` is to watch, as cargo would build it for running: nothing is instrumented.

use crate::args::ColorChoice;
use crate::args::profile::ProfileCommand;
use crate::console::Console;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use cargo_metadata::{Message, TargetKind};
use std::ffi::OsString;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// An executable, and the directory in which cargo would run it.
#[derive(Debug)]
pub struct Built {
    /// Its path.
    pub executable: PathBuf,
    /// Where tests and benchmarks run; others run where the command runs.
    pub directory: Option<PathBuf>,
}

/// Lets cargo build the target that is named.
///
/// # Errors
/// [`Error::Instrument`] when cargo fails, [`Error::Usage`] when it builds no such target.
pub fn build(command: &ProfileCommand, console: &Console, interrupt: &Interrupt) -> Result<Built> {
    let (verb, option, name, kind) = match (&command.bin, &command.example, &command.test, &command.bench) {
        (Some(name), ..) => (&["build"][..], "--bin", name, TargetKind::Bin),
        (_, Some(name), ..) => (&["build"][..], "--example", name, TargetKind::Example),
        (_, _, Some(name), _) => (&["test", "--no-run"][..], "--test", name, TargetKind::Test),
        (_, _, _, Some(name)) => (&["bench", "--no-run"][..], "--bench", name, TargetKind::Bench),
        _ => return Err(Error::Fault("a build was asked for without a target".into())),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    cargo.args(verb).args([option, name.as_str(), "--message-format", "json-render-diagnostics"]);
    cargo.args(options(command, console));
    cargo.stdin(Stdio::null()).stdout(Stdio::piped());
    interrupt.during_build(|| {
        let mut child = cargo.spawn().map_err(Error::system("run cargo"))?;
        let output = child.stdout.take().expect("standard output was piped");
        let mut found = None;
        for message in Message::parse_stream(BufReader::new(output)) {
            if let Message::CompilerArtifact(artifact) = message.map_err(Error::system("read what cargo says"))?
                && artifact.target.name == *name
                && artifact.target.kind.contains(&kind)
                && let Some(executable) = artifact.executable
            {
                let root = artifact.manifest_path.parent().map(|root| root.as_std_path().to_path_buf());
                let directory = root.filter(|_| matches!(kind, TargetKind::Test | TargetKind::Bench));
                found = Some(Built { executable: executable.into(), directory });
            }
        }
        let status = child.wait().map_err(Error::system("wait for cargo"))?;
        if !status.success() {
            return Err(raddle_instrument::Error::BuildFailed { status: status.code() }.into());
        }
        found.ok_or_else(|| Error::usage(format!("cargo built nothing for {option} {name}")))
    })
}

fn options(command: &ProfileCommand, console: &Console) -> Vec<OsString> {
    let common = &command.common;
    let mut all: Vec<OsString> = Vec::new();
    let mut values = |name: &str, list: &mut dyn Iterator<Item = OsString>| {
        for value in list {
            all.extend([name.into(), value]);
        }
    };
    values("--package", &mut common.package.iter().map(OsString::from));
    values("--features", &mut common.features.iter().map(OsString::from));
    values("--profile", &mut common.profile.iter().map(OsString::from));
    values("--jobs", &mut common.build_jobs.iter().map(OsString::from));
    values("--target-dir", &mut common.target_dir.iter().map(OsString::from));
    values("--config", &mut common.config.iter().map(OsString::from));
    values("--manifest-path", &mut common.manifest_path.iter().map(OsString::from));
    let color = match console.color {
        ColorChoice::Auto => None,
        ColorChoice::Always => Some("always"),
        ColorChoice::Never => Some("never"),
    };
    values("--color", &mut color.into_iter().map(OsString::from));
    for (flag, set) in [
        ("--all-features", common.all_features),
        ("--no-default-features", common.no_default_features),
        ("--release", common.release),
        ("--ignore-rust-version", common.ignore_rust_version),
        ("--quiet", common.quiet),
        ("--locked", common.locked),
        ("--offline", common.offline),
        ("--frozen", common.frozen),
    ] {
        all.extend(set.then(|| flag.into()));
    }
    all.extend((0..common.verbose).map(|_| "--verbose".into()));
    all
}
