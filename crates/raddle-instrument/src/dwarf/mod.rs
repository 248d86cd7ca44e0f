//! Source-level answers about the addresses of one process, from the DWARF debug information of its modules (DWARF
//! versions 2 to 5, as gimli reads them).
//!
//! A module is read when it is first asked about. All answers are best effort: where the debug information says less, they
//! hold less, down to the name in the ELF symbol table.
//!
//! What cannot be seen: thread-local variables; variables in registers; variables that a closure has captured by reference
//! and reaches through its environment; variables of the standard library, which is shipped with line tables only.

mod image;
mod types;
mod variables;

use crate::noticed::noticed;
use crate::origin::Places;
use crate::roles::{self, sites::Tells};
use crate::symbols::{Origin, SourceFrame, Symbols, Variable};
use image::Image;
use raddle_protocol::{Module, Noticed, Role};
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::Path;

/// The loaded files of a process, and what is known about them.
pub struct Process {
    modules: Vec<(Module, OnceCell<Option<Image>>)>,
    places: Places,
    frames: RefCell<HashMap<u64, Vec<SourceFrame>>>,
    roles: RefCell<HashMap<u64, Role>>,
}

impl Process {
    /// `workspace_root` is where the user's own code lies, `target_directory` where generated code does
    /// ([`crate::compile::Build`] has both).
    pub fn new(modules: Vec<Module>, workspace_root: &Path, target_directory: &Path) -> Self {
        Self {
            modules: modules.into_iter().map(|module| (module, OnceCell::new())).collect(),
            places: Places::new(workspace_root, target_directory),
            frames: RefCell::default(),
            roles: RefCell::default(),
        }
    }

    /// The modules it was made for: as long as a process reports the same, these answers hold for it too.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.iter().map(|(module, _)| module)
    }

    /// The module at an address, and that address as in its file.
    fn image_at(&self, address: u64) -> Option<(&Image, &Module, u64)> {
        let (module, image) = self.modules.iter().find(|(module, _)| (module.start..module.end).contains(&address))?;
        let image = image.get_or_init(|| Image::read(Path::new(&module.path))).as_ref()?;
        Some((image, module, address.wrapping_sub(module.base)))
    }

    fn look_up(&self, pc: u64) -> Vec<SourceFrame> {
        // A return address may be the first of the next function, or of the next line.
        let Some((image, _, address)) = self.image_at(pc.wrapping_sub(1)) else { return Vec::new() };
        let mut frames = image.frames(address);
        for frame in &mut frames {
            frame.origin = self.places.origin(frame.file.as_deref(), &frame.function);
        }
        frames
    }
}

impl Symbols for Process {
    fn frames(&self, pc: u64) -> Vec<SourceFrame> {
        if let Some(known) = self.frames.borrow().get(&pc) {
            return known.clone();
        }
        let frames = self.look_up(pc);
        self.frames.borrow_mut().insert(pc, frames.clone());
        frames
    }

    fn static_at(&self, address: u64) -> Option<Variable> {
        let (image, module, in_file) = self.image_at(address)?;
        let mut variable = image.static_at(in_file)?;
        variable.address = variable.address.wrapping_add(module.base);
        Some(variable)
    }

    fn library_at(&self, address: u64) -> Option<String> {
        let module = self.modules().find(|module| (module.start..module.end).contains(&address))?;
        let name = Path::new(&module.path).file_name()?.to_str()?;
        name.contains(".so").then(|| name.to_owned())
    }

    fn local_at(&self, pc: u64, cfa: u64, address: u64) -> Option<Variable> {
        let (image, _, in_file) = self.image_at(pc.wrapping_sub(1))?;
        image.local_at(in_file, cfa, address)
    }

    fn role(&self, pc: u64) -> Role {
        if let Some(known) = self.roles.borrow().get(&pc) {
            return *known;
        }
        let role = roles::role(&self.frames(pc));
        self.roles.borrow_mut().insert(pc, role);
        role
    }

    fn noticed(&self, pc: u64) -> Option<Noticed> {
        let (image, _, in_file) = self.image_at(pc)?;
        image.code(in_file).and_then(noticed)
    }

    fn tells(&self) -> Tells {
        // The runtime's own library is no part of the program.
        let images = self.modules.iter().filter(|(module, _)| !module.path.ends_with(raddle_protocol::RUNTIME_LIBRARY));
        images
            .filter_map(|(module, image)| image.get_or_init(|| Image::read(Path::new(&module.path))).as_ref())
            .map(Image::tells)
            .fold(Tells::default(), |one, other| Tells {
                counts: one.counts || other.counts,
                tries: one.tries || other.tries,
            })
    }
}

/// A frame of which nothing but the name is known.
fn named(function: String) -> SourceFrame {
    SourceFrame { function: function.into(), file: None, line: 0, column: 0, origin: Origin::Unknown }
}
