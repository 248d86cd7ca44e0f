//! Stacks, queues and lists without locks, with the mistakes that they are known for.

use crate::{Cell, together};

/// A stack of numbered nodes, 0 being none (after Treiber, 1986), whose nodes are used again without a version.
struct Stack {
    head: Cell,
    next: [Cell; 5],
}

impl Stack {
    /// 1 on top of 2 on top of 3.
    fn of_three() -> Self {
        Stack { head: Cell::new(1), next: [0, 2, 3, 0, 0].map(Cell::new) }
    }

    fn pop(&self) -> usize {
        loop {
            let top = self.head.get();
            if top == 0 {
                return 0;
            }
            let below = self.next[top].get();
            if self.head.exchange(top, below) {
                return top;
            }
        }
    }

    fn push(&self, node: usize) {
        loop {
            let top = self.head.get();
            self.next[node].set(top);
            if self.head.exchange(top, node) {
                return;
            }
        }
    }

    /// Every node is in the stack or with one owner.
    fn check(&self, taken: &[&Cell]) {
        let mut owners = [0; 5];
        taken.iter().for_each(|cell| owners[cell.get()] += 1);
        let (mut at, mut length) = (self.head.get(), 0);
        while at != 0 {
            owners[at] += 1;
            at = self.next[at].get();
            length += 1;
            assert!(length < 5, "the stack runs in a circle");
        }
        assert!(owners[1..4].iter().all(|count| *count == 1), "owners of the nodes: {owners:?}");
    }
}

#[cfg_attr(test, test)]
pub fn aba_stack() {
    let (stack, mine, other) = (Stack::of_three(), Cell::new(0), Cell::new(0));
    together([&|| mine.set(stack.pop()), &|| {
        let first = stack.pop();
        other.set(stack.pop());
        if first != 0 {
            stack.push(first);
        }
    }]);
    stack.check(&[&mine, &other]);
}

/// The owner takes from one end, a thief from the other; for the last item nobody makes sure of being alone (Chase and
/// Lev, SPAA'05, without the compare-exchange of the owner).
#[cfg_attr(test, test)]
pub fn work_stealing_last_item() {
    let (top, bottom, done) = (Cell::new(0), Cell::new(2), [Cell::new(0), Cell::new(0)]);
    together([
        &|| {
            for _ in 0..2 {
                let at = bottom.get();
                if at == 0 || top.get() >= at {
                    return;
                }
                bottom.set(at - 1);
                done[at - 1].add(1);
            }
        },
        &|| {
            let first = top.get();
            if first < bottom.get() && top.exchange(first, first + 1) {
                done[first].add(1);
            }
        },
    ]);
    assert!(done.iter().all(|times| times.get() <= 1), "an item was worked on twice");
}

/// A queue for one producer, used by two.
#[cfg_attr(test, test)]
pub fn queue_with_two_producers() {
    let (tail, slots) = (Cell::new(0), [const { Cell::new(0) }; 4]);
    let put = |item: usize| {
        let (tail, slots) = (&tail, &slots);
        move || {
            for item in [item, item + 1] {
                let at = tail.get();
                slots[at].set(item);
                tail.set(at + 1);
            }
        }
    };
    together([&put(1), &put(3)]);
    let sum: usize = slots.iter().map(Cell::get).sum();
    assert_eq!((tail.get(), sum), (4, 10), "items were lost");
}

/// The place is announced before the item is there.
#[cfg_attr(test, test)]
pub fn published_before_written() {
    let (length, slots) = (Cell::new(0), [const { Cell::new(0) }; 4]);
    together([
        &|| {
            for item in 1..=3 {
                let at = length.add(1);
                slots[at].set(item);
            }
        },
        &|| {
            let known = length.get();
            if known > 0 {
                assert_ne!(slots[known - 1].get(), 0, "an item that is not there yet");
            }
        },
    ]);
}

/// The length is counted after the item can be taken.
#[cfg_attr(test, test)]
pub fn length_below_zero() {
    let (items, length) = (Cell::new(0), Cell::new(10));
    together([
        &|| {
            items.set(1);
            length.add(1);
        },
        &|| {
            if items.swap(0) == 1 {
                assert!(length.subtract(1) > 10, "fewer than none");
            }
        },
    ]);
}

/// Two neighbours are taken out of a linked list, each by way of the one before it.
#[cfg_attr(test, test)]
pub fn list_loses_a_removal() {
    // 0 -> 1 -> 2 -> 3, by index of the next.
    let next = [1, 2, 3, 0].map(Cell::new);
    let remove = |node: usize| {
        let next = &next;
        move || {
            let mut before = 0;
            while next[before].get() != node {
                before = next[before].get();
                if before == 0 {
                    return;
                }
            }
            let after = next[node].get();
            next[before].exchange(node, after);
        }
    };
    together([&remove(1), &remove(2)]);
    let mut at = next[0].get();
    while at != 0 {
        assert_eq!(at, 3, "node {at} is still there");
        at = next[at].get();
    }
}

/// A ring that is full exactly when it looks empty.
#[cfg_attr(test, test)]
pub fn ring_overwrites() {
    let (head, tail, slots) = (Cell::new(0), Cell::new(0), [const { Cell::new(0) }; 2]);
    let seen = Cell::new(0);
    together([
        &|| {
            for item in 1..=3 {
                // Looks at the head before it writes, and writes whatever has become of it.
                if tail.get() - head.get() <= 2 {
                    slots[tail.get() % 2].set(item);
                    tail.add(1);
                }
            }
        },
        &|| {
            for _ in 0..2 {
                let at = head.get();
                if at < tail.get() {
                    let item = slots[at % 2].get();
                    assert!(item > seen.get() && item == at + 1, "item {item} at place {at}");
                    seen.set(item);
                    head.set(at + 1);
                }
            }
        },
    ]);
}
