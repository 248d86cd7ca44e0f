//! Builds the runtime library, so that it can travel inside the commands: installing the one package is enough.
//!
//! A cargo of its own is run, because no package can depend on the *shared* library of another: the outer build's target
//! directory is locked, its flags (lints, coverage, sanitizers) are for the commands, and the runtime needs a profile that
//! aborts on panics. On a platform for which there is no runtime an empty file is embedded; the commands say so when asked
//! to explore.
//!
//! `RADDLE_PREBUILT_RUNTIME` names a library to embed instead of building one; it must be built with [`RUNTIME_FLAGS`].

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// File name of the library.
const LIBRARY: &str = "libraddle_runtime.so";

/// Names a library to embed.
const PREBUILT: &str = "RADDLE_PREBUILT_RUNTIME";

/// The runtime walks the program's stack by frame pointers, and begins with the frame of its own function that the program
/// has called: that must stand from the function's first instruction to its last.
const RUNTIME_FLAGS: [&str; 2] = ["-Cforce-frame-pointers=yes", "-Cllvm-args=-enable-shrink-wrap=false"];

/// The platforms for which the runtime can be built.
const PLATFORMS: [&str; 1] = ["x86_64-unknown-linux-gnu"];

fn main() {
    let crates = manifest_directory().parent().expect("this package lies beside its siblings").to_owned();
    let root = crates.parent().expect("the packages lie in a workspace").to_owned();
    for package in ["raddle-runtime", "raddle-engine", "raddle-protocol"] {
        watch(&crates.join(package).join("src"));
        watch(&crates.join(package).join("Cargo.toml"));
    }
    watch(&root.join("Cargo.toml"));
    watch(&root.join("Cargo.lock"));
    watch(&manifest_directory().join("build.rs"));

    let out = PathBuf::from(variable("OUT_DIR"));
    let embedded = out.join(LIBRARY);
    let target = variable("TARGET");
    println!("cargo::rerun-if-env-changed={PREBUILT}");
    if let Some(prebuilt) = std::env::var_os(PREBUILT).map(PathBuf::from) {
        watch(&prebuilt);
        std::fs::copy(&prebuilt, &embedded)
            .unwrap_or_else(|error| fail(&format!("cannot copy `{}`: {error}", prebuilt.display())));
    } else if PLATFORMS.contains(&target.as_str()) {
        std::fs::copy(build(&root, &out.join("runtime"), &target), &embedded).expect("the library can be copied");
    } else {
        std::fs::write(&embedded, []).expect("the output directory can be written to");
    }
    println!("cargo::rustc-env=RADDLE_EMBEDDED_RUNTIME={}", embedded.display());
}

/// Path of the library, built.
fn build(root: &Path, target_directory: &Path, target: &str) -> PathBuf {
    let mut cargo = Command::new(variable("CARGO"));
    cargo
        .args(["build", "--quiet", "--locked", "--package", "raddle-runtime", "--lib", "--profile", "runtime"])
        .args(["--target", target])
        .arg("--manifest-path")
        .arg(root.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target_directory)
        .current_dir(root);
    let flags = RUNTIME_FLAGS.join("\u{1f}");
    for (name, _) in std::env::vars_os() {
        if is_for_the_outer_build(&name) {
            cargo.env_remove(name);
        }
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
    let status = cargo.status().expect("cargo can be run");
    if !status.success() {
        fail("the runtime library could not be built; cargo has said why");
    }
    target_directory.join(target).join("runtime").join(LIBRARY)
}

/// What the outer cargo, or a tool around it, has set for the commands' own compilation.
fn is_for_the_outer_build(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let flags = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS"];
    let directories = ["CARGO_TARGET_DIR", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "OUT_DIR"];
    flags.contains(&name)
        || directories.contains(&name)
        || ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_FEATURE_", "CARGO_CFG_", "CARGO_PKG_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        || (name.starts_with("CARGO_TARGET_") && (name.ends_with("_RUSTFLAGS") || name.ends_with("_RUNNER")))
}

fn fail(sentence: &str) -> ! {
    println!("cargo::error={sentence}");
    std::process::exit(1)
}

fn manifest_directory() -> PathBuf {
    variable("CARGO_MANIFEST_DIR").into()
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}
