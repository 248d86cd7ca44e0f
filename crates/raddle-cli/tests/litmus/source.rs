//! From the notation to Rust: one test function for each program.

use crate::Litmus;
use crate::notation::{Program, REGISTERS, Statement, Value};
use raddle_protocol::trace::Order;
use std::fmt::Write;
use std::path::Path;

pub fn manifest() -> &'static str {
    "[package]\nname = \"litmus\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n"
}

/// The library with all tests. They write into files of their names in the directory `seen`.
pub fn library(programs: &[Litmus], seen: &Path) -> String {
    let mut text = format!(
        "#![cfg(test)]\n\
         use std::io::Write;\n\
         use std::sync::atomic::{{AtomicU8, Ordering::*, fence}};\n\
         use std::thread;\n\n\
         type Registers = [u8; {REGISTERS}];\n\n\
         /// Each register is written by one thread.\n\
         fn add(sum: &mut Registers, more: Registers) {{\n    \
             sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);\n\
         }}\n\n\
         fn seen(test: &str, outcome: &[u8]) {{\n    \
             let path = std::path::Path::new({seen:?}).join(test);\n    \
             let line: String = outcome.iter().map(|digit| char::from(b'0' + digit)).chain(['\\n']).collect();\n    \
             let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();\n    \
             file.write_all(line.as_bytes()).unwrap();\n\
         }}\n"
    );
    for litmus in programs {
        test(&mut text, litmus).unwrap();
    }
    text
}

fn test(text: &mut String, litmus: &Litmus) -> std::fmt::Result {
    let program = Program::parse(litmus.program);
    writeln!(text, "\n/// `{}`", litmus.program.split_whitespace().collect::<Vec<_>>().join(" "))?;
    writeln!(text, "#[test]\nfn {}() {{", litmus.name)?;
    writeln!(text, "    let [x, y, z] = [const {{ AtomicU8::new(0) }}; 3];")?;
    writeln!(text, "    let mut r: Registers = Default::default();\n    thread::scope(|scope| {{")?;
    writeln!(text, "        let (x, y, z) = (&x, &y, &z);")?;
    let mut joined = Vec::new();
    for (thread, statements) in program.threads.iter().enumerate() {
        writeln!(text, "        let t{thread} = scope.spawn(move || {{")?;
        writeln!(text, "            let _ = (x, y, z);\n            let mut r: Registers = Default::default();")?;
        for statement in statements {
            writeln!(text, "            {}", rust(statement))?;
            if let Statement::Join { thread: other } = statement {
                assert!(*other < thread, "{}: a thread can only join those before it", litmus.name);
                joined.push(*other);
            }
        }
        writeln!(text, "            r\n        }});")?;
    }
    for thread in (0..program.threads.len()).filter(|thread| !joined.contains(thread)) {
        writeln!(text, "        add(&mut r, t{thread}.join().unwrap());")?;
    }
    let looks = litmus.looks.chars().map(|name| match name {
        'x'..='z' => format!("{name}.into_inner()"),
        register => format!("r[{}]", register as usize - 'a' as usize),
    });
    writeln!(text, "    }});\n    seen({:?}, &[{}]);\n}}", litmus.name, looks.collect::<Vec<_>>().join(", "))
}

fn rust(statement: &Statement) -> String {
    let place = |location: usize| ["x", "y", "z"][location];
    match *statement {
        Statement::Load { register, location, order } => {
            format!("r[{register}] = {}.load({order:?});", place(location), order = name(order))
        }
        Statement::Store { location, order, value } => {
            format!("{}.store({}, {:?});", place(location), operand(value), name(order))
        }
        Statement::Add { register, location, order, value } => {
            format!("r[{register}] = {}.fetch_add({value}, {:?});", place(location), name(order))
        }
        Statement::Exchange { register, location, order, value } => {
            format!("r[{register}] = {}.swap({}, {:?});", place(location), operand(value), name(order))
        }
        Statement::CompareExchange { register, done, location, orders, values, weak: _ } => format!(
            "(r[{register}], r[{done}]) = match {}.compare_exchange({}, {}, {:?}, {:?}) \
             {{ Ok(old) => (old, 1), Err(old) => (old, 0) }};",
            place(location),
            values.0,
            values.1,
            name(orders.0),
            name(orders.1)
        ),
        Statement::Fence { order } => format!("fence({:?});", name(order)),
        Statement::End => String::new(),
        Statement::Join { thread } => format!("add(&mut r, t{thread}.join().unwrap());"),
    }
}

/// The standard library's order of the same name.
fn name(order: Order) -> std::sync::atomic::Ordering {
    use std::sync::atomic::Ordering;
    match order {
        Order::Relaxed => Ordering::Relaxed,
        Order::Acquire => Ordering::Acquire,
        Order::Release => Ordering::Release,
        Order::AcqRel => Ordering::AcqRel,
        Order::SeqCst => Ordering::SeqCst,
    }
}

fn operand(value: Value) -> String {
    match value {
        Value::Constant(constant) => constant.to_string(),
        Value::Register(register) => format!("r[{register}]"),
    }
}
