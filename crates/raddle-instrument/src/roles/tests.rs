use super::*;

/// Frames of library functions, innermost first, and then one of the user's.
fn stack(functions: &[&str]) -> Vec<SourceFrame> {
    let frame =
        |function: &&str, origin| SourceFrame { function: (*function).into(), file: None, line: 0, column: 0, origin };
    let of = |function: &&str| if is_standard(&path(function)) { Origin::Standard } else { Origin::Dependency };
    let mut frames: Vec<_> = functions.iter().map(|function| frame(function, of(function))).collect();
    frames.push(frame(&"app::work", Origin::User));
    frames.push(frame(&"std::sync::once::Once::call_once", Origin::Standard));
    frames
}

const SWAP: &str = "core::sync::atomic::AtomicU32::swap";
const LOAD: &str = "core::sync::atomic::AtomicU32::load";
const LOCK: &str = "std::sys::sync::mutex::futex::Mutex::lock";

#[test]
fn the_innermost_primitive_decides() {
    assert_eq!(role(&stack(&[SWAP])), Role::Atomic);
    assert_eq!(role(&stack(&[SWAP, LOCK, "std::sync::mpmc::Sender<u32>::send"])), Role::MutexLock);
    assert_eq!(
        role(&stack(&[SWAP, "std::sync::mpmc::list::Channel<u32>::write", "std::sync::mpmc::Sender<u32>::send"])),
        Role::ChannelSend
    );
    assert_eq!(role(&stack(&[SWAP, "<alloc::sync::Arc<T> as Drop>::drop"])), Role::ReferenceCount);
}

#[test]
fn looking_is_internal() {
    assert_eq!(role(&stack(&[LOAD, "std::sys::sync::mutex::futex::Mutex::spin", LOCK])), Role::Internal);
    assert_eq!(
        role(&stack(&[LOAD, "std::sync::poison::Flag::get", "std::sync::poison::mutex::Mutex<u8>::lock"])),
        Role::Internal
    );
    let update = "core::sync::atomic::AtomicU32::try_update";
    let try_read = "std::sys::sync::rwlock::futex::RwLock::try_read";
    assert_eq!(role(&stack(&["core::sync::atomic::atomic_load", LOAD, update, try_read])), Role::Internal);
    let exchange =
        ["core::sync::atomic::atomic_compare_exchange_weak", "core::sync::atomic::AtomicU32::compare_exchange_weak"];
    assert_eq!(role(&stack(&[exchange[0], exchange[1], update, try_read])), Role::RwLockTryRead);
}

#[test]
fn announcing_a_waiter_is_not_acquiring() {
    let contended = "std::sys::sync::rwlock::futex::RwLock::write_contended";
    let strong = "core::sync::atomic::AtomicU32::compare_exchange";
    let weak = "core::sync::atomic::AtomicU32::compare_exchange_weak";
    assert_eq!(role(&stack(&[strong, contended])), Role::Internal);
    assert_eq!(role(&stack(&[weak, contended])), Role::RwLockWrite);
}

#[test]
fn system_calls_belong_to_who_makes_them() {
    let wait = "std::sys::pal::unix::futex::futex_wait";
    assert_eq!(role(&stack(&[wait, "std::sys::sync::mutex::futex::Mutex::lock_contended"])), Role::MutexLock);
    assert_eq!(role(&stack(&[wait, "std::sys::sync::once::futex::Once::call"])), Role::OnceWait);
    let park = ["parking_lot_core::thread_parker::imp::ThreadParker::park", "parking_lot_core::parking_lot::park"];
    assert_eq!(role(&stack(&[park[0], park[1], "parking_lot::raw_mutex::RawMutex::lock_slow"])), Role::MutexLock);
    assert_eq!(role(&stack(&[LOAD, park[1], "parking_lot::raw_mutex::RawMutex::lock_slow"])), Role::Internal);
}

#[test]
fn a_blocking_call_made_of_trying_ones_blocks() {
    let try_read = "spin::rwlock::RwLock<T>::try_read";
    assert_eq!(role(&stack(&[SWAP, try_read])), Role::RwLockTryRead);
    assert_eq!(role(&stack(&[SWAP, try_read, "spin::rwlock::RwLock<T>::read"])), Role::RwLockRead);
}

#[test]
fn a_library_that_is_called_back_acts_for_itself() {
    let once = "std::sys::sync::once::futex::Once::call";
    assert_eq!(role(&stack(&[SWAP, once])), Role::OnceRun);
    assert_eq!(role(&stack(&[SWAP, "strange::init", once])), Role::Atomic);
    assert_eq!(role(&stack(&[SWAP, "rayon_core::registry::Registry::new", once])), Role::Internal);
    assert_eq!(role(&stack(&[SWAP, "strange::Queue::push"])), Role::Atomic);
    assert_eq!(role(&stack(&[SWAP, "crossbeam_queue::array_queue::ArrayQueue<T>::push"])), Role::Internal);
}

#[test]
fn nothing_known_is_nothing_said() {
    assert_eq!(role(&[]), Role::Internal);
    assert_eq!(role(&stack(&["std::sys::random::something"])), Role::Internal);
}
