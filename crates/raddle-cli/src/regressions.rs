//! Failing schedules in `.raddle` beside the package of a test: kept when they are found, tried first from then on.
//!
//! One file a finding, in the form of [`raddle_protocol::kept`], named by the test, the code, and a hash of the contents:
//! two branches that find different things write different files, and the same thing twice is the same file. Files are
//! written and never removed; whether one has had its day is for people to say.
//!
//! Choices mean something only under the options that they were made under, so those stand in the file too, and a
//! schedule that was kept under others is left alone. They are also left alone where an option changes the choices and is
//! not among those compared: `--config`, the compiler and its flags. There they may not fit, which is seen and said.
//!
//! Nothing is written beside a package that is not the user's: one outside the workspace, or in cargo's own directories.
//! A directory that cannot be written to keeps nobody from testing.

#[cfg(test)]
mod tests;

use crate::args::build::CommonOptions;
use crate::error::{Error, Result};
use crate::settings::Settings;
use clap::ValueEnum;
use raddle_instrument::compile::Artifact;
use raddle_protocol::finding::{KeptIn, Severity};
use raddle_protocol::{Finding, Kept, MemoryModel, RawFinding, kept};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The directory beside the package's manifest.
const DIRECTORY: &str = ".raddle";

/// Says what to do with kept schedules where no option does.
const VARIABLE: &str = "RADDLE_REGRESSIONS";

/// Kept schedules of one test that are tried.
const MOST_TRIED: usize = 16;

/// Bytes of a file at the most. What is longer is nothing that anybody would review.
const MOST_BYTES: usize = 64 << 10;

/// Letters of a test's name in the name of a file.
const MOST_LETTERS: usize = 80;

/// What is done with failing schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Those that are found are kept, and those that were kept are tried first
    Keep,
    /// Those that were kept are tried first; nothing is written
    Try,
    /// Neither
    Off,
}

impl Mode {
    /// The option's, else the variable's; else to keep, or only to try under continuous integration, where what is written
    /// is lost.
    ///
    /// # Errors
    /// [`Error::Usage`] when the variable has a value that there is not.
    pub fn new(option: Option<Self>, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        if let Some(mode) = option {
            return Ok(mode);
        }
        if let Some(word) = variable(VARIABLE).filter(|word| !word.is_empty()) {
            return Self::from_str(&word, false).map_err(|_| Error::Usage {
                sentence: format!("the environment variable {VARIABLE} is `{word}`"),
                remedy: Some("there are `keep`, `try` and `off`".into()),
            });
        }
        let is_set = |value: String| !["", "0", "false"].contains(&value.as_str());
        Ok(if variable("CI").is_some_and(is_set) { Self::Try } else { Self::Keep })
    }
}

/// Where the failing schedules of an executable's tests are kept; `None` if its package is not the user's to write to.
pub fn place(artifact: &Artifact) -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let is_cargos =
        |root: &Path| home.is_some_and(|home| ["registry", "git"].iter().any(|of| root.starts_with(home.join(of))));
    (artifact.is_member && !is_cargos(&artifact.package_root)).then(|| artifact.package_root.join(DIRECTORY))
}

/// The options on which choices depend, as they are written on a command line. Equal ones are written alike.
pub fn options(settings: &Settings, build: &CommonOptions) -> String {
    let memory = match settings.memory {
        MemoryModel::Sc => "sc",
        MemoryModel::Rc11 | MemoryModel::Fenced => "rc11",
    };
    let world = settings.world;
    let delay = humantime::format_duration(Duration::from_nanos(world.delay_ns)).to_string().replace(' ', "");
    let mut words = vec![format!("--memory {memory} --cpus {} --delay {delay}", settings.processors)];
    let flags = [
        (world.io_faults, "--io-faults"),
        (world.network, "--allow-network"),
        (world.real_time, "--real-time"),
        (build.release, "--release"),
        (build.all_features, "--all-features"),
        (build.no_default_features, "--no-default-features"),
    ];
    words.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| (*word).to_owned()));
    words.extend(build.profile.as_ref().map(|profile| format!("--profile {profile}")));
    let features = build.features.iter().flat_map(|list| list.split([' ', ','])).filter(|name| !name.is_empty());
    let mut features: Vec<&str> = features.collect();
    features.sort_unstable();
    features.dedup();
    if !features.is_empty() {
        words.push(format!("--features {}", features.join(",")));
    }
    words.join(" ")
}

/// A kept schedule and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFile {
    /// The file.
    pub file: PathBuf,
    /// What it holds.
    pub kept: Kept,
}

/// All kept schedules of the packages that are tested.
#[derive(Debug)]
pub struct Regressions {
    mode: Mode,
    /// The options of this run.
    options: String,
    /// What file names are shown relative to.
    root: PathBuf,
    /// By directory and test, in the order of the files' names.
    kept: BTreeMap<(PathBuf, String), Vec<InFile>>,
}

impl Regressions {
    /// Nothing is tried and nothing is kept.
    pub fn off() -> Self {
        Self { mode: Mode::Off, options: String::new(), root: PathBuf::new(), kept: BTreeMap::new() }
    }

    /// Reads the schedules kept in these directories. What cannot be read is told as sentences.
    pub fn read<'a>(
        mode: Mode,
        options: String,
        root: &Path,
        directories: impl Iterator<Item = &'a PathBuf>,
    ) -> (Self, Vec<String>) {
        let mut all = Self { mode, options, root: root.to_path_buf(), kept: BTreeMap::new() };
        let mut unread = Vec::new();
        if mode == Mode::Off {
            return (all, unread);
        }
        let directories: std::collections::BTreeSet<&PathBuf> = directories.collect();
        for directory in directories {
            let entries = match std::fs::read_dir(directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    unread.push(format!("the schedules kept in `{}` are not tried: {error}", all.shown(directory)));
                    continue;
                }
            };
            let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
            files.sort();
            for file in files {
                match read_file(&file) {
                    Ok(kept) => {
                        let key = (directory.clone(), kept.test.clone());
                        all.kept.entry(key).or_default().push(InFile { file, kept });
                    }
                    Err(why) => unread.push(format!("`{}` is not tried: it {why}", all.shown(&file))),
                }
            }
        }
        (all, unread)
    }

    /// The schedules of a test that were kept in its directory: those that are tried, and those of other options.
    pub fn of(&self, place: Option<&PathBuf>, test: &str) -> (Vec<&InFile>, Vec<&InFile>) {
        let key = place.map(|place| (place.clone(), test.to_owned()));
        let all = key.and_then(|key| self.kept.get(&key)).map_or(&[][..], Vec::as_slice);
        let (mut tried, others): (Vec<_>, Vec<_>) = all.iter().partition(|file| file.kept.options == self.options);
        tried.truncate(MOST_TRIED);
        (tried, others)
    }

    /// Keeps the schedule of a finding, if it is one to be kept: one that fails the run, that can be performed again, and
    /// that is not performed first anyway.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written; [`Error::Usage`] when it is too long.
    pub fn keep(
        &self,
        place: Option<&PathBuf>,
        finding: &Finding,
        raw: &RawFinding,
        settings: &Settings,
    ) -> Result<Option<KeptIn>> {
        let is_one = finding.severity == Severity::Error && raw.differs.is_none() && raw.execution > 0;
        let Some(directory) = place.filter(|_| is_one && self.mode == Mode::Keep) else { return Ok(None) };
        let kept = Kept {
            test: finding.test.clone(),
            code: finding.code.0.clone(),
            options: self.options.clone(),
            seed: settings.seed,
            strategy: settings.strategy.clone(),
            number: raw.execution + 1,
            choices: raw.choices.clone(),
        };
        let text = kept::to_text(&kept).filter(|text| text.len() <= MOST_BYTES);
        let text = text.ok_or_else(|| Error::usage(format!("it takes more than {} kB", MOST_BYTES >> 10)))?;
        let file = directory.join(file_name(&kept, &text));
        let shown = self.shown(&file);
        if file.exists() {
            return Ok(Some(KeptIn { file: shown, new: false }));
        }
        std::fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
        let write = || {
            let mut new = tempfile::Builder::new().permissions(readable()).tempfile_in(directory)?;
            new.write_all(text.as_bytes())?;
            new.persist(&file).map_err(std::io::Error::from)
        };
        write().map_err(Error::file("write", &file))?;
        Ok(Some(KeptIn { file: shown, new: true }))
    }

    /// A path as it is shown: relative to the workspace where it lies inside it.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// As any file that is to be committed; the process's mask takes away what others may not do.
fn readable() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

fn read_file(file: &Path) -> Result<Kept, String> {
    let cannot = |error| format!("cannot be read: {error}");
    if std::fs::metadata(file).map_err(cannot)?.len() > MOST_BYTES as u64 {
        return Err(format!("is longer than {} kB", MOST_BYTES >> 10));
    }
    let text = std::fs::read_to_string(file).map_err(cannot)?;
    kept::from_text(&text).map_err(|refused| refused.to_string())
}

/// The test's name in letters that every file system has, the code, and eight digits of a hash.
fn file_name(kept: &Kept, text: &str) -> String {
    let mut name = String::new();
    for letter in kept.test.chars() {
        match letter {
            letter if letter.is_ascii_alphanumeric() || letter == '_' => name.push(letter),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.truncate(MOST_LETTERS);
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("{}-{}-{}.txt", name.trim_matches('-'), kept.code, &hash[..8])
}
