//! File-system check-then-use: what a path stands for changes between the question and the use.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::{env, thread};

/// A path beside this executable at which there is nothing.
fn fresh(name: &str) -> PathBuf {
    let path = env::current_exe().unwrap().with_file_name(name);
    let _ = fs::remove_file(&path);
    path
}

/// Two workers want the report to be theirs. How many of them believe that it is.
fn owners(name: &str, claim: fn(&Path, &str) -> bool) -> usize {
    let path = fresh(name);
    let claimed = thread::scope(|scope| {
        let workers = ["ada", "ben"].map(|worker| {
            let path = &path;
            scope.spawn(move || claim(path, worker))
        });
        workers.map(|worker| worker.join().unwrap())
    });
    fs::remove_file(&path).unwrap();
    claimed.iter().filter(|claimed| **claimed).count()
}

/// The test says that there must be one owner.
mod two_owners {
    use super::*;

    /// Asks first, and writes then.
    fn claim_checked(path: &Path, worker: &str) -> bool {
        if path.exists() {
            return false;
        }
        fs::write(path, worker).unwrap();
        true
    }

    /// Tries, and goes by the answer.
    fn claim(path: &Path, worker: &str) -> bool {
        match File::create_new(path) {
            Ok(mut file) => {
                file.write_all(worker.as_bytes()).unwrap();
                true
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn wrong() {
        assert_eq!(owners("two-owners-wrong", claim_checked), 1);
    }

    #[test]
    fn fixed() {
        assert_eq!(owners("two-owners-fixed", claim), 1);
    }
}

/// Nobody looks at what has become of it.
mod overwritten {
    use super::*;

    /// Writes the first line of a log that is not there yet.
    fn begin_checked(path: &Path, worker: &str) -> bool {
        let is_new = !path.exists();
        if is_new {
            fs::write(path, format!("begun by {worker}\n")).unwrap();
        }
        is_new
    }

    /// Whoever makes the log writes its first line.
    fn begin(path: &Path, worker: &str) -> bool {
        let log = File::create_new(path);
        log.and_then(|mut log| writeln!(log, "begun by {worker}")).is_ok()
    }

    #[test]
    fn wrong() {
        assert_ne!(owners("overwritten-wrong", begin_checked), 0);
    }

    #[test]
    fn fixed() {
        assert_ne!(owners("overwritten-fixed", begin), 0);
    }
}

/// Both clean up.
mod removed_twice {
    use super::*;

    fn remove_checked(path: &Path) {
        if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }

    fn remove(path: &Path) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }

    fn both(name: &str, remove: fn(&Path)) {
        let path = fresh(name);
        fs::write(&path, "old").unwrap();
        thread::scope(|scope| {
            scope.spawn(|| remove(&path));
            scope.spawn(|| remove(&path));
        });
        assert!(!path.exists());
    }

    #[test]
    fn wrong() {
        both("removed-twice-wrong", remove_checked);
    }

    #[test]
    fn fixed() {
        both("removed-twice-fixed", remove);
    }
}
