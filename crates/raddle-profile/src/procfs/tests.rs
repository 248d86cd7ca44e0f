use super::{cgroup, fd, maps, net, scan, stat, syscall};
use fd::Link;
use std::path::{Path, PathBuf};

#[test]
fn a_name_may_hold_anything() {
    let line = b"4242 (a ) b (c\xff) S 17 4242 17 34816 4242 4194304 1234 9 56 1 700 33 12 8 20 0 5 0 987654 1 2 3";
    let read = stat::stat(line).unwrap();
    assert_eq!(read.name, "a ) b (c\u{fffd}");
    assert_eq!((read.state, read.parent, read.threads, read.started), ('S', 17, 5, 987_654));
    assert_eq!((read.minor_faults, read.major_faults), (1234, 56));
    assert_eq!((read.user, read.system, read.children_user, read.children_system), (700, 33, 12, 8));
}

#[test]
fn what_is_cut_off_is_no_answer() {
    for bytes in [&b""[..], b"1", b"1 (a", b"1 (a) S", b"1 )a( S 1", b"\xff\xff"] {
        assert_eq!(stat::stat(bytes), None, "{bytes:?}");
    }
    assert_eq!(stat::schedstat(b"12 13"), None);
    assert_eq!(syscall::syscall(b"202 0x1"), None);
    assert_eq!(syscall::syscall(b""), None);
}

#[test]
fn the_schedulers_figures() {
    let read = stat::schedstat(b"8712400123 4100 77\n").unwrap();
    assert_eq!((read.run, read.queued, read.slices), (8_712_400_123, 4100, 77));
    assert_eq!(stat::migrations(b"x (1, #threads: 1)\nse.nr_migrations      :       12\nnr_switches : 3\n"), Some(12));
    assert_eq!(stat::newest(b"0.34 1.20 1.10 3/211 90321\n"), Some(90_321));
    assert_eq!(stat::busy(b"cpu  10 1 20 100 5 0 1 13 4 0\n"), Some((45, 150)));
    assert_eq!(stat::stolen(b"cpu  10 1 20 100 5 0 1 13 4 0\ncpu0 1\n"), Some((13, 150)));
}

#[test]
fn status_and_io() {
    let read = stat::status(
        b"Name:\tx\nUid:\t0\t1000\t0\t0\nVmHWM:\t  20 kB\nVmRSS:\t  10 kB\nVmSwap:\t 4 kB\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t3\n",
    );
    assert_eq!((read.user, read.voluntary, read.involuntary), (Some(1000), 7, 3));
    assert_eq!((read.resident, read.resident_peak, read.swapped), (10_240, 20_480, 4096));
    let read = stat::io(b"rchar: 9\nwchar: 8\nsyscr: 1\nread_bytes: 4096\nwrite_bytes: 512\n");
    assert_eq!((read.read, read.written, read.storage_read, read.storage_written), (9, 8, 4096, 512));
}

#[test]
fn system_calls() {
    use syscall::Syscall;
    assert_eq!(syscall::syscall(b"running\n"), Some(Syscall::Running));
    assert_eq!(syscall::syscall(b"-1 0x7ffe00 0x55aa\n"), Some(Syscall::Outside { sp: 0x7f_fe00, pc: 0x55aa }));
    assert_eq!(
        syscall::syscall(b"202 0x7f 0x80 0x2 0x0 0x0 0x0 0x7fff10 0x7f55\n"),
        Some(Syscall::Blocked { number: 202, args: [0x7f, 0x80, 2, 0, 0, 0], sp: 0x7f_ff10, pc: 0x7f55 })
    );
}

#[test]
fn descriptors_by_their_links() {
    let link = |text: &str| fd::link(Path::new(text));
    assert_eq!(link("pipe:[8123]"), Link::Pipe(8123));
    assert_eq!(link("socket:[99]"), Link::Socket(99));
    assert_eq!(link("anon_inode:[eventpoll]"), Link::Anonymous("eventpoll".into()));
    assert_eq!(link("anon_inode:inotify"), Link::Anonymous("inotify".into()));
    assert_eq!(link("/dev/pts/3"), Link::Terminal);
    assert_eq!(link("/dev/null"), Link::Null);
    assert_eq!(link("/data/x"), Link::Path(PathBuf::from("/data/x")));
    let info = b"pos:\t0\nflags:\t02\ntfd:        5 events:       19 data: 5  pos:0 ino:1 sdev:9\ntfd: 12 events: 1\n";
    assert_eq!(fd::watched(info), [5, 12]);
}

#[test]
fn sockets_know_their_peers_and_who_has_called_whom() {
    let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    let row = |local: &str, peer: &str, state: &str, inode: u64| {
        format!("   0: {local} {peer} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100\n")
    };
    let mut sockets = net::Sockets::default();
    sockets.add_tcp(&format!(
        "{head}{}{}{}",
        row("00000000:1F90", "00000000:0000", "0A", 1),
        row("0100007F:1F90", "0100007F:C350", "01", 2),
        row("0100007F:C350", "0100007F:1F91", "01", 3),
    ));
    sockets.add_unix(
        "Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 00010000 0001 01 77 /run/x\n0: 3 0 0 1 3 78\n",
    );
    sockets.mark_inbound();
    assert_eq!(sockets.0[&1], net::Socket::Listening("0.0.0.0:8080".parse().unwrap()));
    assert!(matches!(&sockets.0[&2], net::Socket::Stream { inbound: true, .. }));
    assert!(
        matches!(&sockets.0[&3], net::Socket::Stream { inbound: false, peer, .. } if peer.to_string() == "127.0.0.1:8081")
    );
    assert_eq!(sockets.0[&77], net::Socket::Local { name: Some("/run/x".into()), listening: true });
    assert_eq!(sockets.0[&78], net::Socket::Local { name: None, listening: false });
    let mut six = net::Sockets::default();
    six.add_tcp(&format!(
        "{head}{}",
        row("0000000000000000FFFF00000100007F:0050", "00000000000000000000000001000000:0051", "01", 4)
    ));
    assert!(
        matches!(&six.0[&4], net::Socket::Stream { local, peer, .. } if local.to_string() == "127.0.0.1:80" && peer.to_string() == "[::1]:81")
    );
}

#[test]
fn mappings_with_blanks_in_their_names() {
    let text = b"55d000000000-55d000001000 r-xp 00002000 fe:00 77    /opt/a b/c\n7f0000000000-7f0000800000 rw-p 00000000 00:00 0 \n7ffe00000000-7ffe00021000 rw-p 00000000 00:00 0    [stack]\n";
    let read = maps::maps(text);
    assert_eq!(read[0].name, "/opt/a b/c");
    assert!(read[0].executable && read[0].offset == 0x2000);
    assert_eq!((read[1].name.as_str(), read[2].name.as_str()), ("", "[stack]"));
    assert_eq!(maps::at(&read, 0x7f00_0000_0010), Some(&read[1]));
    assert_eq!(maps::at(&read, 0x7f00_0080_0000), None);
    assert_eq!(maps::at(&read, u64::MAX), None);
}

#[test]
fn limits_of_control_groups() {
    let paths = cgroup::paths("4:memory:/m\n3:cpu,cpuacct:/docker/abc\n0::/user.slice\n");
    assert_eq!(
        paths,
        [(cgroup::Version::One, "/docker/abc".to_owned()), (cgroup::Version::Two, "/user.slice".to_owned())]
    );
    assert_eq!(cgroup::cpu_max("max 100000\n"), None);
    assert_eq!(cgroup::cpu_max("150000 100000\n"), Some(1.5));
    assert_eq!(cgroup::throttled("nr_periods 4\nnr_throttled 3\nthrottled_usec 2500000\n"), (3, 2.5));
    assert_eq!(cgroup::throttled("nr_periods 4\nnr_throttled 3\nthrottled_time 2500000000\n"), (3, 2.5));
    assert_eq!(cgroup::throttled(""), (0, 0.0));
}

/// A hierarchy that is made up: the kernel's own needs rights that tests do not have.
#[test]
fn the_smallest_limit_of_all_groups_above_a_process_holds() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    assert_eq!(cgroup::smallest(root.path(), "0::/a/b\n"), None);
    write("a/cpu.max", "150000 100000\n");
    write("a/b/cpu.max", "max 100000\n");
    write("a/cpu.stat", "usage_usec 1\nnr_throttled 3\nthrottled_usec 2500000\n");
    let quota = cgroup::smallest(root.path(), "0::/a/b\n").unwrap();
    assert_eq!((quota.cores, quota.times, quota.throttled), (1.5, 3, 2.5));
    // Later, and whether or not the process is still there.
    write("a/cpu.stat", "nr_throttled 5\nthrottled_usec 4000000\n");
    assert_eq!(quota.throttled_now(), (5, 4.0));
    write("cpu,cpuacct/cpu.cfs_quota_us", "50000\n");
    write("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    let quota = cgroup::smallest(root.path(), "3:cpu,cpuacct:/x\n0::/a/b\n").unwrap();
    assert_eq!((quota.cores, quota.times), (0.5, 0), "version 1, of the container's root");
}

#[test]
fn this_process_can_be_read() {
    let pid = i32::try_from(std::process::id()).unwrap();
    let own = scan::stat(pid).unwrap();
    assert!(own.threads >= 1 && own.parent > 0);
    assert!(scan::processes().contains(&pid));
    assert!(scan::threads(pid).unwrap().contains(&pid));
    assert!(scan::threads(i32::MAX).is_none());
    let maps = maps::maps(&std::fs::read("/proc/self/maps").unwrap());
    assert!(maps.iter().any(|mapping| mapping.executable && mapping.file().is_some()));
}
