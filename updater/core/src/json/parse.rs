//! The strict reader.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{JsonError, MAX_DEPTH, MAX_INTEGER};

/// Reads one JSON value and nothing after it.
///
/// # Errors
/// Not JSON, or JSON of the kinds that [`JsonError`] lists.
///
/// ```
/// use exuvia_core::json::{JsonError, parse};
/// assert!(parse(br#"{"version": 7}"#).is_ok());
/// assert_eq!(parse(br#"{"version": 7.5}"#), Err(JsonError::NotAnInteger));
/// let twice = parse(br#"{"version": 7, "version": 8}"#);
/// assert_eq!(twice, Err(JsonError::DuplicateKey { key: "version".into() }));
/// ```
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let refusal = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0, refusal: &refusal }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        let syntax = JsonError::Syntax { line: error.line(), column: error.column() };
        refusal.into_inner().unwrap_or(syntax)
    })
}

/// Reads a value at a depth. What it refuses is left in `refusal`, since serde errors are text.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    refusal: &'a RefCell<Option<JsonError>>,
}

impl Strict<'_> {
    fn refuse<T, E: de::Error>(self, why: JsonError) -> Result<T, E> {
        let error = E::custom(&why);
        self.refusal.replace(Some(why));
        Err(error)
    }

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return self.refuse(JsonError::TooDeep);
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER.unsigned_abs() {
            return self.refuse(JsonError::IntegerTooLarge);
        }
        Ok(Value::from(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER.unsigned_abs() {
            return self.refuse(JsonError::IntegerTooLarge);
        }
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        // Integers that fit no 64-bit type arrive here too; every double this large is one of them.
        let integer_like = value.fract() == 0.0 && value.abs() > 9e15;
        self.refuse(if integer_like { JsonError::IntegerTooLarge } else { JsonError::NotAnInteger })
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if object.contains_key(&key) {
                return self.refuse(JsonError::DuplicateKey { key });
            }
            object.insert(key, fields.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_json_is_refused_with_its_place() {
        let cases: &[&[u8]] = &[
            b"",
            b"{",
            b"{} {}",
            b"{}x",
            b"\xef\xbb\xbf{}",
            b"{'a':1}",
            b"[1,]",
            b"01",
            b"+1",
            b"NaN",
            b"\"\xff\"",
            b"\"\\ud800\"",
            b"\"a\nb\"",
            b"// c\n1",
        ];
        for bytes in cases {
            let found = parse(bytes);
            assert!(matches!(found, Err(JsonError::Syntax { .. })), "{bytes:?}: {found:?}");
        }
    }

    #[test]
    fn a_key_that_occurs_twice_is_refused_at_any_depth() {
        let key = |key: &str| Err(JsonError::DuplicateKey { key: key.into() });
        assert_eq!(parse(br#"{"a":1,"b":{"c":1,"c":1}}"#), key("c"));
        assert_eq!(parse(br#"{"a":1,"\u0061":2}"#), key("a"));
        assert!(parse(br#"{"a":{"a":1}}"#).is_ok());
    }

    #[test]
    fn only_integers_that_a_double_holds_are_numbers() {
        for text in ["0", "-1", "9007199254740991", "-9007199254740991"] {
            assert_eq!(parse(text.as_bytes()).unwrap().to_string(), text);
        }
        for text in ["1.0", "1e3", "-0", "0.5", "1E-2"] {
            assert_eq!(parse(text.as_bytes()), Err(JsonError::NotAnInteger), "{text}");
        }
        for text in [
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551616",
            "-99999999999999999999",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(JsonError::IntegerTooLarge), "{text}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep));
        assert_eq!(parse("[".repeat(1 << 20).as_bytes()), Err(JsonError::TooDeep));
    }
}
