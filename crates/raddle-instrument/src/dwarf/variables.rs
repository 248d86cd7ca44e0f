//! Variables in the debug information: statics by their address, locals by their place in a frame.
//!
//! A local's place is an expression over the frame base (DWARF 5, section 2.6). Code under test is compiled with frame
//! pointers, so the frame base is `rbp`, which lies two words below the canonical frame address; C compilers name that
//! address itself. Of expressions those are understood that consist of one offset from either, or one register plus offset;
//! under optimization a variable may have several places in turn, of which that counts which holds at the address asked
//! about.

use super::image::Reader;
use super::types::{self, Units};
use crate::symbols::Variable;
use gimli::{
    AttributeValue, DebuggingInformationEntry, Dwarf, Expression, Operation, Register, UnitOffset, UnitRef, X86_64,
};

type Entry = DebuggingInformationEntry<Reader>;

/// A static variable, to be described when asked for.
pub(super) struct Static {
    address: u64,
    unit: gimli::DebugInfoOffset,
    entry: UnitOffset,
    /// Modules and functions around it.
    scope: String,
}

/// Where a frame stands.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    /// An address within the call instruction, as in the file.
    pub code: u64,
    /// Canonical frame address.
    pub cfa: u64,
}

/// All statics with a fixed address, by address.
pub(super) fn statics(dwarf: &Dwarf<Reader>) -> Vec<Static> {
    let mut statics = Vec::new();
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        let Some(offset) = header.debug_info_offset() else { continue };
        let Ok(unit) = dwarf.unit(header) else { continue };
        // A damaged unit yields what was read of it.
        let _ = statics_of(unit.unit_ref(dwarf), offset, &mut statics);
    }
    statics.sort_by_key(|found| found.address);
    statics
}

fn statics_of(
    unit: UnitRef<'_, Reader>,
    offset: gimli::DebugInfoOffset,
    statics: &mut Vec<Static>,
) -> gimli::Result<()> {
    let mut scope: Vec<(isize, UnitOffset)> = Vec::new();
    let mut entries = unit.entries();
    while let Some(entry) = entries.next_dfs()? {
        while scope.last().is_some_and(|(depth, _)| *depth >= entry.depth()) {
            scope.pop();
        }
        match entry.tag() {
            gimli::DW_TAG_namespace | gimli::DW_TAG_subprogram => scope.push((entry.depth(), entry.offset())),
            gimli::DW_TAG_variable => {
                let Some(AttributeValue::Exprloc(expression)) = entry.attr_value(gimli::DW_AT_location) else {
                    continue;
                };
                let Some(Operation::Address { address }) = only_operation(unit, expression) else { continue };
                let names = scope.iter().filter_map(|(_, at)| types::name(unit, &unit.entry(*at).ok()?));
                let scope = names.collect::<Vec<_>>().join("::");
                statics.push(Static { address, unit: offset, entry: entry.offset(), scope });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The static that holds an address of the file.
pub(super) fn static_at(statics: &[Static], dwarf: &Dwarf<Reader>, units: &Units, address: u64) -> Option<Variable> {
    let after = statics.partition_point(|found| found.address <= address);
    let found = statics[..after].last()?;
    let header = dwarf.unit_header(found.unit).ok()?;
    let unit = dwarf.unit(header).ok()?;
    let unit = unit.unit_ref(dwarf);
    let entry = unit.entry(found.entry).ok()?;
    let mut variable = describe(unit, units, &entry, found.address, address)?;
    if !found.scope.is_empty() {
        variable.name = format!("{}::{}", found.scope, variable.name);
    }
    Some(variable)
}

/// The local variable or parameter that holds `target`, an address of the process.
pub(super) fn local_at(unit: UnitRef<'_, Reader>, units: &Units, frame: Frame, target: u64) -> Option<Variable> {
    let function = units.function(unit, frame.code)?;
    let base = frame_base(unit, &unit.entry(function).ok()?, frame)?;
    let mut tree = unit.entries_tree(Some(function)).ok()?;
    let mut best = None;
    search(unit, units, tree.root().ok()?, &Search { frame, base, target }, &mut best);
    best.map(|(_, variable)| variable)
}

/// What is looked for.
struct Search {
    frame: Frame,
    base: u64,
    target: u64,
}

/// Looks through a scope and the scopes within it that hold the frame's address. Of several variables that share the
/// target (storage is reused), the smallest in the innermost scope is meant; one that is a function, only if there is no other.
fn search(
    unit: UnitRef<'_, Reader>,
    units: &Units,
    scope: gimli::EntriesTreeNode<'_, '_, Reader>,
    wanted: &Search,
    best: &mut Option<((bool, u64), Variable)>,
) {
    let mut children = scope.children();
    while let Ok(Some(child)) = children.next() {
        match child.entry().tag() {
            gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter => {
                let entry = child.entry();
                let Some(start) = place(unit, entry, wanted) else { continue };
                let Some(variable) = describe(unit, units, entry, start, wanted.target) else { continue };
                let Some(at) = type_of(unit, entry) else { continue };
                let rank = (types::is_function(unit, at), types::size(unit, at).unwrap_or(u64::MAX));
                if best.as_ref().is_none_or(|(best, _)| rank <= *best) {
                    *best = Some((rank, variable));
                }
            }
            gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine
                if covers(unit, child.entry(), wanted.frame.code) =>
            {
                search(unit, units, child, wanted, best);
            }
            _ => {}
        }
    }
}

/// Where a variable begins.
fn place(unit: UnitRef<'_, Reader>, entry: &Entry, wanted: &Search) -> Option<u64> {
    let expression = match entry.attr_value(gimli::DW_AT_location)? {
        AttributeValue::Exprloc(expression) => expression,
        list => {
            let mut locations = unit.attr_locations(list).ok()??;
            loop {
                let entry = locations.next().ok()??;
                if (entry.range.begin..entry.range.end).contains(&wanted.frame.code) {
                    break entry.data;
                }
            }
        }
    };
    Some(match only_operation(unit, expression)? {
        Operation::FrameOffset { offset } => wanted.base.wrapping_add_signed(offset),
        Operation::RegisterOffset { register, offset, .. } => {
            register_value(register, wanted.frame)?.wrapping_add_signed(offset)
        }
        _ => return None,
    })
}

/// Describes a variable if it holds `target`.
fn describe(unit: UnitRef<'_, Reader>, units: &Units, entry: &Entry, start: u64, target: u64) -> Option<Variable> {
    let at = type_of(unit, entry);
    let size = types::size(unit, at?)?;
    let offset = target.checked_sub(start).filter(|offset| *offset < size)?;
    let declared = |attribute| attribute_of_declaration(unit, entry, attribute);
    let name = declared(gimli::DW_AT_name).and_then(|entry| types::name(unit, &entry))?;
    let line =
        declared(gimli::DW_AT_decl_line).and_then(|entry| entry.attr_value(gimli::DW_AT_decl_line)?.udata_value());
    let file = declared(gimli::DW_AT_decl_file).and_then(|entry| file(unit, &entry));
    Some(Variable {
        name,
        type_name: at.and_then(|at| types::type_name(unit, at)),
        field: at.and_then(|at| types::field(unit, units, at, offset)),
        file,
        line: line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0),
        address: start,
    })
}

fn type_of(unit: UnitRef<'_, Reader>, entry: &Entry) -> Option<UnitOffset> {
    let entry = attribute_of_declaration(unit, entry, gimli::DW_AT_type)?;
    types::reference(unit, &entry, gimli::DW_AT_type)
}

/// The entry that holds an attribute of a variable: its own, or that of the declaration which it is an instance of.
fn attribute_of_declaration(unit: UnitRef<'_, Reader>, entry: &Entry, attribute: gimli::DwAt) -> Option<Entry> {
    let mut entry = entry.clone();
    // An instance of an instance is as deep as it gets.
    for _ in 0..4 {
        if entry.has_attr(attribute) {
            return Some(entry);
        }
        let origin = types::reference(unit, &entry, gimli::DW_AT_abstract_origin)
            .or_else(|| types::reference(unit, &entry, gimli::DW_AT_specification))?;
        entry = unit.entry(origin).ok()?;
    }
    None
}

fn file(unit: UnitRef<'_, Reader>, entry: &Entry) -> Option<String> {
    let AttributeValue::FileIndex(index) = entry.attr_value(gimli::DW_AT_decl_file)? else { return None };
    let program = unit.line_program.as_ref()?;
    let header = program.header();
    let file = header.file(index)?;
    let text = |value| Some(String::from_utf8_lossy(unit.attr_string(value).ok()?.bytes()).into_owned());
    let directory = file.directory(header).and_then(text).unwrap_or_default();
    let compiled_in = unit.comp_dir.as_ref().map(|directory| String::from_utf8_lossy(directory.bytes()).into_owned());
    let path = std::path::Path::new(&compiled_in.unwrap_or_default()).join(directory).join(text(file.path_name())?);
    Some(path.to_string_lossy().into_owned())
}

fn covers(unit: UnitRef<'_, Reader>, entry: &Entry, code: u64) -> bool {
    let Ok(mut ranges) = unit.die_ranges(entry) else { return false };
    while let Ok(Some(range)) = ranges.next() {
        if (range.begin..range.end).contains(&code) {
            return true;
        }
    }
    false
}

fn frame_base(unit: UnitRef<'_, Reader>, function: &Entry, frame: Frame) -> Option<u64> {
    let AttributeValue::Exprloc(expression) = function.attr_value(gimli::DW_AT_frame_base)? else { return None };
    match only_operation(unit, expression)? {
        Operation::CallFrameCFA => Some(frame.cfa),
        Operation::Register { register } => register_value(register, frame),
        Operation::RegisterOffset { register, offset, .. } => {
            Some(register_value(register, frame)?.wrapping_add_signed(offset))
        }
        _ => None,
    }
}

/// The frame pointer is saved right below the return address and then set to where it was saved. No other register is
/// known.
fn register_value(register: Register, frame: Frame) -> Option<u64> {
    (register == X86_64::RBP).then(|| frame.cfa.wrapping_sub(16))
}

/// The operation of an expression that has only one.
fn only_operation(unit: UnitRef<'_, Reader>, expression: Expression<Reader>) -> Option<Operation<Reader>> {
    let mut operations = expression.operations(unit.encoding());
    let operation = operations.next().ok()??;
    operations.next().ok()?.is_none().then_some(operation)
}
