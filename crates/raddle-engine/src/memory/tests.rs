//! The parts of the memory model that small programs do not show: clocks, objects, bounds, shapes, idioms.
