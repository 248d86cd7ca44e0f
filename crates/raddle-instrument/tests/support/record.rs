//! Recording hooks: every atomic operation of a run, with its call stack, grouped by what the program announced.

use raddle_protocol::Module;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Walks the frame pointers, as all code here has them.
const PROLOGUE: &str = r#"
#include <stdio.h>
#include <stdint.h>
#include <unistd.h>
#include <pthread.h>
static const char *current = "";
static pthread_t marker;
static void record(const char *kind, void *address, uintptr_t *frame) {
  if (!*current || !pthread_equal(marker, pthread_self())) return;
  char line[4096];
  int n = snprintf(line, sizeof line, "op|%s|%s|%lx", current, kind, (unsigned long)address);
  for (int depth = 0; depth < 24 && frame[0]; depth++) {
    uintptr_t *caller = (uintptr_t *)frame[0];
    if (caller <= frame) break;
    n += snprintf(line + n, sizeof line - n, "|%lx:%lx", frame[1], (unsigned long)(caller + 2));
    frame = caller;
  }
  line[n++] = '\n';
  if (write(3, line, n) != n) _exit(9);
}
void raddle_test_mark(const char *name) {
  static int begun;
  if (!begun) {
    begun = 1;
    char maps[1 << 16];
    FILE *file = fopen("/proc/self/maps", "r");
    while (fgets(maps, sizeof maps, file)) dprintf(3, "map|%s", maps);
    fclose(file);
  }
  marker = pthread_self();
  current = name;
}
void raddle_test_address(const char *name, void *address) {
  const char *before = current;
  raddle_test_mark(name);
  record("address", address, __builtin_frame_address(0));
  current = before;
}
#define RECORD(kind, address) record(kind, address, __builtin_frame_address(0))
"#;

/// The recording hooks.
pub fn hooks(directory: &Path) -> PathBuf {
    super::compile_hooks(directory, PROLOGUE)
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    pub name: String,
    pub kind: String,
    pub address: u64,
    /// Return address and canonical frame address of each physical frame, innermost first.
    pub stack: Vec<(u64, u64)>,
}

/// What a program did between its announcements, and where its files were loaded.
pub struct Recording {
    pub modules: Vec<Module>,
    pub operations: Vec<Operation>,
}

/// Runs a program that is linked with [`hooks`].
pub fn run(program: &Path) -> Recording {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let status = Command::new("sh")
        .args(["-c", "exec \"$0\" 3>\"$1\""])
        .args([program, &log])
        .env_remove("LD_PRELOAD")
        // Cargo names its own directories there, which may hold the real runtime.
        .env_remove("LD_LIBRARY_PATH")
        .status()
        .unwrap();
    assert!(status.success());
    let mut recording = Recording { modules: Vec::new(), operations: Vec::new() };
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        match line.split_once('|').unwrap() {
            ("map", mapping) => add_mapping(&mut recording.modules, mapping),
            (_, operation) => recording.operations.push(parse_operation(operation)),
        }
    }
    recording
}

fn hex(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap()
}

fn parse_operation(line: &str) -> Operation {
    let mut parts = line.split('|');
    let mut next = || parts.next().unwrap();
    let (name, kind, address) = (next().to_owned(), next().to_owned(), hex(next()));
    let stack = parts.map(|frame| frame.split_once(':').unwrap()).map(|(pc, cfa)| (hex(pc), hex(cfa))).collect();
    Operation { name, kind, address, stack }
}

fn add_mapping(modules: &mut Vec<Module>, line: &str) {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [range, _, offset, _, _, path, ..] = fields[..] else {
        // What a file's uninitialised data spills over into follows it at once and has no name.
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        if let Some(last) = modules.last_mut().filter(|last| last.end == hex(start)) {
            last.end = hex(end);
        }
        return;
    };
    let (start, end) = range.split_once('-').unwrap();
    let (start, end) = (hex(start), hex(end));
    match modules.iter_mut().find(|module| module.path == path) {
        Some(module) => module.end = end,
        None => modules.push(Module { path: path.to_owned(), base: start - hex(offset), start, end }),
    }
}
