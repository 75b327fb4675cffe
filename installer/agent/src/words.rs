//! What users read, in their language: the texts of the prompt (updater/tauri-plugin/prompt).

use serde_json::{Map, Value};

/// The texts of one language.
#[derive(Debug)]
pub(crate) struct Words {
    texts: Map<String, Value>,
}

impl Words {
    /// In the language that the environment asks for (locale(7)), else in English.
    pub(crate) fn here() -> Words {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
        Words::of(&locale.unwrap_or_default())
    }

    fn of(locale: &str) -> Words {
        let language = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
        let found = LOCALES.iter().find(|(name, _)| *name == language);
        let text = found.map_or(ENGLISH, |(_, text)| *text);
        Words { texts: serde_json::from_str(text).unwrap_or_default() }
    }

    /// A text, with its gaps filled.
    pub(crate) fn say(&self, key: &str, gaps: &[(&str, &str)]) -> String {
        let text = self.texts.get(key).and_then(Value::as_str).unwrap_or(key);
        gaps.iter()
            .fold(text.to_owned(), |text, (gap, value)| text.replace(&format!("{{{gap}}}"), value))
    }
}

macro_rules! locale {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../updater/tauri-plugin/prompt/locales/", $name, ".json")),
        )
    };
}

const LOCALES: [(&str, &str); 12] = [
    locale!("ar"),
    locale!("de"),
    locale!("en"),
    locale!("es"),
    locale!("fr"),
    locale!("it"),
    locale!("ja"),
    locale!("nl"),
    locale!("pl"),
    locale!("pt"),
    locale!("tr"),
    locale!("zh"),
];
const ENGLISH: &str = LOCALES[2].1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_that_of_the_locale() {
        let later = |locale| Words::of(locale).say("later", &[]);
        let german = later("de_AT.UTF-8");
        assert_ne!(german, later("en"));
        assert_eq!(later("de"), german);
        for unknown in ["", "C", "C.UTF-8", "POSIX", "xx_XX"] {
            assert_eq!(later(unknown), "Later", "{unknown}");
        }
    }

    #[test]
    fn every_language_has_every_text_that_notices_use() {
        for (name, _) in LOCALES {
            for key in KEYS {
                let said = Words::of(name).say(key, &[("app", "Notes"), ("version", "1.1")]);
                assert!(!said.is_empty() && said != key, "{name} {key}");
            }
            let offer = Words::of(name).say("offer", &[("app", "Notes"), ("version", "1.1")]);
            assert!(offer.contains("Notes") && offer.contains("1.1"), "{name}: {offer}");
        }
    }

    const KEYS: [&str; 17] = [
        "offer",
        "critical",
        "criticalNote",
        "downloading",
        "ready",
        "failed",
        "reverted",
        "haveNow",
        "sizeDelta",
        "sizeFull",
        "installNow",
        "whenQuit",
        "later",
        "skip",
        "verified",
        "onQuit",
        "revertedText",
    ];
}
