//! Zstandard frames with a prefix.

use zstd::zstd_safe;

use crate::{
    Error,
    error::Bound,
    input::Input,
    limits::{packed_bound, within},
};

/// Reads the length of a frame and the frame, and gives its content, which must be `length` bytes.
///
/// The whole content is decoded at once, so the decoder keeps no window of its own and what a
/// frame's header says of sizes allocates nothing.
pub(crate) fn read(input: &mut Input<'_>, length: u64, prefix: &[u8]) -> Result<Vec<u8>, Error> {
    let packed = within(Bound::Packed, input.number()?, packed_bound(length))?;
    let mut frame = vec![0; to_usize(packed, input)?];
    input.fill(&mut frame)?;
    let mut content = vec![0; to_usize(length, input)?];
    let fault = || Error::Frame { offset: input.offset() };
    // One frame and no more: the decoder would go on with a second one.
    if zstd_safe::find_frame_compressed_size(&frame) != Ok(frame.len()) {
        return Err(fault());
    }
    let mut context = zstd_safe::DCtx::try_create().ok_or_else(fault)?;
    context.ref_prefix(prefix).map_err(|_| fault())?;
    match context.decompress(&mut content[..], &frame) {
        Ok(written) if written == content.len() => Ok(content),
        _ => Err(fault()),
    }
}

fn to_usize(length: u64, input: &Input<'_>) -> Result<usize, Error> {
    usize::try_from(length).map_err(|_| input.syntax())
}
