//! A command that signs: the bytes on its standard input, the signature on its standard output, in
//! hex or base64. So any key service can be used whose tool can sign.

use std::io::Write as _;
use std::process::{Command, Stdio};

use exuvia_core::keys::{PublicKey, Signature};
use exuvia_repo::{Signer, SignerError};

use crate::hex;

/// Signs by running a command.
pub(super) struct CommandSigner {
    name: String,
    public: PublicKey,
    command: Vec<String>,
}

/// Why a command gave no signature.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("`{program}` cannot be run: {source}")]
    Run { program: String, source: std::io::Error },
    #[error("`{program}` ended with {status}")]
    Failed { program: String, status: std::process::ExitStatus },
    #[error("`{program}` printed no signature in hex or base64")]
    NoSignature { program: String },
}

impl CommandSigner {
    pub(super) fn new(name: &str, public: PublicKey, command: Vec<String>) -> Self {
        Self { name: name.to_owned(), public, command }
    }

    fn run(&self, bytes: &[u8]) -> Result<Vec<u8>, CommandError> {
        let program = self.command.first().cloned().unwrap_or_default();
        let failed = |source| CommandError::Run { program: program.clone(), source };
        let mut child = Command::new(&program)
            .args(self.command.iter().skip(1))
            .env("EXUVIA_KEY", &self.name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            // A command that signs a digest of its own may close its input early.
            let _ = input.write_all(bytes);
        }
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            return Err(CommandError::Failed { program, status: output.status });
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let text = text.trim();
        let signature = hex::decode(text).or_else(|| base64(text));
        signature.filter(|bytes| !bytes.is_empty()).ok_or(CommandError::NoSignature { program })
    }
}

impl Signer for CommandSigner {
    fn public(&self) -> PublicKey {
        self.public.clone()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Signature, SignerError> {
        let signature = self.run(bytes).map_err(|error| SignerError(Box::new(error)))?;
        Ok(Signature::new(self.id(), &signature))
    }
}

/// Base64 with the standard alphabet, padded or not, line breaks ignored.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
    for c in text.bytes().filter(|c| !c.is_ascii_whitespace() && *c != b'=') {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_padded_or_not() {
        for text in ["aGVsbG8gd29ybGQ=", "aGVsbG8gd29ybGQ", "aGVsbG8g\nd29ybGQ=\n"] {
            assert_eq!(base64(text).unwrap(), b"hello world", "{text}");
        }
        assert_eq!(base64("no signature!"), None);
    }
}
