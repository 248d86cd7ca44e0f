//! Makes names differ: each thing gets its first candidate that nothing else is called by, or a number.

use std::collections::{BTreeMap, BTreeSet};

/// What a thing may be called.
pub struct Choices<'a> {
    /// Things with the same number are one to a reader and share a name.
    pub group: usize,
    /// Names, best first.
    pub candidates: &'a [String],
    /// What it is called with a number when it has no name.
    pub kind: &'a str,
    /// A part of another thing that a reader does not meet by itself: it takes no name away from others.
    pub part: bool,
}

/// A name as it was chosen.
pub enum Chosen<'a> {
    /// A name that is its own.
    Name(&'a str),
    /// A name that it shares, but with nothing of its kind: a lazy static's lock and the cell that makes it.
    OfKind(&'a str),
    /// A name that it shares, and its number among those who do.
    Shared(&'a str, usize),
    /// The only one of its kind.
    Only,
    /// One of several of its kind.
    Number(usize),
}

/// Chooses for all.
pub fn choose<'a>(all: &[Choices<'a>]) -> Vec<Chosen<'a>> {
    let levels = all.iter().map(|one| one.candidates.len()).max().unwrap_or(0);
    let at_level = |one: &Choices<'a>, level: usize| one.candidates.get(level).or(one.candidates.last());
    // For each level, who would have which name if all took their candidate of that level.
    let mut owners: Vec<BTreeMap<&str, BTreeSet<usize>>> = vec![BTreeMap::new(); levels];
    let mut kinds: Vec<BTreeMap<(&str, &str), BTreeSet<usize>>> = vec![BTreeMap::new(); levels];
    for one in all.iter().filter(|one| !one.part) {
        for level in 0..levels {
            if let Some(name) = at_level(one, level) {
                owners[level].entry(name).or_default().insert(one.group);
                kinds[level].entry((name, one.kind)).or_default().insert(one.group);
            }
        }
    }
    let mut of_kind: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for one in all.iter().filter(|one| !one.part && one.candidates.is_empty()) {
        of_kind.entry(one.kind).or_default().insert(one.group);
    }
    let mut numbers: BTreeMap<(&str, bool), BTreeMap<usize, usize>> = BTreeMap::new();
    let mut number = |name: &'a str, is_kind: bool, group: usize| {
        let known = numbers.entry((name, is_kind)).or_default();
        let next = known.len() + 1;
        *known.entry(group).or_insert(next)
    };
    // Who stands for a group: a part is called as the rest of its group.
    let mut whole: BTreeMap<usize, &Choices<'a>> = BTreeMap::new();
    for one in all.iter().filter(|one| !one.part) {
        whole.entry(one.group).or_insert(one);
    }
    let mut chosen = Vec::with_capacity(all.len());
    for one in all {
        let one = if one.part { whole.get(&one.group).copied().unwrap_or(one) } else { one };
        if one.part {
            chosen.push(one.candidates.first().map_or(Chosen::Only, |name| Chosen::Name(name)));
            continue;
        }
        let own = (0..one.candidates.len()).find(|level| owners[*level][one.candidates[*level].as_str()].len() == 1);
        let alone = (0..one.candidates.len())
            .find(|level| kinds[*level][&(one.candidates[*level].as_str(), one.kind)].len() == 1);
        chosen.push(match (own, one.candidates.last()) {
            (Some(level), _) => Chosen::Name(&one.candidates[level]),
            (None, Some(_)) if alone.is_some() => Chosen::OfKind(&one.candidates[alone.unwrap_or(0)]),
            (None, Some(name)) => Chosen::Shared(name, number(name, false, one.group)),
            (None, None) if of_kind[one.kind].len() == 1 => Chosen::Only,
            (None, None) => Chosen::Number(number(one.kind, true, one.group)),
        });
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels that are made at the same place; of the second, one side is seen only within the calls of the other.
    #[test]
    fn both_sides_of_a_channel_have_one_number() {
        let candidates = ["sender`/`receiver".to_owned()];
        let sides = [(0, false), (0, false), (1, false), (1, true)];
        let all = sides.map(|(group, part)| Choices { group, candidates: &candidates, kind: "channel", part });
        let numbers = choose(&all).into_iter().map(|chosen| match chosen {
            Chosen::Shared(_, number) => number,
            _ => 0,
        });
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 1, 2, 2]);
    }
}
