//! Patterns in which `*` stands for any characters, none included, and `?` for any one.

/// Whether the pattern fits all of the key.
///
/// Libraries go back to the last `*` whenever they get stuck: with keys and patterns as long as S3 and EventBridge
/// let them be, that takes more than 10 ms. This never goes back.
pub(crate) fn fits(pattern: &str, key: &[char]) -> bool {
    // Which beginnings of the key, by length, the beginning of the pattern fits.
    let mut fitting = vec![false; key.len() + 1];
    fitting[0] = true;
    for wanted in pattern.chars() {
        if wanted == '*' {
            let Some(shortest) = fitting.iter().position(|fits| *fits) else {
                return false;
            };
            fitting[shortest..].fill(true);
            continue;
        }
        fitting.rotate_right(1);
        fitting[0] = false;
        if wanted != '?' {
            for (fits, char) in fitting[1..].iter_mut().zip(key) {
                *fits &= wanted == *char;
            }
        }
    }
    fitting[key.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wildmatch::WildMatch;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The same patterns fit the same keys as with a library that people know.
        #[test]
        fn what_fits_is_what_wildmatch_says(pattern in "[ab*?é]{1,12}", key in "[abé*?]{0,16}") {
            let chars: Vec<_> = key.chars().collect();
            prop_assert_eq!(fits(&pattern, &chars), WildMatch::new(&pattern).matches(&key));
        }
    }
}
