//! Tables that can be pasted into a Markdown page and read as they are.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

/// A table whose first column holds names and whose others hold figures.
pub fn new<const N: usize>(header: [&str; N]) -> Table {
    headed(header)
}

/// The same for a number of columns that is known only now.
pub fn headed<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(header.into_iter().collect::<Vec<_>>());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Prints a title, the facts, the table and remarks.
pub fn print(title: &str, facts: &str, table: &Table, remarks: &[String]) {
    println!("{title}\n{facts}\n\n{table}\n");
    for remark in remarks {
        println!("{remark}");
    }
    println!();
}

/// A number with its thousands set apart.
pub fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A mean, or a dash where it was not measured.
pub fn mean(number: Option<f64>) -> String {
    number.map_or_else(|| "-".into(), |number| format!("{number:.1}"))
}
