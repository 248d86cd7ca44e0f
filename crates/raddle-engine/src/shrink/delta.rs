//! Delta debugging: the algorithm `ddmin`.

#[cfg(test)]
mod tests;

/// A part of `all` that still fails and from which no single element can be left out, in the order of `all`.
///
/// `fails` tells whether a part fails, or `None` when no more may be tried; then the smallest part so far is returned.
/// `all` itself is taken to fail.
pub fn minimize<T: Clone>(all: Vec<T>, mut fails: impl FnMut(&[T]) -> Option<bool>) -> Vec<T> {
    let mut best = all;
    match fails(&[]) {
        Some(true) => return Vec::new(),
        Some(false) => {}
        None => return best,
    }
    let mut parts = 2;
    while best.len() > 1 {
        let size = best.len().div_ceil(parts);
        match smaller(&best, size, &mut fails) {
            None => return best,
            Some(Some((part, alone))) => {
                best = part;
                parts = if alone { 2 } else { (parts - 1).max(2) };
            }
            Some(None) if size == 1 => break,
            Some(None) => parts = (parts * 2).min(best.len()),
        }
    }
    best
}

/// One part of this size alone that fails, or else all but one; and which of the two it was. The outer `None` when no
/// more may be tried.
#[allow(clippy::type_complexity)]
fn smaller<T: Clone>(
    all: &[T],
    size: usize,
    fails: &mut impl FnMut(&[T]) -> Option<bool>,
) -> Option<Option<(Vec<T>, bool)>> {
    for part in all.chunks(size) {
        if fails(part)? {
            return Some(Some((part.to_vec(), true)));
        }
    }
    // Of two parts, all but one is the other.
    if all.len() > 2 * size {
        for at in (0..all.len()).step_by(size) {
            let rest = [&all[..at], &all[(at + size).min(all.len())..]].concat();
            if fails(&rest)? {
                return Some(Some((rest, false)));
            }
        }
    }
    Some(None)
}
