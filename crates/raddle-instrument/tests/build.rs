//! Packages as users have them, built: what comes out, whether it is instrumented and still runs, and what is left alone.

mod support;

use raddle_instrument::compile::{Artifact, Goal, Kind};
use raddle_instrument::executable::Executable;
use raddle_instrument::selection::Selection;
use raddle_instrument::tests_list::{self, Listing, Test};
use std::time::Duration;
use support::{Package, kind, output_of};

const LIBRARY: &str = r#"
    pub fn twice(n: u64) -> u64 {
        let sum = std::sync::Arc::new(std::sync::Mutex::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| { let sum = sum.clone(); std::thread::spawn(move || *sum.lock().unwrap() += n) })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        *sum.lock().unwrap()
    }
    #[test] fn unit() { assert_eq!(twice(2), 4) }
    #[test] #[ignore] fn slow() {}
    #[test] fn fallible() -> Result<(), String> { Ok(()) }
"#;

fn package() -> Package {
    Package::new(&[
        (
            "Cargo.toml",
            r#"
            [package]
            name = "plain"
            version = "1.2.3-beta"
            edition = "2024"
            description = "a description"
            [workspace]
            [[test]]
            name = "own"
            harness = false
            [profile.fat]
            inherits = "release"
            lto = "fat"
            panic = "abort"
            codegen-units = 1
            strip = true
            debug = 0
            [profile.thin]
            inherits = "release"
            lto = "thin"
            split-debuginfo = "unpacked"
            "#,
        ),
        ("src/lib.rs", LIBRARY),
        ("src/main.rs", "fn main() { println!(\"{}\", plain::twice(3)) }"),
        ("examples/show.rs", "fn main() { println!(\"{}\", plain::twice(4)) }"),
        ("tests/outside.rs", "#[test] #[should_panic] fn panics() { assert_eq!(plain::twice(1), 3) }"),
        ("tests/own.rs", "fn main() { println!(\"whatever {}\", plain::twice(1)) }"),
    ])
}

fn find<'a>(artifacts: &'a [Artifact], target: &str, kind: Kind) -> &'a Artifact {
    artifacts.iter().find(|artifact| artifact.target == target && artifact.kind == kind).expect(target)
}

fn variable(artifact: &Artifact, name: &str) -> String {
    let (_, value) = artifact.environment.iter().find(|(key, _)| key == name).expect(name);
    value.to_str().unwrap().to_owned()
}

#[test]
fn test_executables_are_built_described_and_listed() {
    let package = package();
    let build = package.build(Goal::Tests, Selection::default()).unwrap();
    let seen: Vec<_> = build.artifacts.iter().map(|artifact| (artifact.target.as_str(), artifact.kind)).collect();
    let expected = [("plain", Kind::Library), ("plain", Kind::Binary), ("outside", Kind::Test), ("own", Kind::Test)];
    assert_eq!(seen, expected);
    assert!(build.artifacts.iter().all(|artifact| artifact.is_test && artifact.package == "plain"));
    assert_eq!(build.target_directory, package.root().join("target/raddle"));

    let library = find(&build.artifacts, "plain", Kind::Library);
    let file = Executable::read(&library.executable).unwrap();
    file.require_runtime().unwrap();
    assert!(file.dynamic && file.instrumented && !file.stripped);
    // One for `fn()`, one for boxed closures, and those of benchmarks.
    assert!(file.test_entries.len() >= 2, "{:x?}", file.test_entries);
    assert_eq!(Executable::read(&library.executable).unwrap().fingerprint, file.fingerprint);

    let test = |name: &str, ignored| Test { name: name.into(), ignored };
    let listing = tests_list::list(library, Duration::from_secs(10)).unwrap();
    assert_eq!(listing, Listing::Tests(vec![test("fallible", false), test("slow", true), test("unit", false)]));
    let own = find(&build.artifacts, "own", Kind::Test);
    assert!(own.own_harness);
    assert!(matches!(tests_list::list(own, Duration::from_secs(10)).unwrap(), Listing::OwnHarness(_)));
    let undeclared = Artifact { own_harness: false, ..own.clone() };
    let listing = tests_list::list(&undeclared, Duration::from_secs(10)).unwrap();
    assert!(matches!(&listing, Listing::OwnHarness(reason) if reason.contains("whatever 2")), "{listing:?}");

    assert_eq!(variable(library, "CARGO_PKG_VERSION_PRE"), "beta");
    assert_eq!(variable(library, "CARGO_PKG_DESCRIPTION"), "a description");
    assert_eq!(variable(library, "CARGO_MANIFEST_DIR"), package.root().to_str().unwrap());
    let binary = variable(find(&build.artifacts, "outside", Kind::Test), "CARGO_BIN_EXE_plain");
    assert_eq!(output_of(binary.as_ref()), "6\n");
}

#[test]
fn a_listing_that_does_not_come_is_an_error() {
    let package = Package::new(&[
        ("Cargo.toml", "[package]\nname = \"mute\"\n[workspace]\n[[test]]\nname = \"mute\"\nharness = false"),
        ("src/lib.rs", ""),
        ("tests/mute.rs", "fn main() { std::thread::sleep(std::time::Duration::from_secs(60)) }"),
    ]);
    let build = package.build(Goal::Tests, Selection::default()).unwrap();
    let mute = Artifact { own_harness: false, ..find(&build.artifacts, "mute", Kind::Test).clone() };
    let error = tests_list::list(&mute, Duration::from_millis(300)).unwrap_err();
    assert!(error.to_string().contains("has not listed its tests"), "{error}");
}

#[test]
fn programs_are_built_and_run_in_every_profile() {
    let package = package();
    for profile in ["dev", "release", "fat", "thin"] {
        let selection = Selection { profile: Some(profile.into()), bins: true, examples: true, ..Selection::default() };
        let build = package.build(Goal::Programs, selection).unwrap();
        let binary = find(&build.artifacts, "plain", Kind::Binary);
        let example = find(&build.artifacts, "show", Kind::Example);
        assert_eq!((output_of(&binary.executable).as_str(), output_of(&example.executable).as_str()), ("6\n", "8\n"));
        let file = Executable::read(&binary.executable).unwrap();
        file.require_runtime().unwrap();
        assert!(!file.stripped, "profile {profile}");
        assert!(instrumented_once(&binary.executable), "profile {profile}");
    }
}

/// Whether the closure that adds under the lock announces its one read-modify-write exactly once.
fn instrumented_once(executable: &std::path::Path) -> bool {
    let disassembly = std::process::Command::new("objdump").args(["-d", "--no-show-raw-insn"]).arg(executable).output();
    let Ok(output) = disassembly else { return true };
    let text = String::from_utf8_lossy(&output.stdout);
    // Two announcements of one access would be two calls with nothing but the address between them.
    let calls: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .filter_map(|(number, line)| line.split_once("call").map(|(_, to)| (number, to.trim())))
        .collect();
    let announced = |to: &str| to.contains("__tsan_write") || to.contains("__tsan_read");
    let hooks = calls.iter().filter(|(_, to)| announced(to)).count();
    let doubled =
        calls.windows(2).filter(|pair| announced(pair[0].1) && pair[0].1 == pair[1].1 && pair[1].0 == pair[0].0 + 2);
    // A few neighbouring accesses look like that by chance; if all code were instrumented twice, half of all would.
    hooks > 100 && doubled.count() * 4 < hooks
}

#[test]
fn the_users_flags_survive() {
    // Flags in the environment hide those of the configuration; then there is nothing here to test.
    if ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"].iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let source = "#![allow(unexpected_cfgs)] fn main() { println!(\"{} {}\", cfg!(from_build), cfg!(from_target)) }";
    let manifest = "[package]\nname = \"flags\"\nedition = \"2024\"\n[workspace]";
    let build_flags = "[build]\nrustflags = [\"--cfg=from_build\"]\n";
    let target_flags = "[target.'cfg(target_os = \"linux\")']\nrustflags = [\"--cfg=from_target\"]\n";
    let both = format!("{build_flags}{target_flags}");
    // Cargo takes the most specific table only.
    for (config, expected) in [(build_flags, "true false\n"), (target_flags, "false true\n"), (&both, "false true\n")] {
        let package =
            Package::new(&[("Cargo.toml", manifest), ("src/main.rs", source), (".cargo/config.toml", config)]);
        let build = package.build(Goal::Programs, Selection::default()).unwrap();
        assert_eq!(output_of(&build.artifacts[0].executable), expected, "with {config}");
        Executable::read(&build.artifacts[0].executable).unwrap().require_runtime().unwrap();
    }
}

#[test]
fn build_scripts_and_procedural_macros_are_left_alone() {
    let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n{rest}");
    let package = Package::new(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"app\", \"derive\"]\nresolver = \"3\""),
        ("app/Cargo.toml", &manifest("app", "[dependencies]\nderive = { path = \"../derive\" }")),
        (
            "app/build.rs",
            "fn main() { println!(\"cargo::rustc-env=BUILT=by script\"); \
             println!(\"cargo::rustc-cfg=x{}\", std::env::var(\"CARGO_ENCODED_RUSTFLAGS\").unwrap().len().min(1)) }",
        ),
        ("app/src/main.rs", "fn main() { println!(\"{} {}\", env!(\"BUILT\"), derive::answer!()) }"),
        ("derive/Cargo.toml", &manifest("derive", "[lib]\nproc-macro = true")),
        (
            "derive/src/lib.rs",
            "use proc_macro::TokenStream; #[proc_macro] pub fn answer(_: TokenStream) -> TokenStream { \"42\".parse().unwrap() }",
        ),
    ]);
    let build = package.build(Goal::Programs, Selection { workspace: true, ..Selection::default() }).unwrap();
    let app = find(&build.artifacts, "app", Kind::Binary);
    assert_eq!(output_of(&app.executable), "by script 42\n");
    assert!(variable(app, "OUT_DIR").contains("raddle"));
    Executable::read(&app.executable).unwrap().require_runtime().unwrap();
    let scripts = walk(&build.target_directory.join("debug"));
    let script = scripts.iter().find(|path| path.file_name().unwrap() == "build-script-build").unwrap();
    let script = Executable::read(script).unwrap();
    assert!(!script.instrumented && script.needed.iter().all(|library| !library.contains("raddle")), "{script:?}");
    assert!(script.require_runtime().unwrap_err().sentence.contains("was not built for Raddle"));
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn failures_are_told_apart() {
    let broken = Package::new(&[("Cargo.toml", "[package]\nname = \"broken\"\n[workspace]"), ("src/lib.rs", "fn (")]);
    let error = broken.build(Goal::Tests, Selection::default()).unwrap_err();
    assert_eq!(kind(&error), "BuildFailed");
    assert_eq!(error.to_string(), "cargo could not build the package (exit status 101)");

    let nothing = Package::new(&[]);
    let error = nothing.build(Goal::Tests, Selection::default()).unwrap_err();
    assert_eq!(kind(&error), "Manifest");
    assert!(error.to_string().contains("could not find `Cargo.toml`"), "{error}");
}

#[test]
fn a_static_build_is_refused_before_it_fails_to_link() {
    if std::env::var_os("RUSTFLAGS").is_some() {
        return;
    }
    let config = "[build]\nrustflags = [\"-Ctarget-feature=+crt-static\"]";
    let package = Package::new(&[
        ("Cargo.toml", "[package]\nname = \"fixed\"\n[workspace]"),
        ("src/main.rs", "fn main() {}"),
        (".cargo/config.toml", config),
    ]);
    let error = package.build(Goal::Programs, Selection::default()).unwrap_err();
    assert_eq!(kind(&error), "Unsupported");
    assert!(error.to_string().contains("static program"), "{error}");
}

#[test]
fn a_shared_rust_library_is_instrumented_with_its_standard_library() {
    let package = Package::new(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"app\", \"shared\"]\nresolver = \"3\""),
        (
            "app/Cargo.toml",
            "[package]\nname = \"app\"\nedition = \"2024\"\n[dependencies]\nshared = { path = \"../shared\" }",
        ),
        ("app/src/main.rs", "fn main() { println!(\"{}\", shared::answer()) }"),
        ("shared/Cargo.toml", "[package]\nname = \"shared\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"dylib\"]"),
        ("shared/src/lib.rs", "pub fn answer() -> u64 { *std::sync::Mutex::new(42).lock().unwrap() }"),
    ]);
    let build = package.build(Goal::Programs, Selection { workspace: true, ..Selection::default() }).unwrap();
    let app = find(&build.artifacts, "app", Kind::Binary);
    let output = std::process::Command::new(&app.executable).envs(app.environment.iter().cloned()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "42\n", "{}", String::from_utf8_lossy(&output.stderr));
    let library = Executable::read(
        &build.target_directory.join(raddle_instrument::toolchain::SUPPORTED_HOST).join("debug/libshared.so"),
    );
    assert!(library.unwrap().instrumented);
}

#[test]
fn what_is_not_a_program_is_refused() {
    let package = Package::new(&[("script", "#!/bin/sh\ntrue\n")]);
    let error = Executable::read(&package.root().join("script")).unwrap_err();
    assert_eq!(kind(&error), "Unsupported");
    let error = Executable::read(&package.root().join("absent")).unwrap_err();
    assert_eq!(kind(&error), "File");
}
