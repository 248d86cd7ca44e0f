//! Names of locks and other objects, never their addresses.
//!
//! In order of preference: the variable that holds it; what the source line binds at the place where its heap block was
//! allocated; the expression by which every use calls it, if no other object is called so; its kind and a number, with
//! the place of its creation or first use. A name that could belong to two objects is made longer or numbered.

use crate::context::Context;
use crate::expression::{self, Binding};
use crate::function;
use crate::object::{Object, ObjectKind};
use crate::place::Place;
use crate::reading::Reading;
use crate::site::Sites;
use crate::variable::{self, Found};
use crate::words;
use raddle_engine::waits;
use raddle_instrument::symbols::Symbols;
use raddle_protocol::trace::Trace;
use std::collections::BTreeMap;

/// What an object is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// For columns and sentences: `` `a` `` or `mutex 1`.
    pub short: String,
    /// With its kind and where it comes from: ``mutex `a` (created at src/lib.rs:6)``.
    pub long: String,
    /// Where it comes from.
    pub place: Option<Place>,
    /// Whether `short` is a name of the source rather than a number.
    pub from_source: bool,
    /// Whether it belongs to the standard library, where a reader does not see it.
    pub internal: bool,
}

/// All objects' names.
pub struct Names(Vec<Name>);

/// What is known of an object before names are made unambiguous.
struct Known {
    /// Names from the source, shortest first.
    candidates: Vec<String>,
    kind: String,
    /// The type of the heap block that holds it.
    inside: Option<String>,
    origin: Option<(&'static str, Place)>,
    internal: bool,
}

impl Known {
    fn new(candidates: Vec<String>, kind: String, origin: Option<(&'static str, Place)>) -> Self {
        Self { candidates, kind, inside: None, origin, internal: false }
    }
}

/// What naming needs.
struct Namer<'a> {
    trace: &'a Trace,
    bounds: Vec<(u64, u64)>,
    reading: &'a Reading,
    sites: &'a Sites,
    symbols: &'a dyn Symbols,
    context: &'a Context<'a>,
}

impl Names {
    /// Names every object of `reading`.
    pub fn new(trace: &Trace, reading: &Reading, sites: &Sites, symbols: &dyn Symbols, context: &Context<'_>) -> Self {
        let namer = Namer { trace, bounds: variable::stack_bounds(trace), reading, sites, symbols, context };
        let mut known: Vec<Known> = reading.objects.iter().map(|(id, object)| namer.known(id, object)).collect();
        namer.name_by_use(&mut known);
        // The two sides of a channel are one thing to a reader.
        let same = |a: usize, b: usize| {
            let (a, b) = (reading.objects.get(a as u32), reading.objects.get(b as u32));
            a.address == b.address && a.block == b.block
        };
        Self(unambiguous(&known, same))
    }

    /// The name of an object.
    pub fn get(&self, object: waits::Object) -> &Name {
        &self.0[object as usize]
    }

    /// The short name of an object.
    pub fn short(&self, object: waits::Object) -> &str {
        &self.get(object).short
    }
}

impl Namer<'_> {
    fn known(&self, id: waits::Object, object: &Object) -> Known {
        let first = object.first.unwrap_or(self.trace.steps.len());
        let kind = object.kind.word().to_owned();
        if object.kind == ObjectKind::Descriptor {
            let candidates = if object.address as i64 >= 0 { vec![format!("{}", object.address)] } else { Vec::new() };
            return Known::new(candidates, kind, None);
        }
        let variable = variable::static_at(self.symbols, object.address)
            .or_else(|| variable::local_at(self.trace, &self.bounds, self.symbols, object.address, first));
        match (variable, object.block) {
            (Some(found), _) => self.by_variable(found, kind),
            (None, Some(block)) => self.by_block(id, object, block, kind),
            (None, None) => Known::new(Vec::new(), kind, self.first_use(id)),
        }
    }

    fn by_variable(&self, found: Found, kind: String) -> Known {
        if let Some(stream) = variable::standard_stream(&found) {
            let known = Known::new(Vec::new(), format!("lock of {stream}"), None);
            return Known { internal: true, ..known };
        }
        let origin = found.variable.file.as_ref().filter(|_| found.variable.line > 0).map(|path| {
            let place = Place {
                file: self.context.shown(path),
                path: path.clone(),
                line: found.variable.line,
                column: 0,
                function: String::new(),
            };
            ("declared at", place)
        });
        let internal = variable::is_standard(&found);
        let mut candidates = vec![found.path.clone()];
        candidates.extend(found.scope.map(|scope| format!("{scope}::{}", found.path)));
        Known { internal, ..Known::new(candidates, kind, origin) }
    }

    fn by_block(&self, id: waits::Object, object: &Object, block: usize, kind: String) -> Known {
        let block = &self.trace.blocks[block];
        let unknown = || Known::new(Vec::new(), kind.clone(), self.first_use(id));
        let Some((_, stack)) = block.allocated else { return unknown() };
        let site = self.sites.get(stack);
        let Some(place) = site.user_frame().and_then(|frame| Place::of(frame, self.context)) else { return unknown() };
        let line = (self.context.source)(&place.path, place.line).unwrap_or_default();
        // Text counts only if the value at that column is the allocation's own result, not part of a closure's work that
        // happens to stand on the same line; `binding` looks at the column.
        let candidates = match expression::binding(&line, place.column) {
            Some(Binding::Name(name)) => {
                let rest = line.get(place.column as usize - 1..).unwrap_or_default();
                vec![self.with_field(id, object, name, rest)]
            }
            Some(Binding::Pair(one, two)) if matches!(object.kind, ObjectKind::Channel | ObjectKind::ChannelRoom) => {
                vec![format!("{one}`/`{two}")]
            }
            _ => Vec::new(),
        };
        // The outermost constructor is the one that the user called.
        let inside = site.library().iter().rev().find_map(|frame| type_in(&frame.function));
        Known { inside, ..Known::new(candidates, kind, Some(("created at", place))) }
    }

    /// `name`, or `name.field` when the block is a struct that has the object for a field. It is one when the text at the
    /// allocation makes something other than the object's own type; the field is the one that every use names.
    fn with_field(&self, id: waits::Object, object: &Object, name: String, constructor: &str) -> String {
        let argument = constructor.split_once('(').map_or("", |(_, argument)| argument);
        let end = argument.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(argument.len());
        let made = &argument[..end];
        let struct_like =
            made.rsplit("::").any(|part| part.starts_with(char::is_uppercase)) && made != "Default::default";
        if !struct_like || is_constructor_of(made, object.kind) {
            return name;
        }
        if let Some(field) = common_field(&self.expressions(id)) {
            return format!("{name}.{field}");
        }
        let several = self
            .reading
            .objects
            .iter()
            .any(|(other, there)| other != id && there.block == object.block && there.kind == object.kind);
        let start = object.block.map_or(object.address, |block| self.trace.blocks[block].address);
        if several { format!("{name}` at offset {}", object.address - start) } else { name }
    }

    /// How the source calls the object at each of its uses; `None` for a use that has no simple path.
    fn expressions(&self, id: waits::Object) -> Vec<Option<String>> {
        let mut expressions = Vec::new();
        for stack in variable::stacks_of(self.reading, id) {
            let site = self.sites.get(stack);
            let (Some(entry), Some(user)) = (site.entry(), site.user_frame()) else { continue };
            let method = function::method(&entry.function);
            if matches!(method.as_str(), "drop" | "drop_in_place" | "drop_glue" | "wait" | "wait_while") {
                // A guard is dropped, or handed over, under a name of its own.
                continue;
            }
            let line = Place::of(user, self.context).and_then(|place| {
                let line = (self.context.source)(&place.path, place.line)?;
                expression::receiver(&line, place.column, &method)
            });
            if !expressions.contains(&line) {
                expressions.push(line);
            }
        }
        expressions
    }

    /// Gives objects without a name the expression by which all uses call them, where that is theirs alone.
    fn name_by_use(&self, known: &mut [Known]) {
        let mut by_expression: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut single = Vec::new();
        for (id, object) in self.reading.objects.iter() {
            if object.kind == ObjectKind::Descriptor {
                continue;
            }
            let expressions = self.expressions(id);
            for expression in expressions.iter().flatten() {
                by_expression.entry(expression.clone()).or_default().push(id as usize);
            }
            single.push((id as usize, expressions));
        }
        for (id, expressions) in single {
            let candidates = &mut known[id].candidates;
            if !candidates.is_empty() {
                continue;
            }
            if let [Some(expression)] = &expressions[..]
                && by_expression[expression].len() == 1
            {
                candidates.push(expression.clone());
            } else {
                candidates.extend(common_field(&expressions));
            }
        }
    }

    fn first_use(&self, id: waits::Object) -> Option<(&'static str, Place)> {
        let place = variable::stacks_of(self.reading, id)
            .find_map(|stack| Place::of(self.sites.get(stack).user_frame()?, self.context))?;
        Some(("first used at", place))
    }
}

/// The field that all uses name last, whatever they reach it through.
fn common_field(expressions: &[Option<String>]) -> Option<String> {
    let mut fields = expressions.iter().map(|path| path.as_ref().and_then(|path| Some(path.rsplit_once('.')?.1)));
    let first = fields.next().flatten()?;
    fields.all(|other| other == Some(first)).then(|| first.to_owned())
}

/// Whether the path of a constructor makes an object of this kind.
fn is_constructor_of(path: &str, kind: ObjectKind) -> bool {
    let made: &[&str] = match kind {
        ObjectKind::Mutex => &["Mutex", "ReentrantLock"],
        ObjectKind::RwLock => &["RwLock"],
        ObjectKind::Condvar => &["Condvar"],
        ObjectKind::Barrier => &["Barrier"],
        ObjectKind::Once => &["Once", "OnceLock", "OnceCell", "Lazy", "LazyLock", "LazyCell"],
        ObjectKind::Atomic => &["Atomic"],
        _ => return true,
    };
    path.split("::").any(|part| made.iter().any(|made| part.ends_with(made) || part.starts_with(made)))
}

/// The type that an allocating function makes, where its name tells: `Arc<Mutex<u32>>::new` makes an `Arc<Mutex<u32>>`.
fn type_in(function: &str) -> Option<String> {
    let (owner, method) = function.rsplit_once("::")?;
    let owner = owner.strip_prefix('<').and_then(|owner| owner.strip_suffix('>')).unwrap_or(owner);
    let short = function::short_type(owner)?;
    let names_its_content = short.contains('<') && matches!(method, "new" | "new_in" | "from" | "default" | "pin");
    names_its_content.then_some(short)
}

/// Picks for each object the first candidate that no other one shares; numbers what is left.
fn unambiguous(known: &[Known], same: impl Fn(usize, usize) -> bool) -> Vec<Name> {
    let level = |id: usize, level: usize| -> Option<&String> {
        let candidates = &known[id].candidates;
        candidates.get(level).or(candidates.last())
    };
    let shared = |id: usize, at: usize| {
        (0..known.len()).any(|other| other != id && !same(id, other) && level(other, at) == level(id, at))
    };
    let mut names: Vec<Name> = Vec::with_capacity(known.len());
    for (id, one) in known.iter().enumerate() {
        let unique = (0..one.candidates.len()).find(|at| !shared(id, *at));
        let rank = |like: &dyn Fn(usize) -> bool| {
            let mut before: Vec<usize> = Vec::new();
            for other in 0..id {
                if like(other) && !same(other, id) && !before.iter().any(|seen| same(*seen, other)) {
                    before.push(other);
                }
            }
            before.len() + 1
        };
        let short = match (unique, one.candidates.last()) {
            (Some(at), _) => format!("`{}`", one.candidates[at]),
            (None, Some(name)) => {
                format!("`{name}` #{}", rank(&|other| known[other].candidates.last() == Some(name)))
            }
            (None, None) => {
                let alike = |other: usize| known[other].candidates.is_empty() && known[other].kind == one.kind;
                let alone = (0..known.len()).all(|other| other == id || same(id, other) || !alike(other));
                if alone { format!("the {}", one.kind) } else { format!("{} {}", one.kind, rank(&alike)) }
            }
        };
        // An offset stands outside the quotation.
        let short = match short.split_once("` at offset ") {
            Some((name, offset)) => format!("{name}` (at offset {})", offset.trim_end_matches('`')),
            None => short,
        };
        let mut long = if one.candidates.is_empty() { short.clone() } else { format!("{} {short}", one.kind) };
        match (&one.inside, &one.origin) {
            (Some(inside), Some((how, place))) => {
                let article = words::article(inside);
                long.push_str(&format!(" (in {article} `{inside}` {how} {})", place.short()));
            }
            (_, Some((how, place))) => long.push_str(&format!(" ({how} {})", place.short())),
            (_, None) => {}
        }
        let place = one.origin.as_ref().map(|(_, place)| place.clone());
        let from_source = !one.candidates.is_empty() && unique.is_some();
        names.push(Name { short, long, place, from_source, internal: one.internal });
    }
    names
}
