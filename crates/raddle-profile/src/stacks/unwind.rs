//! From registers and a stack to the addresses of callers, by [framehop](https://docs.rs/framehop): unwind tables
//! (`.eh_frame`, `.debug_frame`), and frame pointers where there are none.

use super::Frame;
use super::memory::Words;
use super::modules::Modules;
use framehop::{FrameAddress, Unwinder};

/// Whether this processor's stacks can be read.
pub(super) const SUPPORTED: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// Frames of one stack.
const DEEPEST: usize = 128;

/// Unwinds from program counter, stack pointer and frame pointer. Returns the frames, innermost first, and whether the
/// bottom of the stack was reached.
pub(super) fn unwind(
    modules: &mut Modules,
    pid: i32,
    now: f64,
    (pc, sp, bp): (u64, u64, u64),
    stack: &mut dyn Words,
) -> (Vec<Frame>, bool) {
    if !modules.has_code(pid, pc) {
        modules.meet(pid, now);
    }
    let mut addresses = Vec::new();
    let mut complete = false;
    if let Some((loaded, cache)) = modules.of(pid) {
        #[cfg(target_arch = "x86_64")]
        let registers = framehop::x86_64::UnwindRegsX86_64::new(pc, sp, bp);
        #[cfg(target_arch = "aarch64")]
        let registers = framehop::aarch64::UnwindRegsAarch64::new(0, sp, bp);
        let mut word = |address| stack.word(address).ok_or(());
        let mut frames = loaded.unwinder.iter_frames(pc, registers, cache, &mut word);
        loop {
            match frames.next() {
                Ok(Some(frame)) => addresses.push(match frame {
                    FrameAddress::InstructionPointer(address) => address,
                    // The call, not what comes after it.
                    FrameAddress::ReturnAddress(address) => address.get() - 1,
                }),
                Ok(None) => {
                    complete = true;
                    break;
                }
                Err(_) => break,
            }
            if addresses.len() >= DEEPEST {
                break;
            }
        }
    }
    // A single frame in unknown code is no stack, whatever the unwinder makes of it.
    let complete = complete && (addresses.len() > 1 || modules.has_code(pid, pc));
    (addresses.into_iter().map(|address| modules.frame(pid, address)).collect(), complete)
}
