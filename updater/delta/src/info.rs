//! What a delta says of itself.

use std::io::Read;

use exuvia_bundle::Digest;

use crate::{Error, input::Input};

/// What a delta says of itself. Its checksum was right; whether it applies is only known once it
/// has been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Digest of the bundle it applies to.
    pub base: Digest,
    /// Digest of the bundle it gives.
    pub result: Digest,
    /// Bytes of the delta.
    pub length: u64,
    /// Bytes of the new manifest.
    pub manifest_length: u64,
    /// Blocks of fresh content.
    pub blocks: u64,
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
    let (mut blocks, mut fresh, mut referenced) = (0, 0_u64, 0_u64);
    loop {
        let length = input.number()?;
        if length == 0 {
            break;
        }
        for _ in 0..input.number()? {
            let (_entry, _offset) = (input.number()?, input.number()?);
            referenced = referenced.saturating_add(input.number()?);
        }
        skip_frame(&mut input)?;
        blocks += 1;
        fresh = fresh.saturating_add(length);
    }
    let length = input.offset() + 32;
    input.finish()?;
    let (base, result) = (header.base, header.result);
    Ok(Info { base, result, length, manifest_length, blocks, fresh, referenced })
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
