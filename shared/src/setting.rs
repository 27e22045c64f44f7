//! Settings from environment variables, read once while a function starts.

use std::str::FromStr;

/// A setting that cannot be used; it ends the start of the function.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("environment variable {variable}: {reason}")]
pub struct InvalidSetting {
    /// The variable that is to blame.
    pub variable: &'static str,
    /// What is wrong with its value.
    pub reason: String,
}

/// Where settings come from: `|name| std::env::var(name).ok()`, or a table in a test.
pub trait Source: Fn(&str) -> Option<String> {}
impl<F: Fn(&str) -> Option<String>> Source for F {}

/// The process environment. A value that is not UTF-8 counts as absent: Lambda, which is given its
/// variables as JSON, has none.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The value of `variable`, or `default` where it is absent or empty: SAM passes an empty
/// parameter on as an empty variable.
///
/// # Errors
/// [`InvalidSetting`] if the value does not parse.
pub fn parse<T>(
    source: &impl Source,
    variable: &'static str,
    default: T,
) -> Result<T, InvalidSetting>
where
    T: FromStr<Err: std::fmt::Display>,
{
    match source(variable) {
        None => Ok(default),
        Some(value) if value.trim().is_empty() => Ok(default),
        Some(value) => value.trim().parse().map_err(|error| InvalidSetting {
            variable,
            reason: format!("{value:?}: {error}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bad value must stop the start with the variable's name, not fall back silently.
    #[test]
    fn a_value_that_does_not_parse_names_its_variable() {
        let error = parse(
            &|_: &str| Some("soon".to_owned()),
            "POLL_MIN_SECONDS",
            5_u32,
        );
        assert_eq!(
            error.map_err(|error| error.to_string()),
            Err(
                "environment variable POLL_MIN_SECONDS: \"soon\": invalid digit found in string"
                    .to_owned()
            )
        );
    }

    /// An empty SAM parameter must not stop a function.
    #[test]
    fn absent_and_empty_mean_the_default() {
        assert_eq!(parse(&|_: &str| None, "X", 5_u32), Ok(5));
        assert_eq!(parse(&|_: &str| Some(" ".to_owned()), "X", 5_u32), Ok(5));
    }
}
