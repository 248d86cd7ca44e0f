//! A scraper: fetches many pages at once, with a limit on how many, and reports what became of each.
//!
//! A page is tried several times, each time with a time limit, with pauses in between that double; the whole has a time
//! limit of its own. A page that has not been fetched when that runs out is reported as such: the report has every page.

pub mod fetch;
pub mod server;

use fetch::FetchError;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Pages under way at once.
    pub parallel: usize,
    /// Attempts at one page.
    pub attempts: u32,
    /// Time for one attempt.
    pub attempt: Duration,
    /// Pause after the first attempt; it doubles with each further one.
    pub pause: Duration,
    /// Time for everything.
    pub total: Duration,
}

/// What became of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its text, and at which attempt.
    Fetched(String, u32),
    /// Every attempt has failed; why the last one did.
    Failed(FetchError),
    /// The time for everything was over first.
    NoTime,
}

/// Fetches these paths from a server and tells what became of each.
pub async fn scrape(server: SocketAddr, paths: &[String], limits: Limits) -> BTreeMap<String, Fate> {
    let report: BTreeMap<String, Fate> = paths.iter().map(|path| (path.clone(), Fate::NoTime)).collect();
    let report = Arc::new(Mutex::new(report));
    let places = Arc::new(Semaphore::new(limits.parallel));
    let mut pages = JoinSet::new();
    for path in paths.iter().cloned() {
        let (report, places) = (Arc::clone(&report), Arc::clone(&places));
        pages.spawn(async move {
            // The place is given back when it is dropped, also where the task is aborted.
            let Ok(_place) = places.acquire().await else { return };
            let fate = fetch_patiently(server, &path, limits).await;
            report.lock().unwrap().insert(path, fate);
        });
    }
    // What is not done by then keeps the fate it began with.
    let _ = timeout(limits.total, async { while pages.join_next().await.is_some() {} }).await;
    pages.shutdown().await;
    std::mem::take(&mut *report.lock().unwrap())
}

async fn fetch_patiently(server: SocketAddr, path: &str, limits: Limits) -> Fate {
    let mut pause = limits.pause;
    let mut attempt = 1;
    loop {
        let fetched = timeout(limits.attempt, fetch::fetch(server, path)).await;
        match fetched.unwrap_or(Err(FetchError::TooSlow)) {
            Ok(text) => return Fate::Fetched(text, attempt),
            Err(error) if attempt == limits.attempts || !error.may_pass() => return Fate::Failed(error),
            Err(_) => {}
        }
        sleep(pause).await;
        pause *= 2;
        attempt += 1;
    }
}

#[cfg(test)]
mod tests;
