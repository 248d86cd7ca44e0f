//! From places to names, when the measurement is over: debug information where there is some (then with inlined
//! functions and lines), else symbol tables, else the file's name and the address.

use super::python::{Named, is_interpreter};
use super::{Frame, PYTHON, UNKNOWN, VDSO};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A function, and where it is written if that is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Function {
    /// Its name, demangled.
    pub name: String,
    /// The file that it lies in: program or library.
    pub file: String,
    /// Source line.
    pub line: Option<(String, u32)>,
}

/// Looks names up, and remembers them.
pub struct Names {
    paths: Vec<PathBuf>,
    python: Vec<Named>,
    loaders: HashMap<u32, Option<addr2line::Loader>>,
    known: HashMap<Frame, Vec<Function>>,
    perf_maps: HashMap<i32, Vec<(u64, u64, String)>>,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl Names {
    /// For these files and these functions of Python, by number.
    pub fn new(paths: Vec<PathBuf>, python: Vec<Named>) -> Self {
        Self { paths, python, loaders: HashMap::new(), known: HashMap::new(), perf_maps: HashMap::new() }
    }

    /// The functions at a place, innermost first: several when some are inlined there.
    pub fn functions(&mut self, pid: i32, frame: Frame) -> Vec<Function> {
        if frame.module == UNKNOWN {
            return vec![self.generated(pid, frame.address)];
        }
        if frame.module == PYTHON {
            let function = usize::try_from(frame.address).ok().and_then(|number| self.python.get(number));
            let named =
                |(name, file): &Named| Function { name: name.clone(), file: file_name(Path::new(file)), line: None };
            return function.map(named).into_iter().collect();
        }
        if frame.module == VDSO {
            return vec![Function { name: "[clock]".to_owned(), file: "[vdso]".to_owned(), line: None }];
        }
        if let Some(known) = self.known.get(&frame) {
            return known.clone();
        }
        let found = self.look_up(frame);
        self.known.insert(frame, found.clone());
        found
    }

    fn look_up(&mut self, frame: Frame) -> Vec<Function> {
        let Some(path) = self.paths.get(frame.module as usize) else { return Vec::new() };
        let file = file_name(path);
        let loader = self.loaders.entry(frame.module).or_insert_with(|| addr2line::Loader::new(path).ok());
        let mut found = Vec::new();
        if let Some(loader) = loader {
            if let Ok(mut frames) = loader.find_frames(frame.address) {
                while let Ok(Some(inner)) = frames.next() {
                    let Some(name) = inner.function.as_ref().and_then(|function| function.raw_name().ok()) else {
                        continue;
                    };
                    let line = inner.location.and_then(|location| Some((location.file?.to_owned(), location.line?)));
                    found.push(Function { name: demangle(&name), file: file.clone(), line });
                }
            }
            if found.is_empty()
                && let Some(symbol) = loader.find_symbol(frame.address)
            {
                found.push(Function { name: demangle(symbol), file: file.clone(), line: None });
            }
        }
        if found.is_empty() {
            found.push(Function { name: format!("{file}+{:#x}", frame.address), file, line: None });
        }
        found
    }

    /// Code that was made while the program ran: `/tmp/perf-PID.map` names it, if its maker writes one.
    fn generated(&mut self, pid: i32, address: u64) -> Function {
        let map = self.perf_maps.entry(pid).or_insert_with(|| {
            let text = std::fs::read(format!("/tmp/perf-{pid}.map")).unwrap_or_default();
            perf_map(&String::from_utf8_lossy(&text))
        });
        let index = map.partition_point(|(start, ..)| *start <= address);
        let found = index.checked_sub(1).map(|index| &map[index]).filter(|(start, size, _)| address < start + size);
        let name = found.map_or_else(|| format!("[{address:#x}]"), |(_, _, name)| name.clone());
        Function { name, file: "[generated]".to_owned(), line: None }
    }
}

/// A stack in the words of a Python program, if its interpreter has written a perf map (Python 3.12 and later, when
/// started with `PYTHONPERFSUPPORT=1`): Python's functions, and between them what extensions and libraries do, without
/// the functions of the interpreter itself. Other stacks stay as they are.
pub(crate) fn without_interpreter(stack: Vec<Function>) -> Vec<Function> {
    if !stack.iter().any(|function| python_function(&function.name).is_some()) {
        return stack;
    }
    let kept = stack.into_iter().filter(|function| !is_interpreter(&function.file));
    kept.map(|function| match python_function(&function.name) {
        Some((name, file)) => Function { name: name.to_owned(), file: file_name(Path::new(file)), line: None },
        None => function,
    })
    .collect()
}

/// `py::work:/app/x.py` is `work` of `/app/x.py`.
fn python_function(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("py::")?.rsplit_once(':')
}

/// Lines of start, size and name.
fn perf_map(text: &str) -> Vec<(u64, u64, String)> {
    let entry = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let mut hex = || u64::from_str_radix(words.next()?.trim_start_matches("0x"), 16).ok();
        let (start, size) = (hex()?, hex()?);
        Some((start, size, words.next()?.to_owned()))
    };
    let mut map: Vec<_> = text.lines().filter_map(entry).collect();
    map.sort();
    map
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A name as its author wrote it: Rust (both manglings) and C++; others stay as they are.
pub fn demangle(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}");
    }
    if name.starts_with("_Z")
        && let Ok(symbol) = cpp_demangle::Symbol::new(name)
        && let Ok(text) = symbol.demangle()
    {
        return text;
    }
    // Versions of a symbol are of no interest to a reader.
    name.split('@').next().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_demangled() {
        assert_eq!(demangle("_ZN3std6thread5sleep17h0123456789abcdefE"), "std::thread::sleep");
        assert_eq!(demangle("_RNvC6_123foo3bar"), "123foo::bar");
        assert_eq!(demangle("_ZN3foo3barEv"), "foo::bar()");
        assert_eq!(demangle("pthread_cond_wait@@GLIBC_2.3.2"), "pthread_cond_wait");
        assert_eq!(demangle("main.main"), "main.main");
    }

    #[test]
    fn python_functions_stand_without_their_interpreter() {
        let function = |name: &str, file: &str| Function { name: name.into(), file: file.into(), line: None };
        let stack = vec![
            function("deflate", "libz.so.1"),
            function("_PyEval_EvalFrameDefault", "python3.12"),
            function("py::pack:/app/x.py", "[generated]"),
            function("PyObject_Vectorcall", "libpython3.12.so.1.0"),
            function("py::<module>:/app/main.py", "[generated]"),
        ];
        let expected = [function("deflate", "libz.so.1"), function("pack", "x.py"), function("<module>", "main.py")];
        assert_eq!(without_interpreter(stack.clone()), expected);
        assert_eq!(without_interpreter(stack[..2].to_vec()), stack[..2], "without a perf map nothing is left out");
    }

    #[test]
    fn perf_maps_name_generated_code() {
        let map = perf_map("7f10 20 py::work:/x.py\nbad\n0x7e00 0x10 a b\n");
        assert_eq!(map, [(0x7e00, 0x10, "a b".to_owned()), (0x7f10, 0x20, "py::work:/x.py".to_owned())]);
    }
}
