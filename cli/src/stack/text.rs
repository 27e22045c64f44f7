//! Texts of others, made fit for a terminal.

/// The text without what a terminal would obey: uploaders choose keys freely.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|char| {
            let is_quote = matches!(char, '"' | '\'' | '\\');
            let escaped = char.escape_debug().filter(move |_| !is_quote);
            escaped.chain(is_quote.then_some(char))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key must not move the cursor, nor turn the rest of a line round.
    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        assert_eq!(printable("é \"a\" \\b'"), "é \"a\" \\b'");
        assert_eq!(
            printable("\u{1b}[2Ja\n\u{202e}b"),
            "\\u{1b}[2Ja\\n\\u{202e}b"
        );
    }
}
