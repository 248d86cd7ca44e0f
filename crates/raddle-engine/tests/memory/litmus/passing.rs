//! Shapes that pass a message: MP, WRC, ISA2, IRIW, Z6, and their relatives.

use super::litmus;

litmus! {
    mp_relaxed: "x.rlx = 1; y.rlx = 1 | a = y.rlx; b = x.rlx", "ab" => "00 01 10 11";
    mp_release_acquire: "x.rlx = 1; y.rel = 1 | a = y.acq; b = x.rlx", "ab" => "00 01 11";
    mp_release_relaxed: "x.rlx = 1; y.rel = 1 | a = y.rlx; b = x.rlx", "ab" => "00 01 10 11";
    mp_relaxed_acquire: "x.rlx = 1; y.rlx = 1 | a = y.acq; b = x.rlx", "ab" => "00 01 10 11";
    mp_seq_cst: "x.sc = 1; y.sc = 1 | a = y.sc; b = x.sc", "ab" => "00 01 11";
    /// A sequentially consistent store releases, and a load acquires.
    mp_flag_seq_cst: "x.rlx = 1; y.sc = 1 | a = y.sc; b = x.rlx", "ab" => "00 01 11";
    mp_through_exchange: "x.rlx = 1; a = y.acq_rel := 1 | b = y.acq_rel := 2; c = x.rlx", "bc" => "00 01 11";
    mp_through_failed_cas: "x.rlx = 1; y.rel = 1 | a b = y.rlx/acq cas 5 -> 6; c = x.rlx", "ac" => "00 01 11";
    mp_through_failed_cas_relaxed: "x.rlx = 1; y.rel = 1 | a b = y.acq_rel/rlx cas 5 -> 6; c = x.rlx",
        "ac" => "00 01 10 11";
    mp_through_cas_that_succeeds: "x.rlx = 1; y.rel = 1 | a b = y.acq/rlx cas 1 -> 2; c = x.rlx", "ac" => "00 01 11";
    mp_through_cas_relaxed_success: "x.rlx = 1; y.rel = 1 | a b = y.rlx/acq cas 1 -> 2; c = x.rlx",
        "ac" => "00 01 10 11";
    mp_seq_cst_failure: "x.rlx = 1; y.rel = 1 | a b = y.rlx/sc cas 5 -> 6; c = x.rlx", "ac" => "00 01 11";

    join_makes_all_known: "x.rlx = 1; x.rlx = 2; end | join 0; a = x.rlx", "a" => "2";
    join_of_a_reader: "a = x.rlx; end | x.rlx = 1 | join 0; b = x.rlx", "ab" => "00 01 11";
    join_keeps_stores_in_order: "x.rlx = 1; end | join 0; x.rlx = 2 | a = x.rlx; b = x.rlx", "abx" => "002 012 022 112 122 222";
    /// What a thread does at its end happens strongly before what comes after the join.
    join_is_strong: "x.sc = 1; end | join 0; a = y.sc | y.sc = 1; b = x.sc", "ab" => "01 10 11";

    wrc_relaxed: "x.rlx = 1 | a = x.rlx; y.rlx = 1 | b = y.rlx; c = x.rlx",
        "abc" => "000 001 010 011 100 101 110 111";
    wrc_release_acquire: "x.rel = 1 | a = x.acq; y.rel = 1 | b = y.acq; c = x.rlx",
        "abc" => "000 001 010 011 100 101 111";
    /// Causality through a relaxed read of the first store: coherence alone carries it on.
    wrc_relaxed_first: "x.rlx = 1 | a = x.rlx; y.rel = 1 | b = y.acq; c = x.rlx",
        "abc" => "000 001 010 011 100 101 111";
    isa2_release_acquire: "x.rlx = 1; y.rel = 1 | a = y.acq; z.rel = 1 | b = z.acq; c = x.rlx",
        "abc" => "000 001 010 011 100 101 111";
    isa2_relaxed_in_the_middle: "x.rlx = 1; y.rel = 1 | a = y.rlx; z.rel = 1 | b = z.acq; c = x.rlx",
        "abc" => "000 001 010 011 100 101 110 111";
    isa2_fences: "x.rlx = 1; fence.rel; y.rlx = 1 | a = y.rlx; fence.acq_rel; z.rlx = 1 | b = z.rlx; fence.acq; c = x.rlx",
        "abc" => "000 001 010 011 100 101 111";

    rwc_seq_cst: "x.sc = 1 | a = x.sc; b = y.sc | y.sc = 1; c = x.sc", "abc" => "000 001 010 011 101 110 111";
    rwc_relaxed: "x.rlx = 1 | a = x.rlx; b = y.rlx | y.rlx = 1; c = x.rlx",
        "abc" => "000 001 010 011 100 101 110 111";
    rwc_fences: "x.rlx = 1 | a = x.rlx; fence.sc; b = y.rlx | y.rlx = 1; fence.sc; c = x.rlx",
        "abc" => "000 001 010 011 101 110 111";
    /// An acquiring read does not make up for the missing sequential consistency: the order need not agree with the
    /// happens-before of a store and what follows its acquiring read.
    rwc_one_acquire: "x.sc = 1 | a = x.acq; b = y.sc | y.sc = 1; c = x.sc",
        "abc" => "000 001 010 011 100 101 110 111";
    wrw_two_w: "x.rlx = 2 | a = x.acq; y.rel = 1 | y.rlx = 2; x.rel = 1", "axy" => "011 012 021 022 111 121 211 212 221 222";

    z6_3_release_acquire: "x.rel = 1; y.rel = 1 | y.rel = 2; z.rel = 1 | a = z.acq; b = x.acq", "aby" => "001 002 011 012 101 102 111 112";

    dekker_by_exchange_and_load: "a = x.sc := 1; b = y.sc | c = y.sc := 1; d = x.sc", "bd" => "01 10 11";
}
