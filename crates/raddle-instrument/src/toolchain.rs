//! Which compiler a build in a directory would use, and whether Raddle can work with it.
//!
//! Cargo's own rules decide: `RUSTC` and `CARGO`, then `build.rustc` in cargo's configuration, then the program on the
//! path, which under rustup is a proxy that obeys `+toolchain`, `RUSTUP_TOOLCHAIN`, directory overrides and
//! `rust-toolchain.toml`. Nothing of that is imitated here: the programs are asked, from the directory in question.
//!
//! What cannot be seen: a `RUSTC_WRAPPER` that runs another compiler than the one it is given.

use crate::error::{Error, Result, Unsupported};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The platform that the runtime is written for.
pub const SUPPORTED_HOST: &str = "x86_64-unknown-linux-gnu";

/// A Rust compiler with what belongs to it.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The `cargo` to run.
    pub cargo: PathBuf,
    /// The `rustc` that this cargo will run.
    pub rustc: PathBuf,
    /// Where the compiler's libraries lie.
    pub sysroot: PathBuf,
    /// Target triple of the compiler itself.
    pub host: String,
    /// Release, such as `1.95.0`.
    pub release: String,
    /// Commit it was built from, if it says.
    pub commit_hash: Option<String>,
    /// All of `rustc -vV`.
    pub verbose_version: String,
    /// How to run the LLVM linker that came with it.
    pub linker: Linker,
}

/// The LLVM linker of a toolchain, by whose link-time optimizer bitcode is compiled again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linker {
    /// Program.
    pub program: PathBuf,
    /// Arguments that make it take GNU ld's.
    pub flavor: &'static [&'static str],
}

impl Toolchain {
    /// Finds the toolchain that cargo would use in `directory`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for another platform, or a toolchain without rust-lld; [`Error::Program`] when there is no
    /// working `rustc`.
    pub fn discover(directory: &Path) -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let rustc = rustc_in(directory, &cargo);
        let verbose_version = ask(&rustc, &["-vV"], directory)?;
        let field = |name: &str| {
            let prefix = format!("{name}: ");
            verbose_version.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
        };
        let host = field("host").ok_or_else(|| Error::program(&rustc, "does not name its host in `-vV`"))?;
        require_platform(&host)?;
        let sysroot = PathBuf::from(ask(&rustc, &["--print", "sysroot"], directory)?.trim_end());
        let release = field("release").unwrap_or_else(|| "unknown".into());
        let linker = find_linker(&sysroot, &host).ok_or_else(|| no_linker(&release, &sysroot))?;
        let commit_hash = field("commit-hash").filter(|hash| hash != "unknown");
        Ok(Self { cargo: cargo.into(), rustc, sysroot, host, release, commit_hash, verbose_version, linker })
    }

    /// Directory of the compiled standard library.
    pub fn library_directory(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(&self.host).join("lib")
    }

    /// Cargo's configuration, environment included, as it holds in a directory.
    pub(crate) fn configuration(&self, directory: &Path) -> Result<cargo_config2::Config> {
        let rustc = cargo_config2::PathAndArgs::new(&self.rustc);
        let options = cargo_config2::ResolveOptions::default().cargo(&self.cargo).rustc(rustc);
        cargo_config2::Config::load_with_options(directory, options)
            .map_err(|error| Error::Manifest { message: format!("cannot read cargo's configuration: {error}") })
    }
}

/// What a user of an unsuitable toolchain can do.
pub(crate) const TOOLCHAIN_REMEDY: &str = "use a toolchain installed by rustup (https://rustup.rs): `rustup toolchain install stable`, then run this command \
     again as `cargo +stable raddle ...`";

fn rustc_in(directory: &Path, cargo: &OsString) -> PathBuf {
    if let Some(rustc) = std::env::var_os("RUSTC").filter(|path| !path.is_empty()) {
        return rustc.into();
    }
    // A configuration that cannot be read is cargo's to complain about, and it will.
    let options = cargo_config2::ResolveOptions::default().cargo(cargo.clone());
    match cargo_config2::Config::load_with_options(directory, options) {
        Ok(config) => config.build.rustc.unwrap_or_else(|| "rustc".into()),
        Err(_) => "rustc".into(),
    }
}

fn ask(program: &Path, arguments: &[&str], directory: &Path) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output()
        .map_err(|error| Error::program(program, format!("cannot be run: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::program(program, format!("failed: {}", said.trim())));
    }
    String::from_utf8(output.stdout).map_err(|_| Error::program(program, "answered with bytes that are not text"))
}

fn require_platform(host: &str) -> Result<(), Unsupported> {
    if host == SUPPORTED_HOST {
        return Ok(());
    }
    Err(Unsupported {
        sentence: format!("Raddle does not work on {host}: its runtime is written for {SUPPORTED_HOST}"),
        remedy:
            "run it in a container or virtual machine with x86-64 Linux and glibc, for example the image `rust:slim`"
                .into(),
    })
}

fn find_linker(sysroot: &Path, host: &str) -> Option<Linker> {
    let bin = sysroot.join("lib/rustlib").join(host).join("bin");
    let candidates: [(PathBuf, &'static [&'static str]); 2] =
        [(bin.join("rust-lld"), &["-flavor", "gnu"]), (bin.join("gcc-ld/ld.lld"), &[])];
    candidates.into_iter().find(|(program, _)| program.is_file()).map(|(program, flavor)| Linker { program, flavor })
}

fn no_linker(release: &str, sysroot: &Path) -> Unsupported {
    Unsupported {
        sentence: format!(
            "the Rust {release} in `{}` has no rust-lld, which Raddle needs to instrument the standard library",
            sysroot.display()
        ),
        remedy: TOOLCHAIN_REMEDY.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toolchain_of_this_build_is_found() {
        let toolchain = Toolchain::discover(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert_eq!(toolchain.host, SUPPORTED_HOST);
        assert!(toolchain.library_directory().is_dir());
        assert!(toolchain.linker.program.is_file());
        assert!(toolchain.release.split('.').count() == 3, "{}", toolchain.release);
    }

    #[test]
    fn another_platform_is_refused_with_a_way_round() {
        let refusal = require_platform("aarch64-apple-darwin").unwrap_err();
        assert!(refusal.sentence.contains("aarch64-apple-darwin"));
        assert!(refusal.remedy.contains("container"));
    }

    #[test]
    fn a_toolchain_without_its_linker_is_refused() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(find_linker(empty.path(), SUPPORTED_HOST), None);
        assert!(no_linker("1.95.0", empty.path()).remedy.contains("rustup"));
    }
}
