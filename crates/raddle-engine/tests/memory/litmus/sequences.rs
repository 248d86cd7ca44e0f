//! Release sequences: a store and the read-modify-writes that follow it, and nothing else since C++20.

use super::litmus;

litmus! {
    rs_one_rmw: "x.rlx = 1; y.rel = 1 | a = y.rlx += 1 | b = y.acq; c = x.rlx", "abc" => "000 001 010 011 100 101 111 121";
    rs_rmw_of_another_thread_only: "x.rlx = 1; y.rel = 1; a = y.rlx += 1 | b = y.acq; c = x.rlx", "bc" => "00 01 11 21";
    /// Since C++20 a later store of the same thread does not continue the sequence.
    rs_own_store_ends_it: "x.rlx = 1; y.rel = 1; y.rlx = 2 | a = y.acq; b = x.rlx", "ab" => "00 01 11 20 21";
    rs_other_store_ends_it: "x.rlx = 1; y.rel = 1 | y.rlx = 2 | a = y.acq; b = x.rlx", "ab" => "00 01 11 20 21";
    rs_two_heads: "x.rlx = 1; a = y.rel += 1 | z.rlx = 1; b = y.rel += 1 | c = y.acq; d = x.rlx; e = z.rlx", "cde" => "000 001 010 011 101 110 111 211";
    rs_chain_of_two: "x.rlx = 1; y.rel = 1; a = y.rlx += 1 | b = y.rlx += 1 | c = y.acq; d = x.rlx", "bcd" => "000 001 010 011 021 100 101 111 121 131 200 201 211 221 231";
    rs_by_cas: "x.rlx = 1; y.rel = 1 | a b = y.rlx/rlx cas 1 -> 2 | c = y.acq; d = x.rlx", "bcd" => "000 001 011 100 101 111 121";
    rs_rmw_after_a_store_of_the_same_thread: "x.rlx = 1; y.rel = 1; y.rlx = 2; a = y.rlx += 1 | b = y.acq; c = x.rlx",
        "bc" => "00 01 11 20 21 30 31";
    /// The head may be a relaxed store that follows a release fence.
    rs_headed_by_a_fence: "x.rlx = 1; fence.rel; y.rlx = 1 | a = y.rlx += 1 | b = y.acq; c = x.rlx", "abc" => "000 001 010 011 100 101 111 121";
    rs_read_before_an_acquire_fence: "x.rlx = 1; y.rel = 1 | a = y.rlx += 1 | b = y.rlx; fence.acq; c = x.rlx", "abc" => "000 001 010 011 100 101 111 121";
    rs_rmw_acquires_from_the_sequence: "x.rlx = 1; y.rel = 1; a = y.rlx += 1 | b = y.acq += 1; c = x.rlx", "bc" => "00 01 11 21";
    /// What a relaxed read-modify-write has read is passed on by the fence that comes before it only.
    rs_relaxed_rmw_does_not_pass_on_its_own: "x.rlx = 1; a = y.rlx += 1 | b = y.acq; c = x.rlx", "bc" => "00 01 10 11";
    arc_release: "x.rlx = 1; a = y.rel += 1 | b = y.rel += 1; fence.acq; c = x.rlx", "bc" => "00 01 11";
    arc_relaxed: "x.rlx = 1; a = y.rlx += 1 | b = y.rlx += 1; fence.acq; c = x.rlx", "bc" => "00 01 10 11";
    arc_without_the_fence: "x.rlx = 1; a = y.rel += 1 | b = y.rel += 1; c = x.rlx", "bc" => "00 01 10 11";
}
