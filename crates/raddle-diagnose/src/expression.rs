//! The few forms of source text from which a name can be taken without guessing.
//!
//! Not a parser: a line is used only when what stands directly before the column of a call is one of these forms. Whatever
//! else stands there yields no name.

/// What a value that is created at a place is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `let name = HERE`, `static name: T = HERE`, `name: HERE` in a struct literal.
    Name(String),
    /// `let (one, two) = HERE`: the two ends of a channel.
    Pair(String, String),
}

/// The binding of the expression that begins at `column` (from 1; 0 if unknown) of `line`.
pub fn binding(line: &str, column: u32) -> Option<Binding> {
    let before = line.get(..(column as usize).checked_sub(1)?)?;
    let before = before.trim_end();
    if let Some(name) = tuple_element(before) {
        return Some(Binding::Name(name));
    }
    if let Some(declared) = before.strip_suffix('=') {
        let declared = declared.trim();
        let (word, rest) = declared.split_once(char::is_whitespace)?;
        let rest = match word {
            "let" | "static" | "const" => rest,
            "pub" => rest.trim_start().strip_prefix("static ")?,
            _ => return None,
        };
        let rest = rest.trim_start().trim_start_matches("mut ").trim_start();
        if let Some(pair) = rest.strip_prefix('(') {
            let (pair, _) = pair.split_once(')')?;
            let (one, two) = pair.split_once(',')?;
            let bare = |name: &str| identifier(name.trim().trim_start_matches("mut ").trim());
            return Some(Binding::Pair(bare(one)?, bare(two)?));
        }
        let name = rest.split_once(':').map_or(rest, |(name, _)| name);
        return identifier(name.trim()).map(Binding::Name);
    }
    let field = before.strip_suffix(':')?;
    if field.ends_with(':') {
        return None;
    }
    let start = field.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
    let outside = field[..start].trim_end();
    // `name: HERE` is a field only after the brace or comma of a struct literal; a `let name: T` never ends in a colon.
    (outside.is_empty() || outside.ends_with(['{', ','])).then(|| identifier(&field[start..]).map(Binding::Name))?
}

/// `let (one, two) = (.., HERE`: the name at the place of the element that begins at the end of `before`.
fn tuple_element(before: &str) -> Option<String> {
    let (pattern, values) = before.split_once("= (")?;
    let pattern = pattern.trim().strip_prefix("let")?.trim().strip_prefix('(')?.strip_suffix(')')?;
    let (mut depth, mut place) = (0usize, 0usize);
    for character in values.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => place += 1,
            // Text and generic arguments may hold commas that separate nothing here.
            '"' | '\'' | '<' => return None,
            _ => {}
        }
    }
    let begins = values.trim_end().is_empty() || (depth == 0 && values.trim_end().ends_with(','));
    let name = pattern.split(',').nth(place)?.trim();
    begins.then(|| identifier(name.trim_start_matches("mut ").trim()))?
}

/// The path, such as `self.left`, on which a method is called; `column` is that of the method's name or of the path.
pub fn receiver(line: &str, column: u32, method: &str) -> Option<String> {
    let call = format!(".{method}(");
    let dot = match column {
        0 if line.matches(&call).count() == 1 => line.find(&call)?,
        0 => return None,
        column => {
            let at = column as usize - 1;
            let rest = line.get(at..)?;
            if rest.starts_with(&call[1..]) {
                at.checked_sub(1).filter(|dot| line.as_bytes()[*dot] == b'.')?
            } else {
                // The column of the whole expression: the path must lead straight to the call.
                at + rest.find(&call).filter(|end| is_path(&rest[..*end]))?
            }
        }
    };
    let path = &line[path_start(&line[..dot])..dot];
    is_path(path).then(|| path.to_owned())
}

/// Where the path begins that `text` ends with, brackets of indexes included.
fn path_start(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, character) in text.char_indices().rev() {
        match character {
            ']' => depth += 1,
            '[' if depth > 0 => depth -= 1,
            c if c.is_alphanumeric() || c == '_' || c == '.' => {}
            c => return at + c.len_utf8(),
        }
    }
    0
}

/// Identifiers joined by dots, each perhaps with indexes that are a number or an identifier.
fn is_path(path: &str) -> bool {
    !path.is_empty()
        && path.split('.').enumerate().all(|(place, part)| {
            let (name, indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
            let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let mut indexes = indexes.split_inclusive(']');
            let index = |text: &str| text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).map(str::to_owned);
            (identifier(name).is_some() || (place > 0 && number(name)))
                && indexes.all(|text| index(text).is_some_and(|text| number(&text) || identifier(&text).is_some()))
        })
}

fn identifier(text: &str) -> Option<String> {
    let mut characters = text.chars();
    let first = characters.next()?;
    let fits = (first.is_alphabetic() || first == '_') && characters.all(|c| c.is_alphanumeric() || c == '_');
    (fits && text != "_").then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(line: &str, at: &str) -> Option<Binding> {
        binding(line, line.find(at).unwrap() as u32 + 1)
    }

    fn name(name: &str) -> Option<Binding> {
        Some(Binding::Name(name.to_owned()))
    }

    #[test]
    fn bindings() {
        assert_eq!(bound("    let a = Arc::new(Mutex::new(0));", "Arc"), name("a"));
        assert_eq!(bound("let mut a: Arc<Mutex<u32>> = Arc::new(Mutex::new(0));", "Arc::new"), name("a"));
        assert_eq!(bound("static BANK: LazyLock<Bank> = LazyLock::new(Bank::new);", "LazyLock::new"), name("BANK"));
        assert_eq!(
            bound(
                "    Bank { left: Box::new(Mutex::new(0)), right: Box::new(Mutex::new(0)) }",
                "Box::new(Mutex::new(0)) }"
            ),
            name("right")
        );
        assert_eq!(bound("        left: Arc::new(Mutex::new(0)),", "Arc"), name("left"));
        assert_eq!(bound("let (tx, rx) = mpsc::channel();", "mpsc"), Some(Binding::Pair("tx".into(), "rx".into())));
        let tuple = "    let (current, mut savings) = (Arc::new(Account::new(1)), Box::new(Account::new(2)));";
        assert_eq!(bound(tuple, "Arc"), name("current"));
        assert_eq!(bound(tuple, "Box"), name("savings"));
        assert_eq!(bound(tuple, "Account::new(2)"), None);
        // No name: the value is part of something else.
        assert_eq!(bound("let bank = Bank(Arc::new(Mutex::new(0)));", "Arc"), None);
        assert_eq!(bound("let forks = (0..5).map(|_| Arc::new(Mutex::new(())));", "Arc"), None);
        assert_eq!(bound("let _ = Arc::new(Mutex::new(0));", "Arc"), None);
        assert_eq!(bound("    total = Arc::new(Mutex::new(0));", "Arc"), None);
        assert_eq!(binding("let a = Arc::new(Mutex::new(0));", 0), None);
        assert_eq!(binding("x", 40), None);
    }

    #[test]
    fn receivers() {
        let line = "        let mut source = from.balance.lock().unwrap();";
        let column = |text: &str| line.find(text).unwrap() as u32 + 1;
        assert_eq!(receiver(line, column("lock()"), "lock").as_deref(), Some("from.balance"));
        assert_eq!(receiver(line, column("from"), "lock").as_deref(), Some("from.balance"));
        assert_eq!(receiver(line, 0, "lock").as_deref(), Some("from.balance"));
        assert_eq!(receiver("forks[i].lock()", 0, "lock").as_deref(), Some("forks[i]"));
        assert_eq!(receiver("let x = *table[2][k].0.lock()", 0, "lock").as_deref(), Some("table[2][k].0"));
        assert_eq!(receiver("all[self.turn.load(Relaxed)]", 0, "load").as_deref(), Some("self.turn"));
        assert_eq!(receiver("forks[i + 1].lock()", 0, "lock"), None);
        assert_eq!(receiver("forks[a[0]].lock()", 0, "lock"), None);
        assert_eq!(receiver("forks(1)[0].lock()", 0, "lock"), None);
        assert_eq!(receiver("bank().left.lock()", 0, "lock"), None);
        assert_eq!(receiver("*self.0.lock() = a.b.lock()", 0, "lock"), None);
        assert_eq!(receiver("*self.0.lock() = 1", 0, "lock").as_deref(), Some("self.0"));
    }
}
