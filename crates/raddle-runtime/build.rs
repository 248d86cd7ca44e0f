//! Linker settings of the runtime library.

fn main() {
    // Programs are linked with one copy and started with another; the name makes the loader take them for the same.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libraddle_runtime.so");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
