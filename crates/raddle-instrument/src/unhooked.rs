//! Which instructions of an executable order memory between threads without a hook in front of them.
//!
//! The instrumentation turns every atomic operation and fence of a compiler into a call, so what is left in the machine
//! code was written in assembly (`lock not` on a local variable, as a cheap full fence) or comes from a compiler that was
//! not asked to instrument. On x86-64 these are instructions with a `lock` prefix, `xchg` with memory, which locks without
//! one, and `mfence` (Intel SDM volume 3, 9.1.2 and 9.2.2).
//!
//! Each function of the symbol table is decoded from its beginning. What it cannot see: code without a symbol, code in
//! shared libraries and code made at run time; and plain `mov` in assembly, which orders memory on x86 too.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use raddle_protocol::{Operand, Unhooked};

/// With more of them there is a library in the executable that Raddle knows nothing of, such as an allocator in C, and to
/// stop at each of its instructions would cost more than what it orders is worth.
const MOST: usize = 1000;

/// All of them in an executable for x86-64, in the order of their addresses; none if there are too many.
pub(crate) fn unhooked<'data>(file: &impl Object<'data>) -> Vec<Unhooked> {
    let mut functions: Vec<(u64, u64)> = file
        .symbols()
        .filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text && symbol.size() > 0)
        .map(|symbol| (symbol.address(), symbol.size()))
        .collect();
    functions.sort_unstable();
    functions.dedup_by_key(|(address, _)| *address);
    let mut found = Vec::new();
    for section in file.sections().filter(|section| section.kind() == object::SectionKind::Text) {
        let Ok(code) = section.data() else { continue };
        let (start, end) = (section.address(), section.address() + code.len() as u64);
        for &(address, size) in functions.iter().filter(|(address, size)| *address >= start && address + size <= end) {
            let from = (address - start) as usize;
            in_function(&code[from..from + size as usize], address, &mut found);
        }
    }
    if found.len() > MOST {
        found.clear();
    }
    found
}

fn in_function(code: &[u8], address: u64, found: &mut Vec<Unhooked>) {
    // Cheap question first: hardly any function holds one of these bytes where it would matter.
    if memchr::memchr3(LOCK, XCHG, XCHG_BYTE, code).is_none() {
        return;
    }
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        if !orders_memory(&instruction) {
            continue;
        }
        let distance = decoder.get_constant_offsets(&instruction);
        found.push(Unhooked {
            address: instruction.ip(),
            length: instruction.len() as u8,
            distance_at: instruction.is_ip_rel_memory_operand().then(|| distance.displacement_offset() as u8),
            operand: operand(&instruction),
        });
    }
}

/// The prefix, which is also the last byte of `mfence`.
const LOCK: u8 = 0xf0;
const XCHG_BYTE: u8 = 0x86;
const XCHG: u8 = 0x87;

fn orders_memory(instruction: &Instruction) -> bool {
    let memory = || instruction.op_kinds().any(|kind| kind == OpKind::Memory);
    match instruction.mnemonic() {
        Mnemonic::Mfence => true,
        Mnemonic::Xchg => memory(),
        _ => instruction.has_lock_prefix() && instruction.code() != Code::INVALID,
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
        in_function(code, 0x1000, &mut found);
        found
    }

    fn at(base: Option<u8>, index: Option<(u8, u8)>, displacement: u64, in_file: bool, size: u8) -> Option<Operand> {
        Some(Operand { base, index, displacement, in_file, size })
    }

    #[test]
    fn full_fences_as_authors_write_them() {
        // mov eax, 0; lock not qword ptr [rax]; mfence; lock or dword ptr [rsp], 0; ret
        let code = [0xb8, 0, 0, 0, 0, 0xf0, 0x48, 0xf7, 0x10, 0x0f, 0xae, 0xf0, 0xf0, 0x83, 0x0c, 0x24, 0x00, 0xc3];
        let expected = [
            Unhooked { address: 0x1005, length: 4, distance_at: None, operand: at(Some(0), None, 0, false, 8) },
            Unhooked { address: 0x1009, length: 3, distance_at: None, operand: None },
            Unhooked { address: 0x100c, length: 5, distance_at: None, operand: at(Some(4), None, 0, false, 4) },
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
    fn ordinary_code_that_looks_like_it_is_left_alone() {
        // mov eax, 0xf0f0f0f0; xchg eax, ecx; sfence; lfence
        assert_eq!(decoded(&[0xb8, 0xf0, 0xf0, 0xf0, 0xf0, 0x87, 0xc8, 0x0f, 0xae, 0xf8, 0x0f, 0xae, 0xe8]), []);
    }
}
