use super::server::{Moods, Server};
use super::*;
use crate::server::Mood;

fn limits() -> Limits {
    Limits {
        parallel: 8,
        attempts: 3,
        attempt: Duration::from_millis(500),
        pause: Duration::from_millis(100),
        total: Duration::from_secs(600),
    }
}

fn paths(count: usize) -> Vec<String> {
    (0..count).map(|page| format!("/{page}")).collect()
}

fn fetched(path: &str, attempt: u32) -> Fate {
    Fate::Fetched(format!("this is {path}"), attempt)
}

/// Every tenth page is slow, missing, broken for good or broken once, each one after those is cut off once, and one never
/// comes.
#[tokio::test]
async fn a_hundred_pages() {
    let mut moods = Moods::new();
    for page in (0..100).step_by(10) {
        let slow = Mood::Slow(Duration::from_millis(100));
        let never = Mood::Slow(Duration::from_secs(3600));
        let kinds = [vec![slow], vec![Mood::Missing], vec![Mood::Broken], vec![Mood::Broken, Mood::Well]];
        moods.insert(format!("/{page}"), kinds[page / 10 % 4].clone());
        moods.insert(format!("/{}", page + 1), vec![Mood::CutOff, Mood::Well]);
        if page == 50 {
            moods.insert(format!("/{}", page + 2), vec![never]);
        }
    }
    let server = Server::start(moods.clone()).await.unwrap();
    let paths = paths(100);
    let report = scrape(server.address, &paths, limits()).await;
    assert_eq!(report.len(), 100);
    for path in &paths {
        let expected = match moods.get(path).map(|moods| moods[0]) {
            None => fetched(path, 1),
            Some(Mood::Slow(time)) if time < limits().attempt => fetched(path, 1),
            Some(Mood::Slow(_)) => Fate::Failed(FetchError::TooSlow),
            Some(Mood::Missing) => Fate::Failed(FetchError::Status(404)),
            Some(Mood::Broken) if moods[path].len() == 1 => Fate::Failed(FetchError::Status(500)),
            Some(_) => fetched(path, 2),
        };
        assert_eq!(report[path], expected, "{path}");
    }
    // The server goes on with what the scraper has given up: the attempts at the page that never comes.
    assert!(server.load().most <= limits().parallel + limits().attempts as usize, "{:?}", server.load());
}

/// A server that answers nobody: every page is in the report all the same.
#[tokio::test]
async fn the_time_for_everything_runs_out() {
    let paths = paths(5);
    let moods = paths.iter().map(|path| (path.clone(), vec![Mood::Slow(Duration::from_secs(3600))])).collect();
    let server = Server::start(moods).await.unwrap();
    let limits = Limits { parallel: 2, total: Duration::from_millis(700), ..limits() };
    let report = scrape(server.address, &paths, limits).await;
    assert_eq!(report.len(), 5);
    assert!(report.values().all(|fate| *fate == Fate::NoTime), "{report:?}");
}

/// Nobody listens there.
#[tokio::test]
async fn no_server() {
    let address = Server::start(Moods::new()).await.unwrap().address;
    let report = scrape(address, &paths(2), limits()).await;
    let refused = |fate: &Fate| matches!(fate, Fate::Failed(FetchError::Connection(_)));
    assert!(report.len() == 2 && report.values().all(refused), "{report:?}");
}
