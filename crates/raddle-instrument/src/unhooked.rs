//! Which instructions of an executable matter without a hook in front of them: those that order memory between threads, and
//! those that ask the processor for what differs from run to run.
//!
//! The instrumentation turns every atomic operation and fence of a compiler into a call, so what is left in the machine
//! code was written in assembly (`lock not` on a local variable, as a cheap full fence) or comes from a compiler that was
//! not asked to instrument; functions of the standard library that get no hooks on purpose are left out. On x86-64 these
//! are instructions with a `lock` prefix, `xchg` with memory, which locks without one, and `mfence` (Intel SDM volume 3,
//! 9.1.2 and 9.2.2).
//!
//! Plain moves order memory on x86 too, and cannot be told from a compiler's. There is one place where it matters: atomic
//! operations on 16 bytes, which Rust has no stable type for. The crate portable-atomic has it, and loads and stores by
//! `vmovdqa`; in its functions those are found too.
//!
//! What differs from run to run is the time-stamp counter (`rdtsc`, by which clocks such as that of the crate quanta go) and
//! random numbers (`rdrand`, `rdseed`).
//!
//! What such an instruction accesses is looked at only in functions of Rust: in code of other languages, of which nothing
//! else is seen, it is a fence.
//!
//! Each function of the symbol table is decoded from its beginning. What it cannot see: code without a symbol, code in
//! shared libraries and code made at run time; and other plain moves in assembly.

use crate::flags;
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use memchr::memmem;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use raddle_protocol::{Effect, Operand, Unhooked};
use std::sync::LazyLock;

/// With more of them there is a library in the executable that Raddle knows nothing of, such as an allocator in C, and to
/// stop at each of its instructions would cost more than what it orders is worth.
const MOST: usize = 1000;

/// All of them in an executable for x86-64, in the order of their addresses; none if there are too many.
pub(crate) fn unhooked<'data>(file: &impl Object<'data>) -> Vec<Unhooked> {
    let mut functions: Vec<(u64, u64, Author)> = file
        .symbols()
        .filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text && symbol.size() > 0)
        .filter(|symbol| !symbol.name().is_ok_and(flags::is_without_hooks))
        .map(|symbol| (symbol.address(), symbol.size(), author(symbol.name().unwrap_or_default())))
        .collect();
    functions.sort_unstable();
    functions.dedup_by_key(|(address, ..)| *address);
    let mut found = Vec::new();
    for section in file.sections().filter(|section| section.kind() == object::SectionKind::Text) {
        let Ok(code) = section.data() else { continue };
        let (start, end) = (section.address(), section.address() + code.len() as u64);
        let inside = |(address, size, _): &&(u64, u64, Author)| *address >= start && address + size <= end;
        for &(address, size, author) in functions.iter().filter(inside) {
            let from = (address - start) as usize;
            in_function(&code[from..from + size as usize], address, author, &mut found);
        }
    }
    if found.iter().filter(|instruction| !asks(instruction.effect)).count() > MOST {
        found.retain(|instruction| asks(instruction.effect));
    }
    found
}

/// Whether it asks the processor for what differs from run to run.
fn asks(effect: Effect) -> bool {
    matches!(effect, Effect::Time | Effect::TimeAndProcessor | Effect::Random { .. })
}

/// Who wrote a function, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Author {
    /// The crate portable-atomic.
    PortableAtomic,
    /// Other Rust code.
    Rust,
    Unknown,
}

/// Both manglings of Rust are told from C++ by their prefix or by the hash at their end.
fn author(symbol: &str) -> Author {
    let legacy = |name: &str| {
        let hash = name.strip_suffix('E').and_then(|name| name.rsplit_once("17h")).map_or("", |(_, hash)| hash);
        name.starts_with("_ZN") && hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    // The linker adds what follows the dot.
    let name = symbol.split_once('.').map_or(symbol, |(name, _)| name);
    match name {
        _ if !(name.starts_with("_R") || legacy(symbol) || legacy(name)) => Author::Unknown,
        _ if symbol.contains("portable_atomic") => Author::PortableAtomic,
        _ => Author::Rust,
    }
}

fn in_function(code: &[u8], address: u64, author: Author, found: &mut Vec<Unhooked>) {
    // Cheap questions first: hardly any function holds one of these bytes where it would matter.
    let may_order = || author == Author::PortableAtomic || memchr::memchr3(LOCK, XCHG, XCHG_BYTE, code).is_some();
    let may_ask = || ASKING.iter().any(|finder| finder.find(code).is_some());
    if !may_order() && !may_ask() {
        return;
    }
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let effect = match wide_move(&instruction) {
            Some(effect) if author == Author::PortableAtomic => effect,
            _ if let Some(effect) = asked(&instruction) => effect,
            _ if !orders_memory(&instruction) => continue,
            _ if author == Author::Unknown => Effect::Unknown,
            _ => Effect::Update,
        };
        let distance = decoder.get_constant_offsets(&instruction);
        found.push(Unhooked {
            address: instruction.ip(),
            length: instruction.len() as u8,
            distance_at: instruction.is_ip_rel_memory_operand().then(|| distance.displacement_offset() as u8),
            operand: operand(&instruction),
            effect,
        });
    }
}

/// The prefix, which is also the last byte of `mfence`.
const LOCK: u8 = 0xf0;
const XCHG_BYTE: u8 = 0x86;
const XCHG: u8 = 0x87;

/// Finds how instructions begin that ask the processor, after their prefixes. Made once: every function is searched.
static ASKING: LazyLock<[memmem::Finder<'static>; 3]> = LazyLock::new(|| {
    let beginnings: [&[u8]; 3] = [&[0x0f, 0x31], &[0x0f, 0x01, 0xf9], &[0x0f, 0xc7]];
    beginnings.map(memmem::Finder::new)
});

/// What an instruction asks the processor for.
fn asked(instruction: &Instruction) -> Option<Effect> {
    match instruction.mnemonic() {
        Mnemonic::Rdtsc => Some(Effect::Time),
        Mnemonic::Rdtscp => Some(Effect::TimeAndProcessor),
        Mnemonic::Rdrand | Mnemonic::Rdseed => {
            let register = instruction.op0_register();
            let number = register.full_register().number() as u8;
            Some(Effect::Random { register: number, size: register.size() as u8 })
        }
        _ => None,
    }
}

fn orders_memory(instruction: &Instruction) -> bool {
    let memory = || instruction.op_kinds().any(|kind| kind == OpKind::Memory);
    match instruction.mnemonic() {
        Mnemonic::Mfence => true,
        Mnemonic::Xchg => memory(),
        _ => instruction.has_lock_prefix() && instruction.code() != Code::INVALID,
    }
}

/// The aligned moves of 16 bytes, which are atomic on processors with AVX (Intel SDM volume 3, 9.1.1).
fn wide_move(instruction: &Instruction) -> Option<Effect> {
    match (instruction.code(), instruction.op0_kind(), instruction.op1_kind()) {
        (Code::VEX_Vmovdqa_xmm_xmmm128, _, OpKind::Memory) => Some(Effect::Read),
        (Code::VEX_Vmovdqa_xmmm128_xmm, OpKind::Memory, _) => Some(Effect::Write),
        _ => None,
    }
}

/// Where the memory operand lies, if registers and constants tell it and an atomic operation can be that wide.
fn operand(instruction: &Instruction) -> Option<Operand> {
    let size = instruction.memory_size().size();
    let plain = instruction.op_kinds().any(|kind| kind == OpKind::Memory)
        && matches!(instruction.memory_segment(), Register::DS | Register::SS)
        && [1, 2, 4, 8, 16].contains(&size);
    if !plain {
        return None;
    }
    let in_file = instruction.is_ip_rel_memory_operand();
    let (base, index) = (instruction.memory_base(), instruction.memory_index());
    let number = |register: Register| (register.is_gpr64()).then(|| register.number() as u8);
    let absent = |register: Register| register == Register::None;
    let base = if in_file || absent(base) { None } else { Some(number(base)?) };
    let index = if absent(index) { None } else { Some((number(index)?, instruction.memory_index_scale() as u8)) };
    Some(Operand { base, index, displacement: instruction.memory_displacement64(), in_file, size: size as u8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(code: &[u8]) -> Vec<Unhooked> {
        let mut found = Vec::new();
        in_function(code, 0x1000, Author::Rust, &mut found);
        found
    }

    fn at(base: Option<u8>, index: Option<(u8, u8)>, displacement: u64, in_file: bool, size: u8) -> Option<Operand> {
        Some(Operand { base, index, displacement, in_file, size })
    }

    #[test]
    fn full_fences_as_authors_write_them() {
        // mov eax, 0; lock not qword ptr [rax]; mfence; lock or dword ptr [rsp], 0; ret
        let code = [0xb8, 0, 0, 0, 0, 0xf0, 0x48, 0xf7, 0x10, 0x0f, 0xae, 0xf0, 0xf0, 0x83, 0x0c, 0x24, 0x00, 0xc3];
        let update = |address, length, operand| {
            let (distance_at, effect) = (None, Effect::Update);
            Unhooked { address, length, distance_at, operand, effect }
        };
        let expected = [
            update(0x1005, 4, at(Some(0), None, 0, false, 8)),
            update(0x1009, 3, None),
            update(0x100c, 5, at(Some(4), None, 0, false, 4)),
        ];
        assert_eq!(decoded(&code), expected);
    }

    #[test]
    fn operands_are_found_in_all_their_forms() {
        // lock cmpxchg [r8 + r9*4 - 8], ecx
        let indexed = decoded(&[0xf0, 0x43, 0x0f, 0xb1, 0x4c, 0x88, 0xf8]);
        assert_eq!(indexed[0].operand, at(Some(8), Some((9, 4)), -8i64 as u64, false, 4));
        // xchg [rip + 0x100], al
        let relative = decoded(&[0x86, 0x05, 0x00, 0x01, 0x00, 0x00]);
        assert_eq!(relative[0].operand, at(None, None, 0x1106, true, 1));
        assert_eq!(relative[0].distance_at, Some(2));
        // lock inc dword ptr fs:[rax]
        let thread_local = decoded(&[0x64, 0xf0, 0xff, 0x00]);
        assert_eq!((thread_local.len(), thread_local[0].operand), (1, None));
    }

    #[test]
    fn wide_moves_are_found_in_the_crate_that_means_them() {
        // vmovdqa xmm0, [rdi]; vmovdqa [rdi], xmm0; vmovdqa xmm1, xmm0
        let code = [0xc5, 0xf9, 0x6f, 0x07, 0xc5, 0xf9, 0x7f, 0x07, 0xc5, 0xf9, 0x6f, 0xc8];
        let mut found = Vec::new();
        in_function(&code, 0x1000, Author::PortableAtomic, &mut found);
        let effects: Vec<_> = found.iter().map(|instruction| (instruction.operand, instruction.effect)).collect();
        let operand = at(Some(7), None, 0, false, 16);
        assert_eq!(effects, [(operand, Effect::Read), (operand, Effect::Write)]);
        assert_eq!(decoded(&code), []);
    }

    #[test]
    fn what_is_asked_of_the_processor() {
        // rdtsc; rdtscp; rdrand ecx; rdseed r9; cmpxchg8b [rax]
        let code = [0x0f, 0x31, 0x0f, 0x01, 0xf9, 0x0f, 0xc7, 0xf1, 0x49, 0x0f, 0xc7, 0xf9, 0x0f, 0xc7, 0x08];
        let random = |register, size| Effect::Random { register, size };
        let effects: Vec<_> = decoded(&code).iter().map(|found| (found.address, found.length, found.effect)).collect();
        let expected = [
            (0x1000, 2, Effect::Time),
            (0x1002, 3, Effect::TimeAndProcessor),
            (0x1005, 3, random(1, 4)),
            (0x1008, 4, random(9, 8)),
        ];
        assert_eq!(effects, expected);
    }

    #[test]
    fn functions_of_rust_are_known_by_their_names() {
        let legacy = "_ZN15portable_atomic3imp9atomic12819atomic_load_vmovdqa17h0123456789abcdefE";
        assert_eq!(author(legacy), Author::PortableAtomic);
        assert_eq!(author("_RNvCs1234_7mycrate3foo"), Author::Rust);
        assert_eq!(author("_RNvCs1234_7mycrate3foo.llvm.123"), Author::Rust);
        assert_eq!(author("_ZN5boost6atomic3addEv"), Author::Unknown);
        assert_eq!(author("sqlite3_step"), Author::Unknown);
    }

    #[test]
    fn functions_without_hooks_on_purpose_are_known_by_their_names() {
        let drop_handler = "_RNvNtNtNtNtNtCs1234_3std3sys3pal4unix14stack_overflow3imp12drop_handler";
        assert!(flags::is_without_hooks(drop_handler));
        assert!(!flags::is_without_hooks("_RNvNtCs1234_7mycrate14stack_overflow3foo"));
    }

    #[test]
    fn ordinary_code_that_looks_like_it_is_left_alone() {
        // mov eax, 0xf0f0f0f0; xchg eax, ecx; sfence; lfence
        assert_eq!(decoded(&[0xb8, 0xf0, 0xf0, 0xf0, 0xf0, 0x87, 0xc8, 0x0f, 0xae, 0xf8, 0x0f, 0xae, 0xe8]), []);
    }
}
