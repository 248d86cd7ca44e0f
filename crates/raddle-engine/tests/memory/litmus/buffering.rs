//! Shapes in which stores are seen late or enter modification order late: SB, R, S, 2+2W.

use super::litmus;

litmus! {
    sb_relaxed: "x.rlx = 1; a = y.rlx | y.rlx = 1; b = x.rlx", "ab" => "00 01 10 11";
    sb_release_acquire: "x.rel = 1; a = y.acq | y.rel = 1; b = x.acq", "ab" => "00 01 10 11";
    sb_seq_cst: "x.sc = 1; a = y.sc | y.sc = 1; b = x.sc", "ab" => "01 10 11";
    sb_seq_cst_stores_only: "x.sc = 1; a = y.rlx | y.sc = 1; b = x.rlx", "ab" => "00 01 10 11";
    sb_seq_cst_loads_only: "x.rel = 1; a = y.sc | y.rel = 1; b = x.sc", "ab" => "00 01 10 11";
    sb_fences: "x.rlx = 1; fence.sc; a = y.rlx | y.rlx = 1; fence.sc; b = x.rlx", "ab" => "01 10 11";
    sb_one_fence: "x.rlx = 1; fence.sc; a = y.rlx | y.rlx = 1; b = x.rlx", "ab" => "00 01 10 11";
    sb_acq_rel_fences: "x.rlx = 1; fence.acq_rel; a = y.rlx | y.rlx = 1; fence.acq_rel; b = x.rlx",
        "ab" => "00 01 10 11";
    /// A read before the fence does not hide the one after it.
    sb_fences_and_reads_before: "x.rlx = 1; a = y.rlx; fence.sc; b = y.rlx | y.rlx = 1; c = x.rlx; fence.sc; d = x.rlx",
        "bd" => "01 10 11";
    /// A fence on one side goes with sequentially consistent accesses on the other.
    sb_fence_against_accesses: "x.rlx = 1; fence.sc; a = y.rlx | y.sc = 1; b = x.sc", "ab" => "01 10 11";
    sb_fence_against_weaker_store: "x.rlx = 1; fence.sc; a = y.rlx | y.rel = 1; b = x.sc", "ab" => "00 01 10 11";
    /// Reads of other locations in between forward the thread's own stores.
    sb_with_forwarding: "x.rlx = 1; a = x.rlx; b = y.rlx | y.rlx = 1; c = y.rlx; d = x.rlx",
        "abcd" => "1010 1011 1110 1111";
    sb_by_exchanges: "a = x.sc := 1; b = y.rlx | c = y.sc := 1; d = x.rlx", "bd" => "00 01 10 11";
    sb_by_exchanges_throughout: "a = x.sc := 1; b = y.sc += 0 | c = y.sc := 1; d = x.sc += 0", "bd" => "01 10 11";
    sb_of_three: "x.sc = 1; a = y.sc | y.sc = 1; b = z.sc | z.sc = 1; c = x.sc",
        "abc" => "001 010 011 100 101 110 111";
    sb_of_three_fences: "x.rlx = 1; fence.sc; a = y.rlx | y.rlx = 1; fence.sc; b = z.rlx | z.rlx = 1; fence.sc; c = x.rlx",
        "abc" => "001 010 011 100 101 110 111";

    r_relaxed: "x.rlx = 1; y.rlx = 1 | y.rlx = 2; a = x.rlx", "ay" => "01 02 11 12";
    r_release_acquire: "x.rel = 1; y.rel = 1 | y.rel = 2; a = x.acq", "ay" => "01 02 11 12";
    r_seq_cst: "x.sc = 1; y.sc = 1 | y.sc = 2; a = x.sc", "ay" => "01 11 12";
    r_fences: "x.rlx = 1; fence.sc; y.rlx = 1 | y.rlx = 2; fence.sc; a = x.rlx", "ay" => "01 11 12";
    r_release_and_seq_cst: "x.rlx = 1; y.rel = 1 | y.sc = 2; a = x.sc", "ay" => "01 02 11 12";

    s_relaxed: "x.rlx = 2; y.rlx = 1 | a = y.rlx; x.rlx = 1", "ax" => "01 02 11 12";
    s_release_acquire: "x.rlx = 2; y.rel = 1 | a = y.acq; x.rlx = 1", "ax" => "01 02 11";
    s_release_relaxed: "x.rlx = 2; y.rel = 1 | a = y.rlx; x.rlx = 1", "ax" => "01 02 11 12";
    s_fences: "x.rlx = 2; fence.rel; y.rlx = 1 | a = y.rlx; fence.acq; x.rlx = 1", "ax" => "01 02 11";
    s_seq_cst: "x.sc = 2; y.sc = 1 | a = y.sc; x.sc = 1", "ax" => "01 02 11";

    two_plus_two_w_relaxed: "x.rlx = 1; y.rlx = 2 | y.rlx = 1; x.rlx = 2", "xy" => "11 12 21 22";
    two_plus_two_w_release: "x.rel = 1; y.rel = 2 | y.rel = 1; x.rel = 2", "xy" => "11 12 21 22";
    two_plus_two_w_seq_cst: "x.sc = 1; y.sc = 2 | y.sc = 1; x.sc = 2", "xy" => "12 21 22";
    two_plus_two_w_fences: "x.rlx = 1; fence.sc; y.rlx = 2 | y.rlx = 1; fence.sc; x.rlx = 2", "xy" => "12 21 22";
    two_plus_two_w_one_relaxed: "x.sc = 1; y.sc = 2 | y.sc = 1; x.rlx = 2", "xy" => "11 12 21 22";
    two_plus_two_w_exchanges: "a = x.rlx := 1; b = y.rlx := 2 | c = y.rlx := 1; d = x.rlx := 2",
        "abcdxy" => "002121 010122 210012";

    /// No load buffering: this would take reads of stores that come later.
    lb_relaxed: "a = x.rlx; y.rlx = 1 | b = y.rlx; x.rlx = 1", "ab" => "00 01 10";
    lb_out_of_thin_air: "a = x.rlx; y.rlx = a | b = y.rlx; x.rlx = b", "ab" => "00";
}
