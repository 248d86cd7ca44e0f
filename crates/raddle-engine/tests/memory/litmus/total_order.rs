//! The total order of sequentially consistent operations, where it is not as one would think.

use super::litmus;

litmus! {
    iriw_relaxed: "x.rlx = 1 | y.rlx = 1 | a = x.rlx; b = y.rlx | c = y.rlx; d = x.rlx", "abcd" => "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1110 1111";
    iriw_acquire: "x.rel = 1 | y.rel = 1 | a = x.acq; b = y.acq | c = y.acq; d = x.acq", "abcd" => "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1110 1111";
    iriw_seq_cst: "x.sc = 1 | y.sc = 1 | a = x.sc; b = y.sc | c = y.sc; d = x.sc", "abcd" => "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111";
    /// Lahav et al., section 1.1: the stores need not be ordered for all readers when the first reads are acquiring.
    iriw_acquire_first: "x.sc = 1 | y.sc = 1 | a = x.acq; b = y.sc | c = y.acq; d = x.sc", "abcd" => "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1110 1111";

    /// Lahav et al., Z6.U: `a` 1, `b` 3, `c` 0 takes an order in which the sequentially consistent store to `y` of the
    /// second thread comes before what happens before it.
    z6_u: "x.sc = 1; y.rel = 1 | a = y.sc += 1; b = y.rlx | y.sc = 3; c = x.sc", "abcy" => "0101 0103 0111 0113 0301 0303 0311 0313 1202 1203 1212 1213 1303 1313 3101 3111 3401 3404 3411 3414";
    z6_u_throughout: "x.sc = 1; y.sc = 1 | a = y.sc += 1; b = y.rlx | y.sc = 3; c = x.sc", "abc" => "010 011 030 031 120 121 131 310 311 340 341";

    /// loom, issue 180: sequentially consistent accesses were no stronger than acquire and release.
    loom_180_forbids_both_zero: "x.sc = 1; a = y.sc | y.sc = 1; b = x.sc", "ab" => "01 10 11";
    /// loom, issue 107: before that, any two of them synchronized with each other, so that stale values went missing.
    loom_107_different_locations_do_not_synchronize: "x.rlx = 1; y.sc = 1; z.rlx = 1 | a = z.rlx; y.sc = 2; b = x.rlx",
        "ab" => "00 01 10 11";
    loom_107_loads_do_not_release: "x.rlx = 1; a = y.sc; z.rlx = 1 | b = z.rlx; c = y.sc; d = x.rlx", "bd" => "00 01 10 11";
    /// loom, issue 282: an exchange reads what comes before it in modification order, however that came about.
    loom_282_an_exchange_agrees_with_modification_order:
        "x.rlx = 1; y.rel = 1 | a = y.acq_rel := 2; b = x.rlx | c = y.rlx; d = y.rlx",
        "abcd" => "0000 0001 0002 0011 0021 0022 0100 0101 0102 0111 0121 0122 1100 1101 1102 1111 1112 1122";

    /// A store that is not sequentially consistent has no place in the order, whatever the loads are.
    mixed_store_is_no_part: "x.rel = 1; a = y.sc | y.sc = 1; b = x.sc", "ab" => "00 01 10 11";
    mixed_load_is_no_part: "x.sc = 1; a = y.acq | y.sc = 1; b = x.sc", "ab" => "00 01 10 11";
    /// A read-modify-write makes both halves strong.
    mixed_rmw_in_place_of_the_load: "x.rlx = 1; a = y.sc += 0 | y.sc = 1; b = x.sc", "ab" => "00 01 10 11";
    mixed_failed_cas: "x.sc = 1; a c = y.sc/sc cas 7 -> 8 | y.sc = 1; b d = x.sc/sc cas 7 -> 8", "ab" => "01 10 11";
    mixed_failed_cas_relaxed: "x.sc = 1; a c = y.sc/rlx cas 7 -> 8 | y.sc = 1; b d = x.sc/rlx cas 7 -> 8",
        "ab" => "00 01 10 11";
    mixed_fence_after_the_store: "x.sc = 1; fence.sc; a = y.rlx | y.rlx = 1; fence.sc; b = x.sc", "ab" => "01 10 11";
    mixed_fence_between_reads: "x.sc = 1 | a = x.rlx; fence.sc; b = y.rlx | y.sc = 1; c = x.sc",
        "abc" => "000 001 010 011 101 110 111";
    /// The order must agree with coherence through a store that is no part of it.
    order_through_a_relaxed_store: "x.sc = 1; a = y.sc | y.sc = 1; b = x.sc | x.rlx = 2",
        "abx" => "011 012 022 101 102 111 112 121 122";
    two_fences_order_what_lies_between: "x.rlx = 1; fence.sc; y.rlx = 1 | a = y.rlx; fence.sc; b = x.rlx", "ab" => "00 01 11";
    /// What happens before a fence comes before it, whether or not it does so strongly.
    fence_that_acquires_itself: "x.sc = 1; y.rel = 1 | a = y.rlx; fence.sc; b = z.rlx | z.sc = 1; c = x.sc",
        "abc" => "000 001 010 011 101 110 111";
    load_that_acquires_before_the_fence: "x.sc = 1; y.rel = 1 | a = y.acq; fence.sc; b = z.rlx | z.sc = 1; c = x.sc",
        "abc" => "000 001 010 011 101 110 111";
    /// The first read of the second thread happens before the fence; that it reads again later changes nothing.
    first_read_happens_before_the_fence:
        "x.rlx = 1 | a = x.rlx; y.rel = 1; b = x.rlx | c = y.acq; fence.sc; d = z.rlx | z.sc = 1; e = x.sc",
        "acde" => "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1101 1110 1111";
    /// A store comes before a fence if a read of it happens before the fence, though the store itself does not.
    store_whose_reader_happens_before_a_fence:
        "a = z.sc; x.sc = 1 | b = x.rlx; y.rel = 1 | z.sc = 1 | c = y.acq; fence.sc; d = z.rlx",
        "abcd" => "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1111";
    /// A fence orders what its thread's partner reads after learning of it, though the same was read before.
    fence_happens_before_the_second_read:
        "a = x.rlx; b = y.acq; d = x.rlx | z.rlx = 1; fence.sc; y.rel = 1 | x.rlx = 1; fence.sc; c = z.rlx",
        "abcd" => "0000 0001 0010 0011 0101 0110 0111 1001 1011 1101 1111";
    /// A load comes before what its thread's later release makes it happen before.
    load_comes_strongly_before_what_follows_a_release:
        "a = x.sc; y.rel = 1 | b = y.acq; c = z.sc | z.sc = 1; x.sc = 1 | x.rlx = 2",
        "abcx" => "0001 0002 0011 0012 0101 0102 0111 0112 1001 1002 1011 1012 1111 1112 2001 2002 2011 2012 2101 2111 2112";
    /// Fences that come one after the other in execution may come the other way round in the order.
    fences_against_execution: "z.rlx = 1; fence.sc; x.rlx = 1 | a = x.rlx; y.rlx = 1 | b = y.rlx; fence.sc; c = z.rlx",
        "abc" => "000 001 010 011 100 101 110 111";
}
