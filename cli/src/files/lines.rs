//! The lines of a JSON file that its values begin on.

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// The line, counted from 1, of the value that a JSON Pointer (RFC 6901) leads to; of a field of an object the line of its
/// name. Where it leads nowhere, the line of the last value on the way.
pub(crate) fn of(text: &str, pointer: &str) -> usize {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
    let root = parsed.ok().and_then(|parsed| parsed.value);
    let start = root.map_or(0, |root| start(&root, pointer));
    1 + text[..start].matches('\n').count()
}

/// How far from the beginning of the text, in bytes.
fn start(root: &Value<'_>, pointer: &str) -> usize {
    let (mut value, mut start) = (root, root.start());
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        let next = match value {
            Value::Object(object) => object
                .properties
                .iter()
                .rfind(|property| property.name.as_str() == name)
                .map(|property| (property.start(), &property.value)),
            Value::Array(array) => name
                .parse()
                .ok()
                .and_then(|index: usize| array.elements.get(index))
                .map(|element| (element.start(), element)),
            _ => None,
        };
        let Some((next_start, next_value)) = next else {
            break;
        };
        (start, value) = (next_start, next_value);
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "name": "a",
  "a/b~": 1,
  "stages": [
    {
      "steps": [
        { "job": "x" },
        { "job": "y", "crawler": 7 }
      ]
    }
  ],
  "name": "last"
}"#;

    /// A reader of a mistake goes to its line: that of a field's name, of an item's beginning.
    #[test]
    fn a_pointer_leads_to_its_line() {
        for (pointer, line) in [
            ("", 1),
            ("/a~1b~0", 3),
            ("/stages", 4),
            ("/stages/0", 5),
            ("/stages/0/steps/1", 8),
            ("/stages/0/steps/1/crawler", 8),
            // Of two the last one counts, as in JSON.
            ("/name", 12),
            ("/stages/0/steps/9/job", 6),
            ("/nothing", 1),
        ] {
            assert_eq!(of(TEXT, pointer), line, "{pointer}");
        }
    }

    /// Lines are lines in whatever language the names are.
    #[test]
    fn characters_of_several_bytes_do_not_count_twice() {
        assert_eq!(of("{\"é\": \"日本\",\n\"x\": 1}", "/x"), 2);
    }
}
