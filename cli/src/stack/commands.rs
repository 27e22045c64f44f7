//! Commands that are advised: what a shell makes of them is what was meant.

use super::Options;

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

    /// One of this tool's own.
    pub(crate) fn own(&self, command: &str) -> String {
        let stack = Some(&self.options.stack).filter(|stack| *stack != "crawler-sync");
        format!(
            "crawler-sync {command}{}{}",
            option("stack", stack),
            self.place()
        )
    }

    /// One of the AWS CLI.
    pub(crate) fn aws(&self, command: &str) -> String {
        format!("aws {command}{}", self.place())
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

fn option(name: &str, value: Option<&String>) -> String {
    value.map_or_else(String::new, |value| format!(" --{name} {}", quoted(value)))
}

/// The text as one word of a shell.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is copied into a shell must reach it as it is meant.
    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("s3://a/b-c_1=2.csv"), "s3://a/b-c_1=2.csv");
        assert_eq!(quoted("a b$(c)"), "'a b$(c)'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
