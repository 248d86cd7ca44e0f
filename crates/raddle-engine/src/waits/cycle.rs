//! A shortest cycle of a directed graph, by a breadth-first search from every node.
//!
//! Shortest, because a reader has to follow it: of several cycles that all explain why nothing runs, the one with the
//! fewest threads is the easiest to understand. Graphs here have as many nodes as a program has threads, so the quadratic
//! cost is of no matter. Ties go to the cycle with the smallest first node, so that the answer is always the same one.

use std::collections::VecDeque;

/// The nodes of a shortest cycle of the graph in which `edges[n]` are the successors of `n`, beginning with its smallest
/// node and following the edges; `None` when there is no cycle. Successors outside the graph are ignored.
pub fn shortest_cycle(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut best: Option<Vec<usize>> = None;
    for start in 0..edges.len() {
        if let Some(cycle) = shortest_through(edges, start)
            && best.as_ref().is_none_or(|best| cycle.len() < best.len())
        {
            best = Some(cycle);
        }
    }
    let mut cycle = best?;
    let smallest = cycle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(index, _)| index);
    cycle.rotate_left(smallest);
    Some(cycle)
}

/// A shortest cycle through `start`, beginning with it.
fn shortest_through(edges: &[Vec<usize>], start: usize) -> Option<Vec<usize>> {
    let mut from: Vec<Option<usize>> = vec![None; edges.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &next in &edges[node] {
            if next == start {
                let mut path = vec![node];
                while let Some(before) = from[*path.last()?].filter(|_| path.last() != Some(&start)) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if next < edges.len() && from[next].is_none() {
                from[next] = Some(node);
                queue.push_back(next);
            }
        }
    }
    None
}
