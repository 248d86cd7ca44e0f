//! x86-64, System V ABI (AMD64 psABI 1.0).

use crate::hooks::formatted;
use core::arch::{asm, naked_asm};

/// The byte of a breakpoint instruction.
pub const BREAKPOINT: u8 = 0xcc;

/// Bytes below the stack pointer that a function may use without moving it.
pub const RED_ZONE: u64 = 128;

/// The registers that a call keeps, by their DWARF numbers: rbx, rbp, r12 to r15.
pub const KEPT_REGISTERS: [i32; 6] = [3, 6, 12, 13, 14, 15];

/// A system call made from here, invisible to the program's interposed C library.
///
/// # Safety
/// As the system call itself.
#[inline]
pub unsafe fn syscall(number: i64, args: [u64; 6]) -> i64 {
    let result: i64;
    // SAFETY: the kernel changes rax, rcx and r11, and whatever memory the arguments tell it to.
    unsafe {
        asm!("syscall", inlateout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// The thread register: address of the running thread's control block.
#[inline]
pub fn thread_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: the ABI puts the control block's own address at its beginning.
    unsafe { asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, readonly, preserves_flags)) };
    pointer
}

/// The frame of the function that this is inlined into: its caller's frame pointer lies there, and then its return address.
#[inline(always)]
pub fn frame_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

/// Where a frame on the stack returns to, whose canonical frame address this is.
///
/// # Safety
/// There is such a frame.
#[inline]
pub unsafe fn return_address(cfa: u64) -> u64 {
    // SAFETY: the ABI puts the return address right below the canonical frame address.
    unsafe { ((cfa - 8) as *const u64).read_volatile() }
}

/// Lets the processor fetch what will soon be touched. Any address will do.
#[inline(always)]
pub fn prefetch(address: u64) {
    // SAFETY: a hint, which never faults.
    unsafe { core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(address as *const i8) };
}

/// Whether user code may write the thread register (`FSGSBASE`, announced in `AT_HWCAP2`).
static mut FSGSBASE: bool = false;

/// Finds out how the thread register can be written. Called once, before the first switch.
pub fn probe() {
    // SAFETY: called while there is a single thread; the auxiliary vector is always readable.
    unsafe { FSGSBASE = libc::getauxval(libc::AT_HWCAP2) & 2 != 0 };
}

/// Sets the thread register.
///
/// # Safety
/// `pointer` is the control block of a thread whose stack is about to be switched to.
#[inline]
pub unsafe fn set_thread_pointer(pointer: u64) {
    const ARCH_SET_FS: u64 = 0x1002;
    // SAFETY: the caller vouches for the pointer.
    unsafe {
        if FSGSBASE {
            asm!("wrfsbase {}", in(reg) pointer, options(nostack, preserves_flags));
        } else {
            syscall(libc::SYS_arch_prctl, [ARCH_SET_FS, pointer, 0, 0, 0, 0]);
        }
    }
}

/// Writes a jump to `target`, which may be anywhere. It changes no register and takes [`JUMP`] bytes.
///
/// # Safety
/// So many bytes at `at` are writable.
pub unsafe fn write_jump(at: u64, target: u64) {
    /// `jmp [rip]`: the target follows the instruction.
    const INSTRUCTION: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];
    // SAFETY: the caller's.
    unsafe {
        (at as *mut [u8; 6]).write_unaligned(INSTRUCTION);
        ((at + 6) as *mut u64).write_unaligned(target);
    }
}

/// Bytes of a jump that [`write_jump`] writes.
pub const JUMP: u64 = 14;

/// Bytes of a function that [`call_stub`] makes.
pub const CALL_STUB: usize = 8;

/// A function that performs this system call with its own arguments, of which there are three at the most.
pub fn call_stub(call: i64) -> [u8; CALL_STUB] {
    let [a, b, c, d] = (call as u32).to_le_bytes();
    // `mov eax, call`; `syscall`; `ret`.
    [0xb8, a, b, c, d, 0x0f, 0x05, 0xc3]
}

/// All general registers, enough to go on from a function's entry: there, the ABI gives the floating-point state its
/// default.
#[derive(Clone, Copy, Default, Debug)]
#[repr(C)]
pub struct Context {
    /// rax, rbx, rcx, rdx, rsi, rdi, rbp, r8 to r15.
    pub general: [u64; 15],
    /// Stack pointer.
    pub sp: u64,
    /// Instruction pointer.
    pub pc: u64,
}

impl Context {
    /// The context of a signal's victim.
    pub fn of_signal(context: &libc::ucontext_t) -> Self {
        const RSP: u8 = 4;
        // The numbers of those in `general`.
        const NUMBERS: [u8; 15] = [0, 3, 1, 2, 6, 7, 5, 8, 9, 10, 11, 12, 13, 14, 15];
        Context {
            general: NUMBERS.map(|number| register(context, number)),
            sp: register(context, RSP),
            pc: context.uc_mcontext.gregs[libc::REG_RIP as usize] as u64,
        }
    }

    /// The context in which `function(a, b, c)` begins on a stack whose top is `stack_top`.
    pub fn of_call(function: u64, args: [u64; 3], stack_top: u64) -> Self {
        let mut context = Context { pc: function, sp: (stack_top & !15) - 8, ..Context::default() };
        context.general[5] = args[0];
        context.general[4] = args[1];
        context.general[3] = args[2];
        context
    }

    /// Arranges that the function about to begin returns to [`entry_return`] first, and from there to its real caller.
    ///
    /// # Safety
    /// The context is at a function's entry (the return address lies at `sp`) and the stack below is writable.
    pub unsafe fn divert_return(&mut self) {
        self.sp -= 16;
        // SAFETY: the caller vouches for the stack. The frame of `entry_return` is these 16 bytes.
        unsafe { *(self.sp as *mut u64) = entry_return as *const () as u64 + 1 };
    }
}

/// Flag of the kernel's `sigaction`: the structure names the code that returns from the handler.
pub const SA_RESTORER: i32 = 0x0400_0000;

/// Returns from a signal handler.
///
/// # Safety
/// The stack pointer points to the kernel's signal frame.
#[unsafe(naked)]
pub unsafe extern "C" fn signal_return() {
    naked_asm!("mov eax, 15", "syscall", "ud2")
}

/// The system call that a signal's victim was about to make: its number and arguments.
pub fn call_of(context: &libc::ucontext_t) -> (i64, [u64; 6]) {
    let regs = &context.uc_mcontext.gregs;
    let args = [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10, libc::REG_R8, libc::REG_R9];
    (regs[libc::REG_RAX as usize], args.map(|index| regs[index as usize] as u64))
}

/// Lets the victim go on with this answer to its system call.
pub fn answer_call(context: &mut libc::ucontext_t, answer: i64) {
    context.uc_mcontext.gregs[libc::REG_RAX as usize] = answer;
}

/// Lets the victim make its system call again.
pub fn repeat_call(context: &mut libc::ucontext_t) {
    const INSTRUCTION: i64 = 2;
    context.uc_mcontext.gregs[libc::REG_RIP as usize] -= INSTRUCTION;
}

/// The processor's counter, which goes at one rate.
pub fn ticks() -> u64 {
    // SAFETY: every processor has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// What `rdtsc` leaves behind.
pub fn answer_counter(context: &mut libc::ucontext_t, counter: u64) {
    let regs = &mut context.uc_mcontext.gregs;
    regs[libc::REG_RAX as usize] = (counter & 0xffff_ffff) as i64;
    regs[libc::REG_RDX as usize] = (counter >> 32) as i64;
}

/// What `rdtscp` leaves behind besides.
pub fn answer_processor(context: &mut libc::ucontext_t, processor: u32) {
    context.uc_mcontext.gregs[libc::REG_RCX as usize] = processor.into();
}

/// What `rdrand` leaves behind: `value` in a register of so many bytes, and that it has succeeded.
pub fn answer_random(context: &mut libc::ucontext_t, register: u8, size: u8, value: u64) {
    const CARRY: i64 = 1;
    /// Overflow, sign, zero, auxiliary carry, parity.
    const OTHERS: i64 = 0x8d4;
    let regs = &mut context.uc_mcontext.gregs;
    let to = &mut regs[REGISTERS[usize::from(register)] as usize];
    *to = match size {
        2 => (*to & !0xffff) | (value & 0xffff) as i64,
        4 => (value & 0xffff_ffff) as i64,
        _ => value as i64,
    };
    let flags = &mut regs[libc::REG_EFL as usize];
    *flags = (*flags & !OTHERS) | CARRY;
}

/// Where the kernel keeps a signal's victim's registers, in the order of their numbers in instructions.
const REGISTERS: [i32; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// A general register of a signal's victim, by the number that instructions give it.
pub fn register(context: &libc::ucontext_t, number: u8) -> u64 {
    context.uc_mcontext.gregs[REGISTERS[usize::from(number)] as usize] as u64
}

/// Lets the victim go on elsewhere.
pub fn go_on_at(context: &mut libc::ucontext_t, pc: u64) {
    context.uc_mcontext.gregs[libc::REG_RIP as usize] = pc as i64;
}

/// The victim has just compared two values: it takes them to be different.
pub fn differs(context: &mut libc::ucontext_t) {
    const ZERO: i64 = 1 << 6;
    context.uc_mcontext.gregs[libc::REG_EFL as usize] &= !ZERO;
}

/// Lets the victim go on at `then`, by way of [`crate::unhooked::step`] with these arguments on the victim's own stack.
///
/// # Safety
/// The victim's stack has room below its red zone.
pub unsafe fn detour(context: &mut libc::ucontext_t, arguments: [u64; 3], then: u64) {
    let regs = &mut context.uc_mcontext.gregs;
    let pc = regs[libc::REG_RIP as usize] as u64;
    let frame = [pc, arguments[0], arguments[1], arguments[2], then];
    let sp = regs[libc::REG_RSP as usize] as u64 - RED_ZONE - 8 * frame.len() as u64;
    // SAFETY: the caller vouches for the stack.
    unsafe { (sp as *mut [u64; 5]).write(frame) };
    regs[libc::REG_RSP as usize] = sp as i64;
    regs[libc::REG_RIP as usize] = on_detour as *const () as i64;
}

/// The code of a [`detour`]. The frame that it finds begins with an address in the victim, so that it looks called from
/// there. All registers are as they were afterwards, but for the upper halves of wide vector registers, which the assembly
/// in question does not rely on: a C library's `memcpy` may clear them.
#[unsafe(naked)]
unsafe extern "C" fn on_detour() {
    naked_asm!(
        ".cfi_startproc",
        // Five words and the red zone.
        ".cfi_def_cfa rsp, 168",
        ".cfi_offset rip, -168",
        "push rbp",
        ".cfi_def_cfa_offset 176",
        ".cfi_offset rbp, -176",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "pushfq",
        "push rax",
        "push rcx",
        "push rdx",
        "push rsi",
        "push rdi",
        "push r8",
        "push r9",
        "push r10",
        "push r11",
        "sub rsp, 512",
        "and rsp, -16",
        "fxsave64 [rsp]",
        "cld",
        "mov rdi, [rbp + 16]",
        "mov rsi, [rbp + 24]",
        "mov rdx, [rbp + 32]",
        "call {step}",
        "fxrstor64 [rsp]",
        "lea rsp, [rbp - 80]",
        "pop r11",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rdi",
        "pop rsi",
        "pop rdx",
        "pop rcx",
        "pop rax",
        "popfq",
        "pop rbp",
        ".cfi_def_cfa rsp, 168",
        ".cfi_restore rbp",
        "lea rsp, [rsp + 32]",
        ".cfi_def_cfa_offset 136",
        "ret 128",
        ".cfi_endproc",
        step = sym crate::unhooked::step
    )
}

/// Saves the running context, stores its stack pointer at `save`, and goes on with the context whose stack pointer is
/// `to`.
///
/// # Safety
/// `to` was stored by an earlier [`switch`] or made by [`new_stack`]; its thread register is set.
#[unsafe(naked)]
pub unsafe extern "C" fn switch(save: *mut u64, to: u64) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret"
    )
}

/// Saves the running context as [`switch`] does, and goes on with all registers as in `context`.
///
/// # Safety
/// As [`switch`].
#[unsafe(naked)]
pub unsafe extern "C" fn launch(save: *mut u64, context: *const Context) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, [rsi + 120]",
        "push [rsi + 128]",
        "mov rax, [rsi]",
        "mov rbx, [rsi + 8]",
        "mov rcx, [rsi + 16]",
        "mov rdx, [rsi + 24]",
        "mov rdi, [rsi + 40]",
        "mov rbp, [rsi + 48]",
        "mov r8, [rsi + 56]",
        "mov r9, [rsi + 64]",
        "mov r10, [rsi + 72]",
        "mov r11, [rsi + 80]",
        "mov r12, [rsi + 88]",
        "mov r13, [rsi + 96]",
        "mov r14, [rsi + 104]",
        "mov r15, [rsi + 112]",
        "mov rsi, [rsi + 32]",
        "ret"
    )
}

/// Prepares a stack on which [`switch`] begins `function(argument)`. Returns the stack pointer to switch to.
///
/// # Safety
/// The 64 bytes below `top` are writable; `function` never returns.
pub unsafe fn new_stack(top: u64, function: unsafe extern "C" fn(u64) -> !, argument: u64) -> u64 {
    let top = top & !15;
    let words = [0, 0, argument, function as *const () as u64, 0, 0, stack_bottom as *const () as u64, 0, 0];
    let sp = top - 8 * words.len() as u64;
    // SAFETY: the caller vouches for the memory. The order is that of the pops in `switch`: r15, r14, r13, r12, rbx,
    // rbp, then the return address.
    unsafe { core::ptr::copy_nonoverlapping(words.as_ptr(), sp as *mut u64, words.len()) };
    sp
}

/// The outermost frame of a fiber: calls r12(r13). Unwinders stop here.
#[unsafe(naked)]
unsafe extern "C" fn stack_bottom() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip",
        "xor ebp, ebp",
        "mov rdi, r13",
        "call r12",
        "ud2",
        ".cfi_endproc"
    )
}

/// Where the test function (or `main`) returns to. Its frame is 16 bytes: this address, and the slot left empty below
/// the caller's own return address. Hands the result to the runtime and then returns to the real caller.
///
/// The stack pointer is a multiple of 16 where this begins, and again after two pushes, as a call needs it.
///
/// The address used is one past the beginning, so that unwinders, who look at the byte before a return address, find
/// this function's frame description.
#[unsafe(naked)]
pub unsafe extern "C" fn entry_return() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_def_cfa rsp, 16",
        "nop",
        "push rax", ".cfi_adjust_cfa_offset 8",
        "push rdx", ".cfi_adjust_cfa_offset 8",
        "mov rdi, rax",
        "call {returned}",
        "pop rdx", ".cfi_adjust_cfa_offset -8",
        "pop rax", ".cfi_adjust_cfa_offset -8",
        "add rsp, 8", ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
        returned = sym crate::entry::returned
    )
}

/// `_Unwind_RaiseException`: notes it, and goes on in the unwinder's own function as if that had been called. A frame of the
/// runtime's between it and its caller would be unwound.
///
/// # Safety
/// As the unwinder's function.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Unwind_RaiseException(exception: *mut core::ffi::c_void) -> i32 {
    naked_asm!("push rdi", "call {raised}", "pop rdi", "jmp rax", raised = sym crate::interpose::unwinding::raised)
}

/// The arguments of a function that takes any number of them: a `va_list` as the System V ABI has it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Arguments {
    /// Where in `saved` the next integer lies; 48 when all have been taken.
    integers: u32,
    /// Where in `saved` the next number with a fraction lies; 176 when all have been taken.
    doubles: u32,
    /// The next argument that came on the stack.
    on_stack: u64,
    /// The six registers for integers, and the eight others.
    saved: u64,
}

impl Arguments {
    /// Takes an integer or a pointer.
    ///
    /// # Safety
    /// There is one; so for all of these.
    pub unsafe fn integer(&mut self) -> u64 {
        const END: u32 = 48;
        let at = if self.integers < END {
            self.integers += 8;
            self.saved + u64::from(self.integers) - 8
        } else {
            self.on_stack += 8;
            self.on_stack - 8
        };
        // SAFETY: the caller's.
        unsafe { *(at as *const u64) }
    }

    /// Leaves out a number with a fraction.
    ///
    /// # Safety
    /// See [`Self::integer`].
    pub unsafe fn double(&mut self) {
        const END: u32 = 176;
        if self.doubles < END { self.doubles += 16 } else { self.on_stack += 8 }
    }

    /// Leaves out a `long double`, which always comes on the stack.
    ///
    /// # Safety
    /// See [`Self::integer`].
    pub unsafe fn long_double(&mut self) {
        self.on_stack = self.on_stack.next_multiple_of(16) + 16;
    }
}

/// Functions that take any number of arguments, and pass them on to one that takes [`Arguments`] behind the arguments that
/// are always there. `$taken` is eight times the number of those, and `$next` the register of the argument after them.
macro_rules! take_any_number {
    ($($name:ident $taken:literal $next:literal $with:path;)*) => {$(
        /// As the C function.
        ///
        /// # Safety
        /// As the C function.
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name() {
            naked_asm!(
                ".cfi_startproc",
                "push rbp", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rbp, 0",
                "mov rbp, rsp", ".cfi_def_cfa_register rbp",
                "sub rsp, 208",
                "mov [rsp], rdi",
                "mov [rsp + 8], rsi",
                "mov [rsp + 16], rdx",
                "mov [rsp + 24], rcx",
                "mov [rsp + 32], r8",
                "mov [rsp + 40], r9",
                "movaps [rsp + 48], xmm0",
                "movaps [rsp + 64], xmm1",
                "movaps [rsp + 80], xmm2",
                "movaps [rsp + 96], xmm3",
                "movaps [rsp + 112], xmm4",
                "movaps [rsp + 128], xmm5",
                "movaps [rsp + 144], xmm6",
                "movaps [rsp + 160], xmm7",
                concat!("mov dword ptr [rsp + 176], ", $taken),
                "mov dword ptr [rsp + 180], 48",
                "lea rax, [rbp + 16]",
                "mov [rsp + 184], rax",
                "mov [rsp + 192], rsp",
                concat!("lea ", $next, ", [rsp + 176]"),
                "call {with}",
                "leave", ".cfi_def_cfa rsp, 8",
                "ret",
                ".cfi_endproc",
                with = sym $with
            )
        }
    )*};
}

take_any_number! {
    __wrap_printf 8 "rsi" formatted::__wrap_vprintf;
    __wrap_sprintf 16 "rdx" formatted::__wrap_vsprintf;
    __wrap_asprintf 16 "rdx" formatted::__wrap_vasprintf;
    __wrap_fprintf 16 "rdx" formatted::__wrap_vfprintf;
    __wrap_dprintf 16 "rdx" formatted::__wrap_vdprintf;
    __wrap_snprintf 24 "rcx" formatted::__wrap_vsnprintf;
}
