//! What a delta says of itself.

use std::io::Read;

use exuvia_bundle::Digest;

use crate::{Error, input::Input, tag};

/// What a delta says of itself. Its checksum was right; whether it applies is only known once it
/// has been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Digest of the manifest of the tree it applies to.
    pub base: Digest,
    /// Digest of the manifest of the tree it gives.
    pub result: Digest,
    /// Bytes of the delta.
    pub length: u64,
    /// Bytes of the new manifest.
    pub manifest_length: u64,
    /// Blocks of fresh content.
    pub blocks: u64,
    /// Fresh files that are walks along an old one.
    pub walks: u64,
    /// Bytes of fresh content.
    pub fresh: u64,
    /// Bytes of old content that the blocks refer to.
    pub referenced: u64,
}

/// Reads through a delta without its base. Allocates next to nothing, whatever the delta says.
///
/// # Errors
/// As for [`apply`](crate::apply), as far as they concern the delta alone.
pub fn info(patch: &mut dyn Read) -> Result<Info, Error> {
    let mut input = Input::new(patch);
    let header = input.header()?;
    let manifest_length = input.number()?;
    skip_frame(&mut input)?;
    let (base, result) = (header.base, header.result);
    let (blocks, walks, fresh, referenced) = (0, 0, 0, 0);
    let mut info =
        Info { base, result, length: 0, manifest_length, blocks, walks, fresh, referenced };
    loop {
        match input.byte()? {
            tag::END => break,
            tag::RUN => drop(input.number()?),
            tag::BLOCK => info.block(&mut input)?,
            tag::WALK => info.walk(&mut input)?,
            _ => return Err(input.syntax()),
        }
    }
    info.length = input.offset() + 32;
    input.finish()?;
    Ok(info)
}

impl Info {
    fn block(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        self.blocks += 1;
        self.fresh = self.fresh.saturating_add(input.number()?);
        for _ in 0..input.number()? {
            let (_entry, _offset) = (input.number()?, input.number()?);
            self.referenced = self.referenced.saturating_add(input.number()?);
        }
        skip_frame(input)
    }

    fn walk(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        self.walks += 1;
        let _base = input.number()?;
        self.fresh = self.fresh.saturating_add(input.number()?);
        skip_frame(input)
    }
}

fn skip_frame(input: &mut Input<'_>) -> Result<(), Error> {
    let mut left = input.number()?;
    let mut chunk = [0; 16 << 10];
    while left > 0 {
        let step = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        input.fill(&mut chunk[..step])?;
        left -= step as u64;
    }
    Ok(())
}
