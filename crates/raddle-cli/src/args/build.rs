//! Cargo's options that say what is built and how, under cargo's names.
//!
//! They are also part of a replay record, from which the same build is asked for again.

use clap::Args;
use raddle_instrument::selection::Selection;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What `cargo test` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[allow(missing_docs)]
pub struct BuildOptions {
    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,

    /// Only the tests of the package's library
    #[arg(long, help_heading = "Targets")]
    pub lib: bool,
    /// Only the tests of the specified binary
    #[arg(long, value_name = "NAME", help_heading = "Targets")]
    pub bin: Vec<String>,
    /// The tests of all binaries
    #[arg(long, help_heading = "Targets")]
    pub bins: bool,
    /// Only the tests of the specified example
    #[arg(long, value_name = "NAME", help_heading = "Targets")]
    pub example: Vec<String>,
    /// The tests of all examples
    #[arg(long, help_heading = "Targets")]
    pub examples: bool,
    /// Only the specified test target
    #[arg(long, value_name = "NAME", help_heading = "Targets")]
    pub test: Vec<String>,
    /// All targets that have `test = true` set
    #[arg(long, help_heading = "Targets")]
    pub tests: bool,
    /// Only the tests of the specified benchmark target
    #[arg(long, value_name = "NAME", help_heading = "Targets")]
    pub bench: Vec<String>,
    /// All targets that have `bench = true` set
    #[arg(long, help_heading = "Targets")]
    pub benches: bool,
    /// The tests of all targets
    #[arg(long, help_heading = "Targets")]
    pub all_targets: bool,

    /// All packages of the workspace
    #[arg(long, alias = "all", help_heading = "Packages")]
    pub workspace: bool,
    /// Leave this package out
    #[arg(long, value_name = "SPEC", help_heading = "Packages", requires = "workspace")]
    pub exclude: Vec<String>,
}

/// What `cargo run` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[allow(missing_docs)]
pub struct Program {
    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,

    /// The binary of this name
    #[arg(long, value_name = "NAME", help_heading = "Targets", conflicts_with = "example")]
    pub bin: Option<String>,
    /// The example of this name
    #[arg(long, value_name = "NAME", help_heading = "Targets")]
    pub example: Option<String>,
}

/// What all of cargo's commands that build take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[allow(missing_docs)]
pub struct CommonOptions {
    /// The package of this name (for `test`, may be given more than once)
    #[arg(short, long, value_name = "SPEC", help_heading = "Packages")]
    pub package: Vec<String>,

    /// Features to activate, separated by spaces or commas
    #[arg(short = 'F', long, value_name = "FEATURES", help_heading = "Features")]
    pub features: Vec<String>,
    /// Activate all features
    #[arg(long, help_heading = "Features")]
    pub all_features: bool,
    /// Do not activate the `default` feature
    #[arg(long, help_heading = "Features")]
    pub no_default_features: bool,

    /// Build with optimizations
    #[arg(short, long, help_heading = "Compilation", conflicts_with = "profile")]
    pub release: bool,
    /// Build with this profile
    #[arg(long, value_name = "NAME", help_heading = "Compilation")]
    pub profile: Option<String>,
    /// How many compilers run at the same time
    #[arg(long, value_name = "N", help_heading = "Compilation")]
    pub build_jobs: Option<String>,
    /// Directory for all generated artifacts; Raddle's lie in `raddle` within it
    #[arg(long, value_name = "DIRECTORY", help_heading = "Compilation")]
    pub target_dir: Option<PathBuf>,
    /// Ignore the packages' `rust-version`
    #[arg(long, help_heading = "Compilation")]
    pub ignore_rust_version: bool,
    /// Override a value of cargo's configuration
    #[arg(long, value_name = "KEY=VALUE|PATH", help_heading = "Compilation")]
    pub config: Vec<String>,
    /// Let cargo say what it runs (-vv: very verbose)
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output", conflicts_with = "quiet")]
    #[serde(skip)]
    pub verbose: u8,
    /// Let cargo print no progress
    #[arg(short, long, help_heading = "Output")]
    #[serde(skip)]
    pub quiet: bool,

    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH", help_heading = "Package and lock file")]
    pub manifest_path: Option<PathBuf>,
    /// Cargo.lock must not change
    #[arg(long, help_heading = "Package and lock file")]
    pub locked: bool,
    /// Do not use the network
    #[arg(long, help_heading = "Package and lock file")]
    pub offline: bool,
    /// Both --locked and --offline
    #[arg(long, help_heading = "Package and lock file")]
    pub frozen: bool,
}

impl CommonOptions {
    fn selection(&self) -> Selection {
        Selection {
            packages: self.package.clone(),
            features: self.features.clone(),
            all_features: self.all_features,
            no_default_features: self.no_default_features,
            release: self.release,
            profile: self.profile.clone(),
            jobs: self.build_jobs.clone(),
            locked: self.locked,
            offline: self.offline,
            frozen: self.frozen,
            ignore_rust_version: self.ignore_rust_version,
            quiet: self.quiet,
            verbose: self.verbose,
            config: self.config.clone(),
            manifest_path: self.manifest_path.clone(),
            target_dir: self.target_dir.clone(),
            ..Selection::default()
        }
    }
}

impl BuildOptions {
    /// In the form in which the build takes them.
    pub fn selection(&self) -> Selection {
        Selection {
            exclude: self.exclude.clone(),
            workspace: self.workspace,
            lib: self.lib,
            bins: self.bins,
            bin: self.bin.clone(),
            tests: self.tests,
            test: self.test.clone(),
            examples: self.examples,
            example: self.example.clone(),
            benches: self.benches,
            bench: self.bench.clone(),
            all_targets: self.all_targets,
            ..self.common.selection()
        }
    }
}

impl Program {
    /// In the form in which the build takes them. Without a name all binaries of the package are built, as by `cargo run`
    /// before it chooses.
    pub fn selection(&self) -> Selection {
        Selection {
            bin: self.bin.iter().cloned().collect(),
            example: self.example.iter().cloned().collect(),
            bins: self.bin.is_none() && self.example.is_none(),
            ..self.common.selection()
        }
    }

    /// Whether anything is said that only makes sense for a package.
    pub fn names_a_package(&self) -> bool {
        self.bin.is_some()
            || self.example.is_some()
            || !self.common.package.is_empty()
            || self.common.manifest_path.is_some()
    }
}
