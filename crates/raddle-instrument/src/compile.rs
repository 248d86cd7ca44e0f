//! From a package to instrumented executables: cargo does the work, told a little more than usual.
//!
//! `--target` with the host's own triple keeps the flags from build scripts and procedural macros, which run inside the
//! compiler and not in the program under test. A target directory of Raddle's own keeps ordinary builds as they are. The
//! user's flags come first, ours after them; they are collected by cargo's rules (environment before configuration,
//! `target.*` before `build`), because a flag given in the environment hides those of the configuration files.
//!
//! What the manifest's profile says about optimization, assertions and panics stays; what it says about debug information
//! and stripping is overruled (see [`crate::flags`]), and so is `lto`: link-time optimization across crates wants bitcode
//! of the whole standard library, of which the instrumented one has none.
//!
//! What cannot be seen: `rustflags` given as `--config` arguments. Not built: documentation tests, which rustdoc compiles and runs by itself. Not instrumented: the unit tests of a
//! procedural macro, which is code of the compiler's side; [`crate::executable`] tells.

use crate::error::{Error, Result, Unsupported};
use crate::flags;
use crate::overlay;
use crate::run_environment::{self, BuildScripts};
use crate::selection::Selection;
use crate::toolchain::Toolchain;
use cargo_config2::Flags;
use cargo_metadata::{Message, Metadata, PackageId, TargetKind};
use std::ffi::{OsStr, OsString};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is wanted of cargo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Test executables, as `cargo test --no-run` makes them.
    Tests,
    /// Binaries and examples, as `cargo build` makes them.
    Programs,
}

/// A build to be made.
#[derive(Clone, Debug)]
pub struct Request {
    /// Directory in which cargo runs.
    pub directory: PathBuf,
    /// What it builds.
    pub selection: Selection,
    /// For which purpose.
    pub goal: Goal,
    /// The runtime library. Its path is part of every compiler call: a path that stays the same spares a full rebuild,
    /// even when the library behind it is replaced.
    pub runtime: PathBuf,
}

/// What a target is in its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    Library,
    Binary,
    Test,
    Example,
    Benchmark,
}

/// An executable that cargo has built.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its path.
    pub executable: PathBuf,
    /// Name of its package.
    pub package: String,
    /// Cargo's identifier of its package.
    pub package_id: String,
    /// Whether that is a member of the workspace.
    pub is_member: bool,
    /// Name of its target.
    pub target: String,
    /// What the target is; a library or binary stands for its unit tests when `is_test` is set.
    pub kind: Kind,
    /// Whether it is made of tests.
    pub is_test: bool,
    /// Whether the manifest says `harness = false`.
    pub own_harness: bool,
    /// Whether it is made of the unit tests of a procedural macro, which is code of the compiler's and is not instrumented.
    pub is_macro: bool,
    /// Whether the package names it as the program that `cargo run` runs.
    pub default_run: bool,
    /// Root file of its source.
    pub source: PathBuf,
    /// Directory of its manifest: the working directory in which cargo runs tests.
    pub package_root: PathBuf,
    /// Variables that cargo sets when it runs it.
    pub environment: Vec<(OsString, OsString)>,
}

/// A finished build.
#[derive(Clone, Debug)]
pub struct Build {
    /// The executables, in the order in which cargo would run them.
    pub artifacts: Vec<Artifact>,
    /// Root of the workspace: what lies below it is the user's own code.
    pub workspace_root: PathBuf,
    /// Where the build was made, Raddle's own directory within cargo's.
    pub target_directory: PathBuf,
    /// The instrumented sysroot.
    pub sysroot: PathBuf,
}

/// Builds. Cargo writes its progress, warnings and errors to standard error as always. `preparing` is called once if the
/// standard library has to be instrumented first, which takes seconds.
///
/// # Errors
/// [`Error::Manifest`] when there is no package, [`Error::BuildFailed`] when cargo fails, [`Error::Unsupported`] when the
/// toolchain will not do.
pub fn build(request: &Request, preparing: impl FnOnce()) -> Result<Build> {
    let toolchain = Toolchain::discover(&request.directory)?;
    let metadata = metadata(&toolchain, request)?;
    let sysroot = overlay::ensure(&toolchain, preparing)?;
    build_with(request, &toolchain, &metadata, sysroot)
}

fn build_with(request: &Request, toolchain: &Toolchain, metadata: &Metadata, sysroot: PathBuf) -> Result<Build> {
    let selection = &request.selection;
    let cargo_target = match &selection.target_dir {
        Some(directory) => request.directory.join(directory),
        None => metadata.target_directory.clone().into_std_path_buf(),
    };
    let target_directory = cargo_target.join("raddle");

    let mut command = Command::new(&toolchain.cargo);
    match request.goal {
        Goal::Tests => command.args(["test", "--no-run"]),
        Goal::Programs => command.arg("build"),
    };
    command
        .args(selection.manifest_arguments())
        .args(selection.build_arguments())
        .args(["--message-format", "json-render-diagnostics", "--target", &toolchain.host, "--target-dir"])
        .arg(&target_directory)
        .current_dir(&request.directory)
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", encoded_flags(request, toolchain, &sysroot)?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    for profile in selection.profiles() {
        command.arg("--config").arg(format!("profile.{profile}.lto=false"));
    }

    let (built, scripts) = run(command, toolchain)?;
    let profile_directory = target_directory.join(&toolchain.host).join(selection.profile_directory());
    let environment = run_environment::Common::new(toolchain, &request.directory, &profile_directory, &scripts, &built);
    let wanted = built.iter().filter(|artifact| match request.goal {
        Goal::Tests => artifact.profile.test,
        Goal::Programs => !artifact.profile.test,
    });
    let mut artifacts: Vec<_> = wanted.filter_map(|artifact| describe(artifact, metadata, &environment)).collect();
    let position = |artifact: &Artifact| {
        metadata.packages.iter().position(|package| package.id.repr == artifact.package_id).unwrap_or(usize::MAX)
    };
    artifacts.sort_by_cached_key(|artifact| (position(artifact), artifact.kind, artifact.target.clone()));
    Ok(Build { artifacts, workspace_root: metadata.workspace_root.clone().into(), target_directory, sysroot })
}

fn metadata(toolchain: &Toolchain, request: &Request) -> Result<Metadata> {
    let output = Command::new(&toolchain.cargo)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .args(request.selection.manifest_arguments())
        .current_dir(&request.directory)
        .output()
        .map_err(|error| Error::program(&toolchain.cargo, format!("cannot be run: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let message = said.trim().trim_start_matches("error: ").to_owned();
        return Err(Error::Manifest { message });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::program(&toolchain.cargo, format!("gave metadata that cannot be read: {error}")))
}

/// The user's flags, then ours, in the one form that can hold spaces.
fn encoded_flags(request: &Request, toolchain: &Toolchain, sysroot: &Path) -> Result<OsString> {
    let config = toolchain.configuration(&request.directory)?;
    let users = config
        .rustflags(toolchain.host.as_str())
        .map_err(|error| Error::Manifest { message: format!("cannot read cargo's configuration: {error}") })?;
    let users = users.map_or_else(Vec::new, |Flags { flags, .. }| flags);
    require_dynamic(&users)?;
    let users = users.iter().map(OsString::from);
    let all: Vec<OsString> = users.chain(flags::rustc(sysroot, &request.runtime)).collect();
    Ok(all.join(OsStr::new("\x1f")))
}

/// The runtime is loaded into the program by the dynamic loader, which a static program does without.
fn require_dynamic(flags: &[String]) -> Result<(), Unsupported> {
    if !flags.iter().any(|flag| flag.contains("+crt-static")) {
        return Ok(());
    }
    Err(Unsupported {
        sentence: "the compiler flags of this build ask for a static program (`+crt-static`), and Raddle's runtime cannot be loaded into one"
            .into(),
        remedy: "leave `-C target-feature=+crt-static` out of RUSTFLAGS and of cargo's configuration for this command".into(),
    })
}

/// Runs cargo and gathers what it says it has made.
fn run(mut command: Command, toolchain: &Toolchain) -> Result<(Vec<cargo_metadata::Artifact>, BuildScripts)> {
    let broken = |error: std::io::Error| Error::program(&toolchain.cargo, format!("cannot be run: {error}"));
    let mut child = command.spawn().map_err(broken)?;
    let output = child.stdout.take().expect("standard output was piped");
    let mut built = Vec::new();
    let mut scripts = BuildScripts::default();
    for message in Message::parse_stream(BufReader::new(output)) {
        match message.map_err(broken)? {
            Message::CompilerArtifact(artifact) if artifact.executable.is_some() => built.push(artifact),
            Message::BuildScriptExecuted(script) => scripts.add(script),
            _ => {}
        }
    }
    let status = child.wait().map_err(broken)?;
    if !status.success() {
        return Err(Error::BuildFailed { status: status.code() });
    }
    Ok((built, scripts))
}

fn describe(
    artifact: &cargo_metadata::Artifact,
    metadata: &Metadata,
    environment: &run_environment::Common,
) -> Option<Artifact> {
    let kind = kind(&artifact.target.kind)?;
    let package = metadata.packages.iter().find(|package| package.id == artifact.package_id);
    let target = &artifact.target.name;
    let manifest: &Path = artifact.manifest_path.as_std_path();
    Some(Artifact {
        executable: artifact.executable.clone()?.into(),
        package: package.map_or_else(|| name_in_id(&artifact.package_id), |package| package.name.to_string()),
        package_id: artifact.package_id.repr.clone(),
        // Those of others are not among the metadata that was asked for.
        is_member: package.is_some(),
        target: target.clone(),
        kind,
        is_test: artifact.profile.test,
        own_harness: has_own_harness(manifest, kind, target),
        is_macro: artifact.target.kind.contains(&TargetKind::ProcMacro),
        default_run: package.is_some_and(|package| package.default_run.as_ref() == Some(target)),
        source: artifact.target.src_path.clone().into(),
        package_root: manifest.parent()?.to_path_buf(),
        environment: environment.of(artifact, package, kind),
    })
}

fn kind(kinds: &[TargetKind]) -> Option<Kind> {
    kinds.iter().find_map(|kind| match kind {
        TargetKind::Bin => Some(Kind::Binary),
        TargetKind::Test => Some(Kind::Test),
        TargetKind::Example => Some(Kind::Example),
        TargetKind::Bench => Some(Kind::Benchmark),
        TargetKind::CustomBuild => None,
        _ => Some(Kind::Library),
    })
}

/// Cargo's identifiers end in `#version` or `#name@version` behind a URL that ends in the name.
fn name_in_id(id: &PackageId) -> String {
    let (url, fragment) = id.repr.rsplit_once('#').unwrap_or((&id.repr, ""));
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => url.rsplit('/').next().unwrap_or(url).to_owned(),
    }
}

/// Cargo's messages do not say this; the manifest does. One that cannot be read was read by cargo a moment ago: then the
/// usual harness is assumed and the executable itself asked later.
fn has_own_harness(manifest: &Path, kind: Kind, name: &str) -> bool {
    let Some(table) = std::fs::read_to_string(manifest).ok().and_then(|text| text.parse::<toml::Table>().ok()) else {
        return false;
    };
    let refuses = |target: &toml::Value| target.get("harness").and_then(toml::Value::as_bool) == Some(false);
    let section = match kind {
        Kind::Library => return table.get("lib").is_some_and(refuses),
        Kind::Binary => "bin",
        Kind::Test => "test",
        Kind::Example => "example",
        Kind::Benchmark => "bench",
    };
    let targets = table.get(section).and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    targets.iter().any(|target| target.get("name").and_then(toml::Value::as_str) == Some(name) && refuses(target))
}
