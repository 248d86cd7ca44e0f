//! How wide the columns of an interleaving are, and when there are none: a list instead of columns too narrow to read.

/// Columns left of the first cell: the mark of a key step, the step's number or `end`, and blanks.
pub(super) fn gutter(steps: usize) -> usize {
    steps.to_string().len().max(1) + 4
}

/// Columns between two cells.
pub(super) const SEPARATOR: usize = 3;
/// A cell narrower than this cannot be read.
const NARROWEST: usize = 22;
/// A cell wider than this puts the place too far from the action.
const WIDEST: usize = 48;

/// One column a thread of these widths, or `None` when that would be too narrow for `natural.len()` threads.
///
/// `natural` holds the width that each thread's longest cell would like.
pub(super) fn columns(natural: &[usize], gutter: usize, width: usize) -> Option<Vec<usize>> {
    let count = natural.len();
    let room = width.checked_sub(gutter + SEPARATOR * count.saturating_sub(1))?;
    if count == 0 || room / count < NARROWEST {
        return None;
    }
    let wish: Vec<usize> = natural.iter().map(|wish| (*wish).clamp(NARROWEST, WIDEST)).collect();
    // Threads that need less than an even share leave the rest of it to the others. Raising the limit as long as the
    // sum still fits ends at the largest limit that does.
    let sum_at = |limit: usize| wish.iter().map(|wish| (*wish).min(limit)).sum::<usize>();
    let limit = (NARROWEST..=WIDEST).rev().find(|limit| sum_at(*limit) <= room).unwrap_or(NARROWEST);
    Some(wish.into_iter().map(|wish| wish.min(limit)).collect())
}

/// What a name may always have in a list, however long the steps are.
const SHORT_NAME: usize = 16;
/// A name longer than this puts the steps too far to the right.
const LONG_NAME: usize = 40;

/// Widths of the thread's name and of the step in a list. A name has what the longest step leaves.
pub(super) fn list(longest_name: usize, longest_step: usize, gutter: usize, width: usize) -> (usize, usize) {
    let left = width.saturating_sub(gutter + 2 + longest_step).clamp(SHORT_NAME, LONG_NAME);
    let name = longest_name.clamp(4, left);
    let room = width.saturating_sub(gutter + 2 + name).max(16);
    (name, longest_step.clamp(16, room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_list_has_what_the_steps_leave() {
        assert_eq!(list(30, 50, 6, 100), (30, 50));
        assert_eq!(list(30, 50, 6, 80), (22, 50));
        assert_eq!(list(30, 90, 6, 80), (16, 56));
        assert_eq!(list(90, 20, 6, 100), (40, 20));
        assert_eq!(list(5, 20, 6, 100), (5, 20));
    }

    #[test]
    fn columns_fit_and_none_is_too_narrow() {
        for width in 0..200 {
            for natural in [&[10, 10][..], &[60, 30], &[100, 100, 100], &[24, 90, 24, 90]] {
                if let Some(columns) = columns(natural, 7, width) {
                    let sum: usize = columns.iter().sum();
                    assert!(sum + 7 + SEPARATOR * (natural.len() - 1) <= width);
                    assert!(columns.iter().all(|c| (NARROWEST..=WIDEST).contains(c)));
                }
            }
        }
        assert_eq!(columns(&[30, 30], 5, 51), None);
        assert_eq!(columns(&[], 5, 80), None);
        assert_eq!(columns(&[30, 90], 5, 80), Some(vec![30, 42]));
        assert_eq!(columns(&[90, 90], 5, 60), Some(vec![26, 26]));
    }
}
