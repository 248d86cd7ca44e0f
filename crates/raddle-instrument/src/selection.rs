//! What to build, in cargo's own words. Every field is one of cargo's options and is passed to it unread, but for the
//! profile, whose name decides where the result lies.

use std::ffi::OsString;
use std::path::PathBuf;

/// The options of `cargo test` and `cargo build` that say what is built and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Selection {
    pub packages: Vec<String>,
    pub exclude: Vec<String>,
    pub workspace: bool,
    pub lib: bool,
    pub bins: bool,
    pub bin: Vec<String>,
    pub tests: bool,
    pub test: Vec<String>,
    pub examples: bool,
    pub example: Vec<String>,
    pub benches: bool,
    pub bench: Vec<String>,
    pub all_targets: bool,
    pub features: Vec<String>,
    pub all_features: bool,
    pub no_default_features: bool,
    pub release: bool,
    pub profile: Option<String>,
    pub jobs: Option<String>,
    pub locked: bool,
    pub offline: bool,
    pub frozen: bool,
    pub ignore_rust_version: bool,
    pub quiet: bool,
    pub verbose: u8,
    pub color: Option<String>,
    pub config: Vec<String>,
    pub manifest_path: Option<PathBuf>,
    pub target_dir: Option<PathBuf>,
}

impl Selection {
    /// Options that decide which manifest and lock file are read: those that `cargo metadata` takes as well.
    pub(crate) fn manifest_arguments(&self) -> Vec<OsString> {
        let mut arguments = Arguments::default();
        arguments.values("--manifest-path", self.manifest_path.as_ref().map(OsString::from));
        arguments.flag("--locked", self.locked);
        arguments.flag("--offline", self.offline);
        arguments.flag("--frozen", self.frozen);
        arguments.values("--color", self.color.iter());
        arguments.values("--config", self.config.iter());
        arguments.0
    }

    /// Everything else, but for the target directory.
    pub(crate) fn build_arguments(&self) -> Vec<OsString> {
        let mut arguments = Arguments::default();
        arguments.values("--package", self.packages.iter());
        arguments.values("--exclude", self.exclude.iter());
        arguments.values("--bin", self.bin.iter());
        arguments.values("--test", self.test.iter());
        arguments.values("--example", self.example.iter());
        arguments.values("--bench", self.bench.iter());
        arguments.values("--features", self.features.iter());
        arguments.values("--profile", self.profile.iter());
        arguments.values("--jobs", self.jobs.iter());
        for (flag, set) in [
            ("--workspace", self.workspace),
            ("--lib", self.lib),
            ("--bins", self.bins),
            ("--tests", self.tests),
            ("--examples", self.examples),
            ("--benches", self.benches),
            ("--all-targets", self.all_targets),
            ("--all-features", self.all_features),
            ("--no-default-features", self.no_default_features),
            ("--release", self.release),
            ("--ignore-rust-version", self.ignore_rust_version),
            ("--quiet", self.quiet),
        ] {
            arguments.flag(flag, set);
        }
        arguments.0.extend((0..self.verbose).map(|_| "--verbose".into()));
        arguments.0
    }

    /// The profiles whose settings apply, the chosen one first. `cargo test` without a choice takes `test`, which
    /// inherits from `dev`.
    pub(crate) fn profiles(&self) -> Vec<&str> {
        match &self.profile {
            Some(name) => vec![name],
            None if self.release => vec!["release"],
            None => vec!["dev", "test"],
        }
    }

    /// Name of the directory in which cargo puts what a profile builds.
    pub(crate) fn profile_directory(&self) -> &str {
        match self.profiles()[0] {
            "dev" | "test" => "debug",
            "release" | "bench" => "release",
            other => other,
        }
    }
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn flag(&mut self, name: &str, set: bool) {
        self.0.extend(set.then(|| name.into()));
    }

    fn values<V: Into<OsString>>(&mut self, name: &str, values: impl IntoIterator<Item = V>) {
        for value in values {
            self.0.extend([name.into(), value.into()]);
        }
    }
}
