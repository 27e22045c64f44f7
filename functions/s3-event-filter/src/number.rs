//! Whole numbers in JSON.

use serde_json::Value;
use shared::request::InvalidField;

/// The value, if it is a whole number of at least 0. `60.0` is one: JSON knows one kind of number,
/// and a state machine on the way may write it so.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_f64()?.to_string().parse().ok())
}

/// An optional field that is a whole number of at least 0; `null` counts as absent.
pub(crate) fn optional(
    value: Option<&Value>,
    field: &'static str,
) -> Result<Option<u64>, InvalidField> {
    value
        .filter(|value| !value.is_null())
        .map(|value| {
            whole(value)
                .ok_or_else(|| InvalidField::new(field, "must be a whole number of at least 0"))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
