//! Functions of Python programs, read from the interpreter's own structures in the program's memory.
//!
//! How these are laid out differs from version to version of Python; the library of [py-spy] knows all of them. The program
//! is only read: of a sleeping thread because it does not move, of a running one while it is stopped for its stack anyway.
//!
//! What it cannot see: which thread is whose before Python 3.11, but for programs with a single thread; functions of Python
//! that an extension in C calls back stand below that extension.
//!
//! [py-spy]: https://crates.io/crates/py-spy

use super::{Frame, PYTHON};
use py_spy::PythonSpy;
use py_spy::config::{Config, LineNo, LockingStrategy};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A function of Python: its name, and the file that it is written in.
pub type Named = (String, String);

/// How often it is tried to find an interpreter in a process: one that has just been started may not be ready.
const TRIES: u8 = 8;
/// Time between two such tries.
const PAUSE: Duration = Duration::from_millis(150);
/// Processes at most whose interpreters are looked for: each costs some ten milliseconds.
const MOST: usize = 32;

/// What is known of the interpreter of a process.
enum Interpreter {
    Found(Box<PythonSpy>),
    NotYet { tries: u8, again: Instant },
    Unreadable,
}

/// The interpreters of all processes.
#[derive(Default)]
pub struct Interpreters(HashMap<i32, Interpreter>);

impl std::fmt::Debug for Interpreters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Interpreters {
    /// Finds the interpreter in a process, unless that has been done. Takes some ten milliseconds the first time.
    pub fn meet(&mut self, pid: i32) {
        let now = Instant::now();
        let tries = match self.0.get(&pid) {
            None if self.0.len() >= MOST => return,
            None => 0,
            Some(Interpreter::NotYet { tries, again }) if *again <= now => *tries,
            Some(_) => return,
        };
        let config = Config {
            blocking: LockingStrategy::NonBlocking,
            lineno: LineNo::NoLine,
            collect_thread_names: false,
            ..Config::default()
        };
        let interpreter = match PythonSpy::new(pid, &config) {
            Ok(spy) => Interpreter::Found(Box::new(spy)),
            Err(_) if tries < TRIES => Interpreter::NotYet { tries: tries + 1, again: now + PAUSE },
            Err(_) => Interpreter::Unreadable,
        };
        self.0.insert(pid, interpreter);
    }

    /// The functions of Python that a thread is in, innermost first. The thread must stand still.
    pub fn functions(&mut self, pid: i32, tid: i32) -> Option<Vec<Named>> {
        let Some(Interpreter::Found(spy)) = self.0.get_mut(&pid) else { return None };
        let mut traces = spy.get_stack_traces().ok()?;
        let of_thread = |id: Option<u64>| id == u64::try_from(tid).ok();
        let index = match traces.iter().position(|trace| of_thread(trace.os_thread_id)) {
            Some(index) => index,
            None if traces.len() == 1 && traces[0].os_thread_id.is_none() && pid == tid => 0,
            None => return None,
        };
        let frames = traces.swap_remove(index).frames;
        let named: Vec<Named> = frames.into_iter().map(|frame| (frame.name, frame.filename)).collect();
        (!named.is_empty()).then_some(named)
    }

    /// The process has ended, or become another program.
    pub fn forget(&mut self, pid: i32) {
        self.0.remove(&pid);
    }
}

/// All functions of Python that have been met, by number.
#[derive(Debug, Default)]
pub struct Functions {
    all: Vec<Named>,
    numbers: HashMap<Named, u64>,
}

impl Functions {
    /// A stack in the words of its author: what libraries do, then Python's functions. Frames of the interpreter, and what
    /// lies below them, are left out. Frames are innermost first.
    pub fn instead(
        &mut self,
        native: &[Frame],
        python: Vec<Named>,
        of_interpreter: impl Fn(Frame) -> bool,
    ) -> Vec<Frame> {
        let mut stack: Vec<Frame> = native.iter().copied().take_while(|frame| !of_interpreter(*frame)).collect();
        stack.extend(python.into_iter().map(|function| Frame { module: PYTHON, address: self.number(function) }));
        stack
    }

    fn number(&mut self, function: Named) -> u64 {
        if let Some(number) = self.numbers.get(&function) {
            return *number;
        }
        let number = self.all.len() as u64;
        self.all.push(function.clone());
        self.numbers.insert(function, number);
        number
    }

    /// All of them, by number.
    pub fn all(&self) -> Vec<Named> {
        self.all.clone()
    }
}

/// Whether a file is a Python interpreter, by its name: `python3.12`, `libpython3.12.so.1.0`.
pub fn is_interpreter(file: &str) -> bool {
    let version = file.strip_prefix("lib").unwrap_or(file).strip_prefix("python");
    version.is_some_and(|version| version.is_empty() || version.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};
    use std::sync::PoisonError;

    #[test]
    fn an_interpreter_is_known_by_its_name() {
        for file in ["python", "python3", "python3.11", "libpython3.12.so.1.0"] {
            assert!(is_interpreter(file), "{file}");
        }
        for file in ["pythonize", "libc.so.6", "x.py", "[generated]"] {
            assert!(!is_interpreter(file), "{file}");
        }
    }

    #[test]
    fn the_interpreters_frames_give_way_to_pythons_functions() {
        let frame = |module, address| Frame { module, address };
        let native = [frame(0, 10), frame(1, 20), frame(1, 30), frame(0, 40)];
        let mut functions = Functions::default();
        let python =
            || vec![("work".to_owned(), "/app/x.py".to_owned()), ("<module>".to_owned(), "/app/x.py".to_owned())];
        let stack = functions.instead(&native, python(), |frame| frame.module == 1);
        assert_eq!(stack, [frame(0, 10), frame(PYTHON, 0), frame(PYTHON, 1)]);
        assert_eq!(functions.instead(&native, python(), |_| true), [frame(PYTHON, 0), frame(PYTHON, 1)]);
        assert_eq!(functions.all(), python());
    }

    struct Ended(Child);

    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Where there is a Python, its functions are read from a sleeping thread.
    #[test]
    fn functions_are_read_from_an_interpreter() {
        let _alone = crate::CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
        let program = "import time\ndef inner():\n    time.sleep(60)\ndef outer():\n    inner()\nouter()\n";
        let Ok(child) = Command::new("python3").args(["-c", program]).spawn() else { return };
        let child = Ended(child);
        let pid = i32::try_from(child.0.id()).expect("a process number");
        let mut interpreters = Interpreters::default();
        let began = Instant::now();
        loop {
            interpreters.forget(pid);
            interpreters.meet(pid);
            let names: Vec<String> =
                interpreters.functions(pid, pid).unwrap_or_default().into_iter().map(|(name, _)| name).collect();
            if names.iter().any(|name| name == "inner") {
                assert_eq!(names, ["inner", "outer", "<module>"]);
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "read last: {names:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
