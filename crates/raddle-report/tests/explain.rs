//! The pages: that there is one for each code, that they keep to their form, that their code compiles, and how they look.

use raddle_report::explain::{self, Hazard, hazards};
use raddle_report::{Style, explain::Unknown};
use std::fmt::Write as _;
use std::process::Command;
use unicode_width::UnicodeWidthStr;

const UTF8: Style = Style { width: 80, color: false, unicode: true };

/// Headings of every page, in order.
const SECTIONS: [&str; 4] =
    ["## What it is", "## In the report", "## How to fix it", "## What a clean run does not prove"];

#[test]
fn codes_are_in_order_and_names_differ() {
    assert_eq!(hazards().len(), 29);
    for pair in hazards().windows(2) {
        assert!(pair[0].code < pair[1].code);
    }
    for hazard in hazards() {
        assert_eq!(hazards().iter().filter(|other| other.name == hazard.name).count(), 1);
        assert!(hazard.name.len() <= 30, "the list is laid out for names of at most 30 columns");
    }
}

#[test]
fn this_version_reports_these_codes() {
    let reported: Vec<&str> = hazards().iter().filter(|hazard| hazard.reported).map(|hazard| hazard.code).collect();
    let expected = [
        "RD0101", "RD0102", "RD0103", "RD0104", "RD0105", "RD0106", "RD0107", "RD0201", "RD0202", "RD0203", "RD0204",
        "RD0205", "RD0206", "RD0207", "RD0301", "RD0302", "RD0303", "RD0304", "RD0305", "RD0306", "RD0401", "RD0402",
        "RD0403", "RD0404", "RD0501", "RD0502", "RD0503", "RD0504", "RD0505",
    ];
    assert_eq!(reported, expected);
}

#[test]
fn pages_keep_to_their_form() {
    for Hazard { code, name, page, .. } in hazards() {
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines[0], format!("# {code}: {name}"));
        assert!((40..=80).contains(&lines.len()), "{code} has {} lines", lines.len());
        let headings: Vec<&str> = lines.iter().filter(|line| line.starts_with("## ")).copied().collect();
        assert_eq!(headings, SECTIONS, "{code}");
        assert!(page.is_ascii(), "{code} is to be read on any terminal");
        assert!(blocks(page, "rust").len() >= 2, "{code} needs a wrong program and a right one");
        assert!(!page.contains("not report"), "{code}: what this version reports is in the table, not in pages");
        let longest = lines.iter().map(|line| line.width()).max().unwrap_or(0);
        assert!(longest <= 100, "{code}: a line of {longest} columns");
        for listing in ["rust", "text"].iter().flat_map(|language| blocks(page, language)) {
            let longest = listing.lines().map(|line| line.width()).max().unwrap_or(0);
            assert!(longest <= 76, "{code}: a listing of {longest} columns does not fit 80");
        }
    }
}

#[test]
fn pages_say_whether_this_version_reports_their_code() {
    for hazard in hazards() {
        let text = explain::page(hazard.code).expect("a page").render(&UTF8);
        let sentence = format!("This version of Raddle does not report {} yet.", hazard.code);
        assert_eq!(text.contains(&sentence), !hazard.reported, "{}", hazard.code);
    }
}

/// The listings of one language in a page.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match &mut open {
            None if line == format!("```{language}") => open = Some(String::new()),
            None => {}
            Some(_) if line == "```" => found.extend(open.take()),
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a listing that does not end");
    found
}

/// All listings as modules of one crate, so that the compiler starts once. `--test` keeps the tests in them.
#[test]
fn rust_listings_compile() {
    let mut source = String::from("#![allow(dead_code, unused)]\n");
    for hazard in hazards() {
        for (number, block) in blocks(hazard.page, "rust").iter().enumerate() {
            let name = format!("{}_{number}", hazard.code.to_lowercase());
            write!(source, "mod {name} {{\n{block}}}\n").expect("a string takes all");
        }
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("pages.rs");
    std::fs::write(&file, &source).expect("the listings are written");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "--crate-name=pages", "--test", "--emit=metadata", "--color=never", "-o"])
        .arg(directory.path().join("pages.rmeta"))
        .arg(&file)
        .output()
        .expect("rustc starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_page_on_a_terminal() {
    let deadlock = explain::page("201").expect("a page");
    insta::assert_snapshot!("page_80", deadlock.render(&UTF8));
    insta::assert_snapshot!("page_50_ascii", deadlock.render(&Style { width: 50, color: false, unicode: false }));
    insta::assert_snapshot!("page_80_color", deadlock.render(&Style { color: true, ..UTF8 }));
    insta::assert_snapshot!("page_not_reported", explain::page("rd0302").expect("a page").render(&UTF8));
}

#[test]
fn pages_fit_the_width() {
    for hazard in hazards() {
        for width in [80, 100, 120] {
            let text = explain::page(hazard.code).expect("a page").render(&Style { width, ..UTF8 });
            for line in text.lines() {
                assert!(line.width() <= width, "{} for {width}: {line}", hazard.code);
            }
        }
    }
}

#[test]
fn the_list_of_all_codes() {
    insta::assert_snapshot!("list", explain::list(&UTF8));
    assert!(explain::list(&UTF8).lines().all(|line| line.width() <= 80));
}

#[test]
fn an_unknown_code_gets_suggestions() {
    insta::assert_snapshot!("unknown", Unknown { asked: "RD0299".into() }.render(&UTF8));
    insta::assert_snapshot!("unknown_name", Unknown { asked: "lost wake-up\u{1b}[31m".into() }.render(&UTF8));
}
