//! RD0404: memory that nobody can free any more when the test has ended. Looked for with `--leaks`.

/// Two values hold each other, though each looks first whether the other one holds it.
mod circle {
    use std::sync::{Arc, Mutex, Weak};
    use std::thread;

    struct Peer<Link> {
        partner: Mutex<Option<Link>>,
    }

    fn both<Link: Send + 'static>(connect: fn(&Arc<Peer<Link>>, &Arc<Peer<Link>>)) {
        let peers = [0, 1].map(|_| Arc::new(Peer { partner: Mutex::new(None) }));
        thread::scope(|scope| {
            scope.spawn(|| connect(&peers[0], &peers[1]));
            scope.spawn(|| connect(&peers[1], &peers[0]));
        });
    }

    fn strongly(me: &Arc<Peer<Strong>>, other: &Arc<Peer<Strong>>) {
        if other.partner.lock().unwrap().is_none() {
            *me.partner.lock().unwrap() = Some(Strong { _peer: Arc::clone(other) });
        }
    }

    struct Strong {
        _peer: Arc<Peer<Strong>>,
    }

    fn weakly(me: &Arc<Peer<Loose>>, other: &Arc<Peer<Loose>>) {
        if other.partner.lock().unwrap().is_none() {
            *me.partner.lock().unwrap() = Some(Loose { _peer: Arc::downgrade(other) });
        }
    }

    struct Loose {
        _peer: Weak<Peer<Loose>>,
    }

    #[test]
    fn wrong() {
        both(strongly);
    }

    #[test]
    fn fixed() {
        both(weakly);
    }
}

/// What has not been fetched yet is written over, and forgotten.
mod forgotten {
    use std::ptr::null_mut;
    use std::sync::atomic::{AtomicPtr, Ordering};
    use std::thread;

    /// Room for one message.
    struct Slot(AtomicPtr<String>);

    impl Slot {
        /// Puts a message where there may be one.
        fn put(&self, message: &str) {
            let new = Box::into_raw(Box::new(message.to_owned()));
            self.0.store(new, Ordering::Release);
        }

        /// Puts a message where there may be one, which is dropped.
        fn replace(&self, message: &str) {
            let new = Box::into_raw(Box::new(message.to_owned()));
            drop(taken(self.0.swap(new, Ordering::AcqRel)));
        }

        fn fetch(&self) -> Option<String> {
            taken(self.0.swap(null_mut(), Ordering::Acquire))
        }
    }

    fn taken(message: *mut String) -> Option<String> {
        // SAFETY: it comes from a box, and whoever has taken it out of the slot is the only one to have it.
        (!message.is_null()).then(|| *unsafe { Box::from_raw(message) })
    }

    fn sends_two(put: fn(&Slot, &str)) {
        let slot = Slot(AtomicPtr::new(null_mut()));
        thread::scope(|scope| {
            scope.spawn(|| ["first", "second"].map(|message| put(&slot, message)));
            scope.spawn(|| slot.fetch());
        });
        slot.fetch();
    }

    #[test]
    fn wrong() {
        sends_two(Slot::put);
    }

    #[test]
    fn fixed() {
        sends_two(Slot::replace);
    }
}
