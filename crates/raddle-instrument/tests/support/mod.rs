//! What the tests of this crate share: a package on disk, and a library in the place of the runtime that answers every
//! hook by doing what the program asked for, and nothing else.

#![allow(dead_code, reason = "each test file is a program of its own and uses a part of this")]

pub mod record;

use raddle_instrument::compile::{self, Build, Goal, Request};
use raddle_instrument::selection::Selection;
use raddle_instrument::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Hooks that do what the program asked for. `record` is called by every atomic one.
const HOOKS: &str = r#"
#define _GNU_SOURCE
#include <stdint.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#ifndef RECORD
#define RECORD(name, address)
#endif
#define ACCESS(n) \
  void __tsan_read##n(void *p) { (void)p; } void __tsan_write##n(void *p) { (void)p; } \
  void __tsan_unaligned_read##n(void *p) { (void)p; } void __tsan_unaligned_write##n(void *p) { (void)p; } \
  void __tsan_volatile_read##n(void *p) { (void)p; } void __tsan_volatile_write##n(void *p) { (void)p; } \
  void __tsan_unaligned_volatile_read##n(void *p) { (void)p; } \
  void __tsan_unaligned_volatile_write##n(void *p) { (void)p; }
ACCESS(1) ACCESS(2) ACCESS(4) ACCESS(8) ACCESS(16)
void __tsan_init(void) {}
void __tsan_func_entry(void *p) { (void)p; }
void __tsan_func_exit(void) {}
void __tsan_read_range(void *p, size_t n) { (void)p; (void)n; }
void __tsan_write_range(void *p, size_t n) { (void)p; (void)n; }
void __tsan_vptr_read(void **p) { (void)p; }
void __tsan_vptr_update(void **p, void *v) { (void)p; (void)v; }
void *__tsan_memcpy(void *d, const void *s, size_t n) { return memcpy(d, s, n); }
void *__tsan_memmove(void *d, const void *s, size_t n) { return memmove(d, s, n); }
void *__tsan_memset(void *d, int c, size_t n) { return memset(d, c, n); }
#define WRAP(name) __asm__(".globl __wrap_" #name "\n__wrap_" #name ": jmp " #name "@PLT");
WRAP(memcmp) WRAP(bcmp) WRAP(memchr) WRAP(memrchr) WRAP(memmem) WRAP(strlen) WRAP(strnlen) WRAP(strcmp) WRAP(strncmp)
WRAP(strchr) WRAP(strrchr) WRAP(strstr) WRAP(strcpy) WRAP(stpcpy) WRAP(strncpy) WRAP(strcat) WRAP(strncat) WRAP(qsort)
WRAP(read) WRAP(pread) WRAP(pread64) WRAP(readv) WRAP(recv) WRAP(recvfrom) WRAP(recvmsg)
WRAP(write) WRAP(pwrite) WRAP(pwrite64) WRAP(writev) WRAP(send) WRAP(sendto) WRAP(sendmsg)
WRAP(getrandom) WRAP(getentropy) WRAP(arc4random_buf)
WRAP(strcasecmp) WRAP(strncasecmp) WRAP(strspn) WRAP(strcspn) WRAP(strpbrk) WRAP(stpncpy) WRAP(memccpy) WRAP(mempcpy)
WRAP(strdup) WRAP(strndup) WRAP(strtok_r) WRAP(printf) WRAP(vprintf) WRAP(sprintf) WRAP(vsprintf) WRAP(snprintf)
WRAP(vsnprintf) WRAP(asprintf) WRAP(vasprintf) WRAP(fprintf) WRAP(vfprintf) WRAP(dprintf) WRAP(vdprintf) WRAP(fread)
WRAP(fwrite) WRAP(fgets) WRAP(fputs) WRAP(puts) WRAP(getline) WRAP(getdelim) WRAP(fgetc) WRAP(getc) WRAP(fputc)
WRAP(putc) WRAP(fflush) WRAP(fclose) WRAP(preadv) WRAP(preadv64) WRAP(preadv2) WRAP(preadv64v2) WRAP(pwritev)
WRAP(pwritev64) WRAP(pwritev2) WRAP(pwritev64v2) WRAP(getcwd) WRAP(realpath) WRAP(readlink) WRAP(stat) WRAP(stat64)
WRAP(lstat) WRAP(lstat64) WRAP(fstat) WRAP(fstat64) WRAP(pipe) WRAP(pipe2) WRAP(socketpair)
#define RMW(n, op) \
  uint##n##_t __tsan_atomic##n##_fetch_##op(uint##n##_t *p, uint##n##_t v, int o) \
  { (void)o; RECORD(#op, p); return __atomic_fetch_##op(p, v, __ATOMIC_SEQ_CST); }
#define ATOMIC(n) \
  uint##n##_t __tsan_atomic##n##_load(uint##n##_t *p, int o) { (void)o; RECORD("load", p); return __atomic_load_n(p, __ATOMIC_SEQ_CST); } \
  void __tsan_atomic##n##_store(uint##n##_t *p, uint##n##_t v, int o) { (void)o; RECORD("store", p); __atomic_store_n(p, v, __ATOMIC_SEQ_CST); } \
  uint##n##_t __tsan_atomic##n##_exchange(uint##n##_t *p, uint##n##_t v, int o) { (void)o; RECORD("exchange", p); return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); } \
  uint##n##_t __tsan_atomic##n##_compare_exchange_val(uint##n##_t *p, uint##n##_t e, uint##n##_t v, int s, int f) \
  { (void)s; (void)f; RECORD("compare_exchange", p); __atomic_compare_exchange_n(p, &e, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); return e; } \
  RMW(n, add) RMW(n, sub) RMW(n, and) RMW(n, or) RMW(n, xor) RMW(n, nand)
ATOMIC(8) ATOMIC(16) ATOMIC(32) ATOMIC(64)
void __tsan_atomic_thread_fence(int o) { (void)o; RECORD("fence", (void *)0); __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int o) { (void)o; }
"#;

/// Compiles the stand-in for the runtime; `prologue` may define `RECORD(name, address)`.
pub fn compile_hooks(directory: &Path, prologue: &str) -> PathBuf {
    let source = directory.join("hooks.c");
    fs::write(&source, format!("{prologue}\n{HOOKS}")).unwrap();
    let library = directory.join(raddle_protocol::RUNTIME_LIBRARY);
    let soname = format!("-Wl,-soname,{}", raddle_protocol::RUNTIME_LIBRARY);
    let status = Command::new("cc")
        .args(["-O1", "-g", "-fno-omit-frame-pointer", "-shared", "-fPIC", &soname, "-o"])
        .arg(&library)
        .arg(&source)
        .status()
        .expect("a C compiler, which rustc needs for linking too");
    assert!(status.success());
    library
}

/// The plain stand-in, made once for each test program.
pub fn hooks() -> &'static Path {
    static HOOKS: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, library) = HOOKS.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let library = compile_hooks(directory.path(), "");
        (directory, library)
    });
    library
}

/// A package in a directory of its own.
pub struct Package(TempDir);

impl Package {
    /// Writes these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Self(directory)
    }

    /// Its root.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Builds it.
    pub fn build(&self, goal: Goal, selection: Selection) -> Result<Build> {
        self.build_with(hooks(), goal, selection)
    }

    /// Builds it against another stand-in.
    pub fn build_with(&self, runtime: &Path, goal: Goal, selection: Selection) -> Result<Build> {
        // A target directory given from outside would be shared by all packages of the same name.
        let target_dir = Some(self.root().join("target"));
        let selection = Selection { quiet: true, target_dir, ..selection };
        let request = Request { directory: self.root().into(), selection, goal, runtime: runtime.into() };
        compile::build(&request, || ())
    }
}

/// Runs a program and gives what it wrote to standard output.
pub fn output_of(program: &Path) -> String {
    let output = Command::new(program).env_remove("LD_PRELOAD").output().unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The name of the error's kind, for assertions.
pub fn kind(error: &Error) -> String {
    let debug = format!("{error:?}");
    debug.split([' ', '(']).next().unwrap_or_default().to_owned()
}
