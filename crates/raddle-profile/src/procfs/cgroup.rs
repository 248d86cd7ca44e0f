//! How many processors a process's control groups let it use, and how often they have stopped it; versions 1 and 2.
//!
//! Limits of all groups from the process's own up to the root hold at once; the smallest counts.

use std::path::{Path, PathBuf};

/// A limit on processor time.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// The group's directory.
    pub directory: PathBuf,
    /// Processors' worth of time.
    pub cores: f64,
    /// Seconds for which threads have been stopped, since the group was made.
    pub throttled: f64,
    /// How often.
    pub times: u64,
}

/// The paths of a process in the two hierarchies that can limit processor time, from `/proc/PID/cgroup`.
pub fn paths(text: &str) -> Vec<(Version, String)> {
    text.lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            match (number, controllers) {
                ("0", "") => Some((Version::Two, path.to_owned())),
                (_, list) if list.split(',').any(|name| name == "cpu") => Some((Version::One, path.to_owned())),
                _ => None,
            }
        })
        .collect()
}

/// Which hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Version {
    One,
    Two,
}

/// `cpu.max` of version 2: `max 100000` or `50000 100000`.
pub fn cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// Times and seconds of throttling, from `cpu.stat` of either version.
pub fn throttled(text: &str) -> (u64, f64) {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
    let times = value("nr_throttled ").unwrap_or(0);
    let seconds = match (value("throttled_usec "), value("throttled_time ")) {
        (Some(micro), _) => micro as f64 / 1e6,
        (None, Some(nano)) => nano as f64 / 1e9,
        (None, None) => 0.0,
    };
    (times, seconds)
}

impl Quota {
    /// How often and for how long the group has stopped threads by now. The process need not be there any more.
    pub fn throttled_now(&self) -> (u64, f64) {
        throttled(&std::fs::read_to_string(self.directory.join("cpu.stat")).unwrap_or_default())
    }
}

/// The smallest limit that holds for a process.
pub fn quota(pid: i32) -> Option<Quota> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    smallest(Path::new("/sys/fs/cgroup"), &text)
}

/// The smallest limit of the groups in `text`, as `/proc/PID/cgroup` lists them, below the directory where groups are.
pub(super) fn smallest(root: &Path, text: &str) -> Option<Quota> {
    let mut smallest: Option<Quota> = None;
    for (version, path) in paths(text) {
        let mounts: &[&str] = match version {
            Version::One => &["cpu", "cpu,cpuacct"],
            Version::Two => &["", "unified"],
        };
        for mount in mounts {
            for directory in upwards(&root.join(mount), &path) {
                let Some(found) = limit(&directory, version) else { continue };
                if smallest.as_ref().is_none_or(|smallest| found.cores < smallest.cores) {
                    smallest = Some(found);
                }
            }
        }
    }
    smallest
}

fn limit(directory: &Path, version: Version) -> Option<Quota> {
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).ok();
    let cores = match version {
        Version::Two => cpu_max(&read("cpu.max")?)?,
        Version::One => {
            let number = |name: &str| read(name)?.trim().parse::<f64>().ok();
            let (quota, period) = (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?);
            (quota > 0.0 && period > 0.0).then(|| quota / period)?
        }
    };
    let (times, throttled) = throttled(&read("cpu.stat").unwrap_or_default());
    Some(Quota { directory: directory.to_path_buf(), cores, throttled, times })
}

/// The directory of a group and all above it, the hierarchy's root included: inside a container that is the limit's
/// place.
fn upwards(mount: &Path, path: &str) -> Vec<PathBuf> {
    let mut found = vec![mount.to_path_buf()];
    let mut directory = mount.to_path_buf();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != "..") {
        directory.push(part);
        found.push(directory.clone());
    }
    found
}
