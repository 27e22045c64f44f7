//! Commands that are advised: what a shell makes of them is what was meant.

use super::Options;
use super::text::printable;

/// Makes commands that go to the same stack in the same place.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    options: Options,
}

impl Commands {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
        }
    }

    /// One of this tool's own that calls the stack.
    pub(crate) fn own<T: AsRef<str>>(&self, words: impl IntoIterator<Item = T>) -> String {
        self.local(words) + &self.place()
    }

    /// One of this tool's own that calls nothing.
    pub(crate) fn local<T: AsRef<str>>(&self, words: impl IntoIterator<Item = T>) -> String {
        let stack = option("stack", Some(&self.options.stack));
        format!("crawler-sync{}{stack}", line(words))
    }

    /// One of the AWS CLI.
    pub(crate) fn aws<T: AsRef<str>>(&self, words: impl IntoIterator<Item = T>) -> String {
        format!("aws{}{}", line(words), self.place())
    }

    fn place(&self) -> String {
        let Options {
            region,
            profile,
            endpoint_url,
            ..
        } = &self.options;
        [
            option("region", region.as_ref()),
            option("profile", profile.as_ref()),
            option("endpoint-url", endpoint_url.as_ref()),
        ]
        .concat()
    }
}

fn line<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let words = words.into_iter();
    words
        .map(|word| " ".to_owned() + &quoted(word.as_ref()))
        .collect()
}

fn option(name: &str, value: Option<&String>) -> String {
    value.map_or_else(String::new, |value| format!(" --{name} {}", quoted(value)))
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    if printable(text) == text {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let escaped: String = text.chars().map(escaped).collect();
    format!("$'{escaped}'")
}

/// A character between `$'` and `'`. By its bytes, because `\u` depends on the locale.
fn escaped(char: char) -> String {
    let text = char.to_string();
    if matches!(char, '\'' | '\\') {
        return format!("\\{char}");
    }
    if printable(&text) == text {
        return text;
    }
    let bytes = text.bytes();
    bytes.fold(String::new(), |text, byte| text + &format!("\\x{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Format;

    /// In another shell the environment may name another stack.
    #[test]
    fn commands_always_name_their_stack() {
        let commands = Commands::new(&Options {
            stack: "crawler-sync".to_owned(),
            region: None,
            profile: Some("data ops".to_owned()),
            endpoint_url: None,
            format: Format::Text,
        });
        let own = "crawler-sync follow a --stack crawler-sync --profile 'data ops'";
        assert_eq!(commands.own(["follow", "a"]), own);
        assert_eq!(commands.aws(["s3", "ls"]), "aws s3 ls --profile 'data ops'");
    }

    /// What is copied into a shell must reach it as it is meant.
    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("s3://a/b-c_1=2.csv"), "s3://a/b-c_1=2.csv");
        assert_eq!(quoted("a b$(c)"), "'a b$(c)'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    /// A key that a terminal would obey is shown, and copied, as what it is.
    #[test]
    fn what_a_terminal_obeys_is_escaped_for_the_shell() {
        for text in ["a\u{1b}[2Jb", "it's\n\\", "\u{202e}fdp.é", "e\u{301}1"] {
            let word = quoted(text);
            assert_eq!(printable(&word), word);
            let read = std::process::Command::new("bash")
                .args(["-c", &format!("printf %s {word}")])
                .env("LC_ALL", "C")
                .output()
                .expect("there is a shell");
            assert_eq!(String::from_utf8_lossy(&read.stdout), text, "{word}");
        }
    }
}
