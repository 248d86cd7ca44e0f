//! The variables with which cargo runs what it has built (The Cargo Book, "Environment Variables": those set for crates and
//! the dynamic library path), so that a test finds the same surroundings.
//!
//! A package that lies outside the workspace gets only the variables that its manifest's place gives.

use crate::compile::Kind;
use crate::toolchain::Toolchain;
use cargo_metadata::{Artifact, BuildScript, Package, PackageId};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What the build scripts of this build have said.
#[derive(Default)]
pub(crate) struct BuildScripts {
    by_package: HashMap<PackageId, BuildScript>,
    library_paths: Vec<PathBuf>,
}

impl BuildScripts {
    pub(crate) fn add(&mut self, script: BuildScript) {
        for path in &script.linked_paths {
            // A path may be marked with the kind of library it is for, as in `native=/some/where`.
            let path = path.as_str();
            let path = path.split_once('=').map_or(path, |(_, path)| path);
            self.library_paths.push(path.into());
        }
        self.by_package.insert(script.package_id.clone(), script);
    }
}

/// What is the same for all executables of a build.
pub(crate) struct Common<'a> {
    scripts: &'a BuildScripts,
    variables: Vec<(OsString, OsString)>,
    binaries: Vec<&'a Artifact>,
}

impl<'a> Common<'a> {
    pub(crate) fn new(
        toolchain: &Toolchain,
        directory: &Path,
        profile_directory: &Path,
        scripts: &'a BuildScripts,
        built: &'a [Artifact],
    ) -> Self {
        let mut variables = configured(toolchain, directory);
        variables.push(("CARGO".into(), toolchain.cargo.clone().into()));
        let target_directory = profile_directory.parent().and_then(Path::parent).unwrap_or(profile_directory);
        // Like cargo: of the paths that build scripts name, only those inside the target directory.
        let mut paths: Vec<PathBuf> =
            scripts.library_paths.iter().filter(|path| path.starts_with(target_directory)).cloned().collect();
        paths.extend([profile_directory.join("deps"), profile_directory.into(), toolchain.library_directory()]);
        paths.extend(std::env::var_os("LD_LIBRARY_PATH").iter().flat_map(std::env::split_paths));
        let mut seen = std::collections::HashSet::new();
        paths.retain(|path| seen.insert(path.clone()));
        if let Ok(joined) = std::env::join_paths(paths) {
            variables.push(("LD_LIBRARY_PATH".into(), joined));
        }
        let is_program = |artifact: &&Artifact| !artifact.profile.test && artifact.target.is_bin();
        Self { scripts, variables, binaries: built.iter().filter(is_program).collect() }
    }

    pub(crate) fn of(&self, artifact: &Artifact, package: Option<&Package>, kind: Kind) -> Vec<(OsString, OsString)> {
        let mut variables = self.variables.clone();
        let mut set = |name: &str, value: &OsStr| variables.push((name.into(), value.into()));
        set("CARGO_MANIFEST_PATH", artifact.manifest_path.as_os_str());
        if let Some(root) = artifact.manifest_path.parent() {
            set("CARGO_MANIFEST_DIR", root.as_os_str());
        }
        if let Some(package) = package {
            for (name, value) in package_variables(package) {
                set(name, value.as_ref());
            }
        }
        if let Some(script) = self.scripts.by_package.get(&artifact.package_id) {
            set("OUT_DIR", script.out_dir.as_os_str());
            for (name, value) in &script.env {
                set(name, value.as_ref());
            }
        }
        if matches!(kind, Kind::Test | Kind::Benchmark) {
            for binary in self.binaries.iter().filter(|binary| binary.package_id == artifact.package_id) {
                if let Some(executable) = &binary.executable {
                    set(&format!("CARGO_BIN_EXE_{}", binary.target.name), executable.as_os_str());
                }
            }
        }
        variables
    }
}

/// The `[env]` table of cargo's configuration. One that cannot be read has been refused by cargo before.
fn configured(toolchain: &Toolchain, directory: &Path) -> Vec<(OsString, OsString)> {
    let Ok(config) = toolchain.configuration(directory) else { return Vec::new() };
    let applies = |name: &String, force: bool| force || std::env::var_os(name).is_none();
    let applicable = config.env.into_iter().filter(|(name, entry)| applies(name, entry.force));
    applicable.map(|(name, entry)| (name.into(), entry.value)).collect()
}

fn package_variables(package: &Package) -> Vec<(&'static str, String)> {
    let version = &package.version;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let path = |value: &Option<cargo_metadata::camino::Utf8PathBuf>| {
        value.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    vec![
        ("CARGO_PKG_NAME", package.name.to_string()),
        ("CARGO_PKG_VERSION", version.to_string()),
        ("CARGO_PKG_VERSION_MAJOR", version.major.to_string()),
        ("CARGO_PKG_VERSION_MINOR", version.minor.to_string()),
        ("CARGO_PKG_VERSION_PATCH", version.patch.to_string()),
        ("CARGO_PKG_VERSION_PRE", version.pre.to_string()),
        ("CARGO_PKG_AUTHORS", package.authors.join(":")),
        ("CARGO_PKG_DESCRIPTION", text(&package.description)),
        ("CARGO_PKG_HOMEPAGE", text(&package.homepage)),
        ("CARGO_PKG_REPOSITORY", text(&package.repository)),
        ("CARGO_PKG_LICENSE", text(&package.license)),
        ("CARGO_PKG_LICENSE_FILE", path(&package.license_file)),
        ("CARGO_PKG_RUST_VERSION", package.rust_version.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("CARGO_PKG_README", path(&package.readme)),
    ]
}
