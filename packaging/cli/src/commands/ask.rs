//! The passphrase: from `EXUVIA_PASSPHRASE`, or from the terminal without echo.

use crate::{Error, Passphrase};

/// The passphrase of keys that exist.
pub(crate) fn passphrase() -> Result<Passphrase, Error> {
    match from_environment() {
        Some(passphrase) => check(passphrase),
        None => check(prompt("Passphrase of the keys: ")?),
    }
}

/// The PIN of a token: from `EXUVIA_PIN`, or typed.
pub(crate) fn pin() -> Result<String, Error> {
    if let Ok(pin) = std::env::var("EXUVIA_PIN") {
        return Ok(pin);
    }
    rpassword::prompt_password("PIN of the token: ").map_err(|source| Error::NoPin { source })
}

/// Whether somebody agrees to a question.
pub(crate) fn agreed(question: &str) -> Result<bool, Error> {
    use std::io::{IsTerminal as _, Write as _};
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    let failed = |source| Error::Terminal { source };
    eprint!("{question} Type yes: ");
    std::io::stderr().flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(answer.trim() == "yes")
}

/// The passphrase of new keys, typed twice.
pub(crate) fn new_passphrase() -> Result<Passphrase, Error> {
    if let Some(passphrase) = from_environment() {
        return check(passphrase);
    }
    let first = check(prompt("Choose a passphrase for the keys: ")?)?;
    let second = prompt("Again: ")?;
    if first.matches(&second) { Ok(first) } else { Err(Error::PassphrasesDiffer) }
}

fn from_environment() -> Option<Passphrase> {
    std::env::var("EXUVIA_PASSPHRASE").ok().map(Passphrase::new)
}

fn prompt(text: &str) -> Result<Passphrase, Error> {
    let typed = rpassword::prompt_password(text);
    typed.map(Passphrase::new).map_err(|source| Error::Terminal { source })
}

fn check(passphrase: Passphrase) -> Result<Passphrase, Error> {
    if passphrase.is_empty() { Err(Error::NoPassphrase) } else { Ok(passphrase) }
}
