//! x
use raddle_profile::watch::*;
struct No;
impl Stop for No {
    fn is_raised(&self) -> bool { false }
    fn wake(&self) -> Option<std::os::fd::BorrowedFd<'_>> { None }
    fn progress(&self, _: Progress) {}
}
fn main() {
    let mut args = std::env::args_os().skip(1);
    let mut command = std::process::Command::new(args.next().unwrap());
    command.args(args);
    let r = watch(Target::Command(command), &Options::default(), &No).unwrap();
    let v = raddle_profile::verdict::verdict(&r.measurement);
    let m = &r.measurement;
    eprintln!("== {} conf {:?}", v.bottleneck.title(), v.confidence.map(|c| c.probability));
    let own = m.wall - m.taken_by_others;
    eprintln!("shares {:?}", m.shares.scaled(1.0/own).ranked().iter().map(|(s,x)| format!("{s:?} {:.3}", x)).collect::<Vec<_>>());
    eprintln!("threads {:?}", m.thread_time.ranked().iter().map(|(s,x)| format!("{s:?} {:.3}", x)).collect::<Vec<_>>());
    eprintln!("wall {:.3} taken {:.3} ownq {:.3} otherq {:.3} demand {:.2} cpu {:?} vol {} inv {} minflt {} ticks {} visits {} own {:.4} mem {}", m.wall, m.taken_by_others, m.own_queue, m.other_queue, m.demand, m.cpu, m.counts.voluntary_switches, m.counts.involuntary_switches, m.counts.minor_faults, m.sampling.ticks, m.sampling.visits, m.sampling.own_cpu, m.sampling.own_memory);
    for r in v.reasons.iter().chain(&v.remarks) { eprintln!("  - {}", r.text); }
    for w in m.waits.iter().take(4) { eprintln!("  w {:?} {} {} {:.3}s seen {} most {} stack {:?} {:?}", w.state, w.call, w.object, w.seconds, w.seen, w.most_waiters, w.stack_seen, w.stack); }
    for p in m.running.iter().take(3) { eprintln!("  r {}/{} {:?}", p.seen, p.of, p.stack); }
    eprintln!("unw {:?} notes {:?}", m.unwinding, m.notes);
}
