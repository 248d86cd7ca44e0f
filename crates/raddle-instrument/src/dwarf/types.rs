//! Types in the debug information: their names, sizes, and which field of one lies at an offset.

use super::image::Reader;
use crate::names::short_type;
use gimli::{AttributeValue, DebuggingInformationEntry, DwAt, UnitOffset, UnitRef};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

type Entry = DebuggingInformationEntry<Reader>;

/// Crates whose types are of one piece to a reader: the field inside a `Mutex` that an operation touches is no one's
/// business but the mutex's.
const OPAQUE_CRATES: &[&str] = &[
    "std",
    "core",
    "alloc",
    "parking_lot",
    "parking_lot_core",
    "lock_api",
    "spin",
    "crossbeam_utils",
    "crossbeam_channel",
    "crossbeam_queue",
    "crossbeam_deque",
    "crossbeam_epoch",
    "flume",
    "once_cell",
    "arc_swap",
    "dashmap",
    "event_listener",
    "tokio",
];

/// What was learnt of each unit that was asked about. Entries of debug information do not know their parents and are not
/// sorted, so a unit is walked once.
#[derive(Default)]
pub(super) struct Units(RefCell<HashMap<usize, Arc<Index>>>);

/// What a walk through a unit has found.
#[derive(Default)]
pub(super) struct Index {
    /// The crate of each structure.
    crates: HashMap<UnitOffset, Arc<str>>,
    /// Functions that exist as code, with their first and one past their last address.
    functions: Vec<(u64, u64, UnitOffset)>,
}

impl Units {
    fn index(&self, unit: UnitRef<'_, Reader>) -> Arc<Index> {
        let key = unit.header.offset().0;
        if let Some(known) = self.0.borrow().get(&key) {
            return known.clone();
        }
        let mut index = Index::default();
        // A damaged unit yields what was read of it.
        let _ = index.walk(unit);
        index.functions.sort_unstable_by_key(|(begin, ..)| *begin);
        let index = Arc::new(index);
        self.0.borrow_mut().insert(key, index.clone());
        index
    }

    /// The function in whose code an address lies.
    pub(super) fn function(&self, unit: UnitRef<'_, Reader>, code: u64) -> Option<UnitOffset> {
        let index = self.index(unit);
        let after = index.functions.partition_point(|(begin, ..)| *begin <= code);
        let (_, end, entry) = index.functions[..after].last()?;
        (code < *end).then_some(*entry)
    }

    fn is_opaque(&self, unit: UnitRef<'_, Reader>, structure: UnitOffset) -> bool {
        self.index(unit).crates.get(&structure).is_some_and(|root| OPAQUE_CRATES.contains(&&**root))
    }
}

impl Index {
    fn walk(&mut self, unit: UnitRef<'_, Reader>) -> gimli::Result<()> {
        let mut root: Option<Arc<str>> = None;
        let mut entries = unit.entries();
        while let Some(entry) = entries.next_dfs()? {
            match entry.tag() {
                gimli::DW_TAG_namespace if entry.depth() == 1 => root = name(unit, entry).map(Arc::from),
                gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type if entry.depth() > 1 => {
                    self.crates.extend(root.clone().map(|root| (entry.offset(), root)));
                }
                gimli::DW_TAG_subprogram => {
                    let mut ranges = unit.die_ranges(entry)?;
                    while let Some(range) = ranges.next()? {
                        self.functions.push((range.begin, range.end, entry.offset()));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The text of an attribute.
pub(super) fn text(unit: UnitRef<'_, Reader>, entry: &Entry, attribute: DwAt) -> Option<String> {
    let value = unit.attr_string(entry.attr_value(attribute)?).ok()?;
    Some(String::from_utf8_lossy(value.bytes()).into_owned())
}

/// The name of an entry.
pub(super) fn name(unit: UnitRef<'_, Reader>, entry: &Entry) -> Option<String> {
    text(unit, entry, gimli::DW_AT_name)
}

/// Where in its unit the entry that an attribute refers to lies.
pub(super) fn reference(unit: UnitRef<'_, Reader>, entry: &Entry, attribute: DwAt) -> Option<UnitOffset> {
    match entry.attr_value(attribute)? {
        AttributeValue::UnitRef(offset) => Some(offset),
        AttributeValue::DebugInfoRef(offset) => offset.to_unit_offset(&unit.header),
        _ => None,
    }
}

fn number(entry: &Entry, attribute: DwAt) -> Option<u64> {
    entry.attr_value(attribute)?.udata_value()
}

/// The name of a type, short.
pub(super) fn type_name(unit: UnitRef<'_, Reader>, at: UnitOffset) -> Option<String> {
    let entry = unit.entry(at).ok()?;
    if let Some(name) = name(unit, &entry) {
        return Some(short_type(&name));
    }
    let inner = || reference(unit, &entry, gimli::DW_AT_type).and_then(|inner| type_name(unit, inner));
    match entry.tag() {
        gimli::DW_TAG_array_type => Some(match count(unit, at) {
            Some(count) => format!("[{}; {count}]", inner()?),
            None => format!("[{}]", inner()?),
        }),
        gimli::DW_TAG_pointer_type => Some(format!("*{}", inner().unwrap_or_else(|| "void".into()))),
        gimli::DW_TAG_const_type | gimli::DW_TAG_volatile_type | gimli::DW_TAG_atomic_type => inner(),
        _ => None,
    }
}

/// The size of a type in bytes.
pub(super) fn size(unit: UnitRef<'_, Reader>, at: UnitOffset) -> Option<u64> {
    let entry = unit.entry(at).ok()?;
    if let Some(size) = number(&entry, gimli::DW_AT_byte_size) {
        return Some(size);
    }
    let inner = reference(unit, &entry, gimli::DW_AT_type).and_then(|inner| size(unit, inner));
    match entry.tag() {
        gimli::DW_TAG_array_type => inner?.checked_mul(count(unit, at)?),
        gimli::DW_TAG_pointer_type => Some(8),
        _ => inner,
    }
}

/// Whether a type is that of functions. Of a Rust function that is passed by its own type, of no size, it is said that it is a
/// pointer, so something else may lie where such a value is said to be.
pub(super) fn is_function(unit: UnitRef<'_, Reader>, at: UnitOffset) -> bool {
    let tag_of = |at: UnitOffset| unit.entry(at).ok().map(|entry| (entry.tag(), entry));
    let Some((gimli::DW_TAG_pointer_type, pointer)) = tag_of(at) else { return false };
    let inner = reference(unit, &pointer, gimli::DW_AT_type).and_then(tag_of);
    inner.is_some_and(|(tag, _)| tag == gimli::DW_TAG_subroutine_type)
}

/// Number of elements of an array of one dimension.
fn count(unit: UnitRef<'_, Reader>, array: UnitOffset) -> Option<u64> {
    let mut tree = unit.entries_tree(Some(array)).ok()?;
    let mut children = tree.root().ok()?.children();
    while let Ok(Some(child)) = children.next() {
        let range = child.entry();
        if range.tag() == gimli::DW_TAG_subrange_type {
            let upper = || number(range, gimli::DW_AT_upper_bound).map(|upper| upper + 1);
            return number(range, gimli::DW_AT_count).or_else(upper);
        }
    }
    None
}

/// The path of fields that leads to a byte of a value, as far as it leads through structs and arrays of the program's own.
pub(super) fn field(unit: UnitRef<'_, Reader>, units: &Units, at: UnitOffset, offset: u64) -> Option<String> {
    let mut path = String::new();
    let (mut at, mut offset) = (at, offset);
    while let Some((step, inner, rest)) = step(unit, units, at, offset) {
        if !path.is_empty() && !step.starts_with('[') {
            path.push('.');
        }
        path.push_str(&step);
        (at, offset) = (inner, rest);
    }
    (!path.is_empty()).then_some(path)
}

/// One step inwards: its name, the type it leads to, and the offset there.
fn step(unit: UnitRef<'_, Reader>, units: &Units, at: UnitOffset, offset: u64) -> Option<(String, UnitOffset, u64)> {
    let entry = unit.entry(at).ok()?;
    match entry.tag() {
        gimli::DW_TAG_typedef | gimli::DW_TAG_const_type | gimli::DW_TAG_volatile_type => {
            step(unit, units, reference(unit, &entry, gimli::DW_AT_type)?, offset)
        }
        gimli::DW_TAG_array_type => {
            let element = reference(unit, &entry, gimli::DW_AT_type)?;
            let size = size(unit, element).filter(|size| *size > 0)?;
            Some((format!("[{}]", offset / size), element, offset % size))
        }
        gimli::DW_TAG_structure_type => {
            if units.is_opaque(unit, at) {
                return None;
            }
            member(unit, at, offset)
        }
        _ => None,
    }
}

fn member(unit: UnitRef<'_, Reader>, structure: UnitOffset, offset: u64) -> Option<(String, UnitOffset, u64)> {
    let mut tree = unit.entries_tree(Some(structure)).ok()?;
    let mut children = tree.root().ok()?.children();
    let mut function = None;
    while let Ok(Some(child)) = children.next() {
        let entry = child.entry();
        if entry.tag() != gimli::DW_TAG_member {
            continue;
        }
        let Some(start) = number(entry, gimli::DW_AT_data_member_location) else { continue };
        let Some(inner) = reference(unit, entry, gimli::DW_AT_type) else { continue };
        let Some(size) = size(unit, inner) else { continue };
        if offset >= start && offset - start < size {
            let name = name(unit, entry)?;
            // A tuple's fields are recorded as `__0`, `__1`.
            let name = name.strip_prefix("__").filter(|rest| rest.parse::<u32>().is_ok()).unwrap_or(&name).to_owned();
            let found = Some((name, inner, offset - start));
            if !is_function(unit, inner) {
                return found;
            }
            function = found;
        }
    }
    function
}
