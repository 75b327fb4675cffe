//! Succinct hashed bins (TAP 15): one line that stands for up to 2^32 delegations.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use super::{DelegatedRole, Scope, positive};
use crate::Digest;
use crate::keys::KeyId;

/// Bins that share all paths between them by the first bits of the SHA-256 of the path. All have the
/// same keys, and each is terminating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccinctRoles {
    /// The keys, by id.
    pub keyids: Vec<KeyId>,
    /// How many of them must sign, 1 or more.
    #[serde(deserialize_with = "positive")]
    pub threshold: u64,
    /// How many bits choose the bin, 1 to 32.
    #[serde(deserialize_with = "bits")]
    pub bit_length: u32,
    /// What the names of the bins begin with.
    pub name_prefix: String,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SuccinctRoles {
    /// The bin that speaks about a path.
    pub fn bin_of(&self, path: &str) -> DelegatedRole {
        let [a, b, c, d, ..] = *Digest::of(path.as_bytes()).as_bytes();
        self.bin(u32::from_be_bytes([a, b, c, d]) >> (32 - self.bit_length.clamp(1, 32)))
    }

    /// All bins, in order.
    pub fn bins(&self) -> impl Iterator<Item = DelegatedRole> {
        let last = u32::MAX >> (32 - self.bit_length.clamp(1, 32));
        (0..=last).map(|number| self.bin(number))
    }

    /// A bin as the delegation that it stands for. Names are numbered in hex, all equally long.
    fn bin(&self, number: u32) -> DelegatedRole {
        let bits = self.bit_length.clamp(1, 32);
        let digits = bits.div_ceil(4);
        // The last digit is not the bin's alone where its number ends within it.
        let free = digits * 4 - bits;
        let first = u64::from(number) << free;
        let width = usize::try_from(digits).unwrap_or(8);
        let prefix = |low: u64| format!("{:0width$x}", first | low);
        DelegatedRole {
            name: format!("{}-{number:0width$x}", self.name_prefix),
            keyids: self.keyids.clone(),
            threshold: self.threshold,
            terminating: true,
            scope: Scope::HashPrefixes((0..1 << free).map(prefix).collect()),
            extra: Map::new(),
        }
    }
}

fn bits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let bits = u32::deserialize(deserializer)?;
    if (1..=32).contains(&bits) {
        Ok(bits)
    } else {
        Err(de::Error::custom(format_args!("bins are chosen by 1 to 32 bits, not {bits}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(bit_length: u32) -> SuccinctRoles {
        let json = format!(
            r#"{{"keyids":["k"],"threshold":1,"bit_length":{bit_length},"name_prefix":"bin"}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn scope(role: &DelegatedRole) -> Vec<&str> {
        match &role.scope {
            Scope::HashPrefixes(prefixes) => prefixes.iter().map(String::as_str).collect(),
            Scope::Paths(_) => vec![],
        }
    }

    #[test]
    fn names_are_numbered_in_hex_and_equally_long() {
        // The name's width follows from the largest number: python-tuf and the TAP agree.
        let last = |bits| bins(bits).bins().last().unwrap().name;
        for (bits, name) in
            [(1, "bin-1"), (4, "bin-f"), (5, "bin-1f"), (8, "bin-ff"), (10, "bin-3ff")]
        {
            assert_eq!(last(bits), name);
        }
        assert_eq!(bins(10).bins().next().unwrap().name, "bin-000");
        assert_eq!(bins(32).bins().nth(10).unwrap().name, "bin-0000000a");
    }

    #[test]
    fn a_bin_is_the_delegation_by_prefixes_that_it_stands_for() {
        assert_eq!(scope(&bins(8).bins().nth(0x2f).unwrap()), ["2f"]);
        assert_eq!(scope(&bins(7).bins().nth(0x2f).unwrap()), ["5e", "5f"]);
        assert_eq!(
            scope(&bins(1).bins().nth(1).unwrap()),
            ["8", "9", "a", "b", "c", "d", "e", "f"]
        );
        assert_eq!(scope(&bins(32).bins().nth(1).unwrap()), ["00000001"]);
    }

    #[test]
    fn every_path_has_the_one_bin_whose_prefixes_its_hash_has() {
        for bits in 1..=10 {
            for path in ["a", "b", "dir/file.txt", "stable/linux-x86_64/1.0.0"] {
                let hash = Digest::of(path.as_bytes()).to_string();
                let covers = |role: &DelegatedRole| {
                    scope(role).iter().any(|prefix| hash.starts_with(prefix))
                };
                let found: Vec<_> = bins(bits).bins().filter(covers).collect();
                assert_eq!(found, [bins(bits).bin_of(path)], "{bits} bits, {path}");
            }
        }
    }

    #[test]
    fn the_number_of_bits_has_bounds() {
        for bits in [0, 33] {
            let json =
                format!(r#"{{"keyids":[],"threshold":1,"bit_length":{bits},"name_prefix":"bin"}}"#);
            assert!(serde_json::from_str::<SuccinctRoles>(&json).is_err());
        }
    }
}
