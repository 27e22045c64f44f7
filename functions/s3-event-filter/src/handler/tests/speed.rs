//! How long the filter takes at most, for whatever a rule can send: an event and a template, together no more than
//! Step Functions' 256 KiB, with keys and templates as long as S3 and EventBridge let them be.
//!
//! `cargo test --release -p s3-event-filter -- --include-ignored` measures it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::events::any_request;
use super::*;
use prop::sample::select;
use proptest::test_runner::TestRunner;

const LIMIT: Duration = Duration::from_millis(10);

/// Others need the processor too: the best of so many times counts.
const TRIES: usize = 10;

/// Bytes of an execution's input.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const LONGEST_INPUT: usize = 262_144;

/// Characters of a rule's input template, which has all but the event.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html>
const LONGEST_TEMPLATE: usize = 8_192;

/// Bytes of a key.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const LONGEST_KEY: usize = 1_024;

fn is_quick(input: &Value) -> bool {
    (0..TRIES).any(|_| {
        let start = Instant::now();
        let _ = black_box(handle(black_box(input), now()));
        start.elapsed() < LIMIT
    })
}

/// What fills an input, in each of its parts.
#[derive(Debug)]
struct Large {
    /// The key's only one.
    letter: &'static str,
    template: Template,
    /// What the event has beside the fields that are read.
    unread: Value,
}

#[derive(Debug)]
enum Template {
    Ignore(String),
    Suffixes(String),
    Stages(Value),
}

impl Large {
    fn input(&self) -> Value {
        let mut input = match &self.template {
            Template::Ignore(glob) => {
                json!({"filter": {"ignore": filled(glob.as_str(), LONGEST_TEMPLATE)}})
            }
            Template::Suffixes(text) => {
                json!({"filter": {"suffixes": filled(text.as_str(), LONGEST_TEMPLATE)}})
            }
            Template::Stages(stage) => {
                json!({"pipeline": {"name": "p", "stages": filled(stage.clone(), LONGEST_TEMPLATE)}})
            }
        };
        input["event"] = event();
        let detail = &mut input["event"]["detail"];
        detail["object"]["key"] = json!(self.letter.repeat(LONGEST_KEY / self.letter.len()));
        detail["unread"] = json!([]);
        let rest = LONGEST_INPUT - input.to_string().len();
        input["event"]["detail"]["unread"] = filled(self.unread.clone(), rest);
        input
    }
}

/// An array of as many copies as have room in so many bytes of JSON.
fn filled(item: impl Into<Value>, bytes: usize) -> Value {
    let item = item.into();
    let room = item.to_string().len() + 1;
    vec![item; bytes / room].into()
}

/// A pattern that almost fits a key of one letter, wherever in it one begins to compare.
fn any_hard_glob() -> impl Strategy<Value = String> {
    let part = select(vec!["a", "é", "?", "a?", "a*", "?*"]);
    let end = select(vec!["b", "?b", "b?", "b*", "*b"]);
    (part, 1..400_usize, end).prop_map(|(part, times, end)| format!("*{}{end}", part.repeat(times)))
}

fn any_nest() -> impl Strategy<Value = Value> {
    let inwards = prop::collection::vec(any::<bool>(), 1..100);
    inwards.prop_map(|levels| {
        levels.into_iter().fold(json!(1), |inner, is_array| {
            if is_array {
                json!([inner])
            } else {
                json!({"a": inner})
            }
        })
    })
}

fn any_large() -> impl Strategy<Value = Large> {
    let template = prop_oneof![
        3 => any_hard_glob().prop_map(Template::Ignore),
        1 => "[a-z]{1,400}".prop_map(Template::Suffixes),
        1 => any_nest().prop_map(Template::Stages),
    ];
    let letter = select(vec!["a", "é"]);
    (letter, template, any_nest()).prop_map(|(letter, template, unread)| Large {
        letter,
        template,
        unread,
    })
}

proptest! {
    #![proptest_config(config())]

    /// Whatever comes in is judged in less than 10 ms.
    #[test]
    #[ignore = "measures time"]
    fn any_input_is_judged_at_once(
        input in prop_oneof![any_json(), any_mutilated_sample(), any_request().prop_map(|(_, input)| input)],
    ) {
        prop_assert!(is_quick(&input));
    }
}

/// The largest inputs are judged in less than 10 ms, even with patterns that take the longest to compare.
#[test]
#[ignore = "measures time"]
fn the_largest_inputs_are_judged_at_once() {
    // Making such an input takes far longer than judging it.
    let config = ProptestConfig {
        cases: 1_000,
        max_shrink_iters: 0,
        ..config()
    };
    let result = TestRunner::new(config).run(&any_large(), |large| {
        let input = large.input();
        prop_assert!((LONGEST_INPUT - 1_000..=LONGEST_INPUT).contains(&input.to_string().len()));
        prop_assert!(is_quick(&input));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
