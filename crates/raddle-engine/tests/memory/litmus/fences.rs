//! Fences of every kind on either side.

use super::litmus;

litmus! {
    fence_to_fence: "x.rlx = 1; fence.rel; y.rlx = 1 | a = y.rlx; fence.acq; b = x.rlx", "ab" => "00 01 11";
    fence_to_acquire: "x.rlx = 1; fence.rel; y.rlx = 1 | a = y.acq; b = x.rlx", "ab" => "00 01 11";
    release_to_fence: "x.rlx = 1; y.rel = 1 | a = y.rlx; fence.acq; b = x.rlx", "ab" => "00 01 11";
    acq_rel_fences: "x.rlx = 1; fence.acq_rel; y.rlx = 1 | a = y.rlx; fence.acq_rel; b = x.rlx", "ab" => "00 01 11";
    seq_cst_fences: "x.rlx = 1; fence.sc; y.rlx = 1 | a = y.rlx; fence.sc; b = x.rlx", "ab" => "00 01 11";
    fence_only_at_the_writer: "x.rlx = 1; fence.sc; y.rlx = 1 | a = y.rlx; b = x.rlx", "ab" => "00 01 10 11";
    fence_only_at_the_reader: "x.rlx = 1; y.rlx = 1 | a = y.rlx; fence.sc; b = x.rlx", "ab" => "00 01 10 11";
    acquire_fence_at_the_writer: "x.rlx = 1; fence.acq; y.rlx = 1 | a = y.acq; b = x.rlx", "ab" => "00 01 10 11";
    release_fence_at_the_reader: "x.rlx = 1; y.rel = 1 | a = y.rlx; fence.rel; b = x.rlx", "ab" => "00 01 10 11";
    fence_before_what_it_should_cover: "fence.rel; x.rlx = 1; y.rlx = 1 | a = y.acq; b = x.rlx", "ab" => "00 01 10 11";
    fence_after_the_store: "x.rlx = 1; y.rlx = 1; fence.rel | a = y.acq; b = x.rlx", "ab" => "00 01 10 11";
    fence_before_the_load: "x.rlx = 1; y.rel = 1 | fence.acq; a = y.rlx; b = x.rlx", "ab" => "00 01 10 11";
    fence_covers_several_stores: "x.rlx = 1; fence.rel; y.rlx = 1; z.rlx = 1 | a = z.acq; b = x.rlx", "ab" => "00 01 11";
    fence_covers_several_loads: "x.rlx = 1; y.rel = 1 | a = y.rlx; b = z.rlx; fence.acq; c = x.rlx", "ac" => "00 01 11";
    fence_does_not_cover_later_stores: "fence.rel; x.rlx = 1; y.rlx = 1; fence.rel; z.rlx = 1 | a = y.acq; b = x.rlx", "ab" => "00 01 10 11";
    fences_and_rmw: "x.rlx = 1; fence.rel; a = y.rlx += 1 | b = y.rlx += 1; fence.acq; c = x.rlx", "bc" => "00 01 11";
    fence_after_a_failed_cas: "x.rlx = 1; fence.rel; y.rlx = 1 | a b = y.rlx/rlx cas 5 -> 6; fence.acq; c = x.rlx", "ac" => "00 01 11";

    iriw_fences: "x.rlx = 1 | y.rlx = 1 | a = x.rlx; fence.sc; b = y.rlx | c = y.rlx; fence.sc; d = x.rlx",
        "abcd" => "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111";
    /// A fence that comes before a release gives no order by itself.
    w_rwc: "x.rlx = 1; y.rel = 1 | a = y.acq; fence.sc; b = z.rlx | z.rlx = 1; fence.sc; c = x.rlx", "abc" => "000 001 010 011 101 110 111";
    cumulative_fence: "x.rlx = 1; fence.sc; a = y.rlx | b = x.rlx; y.rlx = 1; fence.sc; c = z.rlx | z.rlx = 1; fence.sc; d = x.rlx", "abcd" => "0001 0010 0011 0101 0110 0111 1000 1001 1010 1011 1101 1110 1111";
}
