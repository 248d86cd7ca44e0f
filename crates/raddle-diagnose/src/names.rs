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
use crate::unambiguous::{self, Choices, Chosen};
use crate::variable::{self, Found};
use crate::words;
use raddle_engine::waits;
use raddle_instrument::symbols::{SourceFrame, Symbols};
use raddle_protocol::Role;
use raddle_protocol::trace::{StackId, Trace};
use std::collections::{BTreeMap, BTreeSet};

/// What an object is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// For columns and sentences: `` `a` `` or `mutex 1`.
    pub short: String,
    /// With its kind and where it comes from: ``mutex `a` (created at src/lib.rs:6)``.
    pub long: String,
    /// Whether it belongs to the standard library, where a reader does not see it.
    pub internal: bool,
    /// For a static, the crate that declares it.
    pub owner: Option<String>,
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
    owner: Option<String>,
}

impl Known {
    fn new(candidates: Vec<String>, kind: String, origin: Option<(&'static str, Place)>) -> Self {
        Self { candidates, kind, inside: None, origin, internal: false, owner: None }
    }
}

/// What naming needs.
struct Namer<'a> {
    trace: &'a Trace,
    bounds: Vec<(u64, u64)>,
    /// The distinct stacks from which each object is acted on.
    uses: Vec<Vec<StackId>>,
    reading: &'a Reading,
    sites: &'a Sites,
    symbols: &'a dyn Symbols,
    context: &'a Context<'a>,
}

impl Names {
    /// Names every object of `reading`.
    pub fn new(trace: &Trace, reading: &Reading, sites: &Sites, symbols: &dyn Symbols, context: &Context<'_>) -> Self {
        let (bounds, uses) = (variable::stack_bounds(trace), uses(reading));
        let namer = Namer { trace, bounds, uses, reading, sites, symbols, context };
        let mut known: Vec<Known> = reading.objects.iter().map(|(id, object)| namer.known(id, object)).collect();
        namer.name_by_use(&mut known);
        Self(named(&known, &groups(reading), &parts(reading)))
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
        let owner = found.variable.name.contains("::").then(|| function::krate(&found.variable.name));
        if found.variable.name.contains("::{impl#") {
            // A static that a macro has put inside a method, such as those of `lazy_static!`: its path is nothing that a
            // reader could look for. What the uses call it is (see `name_by_use`).
            return Known { internal, owner, ..Known::new(Vec::new(), kind, origin) };
        }
        let mut candidates = vec![found.path.clone()];
        candidates.extend(found.scope.map(|scope| format!("{scope}::{}", found.path)));
        Known { internal, owner, ..Known::new(candidates, kind, origin) }
    }

    fn by_block(&self, id: waits::Object, object: &Object, block: usize, kind: String) -> Known {
        let block = &self.trace.blocks[block];
        let unknown = || Known::new(Vec::new(), kind.clone(), self.first_use(id));
        let Some((_, stack)) = block.allocated else { return unknown() };
        let site = self.sites.get(stack);
        let Some(place) = site.user_frame().and_then(|frame| Place::of(frame, self.context)) else { return unknown() };
        let line = (self.context.source)(&place.path, place.line).unwrap_or_default();
        // Text counts only if the value at that column is the allocation's own result, not part of a closure's work that
        // happens to stand on the same line; `binding` looks at the column. What a library makes once, for whoever comes
        // first, is nobody's result.
        let binding = expression::binding(&line, place.column).filter(|_| !site.library().iter().any(makes_once));
        let candidates = match binding {
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
        for &stack in &self.uses[id as usize] {
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
            if let Some(name) = candidates.first() {
                // One of several in a variable: `pair.0`, `forks[1]`, in case the variable's name does not tell them apart.
                let part = expressions.iter().flatten().find(|expression| {
                    expression.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(['.', '[']))
                        && by_expression[*expression].len() == 1
                });
                candidates.extend(part.cloned());
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
        let place = self.uses[id as usize]
            .iter()
            .find_map(|stack| Place::of(self.sites.get(*stack).user_frame()?, self.context))?;
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

/// Whether a function begins what is made when it is first needed: a lazy static, a thread-local variable.
fn makes_once(frame: &SourceFrame) -> bool {
    const MAKERS: [&str; 8] =
        ["LocalKey", "LazyStorage", "Once", "OnceLock", "OnceCell", "OnceBox", "Lazy", "LazyLock"];
    let function = function::plain(&frame.function);
    let (owner, method) = function.rsplit_once("::").unwrap_or_default();
    owner.split("::").any(|part| MAKERS.contains(&part)) && method != "new"
}

/// The type that an allocating function makes, where its name tells: `Arc<Mutex<u32>>::new` makes an `Arc<Mutex<u32>>`.
fn type_in(function: &str) -> Option<String> {
    let (owner, method) = function.rsplit_once("::")?;
    let owner = owner.strip_prefix('<').and_then(|owner| owner.strip_suffix('>')).unwrap_or(owner);
    // `<Arc<Mutex<u32>> as Default>::default`.
    let owner = owner.split_once(" as ").map_or(owner, |(made, _)| made);
    let short = function::short_type(owner)?;
    let names_its_content = short.contains('<') && matches!(method, "new" | "new_in" | "from" | "default" | "pin");
    names_its_content.then_some(short)
}

/// For each object, the distinct stacks from which it is acted on, in order of first use.
fn uses(reading: &Reading) -> Vec<Vec<StackId>> {
    let mut uses = vec![Vec::new(); reading.objects.iter().count()];
    let mut seen = BTreeSet::new();
    for action in &reading.actions {
        if let Some(object) = action.object
            && seen.insert((object, action.stack))
        {
            uses[object as usize].push(action.stack);
        }
    }
    uses
}

/// A number for each object, the same for those that are one to a reader: the two sides of a channel.
fn groups(reading: &Reading) -> Vec<usize> {
    let mut channels = BTreeMap::new();
    let mut blocks = BTreeMap::new();
    let group = |(id, object): (waits::Object, &Object)| match object.kind {
        ObjectKind::Channel | ObjectKind::ChannelRoom => {
            *channels.entry((object.address, object.block)).or_insert(id as usize)
        }
        // The content of a block is called as what else is known of it.
        ObjectKind::Memory if object.block.is_some() => *blocks.entry(object.block).or_insert(id as usize),
        _ => id as usize,
    };
    reading.objects.iter().map(group).collect()
}

/// Whether each object is only ever acted on within the interface of another one: the mutex of a barrier, for one.
fn parts(reading: &Reading) -> Vec<bool> {
    let mut parts = vec![true; reading.objects.iter().count()];
    for action in &reading.actions {
        if let (Some(object), None | Some(Role::CondvarWait)) = (action.object, action.within) {
            parts[object as usize] = false;
        }
    }
    parts
}

/// The names of all objects.
fn named(known: &[Known], groups: &[usize], parts: &[bool]) -> Vec<Name> {
    let choices: Vec<Choices<'_>> = known
        .iter()
        .zip(groups.iter().zip(parts))
        .map(|(one, (group, part))| Choices {
            group: *group,
            candidates: &one.candidates,
            kind: &one.kind,
            part: *part,
        })
        .collect();
    let mut names = Vec::with_capacity(known.len());
    for (one, chosen) in known.iter().zip(unambiguous::choose(&choices)) {
        let short = match chosen {
            Chosen::Name(name) => quoted(name),
            Chosen::OfKind(name) => format!("the {} of {}", one.kind, quoted(name)),
            Chosen::Shared(name, number) => format!("{} #{number}", quoted(name)),
            Chosen::Only => format!("the {}", one.kind),
            Chosen::Number(number) => format!("{} {number}", one.kind),
        };
        // Some names say the kind already.
        let mut long = if short.starts_with('`') { format!("{} {short}", one.kind) } else { short.clone() };
        match (&one.inside, &one.origin) {
            (Some(inside), Some((how, place))) => {
                let article = words::article(inside);
                long.push_str(&format!(" (in {article} `{inside}` {how} {})", place.short()));
            }
            (_, Some((how, place))) => long.push_str(&format!(" ({how} {})", place.short())),
            (_, None) => {}
        }
        names.push(Name { short, long, internal: one.internal, owner: one.owner.clone() });
    }
    names
}

/// In quotation marks; an offset stands outside them.
fn quoted(name: &str) -> String {
    match name.split_once("` at offset ") {
        Some((name, offset)) => format!("`{name}` (at offset {offset})"),
        None => format!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two objects of one static variable's are told apart by their kinds, which are not said twice.
    #[test]
    fn a_name_that_says_the_kind_is_not_given_it_again() {
        let known =
            ["read-write lock", "once cell"].map(|kind| Known::new(vec!["SETTINGS".to_owned()], kind.to_owned(), None));
        let names = named(&known, &[0, 1], &[false, false]);
        assert_eq!(names[0].short, "the read-write lock of `SETTINGS`");
        assert_eq!(names[0].long, names[0].short);
        let alone = named(&known[..1], &[0], &[false]);
        assert_eq!(alone[0].long, "read-write lock `SETTINGS`");
    }
}
