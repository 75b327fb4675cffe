//! Compressing against a reference.

use zstd::zstd_safe::{CCtx, CParameter, compress_bound, get_error_name, zstd_sys::ZSTD_strategy};

use crate::Error;

/// One frame that gives `content` after `prefix`.
pub(super) fn compress(content: &[u8], prefix: &[u8], level: i32) -> Result<Vec<u8>, Error> {
    let fault = |code| Error::Compress { reason: get_error_name(code) };
    let mut context = CCtx::try_create().ok_or(Error::Compress { reason: "out of memory" })?;
    for parameter in parameters(content.len(), prefix.len(), level) {
        context.set_parameter(parameter).map_err(fault)?;
    }
    context.ref_prefix(prefix).map_err(fault)?;
    let mut frame = Vec::with_capacity(compress_bound(content.len()));
    context.compress2(&mut frame, content).map_err(fault)?;
    Ok(frame)
}

fn parameters(content: usize, prefix: usize, level: i32) -> Vec<CParameter> {
    use CParameter::{
        ChainLog, CompressionLevel, DeterministicRefPrefix, EnableLongDistanceMatching, HashLog,
        LdmHashLog, LdmHashRateLog, SearchLog, Strategy, WindowLog,
    };
    let all = log2(content + prefix);
    let mut parameters = vec![
        CompressionLevel(level),
        DeterministicRefPrefix(true),
        // The prefix is in reach as long as the window holds the whole content.
        WindowLog(log2(content).max(10)),
    ];
    if level >= 19 {
        // A tree node for every byte of prefix and content: two entries each. Fewer buckets and
        // shorter searches than the level has by itself cost a thousandth in size and save a third
        // of the time, most of which goes into indexing the prefix.
        parameters.extend([
            Strategy(ZSTD_strategy::ZSTD_btultra2),
            ChainLog((all + 1).clamp(10, 28)),
            HashLog(all.saturating_sub(2).clamp(10, 26)),
            SearchLog(5),
        ]);
    }
    if all >= 20 {
        parameters.push(EnableLongDistanceMatching(true));
        // One place in 128 bytes, remembered for the prefix too: by itself the compressor would
        // make the table for the window alone.
        parameters.extend([LdmHashRateLog(7), LdmHashLog(all - 6)]);
    }
    parameters
}

/// The lowest power of two that is not below `length`.
fn log2(length: usize) -> u32 {
    length.max(1).next_power_of_two().trailing_zeros()
}
