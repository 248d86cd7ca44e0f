//! One location at a time: the coherence conditions, and atomicity of read-modify-writes.

use super::litmus;

litmus! {
    corr: "x.rlx = 1 | a = x.rlx; b = x.rlx", "ab" => "00 01 11";
    corr_of_two_stores: "x.rlx = 1; x.rlx = 2 | a = x.rlx; b = x.rlx", "ab" => "00 01 02 11 12 22";
    coww: "x.rlx = 1; x.rlx = 2", "x" => "2";
    corw: "a = x.rlx; x.rlx = 1 | x.rlx = 2", "ax" => "01 02 21";
    cowr: "x.rlx = 1; a = x.rlx | x.rlx = 2", "ax" => "11 12 22";
    cowr_own_store_is_seen: "x.rlx = 1; a = x.rlx", "a" => "1";
    /// Coherence goes through happens-before, too.
    cowr_across_threads: "x.rlx = 1; x.rlx = 2; y.rel = 1 | a = y.acq; b = x.rlx", "ab" => "00 01 02 12";
    corr_across_threads: "x.rlx = 1 | a = x.rlx; y.rel = 1 | b = y.acq; c = x.rlx", "abc" => "000 001 010 011 100 101 111";
    corw_across_threads: "x.rlx = 1 | a = x.rlx; y.rel = 1 | b = y.acq; x.rlx = 2", "abx" => "001 002 011 012 101 102 112 201 202";
    coww_across_threads: "x.rlx = 1; y.rel = 1 | a = y.acq; x.rlx = 2", "ax" => "01 02 12";
    /// The order in which two stores are seen is that of the value that stays.
    stores_are_seen_in_one_order: "x.rlx = 1 | x.rlx = 2 | a = x.rlx; b = x.rlx", "abx" => "001 002 011 012 021 022 111 112 122 211 221 222";

    rmw_two_adds: "a = x.rlx += 1 | b = x.rlx += 1", "abx" => "012 102";
    rmw_three_adds: "a = x.rlx += 1 | b = x.rlx += 1 | c = x.rlx += 1", "abcx" => "0123 0213 1023 1203 2013 2103";
    rmw_and_store: "a = x.rlx += 1 | x.rlx = 5", "ax" => "05 56";
    /// The addition may read an older store than the newest, if it comes before that in modification order.
    rmw_before_a_store_that_it_knows_of: "x.rlx = 4; y.rlx = 1 | a = y.rlx; b = x.rlx += 1", "abx" => "004 045 104 145";
    rmw_not_before_what_happens_before: "x.rlx = 4; y.rel = 1 | a = y.acq; b = x.rlx += 1", "abx" => "004 045 145";
    rmw_nothing_comes_between: "a = x.rlx += 1 | x.rlx = 5; b = x.rlx", "abx" => "055 556 566";
    rmw_exchanges: "a = x.rlx := 1 | b = x.rlx := 2", "abx" => "012 201";
    rmw_add_of_nothing: "x.rlx = 1 | a = x.rlx += 0; b = x.rlx", "abx" => "001 011 111";

    cas_one_wins: "a b = x.rlx/rlx cas 0 -> 1 | c d = x.rlx/rlx cas 0 -> 2", "abcdx" => "01101 20012";
    cas_strong_fails_only_if_different: "x.rlx = 1 | a b = x.rlx/rlx cas 0 -> 2", "abx" => "011 101";
    cas_weak_may_fail: "a b = x.rlx/rlx weak 0 -> 1", "abx" => "000 011";
    cas_weak_fails_on_the_older_value: "x.rlx = 1 | a b = x.rlx/rlx weak 0 -> 2", "abx" => "001 011 101";
    cas_weak_fails_on_a_value_taken_by_another: "a = x.rlx += 1 | b c = x.rlx/rlx weak 0 -> 5", "abcx" => "0001 0101 5016";
    cas_failure_reads_any_value: "x.rlx = 1; x.rlx = 2 | a b = x.rlx/rlx cas 3 -> 4", "abx" => "002 102 202";
    cas_finds_the_value_again: "x.rlx = 1; x.rlx = 0 | a b = x.rlx/rlx cas 0 -> 2; c = x.rlx", "abcx" => "0100 0110 0120 0122 1000 1010";
    cas_lock: "a b = x.acq/rlx cas 0 -> 1; y.rlx = 1; x.rel = 0 | c d = x.acq/rlx cas 0 -> 1; e = y.rlx",
        "bde" => "010 011 100 101 111";
}
