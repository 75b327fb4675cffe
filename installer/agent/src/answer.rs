//! What a command answers with.

use std::process::ExitCode;

use serde_json::{Value, json};

/// A command's result: a text for people, the same facts for programs.
#[derive(Debug)]
pub(crate) struct Answer {
    text: String,
    facts: Value,
    code: u8,
}

impl Answer {
    /// Something was done or found.
    pub(crate) fn done(result: &str, text: impl Into<String>, facts: Value) -> Answer {
        Answer::new(result, text, facts, DONE)
    }

    /// There was nothing to do.
    pub(crate) fn nothing(result: &str, text: impl Into<String>, facts: Value) -> Answer {
        Answer::new(result, text, facts, NOTHING_TO_DO)
    }

    /// The same with this exit code.
    pub(crate) fn with_code(self, code: u8) -> Answer {
        Answer { code, ..self }
    }

    fn new(result: &str, text: impl Into<String>, facts: Value, code: u8) -> Answer {
        let mut whole = json!({ "result": result });
        if let (Value::Object(whole), Value::Object(facts)) = (&mut whole, facts) {
            whole.extend(facts);
        }
        Answer { text: text.into(), facts: whole, code }
    }

    /// Prints it and gives the exit code.
    pub(crate) fn print(&self, json: bool) -> ExitCode {
        if json {
            println!("{}", self.facts);
        } else {
            println!("{}", self.text);
        }
        ExitCode::from(self.code)
    }
}

const DONE: u8 = 0;
const NOTHING_TO_DO: u8 = 3;
