//! Books of what was spent where: by thread name, and by what was waited for.

use crate::classify::Wait;
use crate::state::ByState;
use std::collections::HashMap;

/// Keys that are told apart; what comes later goes to one entry for all others.
const MOST: usize = 4096;

/// Threads of one name in one process.
#[derive(Clone, Debug, Default)]
pub struct ThreadAccount {
    /// How many there were.
    pub count: u64,
    /// Seconds by state.
    pub time: ByState,
    /// User time, seconds.
    pub user: f64,
    /// System time, seconds.
    pub system: f64,
    /// Times put on a processor.
    pub slices: u64,
    /// Voluntary switches.
    pub voluntary: u64,
    /// Involuntary switches.
    pub involuntary: u64,
    /// Migrations.
    pub migrations: u64,
}

/// Threads by process and name.
#[derive(Debug, Default)]
pub struct Threads(pub HashMap<(i32, String), ThreadAccount>);

impl ThreadAccount {
    /// Adds what another thread of the same name has done.
    pub fn add(&mut self, other: &ThreadAccount) {
        self.count += other.count;
        self.time.add(&other.time);
        self.user += other.user;
        self.system += other.system;
        self.slices += other.slices;
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
        self.migrations += other.migrations;
    }
}

impl Threads {
    /// The account of a thread.
    pub fn of(&mut self, pid: i32, name: &str) -> &mut ThreadAccount {
        let key = (pid, name.to_owned());
        let key = if self.0.len() < MOST || self.0.contains_key(&key) { key } else { (0, "(others)".to_owned()) };
        self.0.entry(key).or_default()
    }
}

/// Where threads waited: process, and what for.
pub type SiteKey = (i32, Wait);

/// Threads that wait for the same thing.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Thread-seconds.
    pub seconds: f64,
    /// Looks that saw a thread here.
    pub seen: u64,
    /// Threads that are here now.
    pub now: u64,
    /// Most that were.
    pub most: u64,
}

/// All sites, by number, so that a thread can keep the number of the one it is at.
#[derive(Debug, Default)]
pub struct Sites {
    numbers: HashMap<SiteKey, usize>,
    /// The sites.
    pub all: Vec<(SiteKey, Site)>,
}

impl Sites {
    /// The number of a site.
    pub fn number(&mut self, pid: i32, wait: &Wait) -> usize {
        let mut key = (pid, wait.clone());
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        if self.all.len() >= MOST {
            key.1.object = crate::classify::Object::None;
            if let Some(number) = self.numbers.get(&key) {
                return *number;
            }
        }
        let number = self.all.len();
        self.numbers.insert(key.clone(), number);
        self.all.push((key, Site::default()));
        number
    }

    /// A thread is seen here.
    pub fn see(&mut self, number: usize) {
        self.all[number].1.seen += 1;
    }

    /// A thread comes here, from another site or from none.
    pub fn move_to(&mut self, from: Option<usize>, to: Option<usize>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            let site = &mut self.all[from].1;
            site.now = site.now.saturating_sub(1);
        }
        if let Some(to) = to {
            let site = &mut self.all[to].1;
            site.now += 1;
            site.most = site.most.max(site.now);
        }
    }

    /// Time was spent here.
    pub fn spend(&mut self, number: usize, seconds: f64) {
        self.all[number].1.seconds += seconds;
    }
}
