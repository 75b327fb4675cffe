use crate::Costs;

/// What deltas may cost, on either side.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Effort {
    /// Memory for making deltas; files too large for it are packed without regard to addresses.
    #[arg(long, value_name = "MIB", default_value_t = Costs::default().memory >> 20, value_parser = clap::value_parser!(u64).range(256..=1 << 24))]
    memory: u64,
    /// The line to make deltas for: on a faster one, applying quickly counts for more than size.
    #[arg(long, value_name = "MBIT/S", default_value_t = Costs::default().line / MEGABIT, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    line: u64,
    /// Make deltas that are applied in no time, whatever their size.
    #[arg(long, conflicts_with = "line")]
    fast: bool,
}

impl Effort {
    pub(super) fn costs(self) -> Costs {
        let line = if self.fast { u64::MAX } else { self.line * MEGABIT };
        Costs { memory: self.memory << 20, line, ..Costs::default() }
    }

    pub(super) fn options(self) -> exuvia_delta::Options {
        let mut options = exuvia_delta::Options::default();
        (options.memory, options.line) = (self.costs().memory, self.costs().line);
        options
    }
}

/// Bytes a second.
const MEGABIT: u64 = 125_000;
