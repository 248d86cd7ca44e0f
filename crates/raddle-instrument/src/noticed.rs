//! How compiled code notices whether a compare-exchange has succeeded.
//!
//! The instrumentation gives code the value that was there and lets it compare that with the one it expected. So nothing
//! that a call returns says of a weak compare-exchange that it has failed although the two were equal. But the comparison is
//! an instruction like any other, and what it has found lies in the processor's flags when the next one begins: there it can
//! be said.
//!
//! The instructions behind the call are followed, without a jump, for as long as they move the returned value about, up to a
//! comparison of that value whose outcome "equal" or "not equal" is what is looked at next. Where something else is made of
//! the value first, nothing is said; where it is gone before anything is made of it, nobody notices.

use iced_x86::{
    ConditionCode, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess,
    OpKind, Register, RflagsBits,
};
use raddle_protocol::Noticed;

/// Instructions looked at, at the most.
const MOST: usize = 24;

/// Where a value may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Register(Register),
    /// So many bytes from where a register points to.
    Stack(Register, u64),
}

/// Where a call returns its value.
const RETURNED: Place = Place::Register(Register::RAX);

/// How this code notices it, to which the call of a compare-exchange returns.
pub(crate) fn noticed(code: &[u8]) -> Option<Noticed> {
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    let mut copies = vec![RETURNED];
    let mut information = InstructionInfoFactory::new();
    let (mut behind, mut is_used) = (None, false);
    for instruction in decoder.iter().take(MOST) {
        // An outcome is looked at: is it that of the comparison?
        if instruction.rflags_read() & RflagsBits::ZF != 0
            && let Some(behind) = behind.take()
            && matches!(instruction.condition_code(), ConditionCode::e | ConditionCode::ne)
        {
            return u8::try_from(behind).ok().map(Noticed::Behind);
        }
        match instruction.flow_control() {
            _ if instruction.is_invalid() => return None,
            FlowControl::Next => {}
            // What is returned next, and was not handed on or kept, is all that there is of it.
            FlowControl::Call | FlowControl::IndirectCall if copies == [RETURNED] && !is_used => {
                return Some(Noticed::Never);
            }
            _ => return None,
        }
        if instruction.rflags_modified() & RflagsBits::ZF != 0 {
            behind = compares(&instruction, &copies).then(|| instruction.next_ip());
        }
        let is_copy = matches!(instruction.mnemonic(), Mnemonic::Mov | Mnemonic::Movzx)
            && operand(&instruction, 1).is_some_and(|from| copies.contains(&from));
        let used = information.info(&instruction);
        let in_registers = used.used_registers().iter().filter(|used| reads(used.access()));
        let mut places = in_registers.map(|used| Place::Register(used.register().full_register()));
        let in_memory = used.used_memory().iter().any(|used| reads(used.access()));
        let mut operands = (0..instruction.op_count()).filter_map(|number| operand(&instruction, number));
        let reads_a_copy = places.any(|place| copies.contains(&place))
            || in_memory && operands.any(|place| matches!(place, Place::Stack(..)) && copies.contains(&place));
        is_used |= reads_a_copy && !is_copy;
        for register in used.used_registers().iter().filter(|used| writes(used.access())) {
            let changed = register.register().full_register();
            copies.retain(|copy| !matches!(copy, Place::Register(at) | Place::Stack(at, _) if *at == changed));
        }
        if used.used_memory().iter().any(|used| writes(used.access())) {
            let changed = operand(&instruction, 0);
            // One that is not told apart may be any.
            copies.retain(|copy| matches!(copy, Place::Register(_)) || changed.is_some_and(|changed| changed != *copy));
        }
        if is_copy {
            copies.extend(operand(&instruction, 0));
        }
        if copies.is_empty() && !is_used {
            return Some(Noticed::Never);
        }
    }
    None
}

fn reads(access: OpAccess) -> bool {
    !matches!(access, OpAccess::None | OpAccess::Write | OpAccess::CondWrite | OpAccess::NoMemAccess)
}

fn writes(access: OpAccess) -> bool {
    !matches!(access, OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess)
}

/// Whether it compares one of these with something.
fn compares(instruction: &Instruction, copies: &[Place]) -> bool {
    let is_copy = |number| operand(instruction, number).is_some_and(|place| copies.contains(&place));
    match instruction.mnemonic() {
        // Without optimization it is subtracted, and what is left not used.
        Mnemonic::Cmp | Mnemonic::Sub => is_copy(0) || is_copy(1),
        // With itself: that is, with 0.
        Mnemonic::Test => is_copy(0) && instruction.op0_kind() == OpKind::Register && same_operands(instruction),
        _ => false,
    }
}

fn same_operands(instruction: &Instruction) -> bool {
    instruction.op1_kind() == OpKind::Register && instruction.op0_register() == instruction.op1_register()
}

fn operand(instruction: &Instruction, number: u32) -> Option<Place> {
    match instruction.op_kind(number) {
        OpKind::Register if instruction.op_register(number).is_gpr() => {
            Some(Place::Register(instruction.op_register(number).full_register()))
        }
        OpKind::Memory if instruction.memory_index() == Register::None => {
            Some(Place::Stack(instruction.memory_base(), instruction.memory_displacement64()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once() {
        // test eax, eax; jne
        assert_eq!(noticed(&[0x85, 0xc0, 0x0f, 0x85, 0xf6, 0, 0, 0]), Some(Noticed::Behind(2)));
        // cmp rbx, rax; sete al
        assert_eq!(noticed(&[0x48, 0x39, 0xc3, 0x0f, 0x94, 0xc0]), Some(Noticed::Behind(3)));
    }

    #[test]
    fn after_the_value_was_moved_about() {
        // mov [rbp-8], eax; mov ecx, [rbp-16]; mov edx, [rbp-8]; cmp edx, ecx; mov rsi, rdi; je
        let code = [0x89, 0x45, 0xf8, 0x8b, 0x4d, 0xf0, 0x8b, 0x55, 0xf8, 0x39, 0xca, 0x48, 0x89, 0xfe, 0x74, 0x05];
        assert_eq!(noticed(&code), Some(Noticed::Behind(11)));
    }

    #[test]
    fn without_optimization() {
        // mov rdx, [rbp-0x90]; mov rcx, rax; mov rax, rcx; sub rax, rdx; sete al
        let code = [
            0x48, 0x8b, 0x95, 0x70, 0xff, 0xff, 0xff, 0x48, 0x89, 0xc1, 0x48, 0x89, 0xc8, 0x48, 0x29, 0xd0, 0x0f, 0x94,
            0xc0,
        ];
        assert_eq!(noticed(&code), Some(Noticed::Behind(16)));
    }

    #[test]
    fn not_the_first_comparison_but_the_one_for_equality() {
        // mov rcx, rax; cmp rax, 3; mov eax, 3; cmovb rax, rcx; test rcx, rcx; jne
        let code = [
            0x48, 0x89, 0xc1, 0x48, 0x83, 0xf8, 0x03, 0xb8, 0x03, 0, 0, 0, 0x48, 0x0f, 0x42, 0xc1, 0x48, 0x85, 0xc9,
            0x0f, 0x85, 0x52, 0, 0, 0,
        ];
        assert_eq!(noticed(&code), Some(Noticed::Behind(19)));
    }

    #[test]
    fn the_value_is_not_looked_at() {
        // mov eax, 5; test eax, eax; jne
        assert_eq!(noticed(&[0xb8, 5, 0, 0, 0, 0x85, 0xc0, 0x75, 0]), Some(Noticed::Never));
        // mov rdi, rbx; call
        assert_eq!(noticed(&[0x48, 0x89, 0xdf, 0xe8, 0, 0, 0, 0]), Some(Noticed::Never));
        // Another one is where it was put: mov [rbp-8], eax; mov [rbp-8], ecx; mov eax, 0
        assert_eq!(noticed(&[0x89, 0x45, 0xf8, 0x89, 0x4d, 0xf8, 0xb8, 0, 0, 0, 0]), Some(Noticed::Never));
    }

    #[test]
    fn nothing_is_said_of_what_is_not_understood() {
        // Compared with something else than equality in view: cmp rax, 3; ja
        assert_eq!(noticed(&[0x48, 0x83, 0xf8, 0x03, 0x77, 0]), None);
        // A bit of it is looked at: test al, 1; jne
        assert_eq!(noticed(&[0xa8, 0x01, 0x75, 0]), None);
        // Something is made of it where it was put: mov [rbp-8], eax; add ecx, [rbp-8]; mov [rbp-8], ecx; mov eax, 0
        assert_eq!(noticed(&[0x89, 0x45, 0xf8, 0x03, 0x4d, 0xf8, 0x89, 0x4d, 0xf8, 0xb8, 0, 0, 0, 0]), None);
        // It is handed on: mov rdi, rax; call
        assert_eq!(noticed(&[0x48, 0x89, 0xc7, 0xe8, 0, 0, 0, 0]), None);
        // It is put onto the stack: push rax; mov eax, 5
        assert_eq!(noticed(&[0x50, 0xb8, 5, 0, 0, 0]), None);
        // It is kept: mov rbx, rax; call
        assert_eq!(noticed(&[0x48, 0x89, 0xc3, 0xe8, 0, 0, 0, 0]), None);
        // It is returned: ret
        assert_eq!(noticed(&[0xc3]), None);
        // The flags are others by then: cmp rax, rbx; xor ecx, ecx; je
        assert_eq!(noticed(&[0x48, 0x39, 0xd8, 0x31, 0xc9, 0x74, 0]), None);
        assert_eq!(noticed(&[]), None);
    }
}
