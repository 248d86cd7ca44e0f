//! A server for tests, which does to each page what it is told to.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the server does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers.
    Well,
    /// Answers after so long.
    Slow(Duration),
    /// Says that something went wrong.
    Broken,
    /// Says that there is no such page.
    Missing,
    /// Stops in the middle of the page.
    CutOff,
}

/// For each path, what happens to its first request, its second and so on; the last goes for all further ones. A path that
/// is not here is served well.
pub type Moods = BTreeMap<String, Vec<Mood>>;

/// How busy the server has been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests under way now.
    now: usize,
    /// The most there were at once.
    pub most: usize,
    /// All requests.
    pub requests: usize,
}

/// A server. It ends when it is dropped, and with it all its connections.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    load: Arc<Mutex<Load>>,
    _listens: JoinSet<()>,
}

impl Server {
    /// Starts one on a port of its own.
    pub async fn start(moods: Moods) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let load = Arc::new(Mutex::new(Load::default()));
        let mut listens = JoinSet::new();
        listens.spawn(listen(listener, moods, Arc::clone(&load)));
        Ok(Server { address, load, _listens: listens })
    }

    /// How busy it has been.
    pub fn load(&self) -> Load {
        *self.load.lock().unwrap()
    }
}

async fn listen(listener: TcpListener, moods: Moods, load: Arc<Mutex<Load>>) {
    let asked = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let moods = Arc::new(moods);
    let mut connections = JoinSet::new();
    loop {
        let Ok((connection, _)) = listener.accept().await else { return };
        let (moods, asked, load) = (Arc::clone(&moods), Arc::clone(&asked), Arc::clone(&load));
        connections.spawn(async move {
            // A client that has gone away is no concern of the server's.
            let _ = answer(connection, &moods, &asked, &load).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Counts a request as long as it lives.
struct UnderWay<'a>(&'a Mutex<Load>);

impl<'a> UnderWay<'a> {
    fn new(load: &'a Mutex<Load>) -> Self {
        let mut counts = load.lock().unwrap();
        counts.now += 1;
        counts.requests += 1;
        counts.most = counts.most.max(counts.now);
        UnderWay(load)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().now -= 1;
    }
}

async fn answer(
    mut connection: TcpStream,
    moods: &Moods,
    asked: &Mutex<BTreeMap<String, usize>>,
    load: &Mutex<Load>,
) -> io::Result<()> {
    let _under_way = UnderWay::new(load);
    let mut line = String::new();
    BufReader::new(&mut connection).read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let time = {
        let mut asked = asked.lock().unwrap();
        let times = asked.entry(path.clone()).or_default();
        *times += 1;
        *times - 1
    };
    let mood = moods.get(&path).and_then(|moods| moods.get(time).or(moods.last()).copied());
    let body = format!("this is {path}");
    let well = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let text = match mood.unwrap_or(Mood::Well) {
        Mood::Well => well,
        Mood::Slow(time) => {
            tokio::time::sleep(time).await;
            well
        }
        Mood::Broken => "HTTP/1.0 500 Internal Server Error\r\n\r\n".to_owned(),
        Mood::Missing => "HTTP/1.0 404 Not Found\r\n\r\n".to_owned(),
        Mood::CutOff => well[..well.len() - 3].to_owned(),
    };
    connection.write_all(text.as_bytes()).await?;
    connection.shutdown().await
}
