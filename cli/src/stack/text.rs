//! Texts of others, made fit for a terminal.

/// The text without what a terminal would obey: uploaders choose keys freely. All else stays as it is, letters that
/// take two characters (an é as macOS writes it) as well: people copy it.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || turns_text(char) {
            shown.extend(char.escape_debug());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// What changes the direction of the text after it: `Bidi_Control` in Unicode.
fn turns_text(char: char) -> bool {
    matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key must not move the cursor, nor turn the rest of a line round.
    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        assert_eq!(
            printable("\u{1b}[2Ja\n\u{202e}b\0\u{9b}"),
            "\\u{1b}[2Ja\\n\\u{202e}b\\0\\u{9b}"
        );
        for turning in ('\0'..=char::MAX).filter(|char| turns_text(*char)) {
            assert_eq!(
                printable(&turning.to_string()),
                format!("\\u{{{:x}}}", u32::from(turning))
            );
        }
    }

    /// A name that is copied must still be the name: decomposed letters, joined signs and quotes are.
    #[test]
    fn what_people_read_stays() {
        for text in [
            "é \"a\" \\b'",
            "e\u{301}.csv",
            "\u{301}",
            "👩\u{200d}🔬",
            "نمی\u{200c}خواهم",
        ] {
            assert_eq!(printable(text), text);
        }
    }
}
