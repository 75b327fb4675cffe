//! Versions of operating systems, compared number by number.

/// The leading numbers of a system's version, without trailing zeros: `5.10.0-8-amd64` is 5.10.
pub(super) fn numbers(version: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    for part in version.split('.') {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            break;
        }
        numbers.push(part[..digits].parse().unwrap_or(u64::MAX));
        if digits < part.len() {
            break;
        }
    }
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_not_texts() {
        for (older, newer) in [
            ("5.9", "5.10"),
            ("5.10", "5.10.1"),
            ("5.10.0-99", "5.10.1-rc1"),
            ("9", "10"),
            ("", "1"),
        ] {
            assert!(numbers(older) < numbers(newer), "{older} {newer}");
        }
        for (a, b) in [("5.10", "5.10.0-8-amd64"), ("10", "10.0.0"), ("6.1-rc2", "6.1")] {
            assert_eq!(numbers(a), numbers(b), "{a} {b}");
        }
    }
}
