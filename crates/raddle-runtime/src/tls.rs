//! Thread-local storage for fibers: real ELF TLS (Drepper, "ELF Handling For Thread-Local Storage", variant II) with the
//! C library's thread control block at its end.
//!
//! The dynamic linker makes one block, which serves as the model; every fiber gets a copy at an address of our own, with
//! the pointers that lead into the block moved along. The offsets inside the C library's control block are read from
//! the description that it exports for debuggers (`_thread_db_*`).

use crate::arch::thread_pointer;
use crate::sys::{self, Real};

/// First address of the part of the address space for TLS.
pub const START: u64 = 0x3800_0000_0000;
/// Bytes of it.
pub const SIZE: u64 = 1 << 36;

/// A block in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Address of the thread control block: the value of the thread register.
    pub thread_pointer: u64,
    index: u32,
}

/// Which blocks are in use. Part of an execution's state.
#[derive(Default, Debug)]
pub struct Pool {
    next: u32,
    free: Vec<u32>,
}

impl Clone for Pool {
    fn clone(&self) -> Self {
        Pool { next: self.next, free: self.free.clone() }
    }

    fn clone_from(&mut self, other: &Self) {
        self.next = other.next;
        self.free.clone_from(&other.free);
    }
}

/// The block that all others are copied from.
struct Model {
    /// The block's bytes, from the first module's variables to the end of the control block.
    image: Vec<u8>,
    /// Its dynamic thread vector: pairs of words, beginning with the length.
    vector: Vec<[u64; 2]>,
    /// Where the block lay when the image was taken.
    start: u64,
    /// Offset of the control block in the image.
    control: u64,
    /// Bytes in front of the control block that are the executable's own variables.
    variables: u64,
    /// Distance between two fibers' blocks.
    stride: u64,
}

static mut MODEL: Option<Model> = None;

/// So many blocks are left alone after their threads have ended, so that who still uses them is found out.
const KEPT: usize = 64;

/// Words of the control block that hold its own address, and the secrets that all threads share (x86-64 psABI; glibc
/// `tcbhead_t`).
const SELF: [u64; 2] = [0, 0x10];
const VECTOR: u64 = 8;
const STACK_GUARD: u64 = 0x28;
const POINTER_GUARD: u64 = 0x30;

impl Pool {
    /// A fresh block, as a new thread gets it.
    pub fn take(&mut self) -> Block {
        let again = self.free.len() >= KEPT;
        let index = if again {
            self.free.remove(0)
        } else {
            self.next += 1;
            self.next - 1
        };
        let model = model();
        let start = START + u64::from(index) * model.stride;
        if again {
            crate::shadow::forget(start, start + model.stride);
        }
        if start + model.stride > START + SIZE {
            crate::fault::die("more threads at once than there is thread-local storage for");
        }
        let thread_pointer = start + model.control;
        let vector = start + (model.image.len() as u64).next_multiple_of(64);
        // SAFETY: the range is this fiber's own and mapped by `model`.
        unsafe {
            core::ptr::copy_nonoverlapping(model.image.as_ptr(), start as *mut u8, model.image.len());
            let entries = vector as *mut [u64; 2];
            core::ptr::copy_nonoverlapping(model.vector.as_ptr(), entries, model.vector.len());
            let end = model.start + model.image.len() as u64;
            for i in 2..model.vector.len() {
                let entry = entries.add(i);
                if (model.start..end).contains(&(*entry)[0]) {
                    (*entry)[0] = (*entry)[0] - model.start + start;
                }
            }
            for offset in SELF {
                *((thread_pointer + offset) as *mut u64) = thread_pointer;
            }
            *((thread_pointer + VECTOR) as *mut u64) = vector + 16;
        }
        Block { thread_pointer, index }
    }

    /// Gives a block back.
    pub fn give(&mut self, block: Block) {
        if block.thread_pointer != 0 {
            self.free.push(block.index);
        }
    }
}

/// First and last address (exclusive) of a block.
pub fn extent(block: &Block) -> (u64, u64) {
    let model = model();
    let start = block.thread_pointer - model.control;
    (start, start + model.stride)
}

/// First and last address (exclusive) of the executable's own variables in a block. Those of libraries are used by code
/// without hooks.
pub fn variables(block: &Block) -> (u64, u64) {
    (block.thread_pointer - model().variables, block.thread_pointer)
}

/// Whether an address lies in thread-local storage.
pub fn holds(address: u64) -> bool {
    address.wrapping_sub(START) < SIZE
}

fn model() -> &'static Model {
    let model = &raw mut MODEL;
    // SAFETY: one thread; made once and never changed.
    unsafe { (*model).get_or_insert_with(make_model) }
}

/// Makes the model ahead of time, so that nothing is allocated for it inside an execution.
pub fn prepare() {
    model();
}

/// A 32-bit description of a field, as `nptl_db.h` exports it: bits, elements, byte offset.
fn control_block_field(name: &core::ffi::CStr) -> Option<u32> {
    // SAFETY: the symbol, where it exists, is three 32-bit words.
    unsafe {
        let symbol = libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) as *const [u32; 3];
        (!symbol.is_null()).then(|| (*symbol)[2])
    }
}

fn make_model() -> Model {
    type Allocate = unsafe extern "C" fn(*mut u8) -> *mut u8;
    type Info = unsafe extern "C" fn(*mut usize, *mut usize);
    static ALLOCATE: Real<Allocate> = Real::new(c"_dl_allocate_tls");
    static INFO: Real<Info> = Real::new(c"_dl_get_tls_static_info");
    // SAFETY: the functions are the dynamic linker's own, with these types since glibc 2.3; the words read lie in the
    // block that it has just made.
    unsafe {
        let (mut size, mut align) = (0usize, 0usize);
        INFO.get()(&mut size, &mut align);
        let control_size = {
            let symbol = libc::dlsym(libc::RTLD_DEFAULT, c"_thread_db_sizeof_pthread".as_ptr()) as *const u32;
            if symbol.is_null() {
                crate::fault::die("the C library does not tell the size of its thread control block");
            }
            u64::from(*symbol)
        };
        let thread_pointer_of_model = ALLOCATE.get()(core::ptr::null_mut()) as u64;
        if thread_pointer_of_model == 0 {
            crate::fault::die("the dynamic linker could not allocate thread-local storage");
        }
        let size = size as u64;
        let start = thread_pointer_of_model + control_size - size;
        let mut image = core::slice::from_raw_parts(start as *const u8, size as usize).to_vec();
        let control = thread_pointer_of_model - start;
        let own = thread_pointer();
        for offset in [STACK_GUARD, POINTER_GUARD] {
            let at = (control + offset) as usize;
            image[at..at + 8].copy_from_slice(&(*((own + offset) as *const u64)).to_ne_bytes());
        }
        if let Some(offset) = control_block_field(c"_thread_db_pthread_tid") {
            let at = (control + u64::from(offset)) as usize;
            image[at..at + 4].copy_from_slice(&(*((own + u64::from(offset)) as *const u32)).to_ne_bytes());
        }
        // The vector's length stands in the entry before the one that is pointed to.
        let vector = *((thread_pointer_of_model + VECTOR) as *const u64) - 16;
        let length = *(vector as *const u64) as usize + 2;
        let vector = core::slice::from_raw_parts(vector as *const [u64; 2], length).to_vec();
        let align = (align as u64).max(64);
        let bytes = size.next_multiple_of(64) + vector.len() as u64 * 16;
        let stride = (bytes.next_multiple_of(align) | align).next_multiple_of(align);
        sys::map_fixed(START, SIZE, libc::MAP_PRIVATE);
        let variables = crate::modules::thread_local_bytes().min(control);
        Model { image, vector, start, control, variables, stride }
    }
}
