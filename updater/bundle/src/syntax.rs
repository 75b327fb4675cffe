//! The manifest's one spelling.
//!
//! Field order and white space are fixed, and no character that JSON would escape is allowed in a
//! path or target. So a reader need not know JSON: it takes these bytes and no others, and there is
//! nothing for two JSON readers to disagree on.

use crate::{Digest, Entry, Error, Limit, Node, RelPath, limits::within};

const VERSION: u64 = 1;
const START: &str = "{\"exuvia-bundle\":";
const ENTRIES: &str = ",\"entries\":[";
const END: &str = "]}\n";

/// The canonical bytes.
pub(crate) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = format!("{START}{VERSION}{ENTRIES}");
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push(&mut out, entry);
    }
    out.push_str(END);
    out.into_bytes()
}

/// The length of [`encode`], without writing it.
pub(crate) fn encoded_length(entries: &[Entry]) -> u64 {
    let frame = START.len() + 1 + ENTRIES.len() + END.len();
    let commas = entries.len().saturating_sub(1);
    let lengths = entries.iter().map(|Entry { path, node }| {
        let fields = match node {
            Node::Dir => "dir".len(),
            Node::File { length, .. } => {
                let digits = length.checked_ilog10().unwrap_or(0) as usize + 1;
                "file\",\"mode\":\"0644\",\"length\":,\"sha256\":\"".len() + digits + 64
            }
            Node::Link { target } => "link\",\"target\":\"".len() + target.len(),
        };
        "{\"path\":\"\",\"kind\":\"\"}".len() + path.as_str().len() + fields
    });
    (frame + commas + lengths.sum::<usize>()) as u64
}

/// Reads the entries; what they say is judged by the caller.
pub(crate) fn parse(bytes: &[u8], max_entries: u64) -> Result<Vec<Entry>, Error> {
    let mut reader = Reader { bytes, at: 0 };
    reader.literal(START)?;
    match reader.number()? {
        VERSION => {}
        version => return Err(Error::Version { version }),
    }
    reader.literal(ENTRIES)?;
    let mut entries = Vec::new();
    if reader.literal(END).is_err() {
        loop {
            entries.push(reader.entry()?);
            within(Limit::Entries, entries.len() as u64, max_entries)?;
            if reader.literal(",").is_err() {
                break;
            }
        }
        reader.literal(END)?;
    }
    if reader.at != bytes.len() {
        return Err(reader.fault());
    }
    Ok(entries)
}

fn push(out: &mut String, entry: &Entry) {
    let path = &entry.path;
    match &entry.node {
        Node::Dir => *out += &format!("{{\"path\":\"{path}\",\"kind\":\"dir\"}}"),
        Node::File { executable, length, sha256 } => {
            let mode = if *executable { "0755" } else { "0644" };
            *out += &format!(
                "{{\"path\":\"{path}\",\"kind\":\"file\",\"mode\":\"{mode}\",\
                 \"length\":{length},\"sha256\":\"{sha256}\"}}"
            );
        }
        Node::Link { target } => {
            *out += &format!("{{\"path\":\"{path}\",\"kind\":\"link\",\"target\":\"{target}\"}}");
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn entry(&mut self) -> Result<Entry, Error> {
        self.literal("{\"path\":\"")?;
        let path = RelPath::new(self.text()?)?;
        self.literal(",\"kind\":\"")?;
        let node = match self.text()? {
            "dir" => Node::Dir,
            "file" => self.file()?,
            "link" => {
                self.literal(",\"target\":\"")?;
                Node::Link { target: self.text()?.to_owned() }
            }
            _ => return Err(self.fault()),
        };
        self.literal("}")?;
        Ok(Entry { path, node })
    }

    fn file(&mut self) -> Result<Node, Error> {
        self.literal(",\"mode\":\"")?;
        let executable = match self.text()? {
            "0755" => true,
            "0644" => false,
            _ => return Err(self.fault()),
        };
        self.literal(",\"length\":")?;
        let length = self.number()?;
        self.literal(",\"sha256\":\"")?;
        let sha256: Digest = self.text()?.parse().map_err(|_| self.fault())?;
        Ok(Node::File { executable, length, sha256 })
    }

    fn literal(&mut self, literal: &str) -> Result<(), Error> {
        if !self.rest().starts_with(literal.as_bytes()) {
            return Err(self.fault());
        }
        self.at += literal.len();
        Ok(())
    }

    /// Up to the next quotation mark, and over it.
    fn text(&mut self) -> Result<&'a str, Error> {
        let rest = self.rest();
        let end = rest.iter().position(|&byte| byte == b'"').ok_or_else(|| self.fault())?;
        let text = std::str::from_utf8(&rest[..end]).map_err(|_| self.fault())?;
        self.at += end + 1;
        Ok(text)
    }

    /// Decimal digits without a leading zero.
    fn number(&mut self) -> Result<u64, Error> {
        let rest = self.rest();
        let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let digits = std::str::from_utf8(&rest[..end]).map_err(|_| self.fault())?;
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(self.fault());
        }
        let number = digits.parse().map_err(|_| self.fault())?;
        self.at += end;
        Ok(number)
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn fault(&self) -> Error {
        Error::Syntax { offset: self.at }
    }
}
