//! What the target of a rule gets of an event.

use aws_sdk_eventbridge::types::Target;
use serde_json::Value;

/// What stands for the event in a rule's input template.
const EVENT: &str = "<aws.events.event.json>";

/// What the target gets of an event: all of it, a part, what a template makes of it, or always the same.
///
/// # Errors
/// The template takes more than the event as a whole, or the path leads to nothing that is known here.
pub(crate) fn transformed(target: &Target, event: &Value) -> Result<Value, String> {
    let text = if let Some(input) = &target.input {
        input.clone()
    } else if let Some(path) = &target.input_path {
        return part(event, path).ok_or_else(|| format!("its input path {path} is not understood"));
    } else {
        let transformer = target.input_transformer.as_ref();
        let template = transformer.map_or(EVENT, |it| it.input_template.as_str());
        template.replace(EVENT, &event.to_string())
    };
    serde_json::from_str(&text)
        .map_err(|error| format!("its input template makes no JSON: {error}"))
}

/// The part of the event that a path of names leads to: `$.detail.object`.
fn part(event: &Value, path: &str) -> Option<Value> {
    let names = path.strip_prefix('$')?;
    let found = if names.is_empty() {
        Some(event)
    } else {
        let mut names = names.strip_prefix('.')?.split('.');
        names.try_fold(event, |part, name| part.get(name))
    };
    found.cloned()
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::types::InputTransformer;
    use aws_sdk_eventbridge::types::builders::TargetBuilder;
    use serde_json::json;

    use super::*;

    /// The event is put in as it is; a template of other variables says nothing that could be read.
    #[test]
    fn the_template_takes_up_the_event() {
        let target = |template: Option<&str>| {
            let transformer = template.map(|template| {
                let transformer = InputTransformer::builder().input_template(template);
                transformer.build().expect("it has a template")
            });
            let target = Target::builder().id("t").arn("m");
            let target = target.set_input_transformer(transformer).build();
            target.expect("it has an id and an ARN")
        };
        let event = json!({"id": "\"<1>\""});
        let given = |template| transformed(&target(template), &event).ok();
        assert_eq!(given(None), Some(event.clone()));
        let template = r#"{"event": <aws.events.event.json>, "pipeline": "p"}"#;
        let input = json!({"event": event, "pipeline": "p"});
        assert_eq!(given(Some(template)), Some(input));
        assert_eq!(given(Some(r#"{"key": <key>}"#)), None);
    }

    /// Targets without a template are as good: what they hand over must not be taken for the event.
    #[test]
    fn a_target_may_get_a_constant_or_a_part() {
        let target = || Target::builder().id("t").arn("m");
        let given = |target: Target| transformed(&target, &json!({"detail": {"key": 1}})).ok();
        let built = |target: TargetBuilder| target.build().expect("it has an id and an ARN");
        let constant = built(target().input(r#"{"pipeline": "p"}"#));
        assert_eq!(given(constant), Some(json!({"pipeline": "p"})));
        let path = |path: &str| given(built(target().input_path(path)));
        assert_eq!(path("$"), Some(json!({"detail": {"key": 1}})));
        assert_eq!(path("$.detail"), Some(json!({"key": 1})));
        assert_eq!(path("$.detail.key"), Some(json!(1)));
        assert_eq!(path("$.other"), None);
        assert_eq!(path("$['detail']"), None);
    }
}
