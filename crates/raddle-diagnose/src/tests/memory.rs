//! Findings about memory that is left.

use super::scene::*;
use raddle_protocol::trace::*;
use raddle_protocol::{Finding, Leaks, Severity};

const X: u64 = 0x4000;
const Y: u64 = 0x4008;
const FAR: u64 = 0x5000;

/// Three blocks from two places are left at the end.
fn left(leaks: Option<Leaks>) -> Finding {
    let mut scene = Scene::new();
    scene.leaks = leaks;
    let sizes = [(X, 16), (Y + 0x100, 200), (FAR, 32)];
    for (at, (address, size)) in sizes.into_iter().enumerate() {
        scene.block(address, size, "alloc::alloc::alloc", ("bank::open", if at == 1 { 40 } else { 41 }, 9));
    }
    for (address, size) in sizes {
        scene.step(0, Op::LeftAllocated { address, size }, &[], ("bank::tests::scene", 50, 1));
    }
    scene.finding(Outcome::Passed)
}

#[test]
fn memory_that_nothing_leads_to() {
    let found = left(Some(Leaks { executions: 37, of: 1000, least: (0, 0), most: (248, 3) }));
    assert_eq!((found.code.0.as_str(), found.severity), ("RD0404", Severity::Warning));
    assert_eq!(found.message, "handle leak: 3 blocks (248 bytes) of memory are left when the test has ended");
    let spans: Vec<(u32, &str)> = found.spans.iter().map(|span| (span.line, span.label.as_str())).collect();
    assert_eq!(
        spans,
        [(40, "1 block (200 bytes) was allocated here"), (41, "2 blocks (48 bytes) were allocated here")]
    );
    assert!(
        found.reason[1].starts_with("Something is left behind in 37 of the 1,000 executions"),
        "{:?}",
        found.reason
    );
}

#[test]
fn how_often_memory_is_left() {
    let said = |least, most| left(Some(Leaks { executions: 9, of: 9, least, most })).reason.remove(1);
    assert_eq!(said((248, 3), (248, 3)), "As much is left behind in every one of the 9 executions that passed.");
    assert!(said((16, 1), (248, 3)).ends_with("16 bytes at the least, 248 bytes at the most."));
    // A replay has not counted.
    assert_eq!(left(None).reason.len(), 1);
}
