//! Decides how text becomes part of a page: escaped, always.

use std::fmt::{self, Display, Write};

/// Text that shows as it is, between tags as well as in an attribute's quotation marks.
///
/// Control characters, which no page may hold, become U+FFFD.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(formatter), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '&' => self.0.write_str("&amp;"),
            '<' => self.0.write_str("&lt;"),
            '>' => self.0.write_str("&gt;"),
            '"' => self.0.write_str("&quot;"),
            '\'' => self.0.write_str("&#39;"),
            '\n' | '\t' => self.0.write_char(character),
            control if control.is_control() => self.0.write_char('\u{fffd}'),
            plain => self.0.write_char(plain),
        })
    }
}

/// What something writes about itself, as a string.
pub(super) fn rendered(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    write(&mut out).expect("memory takes every character");
    out
}

/// `1 film`, `2 films`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Names as a sentence lists them: `a`, `a and b`, `a, b and c`.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_a_tag_or_leave_an_attribute() {
        let escaped = Text("<b title='x'>\"a\" & b\u{7}</b>\n").to_string();
        assert_eq!(escaped, "&lt;b title=&#39;x&#39;&gt;&quot;a&quot; &amp; b\u{fffd}&lt;/b&gt;\n");
        assert_eq!(Text(0.5).to_string(), "0.5");
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b"]), "a and b");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!([counted(1, "film"), counted(2, "film")], ["1 film", "2 films"]);
    }
}
