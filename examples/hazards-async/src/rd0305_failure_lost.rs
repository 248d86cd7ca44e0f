//! Task failure lost: a thread or task panics, and nobody looks at the handle that would tell.

use std::thread;
use tokio::sync::mpsc;

/// The sum of the lines that are numbers; one that is not ends whoever adds up.
fn add_up(lines: &[&str]) -> u32 {
    lines.iter().map(|line| line.parse::<u32>().expect("a number")).sum()
}

/// The thread is left to itself.
mod thread_left_alone {
    use super::*;

    #[test]
    fn wrong() {
        thread::spawn(|| add_up(&["1", "two"]));
        assert_eq!(add_up(&["3"]), 3);
    }

    #[test]
    fn fixed() {
        let adder = thread::spawn(|| add_up(&["1", "2"]));
        assert_eq!(add_up(&["3"]), 3);
        assert_eq!(adder.join().unwrap(), 3);
    }
}

/// The task has told how far it has come, and nobody asks how it ended.
mod task_left_alone {
    use super::*;

    /// Tells that it has begun, and adds up.
    async fn report(begun: mpsc::Sender<()>, lines: &'static [&'static str]) -> u32 {
        begun.send(()).await.unwrap();
        add_up(lines)
    }

    #[tokio::test]
    async fn wrong() {
        let (sender, mut begun) = mpsc::channel(1);
        tokio::spawn(report(sender, &["1", "two"]));
        while begun.recv().await.is_some() {}
    }

    #[tokio::test]
    async fn fixed() {
        let (sender, mut begun) = mpsc::channel(1);
        let task = tokio::spawn(report(sender, &["1", "2"]));
        while begun.recv().await.is_some() {}
        assert_eq!(task.await.unwrap(), 3);
    }
}
