//! The ELF files of this process and where they are loaded.

use core::ffi::{CStr, c_void};
use raddle_protocol::Module;

extern "C" fn on_module(info: *mut libc::dl_phdr_info, _size: usize, list: *mut c_void) -> i32 {
    // SAFETY: the dynamic linker's structures, and the list given below.
    unsafe {
        let list = &mut *(list as *mut Vec<Module>);
        let info = &*info;
        let headers = core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        let loaded = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
        let start = loaded.clone().map(|header| header.p_vaddr).min().unwrap_or(0);
        let end = loaded.map(|header| header.p_vaddr + header.p_memsz).max().unwrap_or(0);
        let mut path = CStr::from_ptr(info.dlpi_name).to_string_lossy().into_owned();
        if path.is_empty() && list.is_empty() {
            path = std::fs::read_link("/proc/self/exe").map_or(path, |path| path.to_string_lossy().into_owned());
        }
        let base = info.dlpi_addr;
        list.push(Module { path, base, start: base + start, end: base + end });
    }
    0
}

/// All of them, the executable first.
pub fn list() -> Vec<Module> {
    let mut list: Vec<Module> = Vec::new();
    // SAFETY: the callback matches the list.
    unsafe { libc::dl_iterate_phdr(Some(on_module), &raw mut list as *mut c_void) };
    list
}

extern "C" fn on_first(info: *mut libc::dl_phdr_info, _size: usize, bytes: *mut c_void) -> i32 {
    // SAFETY: the dynamic linker's structures, and the number given below.
    unsafe {
        let info = &*info;
        let headers = core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        let storage = headers.iter().find(|header| header.p_type == libc::PT_TLS);
        *(bytes as *mut u64) = storage.map_or(0, |header| header.p_memsz.next_multiple_of(header.p_align.max(8)));
    }
    1
}

/// Bytes of the executable's thread-local variables.
pub fn thread_local_bytes() -> u64 {
    let mut bytes = 0_u64;
    // SAFETY: the callback matches the number.
    unsafe { libc::dl_iterate_phdr(Some(on_first), &raw mut bytes as *mut c_void) };
    bytes
}
