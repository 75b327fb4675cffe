//! Canonical JSON as the OLPC project defined it and TUF signs it.

use serde_json::Value;

use super::{JsonError, MAX_DEPTH, MAX_INTEGER};

/// The canonical bytes of a value: no white space, keys in order of their bytes, strings raw except
/// for `"` and `\`, which get a backslash.
///
/// # Errors
/// The value has a number that is not an integer or too large, or is too deep. Values from
/// [`parse`](super::parse) never fail.
///
/// ```
/// use exuvia_core::json::{canonical, parse};
/// let value = parse(b"{ \"b\": [1, true], \"a\": \"line\\nbreak \\\"\" }")?;
/// assert_eq!(canonical(&value)?, b"{\"a\":\"line\nbreak \\\"\",\"b\":[1,true]}");
/// # Ok::<(), exuvia_core::json::JsonError>(())
/// ```
pub fn canonical(value: &Value) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    write(value, 0, &mut out)?;
    Ok(out)
}

fn write(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), JsonError> {
    match value {
        Value::Null => out.extend(b"null"),
        Value::Bool(true) => out.extend(b"true"),
        Value::Bool(false) => out.extend(b"false"),
        Value::Number(number) => {
            let integer = number.as_i64().ok_or(if number.is_u64() {
                JsonError::IntegerTooLarge
            } else {
                JsonError::NotAnInteger
            })?;
            if integer.unsigned_abs() > MAX_INTEGER.unsigned_abs() {
                return Err(JsonError::IntegerTooLarge);
            }
            out.extend(integer.to_string().bytes());
        }
        Value::String(text) => write_string(text, out),
        Value::Array(_) | Value::Object(_) if depth == MAX_DEPTH => return Err(JsonError::TooDeep),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            // The map's own order depends on a feature that any crate in the build may turn on.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            out.push(b'{');
            for (index, (key, field)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write(field, depth + 1, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' || byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::json::parse;

    fn text(value: &Value) -> String {
        String::from_utf8(canonical(value).unwrap()).unwrap()
    }

    #[test]
    fn vectors_of_the_reference_implementation() {
        // securesystemslib, tests/test_formats.py and its docstring of encode_canonical.
        let cases = [
            (json!(""), r#""""#),
            (json!([1, 2, 3]), "[1,2,3]"),
            (json!([]), "[]"),
            (json!({}), "{}"),
            (json!({"A": [99]}), r#"{"A":[99]}"#),
            (json!({"x": 3, "y": 2}), r#"{"x":3,"y":2}"#),
            (json!({"x": 3, "y": null}), r#"{"x":3,"y":null}"#),
            (json!({"b": true, "a": false, "-": -5}), r#"{"-":-5,"a":false,"b":true}"#),
        ];
        for (value, expected) in cases {
            assert_eq!(text(&value), expected);
        }
    }

    #[test]
    fn strings_are_raw_but_for_quote_and_backslash() {
        assert_eq!(text(&json!("a\"b\\c/d")), r#""a\"b\\c/d""#);
        assert_eq!(text(&json!("\n\t\u{0}é\u{1F600}")), "\"\n\t\u{0}é\u{1F600}\"");
    }

    #[test]
    fn keys_are_sorted_by_their_bytes() {
        let value = json!({"é": 1, "z": 2, "Z": 3, "\u{1F600}": 4, "\u{FFFD}": 5, "": 6});
        assert_eq!(text(&value), "{\"\":6,\"Z\":3,\"z\":2,\"é\":1,\"\u{FFFD}\":5,\"\u{1F600}\":4}");
    }

    #[test]
    fn what_has_no_canonical_form_is_refused() {
        assert_eq!(canonical(&json!(0.5)), Err(JsonError::NotAnInteger));
        assert_eq!(canonical(&json!(u64::MAX)), Err(JsonError::IntegerTooLarge));
        assert_eq!(canonical(&json!(i64::MIN)), Err(JsonError::IntegerTooLarge));
        let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(canonical(&deep), Err(JsonError::TooDeep));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_form_does_not_depend_on_how_a_value_was_written(value in values()) {
            let compact = parse(&serde_json::to_vec(&value).unwrap()).unwrap();
            let pretty = parse(&serde_json::to_vec_pretty(&value).unwrap()).unwrap();
            prop_assert_eq!(&compact, &value);
            prop_assert_eq!(canonical(&compact).unwrap(), canonical(&pretty).unwrap());
        }

        #[test]
        fn different_values_have_different_canonical_forms(a in values(), b in values()) {
            prop_assert_eq!(a == b, canonical(&a).unwrap() == canonical(&b).unwrap());
        }

        #[test]
        fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }
    }
}
