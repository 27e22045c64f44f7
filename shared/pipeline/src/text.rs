//! Texts with values of the run in them: `s3://lake/{date}/`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use input::Node;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

/// What a text may ask of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// The day (UTC) that the run is about, such as 2026-01-31.
    Date,
    /// The bucket of the object that the run is about.
    Bucket,
    /// The object's key, not encoded.
    Key,
    /// What follows the last `/` of the key.
    File,
    /// When the window of the run begins, in RFC 3339.
    WindowStart,
    /// When it ends.
    WindowEnd,
    /// The pipeline's name.
    Pipeline,
    /// The name of the execution.
    Execution,
}

impl Fact {
    /// Each fact there is.
    pub const ALL: [Self; 8] = [
        Self::Date,
        Self::Bucket,
        Self::Key,
        Self::File,
        Self::WindowStart,
        Self::WindowEnd,
        Self::Pipeline,
        Self::Execution,
    ];

    /// Its name between braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Bucket => "bucket",
            Self::Key => "key",
            Self::File => "file",
            Self::WindowStart => "window_start",
            Self::WindowEnd => "window_end",
            Self::Pipeline => "pipeline",
            Self::Execution => "execution",
        }
    }

    /// Which runs have it, where not all have.
    #[must_use]
    pub fn only_in(self) -> Option<Runs> {
        match self {
            Self::Bucket | Self::Key | Self::File => Some(Runs::OfAnObject),
            Self::WindowStart | Self::WindowEnd => Some(Runs::OfAWindow),
            Self::Date | Self::Pipeline | Self::Execution => None,
        }
    }
}

/// What a run of a trigger is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// One object.
    OfAnObject,
    /// All objects of a window.
    OfAWindow,
}

impl Runs {
    /// In words.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::OfAnObject => "only runs of a trigger with coalesceSeconds 0 have an object",
            Self::OfAWindow => {
                "only runs of a trigger with other coalesceSeconds than 0 have a window"
            }
        }
    }
}

/// What is known of a run.
pub type Facts = BTreeMap<Fact, String>;

/// A text in which `{date}` and the like stand for values of the run, and `{{` for a brace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Fact(Fact),
}

impl Text {
    /// Reads a text.
    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        Self::parse(node.text()?).map_or_else(|rule| node.wrong(rule), Some)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('{') {
                literal.push('{');
                rest = after;
                continue;
            }
            let fact = after.split_once('}').and_then(|(name, after)| {
                let fact = Fact::ALL.into_iter().find(|fact| fact.name() == name)?;
                Some((fact, after))
            });
            let Some((fact, after)) = fact else {
                return Err(format!(
                    "has a {{ that begins none of {}; {{{{ stands for a brace",
                    Fact::ALL
                        .map(|fact| format!("{{{}}}", fact.name()))
                        .join(" ")
                ));
            };
            parts.push(Part::Literal(std::mem::take(&mut literal)));
            parts.push(Part::Fact(fact));
            rest = after;
        }
        literal.push_str(rest);
        parts.push(Part::Literal(literal));
        Ok(Self(parts))
    }

    /// The facts that it asks for.
    pub fn facts(&self) -> impl Iterator<Item = Fact> {
        self.0.iter().filter_map(|part| match part {
            Part::Fact(fact) => Some(*fact),
            Part::Literal(_) => None,
        })
    }

    /// The text with the facts in it. A brace that comes with a fact is no more than a brace.
    ///
    /// # Errors
    /// The facts that are not known.
    pub fn filled(&self, facts: &Facts) -> Result<String, BTreeSet<Fact>> {
        let unknown: BTreeSet<_> = self
            .facts()
            .filter(|fact| !facts.contains_key(fact))
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let texts = self.0.iter().map(|part| match part {
            Part::Literal(text) => text.as_str(),
            Part::Fact(fact) => &facts[fact],
        });
        Ok(texts.collect())
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Fact::ALL.map(Fact::name).join("|");
        json_schema!({
            "type": "string",
            "description": "{date} and the like stand for values of the run, {{ for a brace.",
            "pattern": format!(r"^([^{{]|\{{\{{|\{{({names})\}})*$"),
        })
    }
}

/// Any JSON, with values of the run in its strings.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// Null, a number, true or false.
    Plain(Value),
    /// A string.
    Text(Text),
    /// An array.
    List(Vec<Template>),
    /// An object. Names of fields are taken as they are.
    Object(BTreeMap<String, Template>),
}

impl Template {
    /// Reads any JSON.
    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        match node.value() {
            Value::String(_) => Text::read(node).map(Self::Text),
            Value::Array(_) => {
                let items: Vec<_> = node.items()?.map(|item| Self::read(&item)).collect();
                items.into_iter().collect::<Option<_>>().map(Self::List)
            }
            Value::Object(_) => {
                let fields = node.fields()?;
                let fields: Vec<_> = fields
                    .others()
                    .map(|(name, node)| Some((name.to_owned(), Self::read(&node)?)))
                    .collect();
                fields.into_iter().collect::<Option<_>>().map(Self::Object)
            }
            plain => Some(Self::Plain(plain.clone())),
        }
    }

    /// The JSON with the facts in it; `fill` fills a text, and is told where in the JSON it is.
    pub(crate) fn filled(
        &self,
        place: &Place,
        fill: &mut impl FnMut(&Place, &Text) -> String,
    ) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Text(text) => fill(place, text).into(),
            Self::List(items) => (items.iter().enumerate())
                .map(|(index, item)| item.filled(&place.item(index), fill))
                .collect(),
            Self::Object(fields) => (fields.iter())
                .map(|(name, field)| (name.clone(), field.filled(&place.field(name), fill)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

/// Where a text is: in words, and as a JSON Pointer (RFC 6901).
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) words: String,
    pub(crate) pointer: String,
    /// Between these words and the name of a field.
    pub(crate) separator: &'static str,
}

impl Place {
    pub(crate) fn field(&self, name: &str) -> Self {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self {
            words: format!("{}{}{name}", self.words, self.separator),
            pointer: format!("{}/{escaped}", self.pointer),
            separator: ".",
        }
    }

    pub(crate) fn item(&self, index: usize) -> Self {
        Self {
            words: format!("{}[{index}]", self.words),
            pointer: format!("{}/{index}", self.pointer),
            separator: ".",
        }
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = generator.subschema_for::<Text>();
        let template = generator.subschema_for::<Self>();
        json_schema!({
            "description": "Any JSON; its strings are texts.",
            "anyOf": [
                {"type": ["null", "boolean", "number"]},
                text,
                {"type": "array", "items": template},
                {"type": "object", "additionalProperties": template},
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn facts() -> Facts {
        let key = "a/{date}/'x'.csv";
        [(Fact::Date, "2026-01-31"), (Fact::Key, key)]
            .map(|(fact, text)| (fact, text.to_owned()))
            .into()
    }

    fn filled(text: &str) -> Result<String, BTreeSet<Fact>> {
        Text::parse(text).expect("a text").filled(&facts())
    }

    /// The uploader of an object chooses its key: what is filled in must not be filled in again.
    #[test]
    fn facts_are_filled_in_once() {
        for (text, told) in [
            ("", ""),
            ("x}y}}", "x}y}}"),
            ("{{date}", "{date}"),
            ("{{{{", "{{"),
            ("{{{date}}", "{2026-01-31}"),
            (
                "s3://lake/{key}?{date}",
                "s3://lake/a/{date}/'x'.csv?2026-01-31",
            ),
        ] {
            assert_eq!(filled(text), Ok(told.to_owned()), "{text}");
        }
        assert_eq!(
            filled("{date}{window_end}{bucket}"),
            Err([Fact::Bucket, Fact::WindowEnd].into())
        );
    }

    /// A misspelt name would otherwise reach a job as it stands.
    #[test]
    fn other_braces_are_refused() {
        for text in [
            "{",
            "a{",
            "{dat}",
            "{Date}",
            "{ date }",
            "{}",
            "{\"a\": 1}",
            "{{{",
        ] {
            assert!(Text::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Any text can be said: with each brace twice it stays what it is, at any depth of a JSON.
        #[test]
        fn a_doubled_brace_is_a_brace(text in "[{}a-z\\PC]{0,20}") {
            let doubled = text.replace('{', "{{");
            prop_assert_eq!(filled(&doubled), Ok(text.clone()));
            let read = input::read(&json!([{"a": [doubled, 1]}, null]), "input", |node| Template::read(&node));
            let mut fill = |_: &Place, text: &Text| text.filled(&facts()).expect("no facts");
            prop_assert_eq!(read.expect("a template").filled(&Place::default(), &mut fill), json!([{"a": [text, 1]}, null]));
        }
    }
}
