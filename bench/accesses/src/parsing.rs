//! Parsing: text is written, read byte by byte, and made into a tree of small allocations.

use crate::{Numbers, in_threads};
use std::fmt::Write;

/// A value of a small notation: a number, a word, or a list in parentheses.
#[derive(Debug, PartialEq)]
enum Value {
    Number(i64),
    Word(String),
    List(Vec<Value>),
}

/// Items in the text.
const ITEMS: usize = 400_000;

fn text(seed: u64) -> String {
    let mut text = String::from("(");
    let mut depth = 1;
    for number in Numbers(seed).take(ITEMS) {
        match number % 8 {
            0 => {
                text.push('(');
                depth += 1;
            }
            1 if depth > 1 => {
                text.push(')');
                depth -= 1;
            }
            2..=4 => write!(text, " w{} ", number % 1_000).expect("a string takes all"),
            _ => write!(text, " {} ", number as i64 >> 40).expect("a string takes all"),
        }
    }
    text.extend(std::iter::repeat_n(')', depth));
    text
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn list(&mut self) -> Vec<Value> {
        let mut values = Vec::new();
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b'(' => {
                    self.at += 1;
                    values.push(Value::List(self.list()));
                }
                b')' => {
                    self.at += 1;
                    return values;
                }
                b' ' => self.at += 1,
                _ => values.push(self.atom()),
            }
        }
        values
    }

    fn atom(&mut self) -> Value {
        let begin = self.at;
        while !matches!(self.text[self.at], b' ' | b'(' | b')') {
            self.at += 1;
        }
        let word = &self.text[begin..self.at];
        let (negative, digits) = match word {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Value::Word(String::from_utf8_lossy(word).into_owned());
        }
        let number = digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        Value::Number(if negative { -number } else { number })
    }
}

fn show(values: &[Value], into: &mut String) {
    for value in values {
        match value {
            Value::Number(number) => write!(into, " {number} ").expect("a string takes all"),
            Value::Word(word) => write!(into, " {word} ").expect("a string takes all"),
            Value::List(values) => {
                into.push('(');
                show(values, into);
                into.push(')');
            }
        }
    }
}

fn parse(seed: u64) {
    let text = text(seed);
    let values = Parser { text: text.as_bytes(), at: 0 }.list();
    let mut again = String::new();
    show(&values, &mut again);
    assert_eq!(text, again);
}

#[test]
fn parsing_1() {
    in_threads(1, parse);
}

#[test]
fn parsing_4() {
    in_threads(4, parse);
}
