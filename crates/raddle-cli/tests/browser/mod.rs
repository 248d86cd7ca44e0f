//! What a browser shows of a page.

use std::path::Path;
use std::process::{Command, Stdio};

/// A picture of a page, light or dark. What the browser leaves behind goes into `directory`.
pub fn picture(page: &Path, directory: &Path, dark: bool) -> Vec<u8> {
    let file = directory.join(if dark { "dark.png" } else { "light.png" });
    let mut browser = Command::new("chromium");
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    browser.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    if dark {
        browser.args(["--force-dark-mode", "--blink-settings=preferredColorScheme=0"]);
    }
    browser.arg(format!("--user-data-dir={}", directory.join(format!("user-{dark}")).display()));
    browser.arg("--window-size=900,2000").arg(format!("--screenshot={}", file.display()));
    browser.arg(format!("file://{}", page.display()));
    let status = browser.stderr(Stdio::null()).status().expect("chromium is installed: apt-get install chromium");
    assert!(status.success());
    std::fs::read(file).unwrap()
}
