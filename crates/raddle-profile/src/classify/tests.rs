use super::futex::{Role, role_of_names};
use super::*;
use std::collections::HashMap;

/// A process that is made up.
#[derive(Default)]
struct Scene {
    descriptors: HashMap<i32, Descriptor>,
    watched: Vec<i32>,
    listens: bool,
    memory: HashMap<u64, Vec<u8>>,
    threads: Vec<u32>,
    python: bool,
    role: Option<Role>,
}

const NOW: u64 = 1_000_000_000_000;

impl Look for Scene {
    fn descriptor(&mut self, number: i32) -> Descriptor {
        self.descriptors.get(&number).cloned().unwrap_or(Descriptor::Unknown)
    }
    fn watched(&mut self, _: i32) -> Vec<i32> {
        self.watched.clone()
    }
    fn listens(&mut self) -> bool {
        self.listens
    }
    fn memory(&mut self, address: u64, length: usize) -> Option<Vec<u8>> {
        self.memory.get(&address)?.get(..length).map(<[u8]>::to_vec)
    }
    fn is_thread(&mut self, number: u32) -> bool {
        self.threads.contains(&number)
    }
    fn is_python(&mut self) -> bool {
        self.python
    }
    fn clocks(&mut self) -> (u64, u64) {
        (NOW, 5 * NOW)
    }
    fn futex_role(&mut self, _: u64, _: u64, _: u64) -> Option<Role> {
        self.role
    }
}

fn blocked(number: libc::c_long, args: [u64; 6]) -> Syscall {
    Syscall::Blocked { number, args, sp: 0x1000, pc: 0x2000 }
}

fn state(scene: &mut Scene, number: libc::c_long, args: [u64; 6]) -> State {
    wait(&blocked(number, args), None, scene).unwrap().state
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn the_kind_of_descriptor_decides_about_reads_and_writes() {
    let mut scene = Scene::default();
    let outgoing = Descriptor::Stream { peer: address("10.0.0.1:80"), inbound: false };
    let incoming = Descriptor::Stream { peer: address("10.0.0.2:5000"), inbound: true };
    let kinds = [
        (Descriptor::File("/x".into()), State::Disk, State::Disk),
        (Descriptor::Pipe, State::Pipe, State::Pipe),
        (Descriptor::Terminal, State::Terminal, State::Terminal),
        (outgoing, State::Network, State::Network),
        (incoming, State::Requests, State::Network),
        (Descriptor::EventFd, State::Condition, State::Condition),
        (Descriptor::TimerFd, State::Timer, State::Timer),
        (Descriptor::Local { name: None, listening: false }, State::Pipe, State::Pipe),
    ];
    for (fd, (descriptor, read, written)) in kinds.into_iter().enumerate() {
        scene.descriptors.insert(fd as i32, descriptor.clone());
        assert_eq!(state(&mut scene, libc::SYS_read, [fd as u64, 0, 0, 0, 0, 0]), read, "{descriptor}");
        assert_eq!(state(&mut scene, libc::SYS_write, [fd as u64, 0, 0, 0, 0, 0]), written, "{descriptor}");
    }
}

#[test]
fn futexes_by_the_value_they_expect() {
    let mut scene = Scene { threads: vec![4711], ..Scene::default() };
    let futex = |operation: u64, value: u64| [0xabc0, operation, value, 0, 0, 0];
    for (operation, value, expected) in [
        (0x80, 2, State::Lock),
        (0x89, 2, State::Lock),
        (0x89, 0xffff_ffff, State::Condition),
        (0x189, 0, State::Condition),
        (0x189, 18, State::Condition),
        (0x109, 4711, State::Join),
        (0x109, 4712, State::Condition),
        (0x80, 0x8000_0000 | 4711, State::Lock),
        (0x86, 0, State::Lock),
        (0x8b, 0, State::Condition),
    ] {
        assert_eq!(state(&mut scene, libc::SYS_futex, futex(operation, value)), expected, "{operation:x} {value:x}");
    }
    scene.role = Some(Role::Condition);
    assert_eq!(state(&mut scene, libc::SYS_futex, futex(0x89, 2)), State::Condition, "names are better than values");
}

#[test]
fn the_interpreter_lock_is_told_by_its_short_deadline() {
    let until = |nanos: u64| [(nanos / 1_000_000_000).to_ne_bytes(), (nanos % 1_000_000_000).to_ne_bytes()].concat();
    let mut scene = Scene { python: true, ..Scene::default() };
    let args = |operation| [0xabc0, operation, 0, 0x77, 0, 0];
    for (operation, nanos, gil) in [
        (0x89, NOW + 4_000_000, true),
        (0x89, NOW - 1_000_000, true),
        (0x89, NOW + 500_000_000, false),
        (0x189, 5 * NOW + 4_000_000, true),
        (0x189, NOW + 4_000_000, false),
        (0x80, 5_000_000, true),
    ] {
        scene.memory.insert(0x77, until(nanos));
        let found = wait(&blocked(libc::SYS_futex, args(operation)), None, &mut scene).unwrap();
        assert_eq!(found.object == Object::InterpreterLock, gil, "{operation:x} {nanos}");
        assert_eq!(found.state, if gil { State::Lock } else { State::Condition });
    }
    scene.python = false;
    scene.memory.insert(0x77, until(NOW + 4_000_000));
    assert_eq!(state(&mut scene, libc::SYS_futex, args(0x89)), State::Condition);
}

#[test]
fn a_poll_with_a_time_limit_is_told_from_an_event_loop() {
    let mut scene = Scene::default();
    scene.descriptors.insert(3, Descriptor::Stream { peer: address("10.0.0.1:80"), inbound: false });
    scene.descriptors.insert(4, Descriptor::Pipe);
    scene.descriptors.insert(5, Descriptor::Listening(address("0.0.0.0:80")));
    let pollfd = |fd: i32| [fd.to_ne_bytes(), [1, 0, 0, 0]].concat();
    scene.memory.insert(0x10, [pollfd(3), pollfd(4), pollfd(5)].concat());
    scene.memory.insert(0x20, [pollfd(4), pollfd(5)].concat());
    let poll = |scene: &mut Scene, place, count| state(scene, libc::SYS_ppoll, [place, count, 0, 0, 0, 0]);
    assert_eq!(poll(&mut scene, 0x10, 0), State::Timer);
    assert_eq!(poll(&mut scene, 0x10, 1), State::Network);
    assert_eq!(poll(&mut scene, 0x20, 1), State::Pipe);
    assert_eq!(poll(&mut scene, 0x20, 2), State::EventLoop);
    assert_eq!(poll(&mut scene, 0x10, 2), State::Network, "a client's event loop in the middle of a request");
    scene.listens = true;
    assert_eq!(poll(&mut scene, 0x10, 3), State::EventLoop, "a server with a connection to its database");

    scene.memory.insert(0x30, vec![0b0001_0000]);
    assert_eq!(state(&mut scene, libc::SYS_pselect6, [5, 0x30, 0, 0, 0, 0]), State::Pipe);
    assert_eq!(state(&mut scene, libc::SYS_pselect6, [0, 0, 0, 0, 0, 0]), State::Timer);
}

#[test]
fn epoll_is_judged_by_what_it_watches() {
    let mut scene = Scene { watched: vec![3, 4], ..Scene::default() };
    scene.descriptors.insert(3, Descriptor::Stream { peer: address("10.0.0.1:80"), inbound: false });
    scene.descriptors.insert(4, Descriptor::EventFd);
    assert_eq!(state(&mut scene, libc::SYS_epoll_pwait, [9, 0, 0, 0, 0, 0]), State::Network);
    scene.listens = true;
    assert_eq!(state(&mut scene, libc::SYS_epoll_pwait, [9, 0, 0, 0, 0, 0]), State::EventLoop);
    scene.listens = false;
    scene.watched = vec![4];
    assert_eq!(state(&mut scene, libc::SYS_epoll_pwait, [9, 0, 0, 0, 0, 0]), State::EventLoop);
}

#[test]
fn a_restarted_call_keeps_its_kind() {
    let mut scene = Scene::default();
    let before = Wait { state: State::Network, call: "poll", object: Object::None };
    let restarted = blocked(libc::SYS_restart_syscall, [0; 6]);
    assert_eq!(wait(&restarted, Some(&before), &mut scene).unwrap(), before);
    assert_eq!(wait(&restarted, None, &mut scene).unwrap().state, State::Timer);
    assert_eq!(wait(&Syscall::Running, None, &mut scene), None);
    assert_eq!(wait(&Syscall::Outside { sp: 1, pc: 2 }, None, &mut scene).unwrap().state, State::PageFault);
    assert_eq!(state(&mut scene, 99_999, [0; 6]), State::Other);
}

#[test]
fn names_of_callers_tell_locks_from_conditions() {
    let role = |names: &[&str]| role_of_names(names.iter().copied());
    assert_eq!(role(&["__futex_abstimed_wait_common", "pthread_cond_wait", "main"]), Some(Role::Condition));
    assert_eq!(role(&["__lll_lock_wait", "pthread_mutex_lock", "work"]), Some(Role::Lock));
    assert_eq!(role(&["std::sys::sync::mutex::futex::Mutex::lock_contended", "main"]), Some(Role::Lock));
    assert_eq!(role(&["std::sync::poison::condvar::Condvar::wait", "Mutex::lock"]), Some(Role::Condition));
    assert_eq!(role(&["syscall", "parking_lot::raw_mutex::RawMutex::lock_slow"]), Some(Role::Lock));
    assert_eq!(role(&["main", "_start"]), None);
}

#[test]
fn kernel_functions_as_a_last_resort() {
    assert_eq!(wchan::wait("hrtimer_nanosleep", 'S').state, State::Timer);
    assert_eq!(wchan::wait("futex_wait_queue", 'S').state, State::Condition);
    assert_eq!(wchan::wait("anon_pipe_read", 'S').state, State::Pipe);
    assert_eq!(wchan::wait("0", 'D').state, State::Disk);
    assert_eq!(wchan::wait("0", 'S').state, State::Other);
    assert_eq!(wchan::wait("do_signal_stop", 'T').state, State::Stopped);
}
