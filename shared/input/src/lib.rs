//! Reads JSON input field by field, and lists every mistake with its place.
//!
//! [`read`] hands the whole input over as a [`Node`]. A node that is an object gives its [`Fields`]; what they
//! hold is a node again. A reader notes what is wrong with a node and goes on, so that one reading finds
//! all mistakes. An optional field that is `null` counts as absent.

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;
use std::rc::Rc;

use regex_lite::Regex;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A value that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {rule}")]
pub struct Mistake {
    /// Where it is, in words.
    pub place: String,
    /// Where it is, as a JSON Pointer (RFC 6901); where something is missing, what should have it.
    pub pointer: String,
    /// The rule, such as "must be a string".
    pub rule: String,
}

impl Mistake {
    /// What is wrong, and where.
    pub fn new(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            pointer: String::new(),
            rule: rule.into(),
        }
    }
}

/// All that is wrong with an input: at least one mistake, in the order of reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Each of them.
    #[must_use]
    pub fn all(&self) -> &[Mistake] {
        &self.0
    }
}

impl Mistakes {
    /// What was noted elsewhere than in a reading; `None` if nothing was.
    #[must_use]
    pub fn of(mistakes: Vec<Mistake>) -> Option<Self> {
        (!mistakes.is_empty()).then_some(Self(mistakes))
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{mistake}")?;
        }
        Ok(())
    }
}

/// What all readers of an input have found.
type Noted = Rc<RefCell<Vec<Mistake>>>;

/// Reads an input, which is called `place` where it is wrong as a whole.
///
/// # Errors
/// [`Mistakes`], whatever `reader` returns, if it noted any.
pub fn read<'a, T>(
    value: &'a Value,
    place: &str,
    reader: impl FnOnce(Node<'a>) -> Option<T>,
) -> Result<T, Mistakes> {
    let noted = Noted::default();
    let node = Node {
        value,
        place: place.to_owned(),
        scope: String::new(),
        pointer: String::new(),
        noted: Noted::clone(&noted),
    };
    let read = reader(node);
    let mut mistakes = noted.take();
    match read {
        Some(read) if mistakes.is_empty() => return Ok(read),
        None if mistakes.is_empty() => mistakes.push(Mistake::new(place, "cannot be read")),
        _ => {}
    }
    Err(Mistakes(mistakes))
}

/// A value of the input, and its place.
#[derive(Debug)]
pub struct Node<'a> {
    value: &'a Value,
    place: String,
    /// What the places of an object's fields begin with.
    scope: String,
    pointer: String,
    noted: Noted,
}

impl<'a> Node<'a> {
    /// Notes that the value breaks `rule`.
    pub fn wrong<T>(&self, rule: impl Into<String>) -> Option<T> {
        self.note(rule.into());
        None
    }

    fn note(&self, rule: String) {
        self.noted.borrow_mut().push(Mistake {
            place: self.place.clone(),
            pointer: self.pointer.clone(),
            rule,
        });
    }

    /// The value as it is.
    #[must_use]
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// The same value at another place, whose fields are at `place` and `separator` and their names.
    #[must_use]
    pub fn at(self, place: String, separator: &str) -> Self {
        let scope = format!("{place}{separator}");
        Self {
            place,
            scope,
            ..self
        }
    }

    /// The fields of an object.
    #[must_use]
    pub fn fields(&self) -> Option<Fields<'a>> {
        let Some(object) = self.value.as_object() else {
            return self.wrong("must be an object");
        };
        Some(Fields {
            unread: object.iter().collect(),
            known: Vec::new(),
            scope: self.scope.clone(),
            pointer: self.pointer.clone(),
            noted: Noted::clone(&self.noted),
        })
    }

    /// The values of an array.
    #[must_use]
    pub fn items(&self) -> Option<impl Iterator<Item = Node<'a>>> {
        let Some(items) = self.value.as_array() else {
            return self.wrong("must be an array");
        };
        Some(items.iter().enumerate().map(|(index, value)| {
            let place = format!("{}[{index}]", self.place);
            let pointer = format!("{}/{index}", self.pointer);
            child(value, place, pointer, &self.noted)
        }))
    }

    /// A string.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        self.value
            .as_str()
            .or_else(|| self.wrong("must be a string"))
    }

    /// A string that is not empty.
    #[must_use]
    pub fn filled(&self) -> Option<&'a str> {
        match self.text()? {
            "" => self.wrong("must not be empty"),
            text => Some(text),
        }
    }

    /// A string of one of these lengths, in characters.
    #[must_use]
    pub fn text_of(&self, lengths: RangeInclusive<usize>) -> Option<&'a str> {
        let text = self.text()?;
        if lengths.contains(&text.chars().count()) {
            return Some(text);
        }
        let (least, most) = lengths.into_inner();
        self.wrong(format!("must have {least} to {most} characters"))
    }

    /// A string that the regular expression fits, or else breaks `rule`.
    #[must_use]
    pub fn matching(&self, pattern: &str, rule: &str) -> Option<&'a str> {
        let text = self.text()?;
        let fits = Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text));
        if fits { Some(text) } else { self.wrong(rule) }
    }

    /// Strings, none of them empty.
    #[must_use]
    pub fn texts(&self) -> Option<Vec<String>> {
        let texts: Vec<_> = self
            .items()?
            .map(|item| item.filled().map(str::to_owned))
            .collect();
        texts.into_iter().collect()
    }

    /// True or false.
    #[must_use]
    pub fn flag(&self) -> Option<bool> {
        self.value
            .as_bool()
            .or_else(|| self.wrong("must be true or false"))
    }

    /// A whole number within `range`; `60.0` is one.
    #[must_use]
    pub fn whole(&self, range: RangeInclusive<u64>) -> Option<u64> {
        whole(self.value)
            .filter(|number| range.contains(number))
            .or_else(|| {
                let (least, most) = range.into_inner();
                self.wrong(format!("must be a whole number from {least} to {most}"))
            })
    }

    /// A moment in RFC 3339.
    #[must_use]
    pub fn moment(&self) -> Option<OffsetDateTime> {
        // The parser takes a small z, and anything between date and time; Step Functions does not.
        let text = self.text()?;
        OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .filter(|_| text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z'))
            .or_else(|| self.wrong("must be a moment such as 2026-01-31T23:59:59Z"))
    }
}

/// The value, if it is a whole number of at least 0. `60.0` is one: JSON knows one kind of number, and a state
/// machine on the way may write it so.
#[must_use]
pub fn whole(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_f64()?.to_string().parse().ok())
}

/// The fields of an object, each to be taken once.
#[derive(Debug)]
pub struct Fields<'a> {
    unread: Vec<(&'a String, &'a Value)>,
    known: Vec<&'static str>,
    scope: String,
    pointer: String,
    noted: Noted,
}

impl<'a> Fields<'a> {
    /// A field, `null` or not; none if it is absent.
    #[must_use]
    pub fn take(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.known.push(name);
        let place = self.unread.iter().position(|(other, _)| *other == name)?;
        let (_, value) = self.unread.remove(place);
        Some(self.node(name, value))
    }

    /// What `reader` makes of a field that may be missing.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        reader: impl FnOnce(&Node<'a>) -> Option<T>,
    ) -> Option<T> {
        let node = self.take(name).filter(|node| !node.value.is_null())?;
        reader(&node)
    }

    /// What `reader` makes of a field that has to be there.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        reader: impl FnOnce(&Node<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.take(name).filter(|node| !node.value.is_null()) {
            Some(node) => reader(&node),
            None => self.missing(name, "is missing"),
        }
    }

    /// Notes that the field `name` breaks `rule`.
    pub fn wrong<T>(&self, name: &str, rule: impl Into<String>) -> Option<T> {
        self.node(name, &Value::Null).wrong(rule)
    }

    /// Notes that the field `name`, which is not there, breaks `rule`.
    fn missing<T>(&self, name: &str, rule: &str) -> Option<T> {
        let mut node = self.node(name, &Value::Null);
        node.pointer.clone_from(&self.pointer);
        node.wrong(rule)
    }

    /// The fields that nobody has taken, with their names.
    pub fn others(&self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        self.unread
            .iter()
            .map(|(name, value)| (name.as_str(), self.node(name, value)))
    }

    /// Refuses the fields that nobody has taken: a misspelt one would otherwise be passed over in silence.
    pub fn finish(self) {
        for (_, node) in self.others() {
            node.wrong::<()>(format!(
                "is not one of the fields {}",
                self.known.join(", ")
            ));
        }
    }

    fn node(&self, name: &str, value: &'a Value) -> Node<'a> {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        let pointer = format!("{}/{escaped}", self.pointer);
        child(value, format!("{}{name}", self.scope), pointer, &self.noted)
    }
}

fn child<'a>(value: &'a Value, place: String, pointer: String, noted: &Noted) -> Node<'a> {
    let node = Node {
        value,
        place: String::new(),
        scope: String::new(),
        pointer,
        noted: Noted::clone(noted),
    };
    node.at(place, ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What a reader of a name, an optional count and a list of objects says of the input.
    fn mistakes(value: &Value) -> Vec<String> {
        let read = read(value, "input", |input| {
            let mut fields = input.fields()?;
            let name = fields.required("name", |node| node.text_of(1..=3));
            fields.optional("count", |node| node.whole(1..=9));
            fields.optional("at", Node::moment);
            fields.optional("parts", |parts| {
                parts.items()?.for_each(|part| {
                    if let Some(mut fields) = part.fields() {
                        fields.optional("on", Node::flag);
                        fields.optional("texts", Node::texts);
                        fields.finish();
                    }
                });
                Some(())
            });
            fields.finish();
            name
        });
        let mistakes = read.err().map_or(vec![], |mistakes| mistakes.0);
        mistakes.iter().map(ToString::to_string).collect()
    }

    /// Mistakes that are told one at a time cost a round each.
    #[test]
    fn every_mistake_is_listed_with_its_place() {
        assert_eq!(mistakes(&json!({"name": "abc"})), [""; 0]);
        assert_eq!(mistakes(&json!([])), ["input: must be an object"]);
        assert_eq!(
            mistakes(&json!({
                "name": "", "count": 0.5, "at": "2026-02-30T00:00:00Z", "a~b/c": null,
                "parts": [{"on": 1, "texts": ["a", "", 7]}, 7, {"an": true}],
            })),
            [
                "name: must have 1 to 3 characters",
                "count: must be a whole number from 1 to 9",
                "at: must be a moment such as 2026-01-31T23:59:59Z",
                "parts[0].on: must be true or false",
                "parts[0].texts[1]: must not be empty",
                "parts[0].texts[2]: must be a string",
                "parts[1]: must be an object",
                "parts[2].an: is not one of the fields on, texts",
                "a~b/c: is not one of the fields name, count, at, parts",
            ]
        );
    }

    /// State machines write `null` where they have nothing to say.
    #[test]
    fn null_counts_as_absent() {
        let absent = json!({"name": "a", "count": null, "at": null, "parts": null});
        assert_eq!(mistakes(&absent), [""; 0]);
        assert_eq!(mistakes(&json!({"name": null})), ["name: is missing"]);
    }

    /// A reader that gives up without a word must not pass for one that read something.
    #[test]
    fn nothing_read_is_a_mistake() {
        let silent = read(&json!(1), "input", |_| None::<()>);
        assert_eq!(
            silent.map_err(|mistakes| mistakes.to_string()),
            Err("input: cannot be read".to_owned())
        );
    }

    /// A large size must survive a state that writes it as a float; nothing else may become a number.
    #[test]
    fn whole_numbers_are_told_by_value_not_by_notation() {
        for (value, number) in [
            (json!(0), Some(0)),
            (json!(u64::MAX), Some(u64::MAX)),
            (json!(60.0), Some(60)),
            (json!(5.497_558_138_88e12), Some(5_497_558_138_880)),
            (json!(0.5), None),
            (json!(-1), None),
            (json!(-1.0), None),
            (json!(1e300), None),
            (json!("60"), None),
            (json!(null), None),
            (json!([60]), None),
        ] {
            assert_eq!(whole(&value), number, "{value}");
        }
    }
}
