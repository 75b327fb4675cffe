//! What a download would cost here and now.

/// Of the network and the battery; what nobody tells stands in the way of nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Surroundings {
    /// Whether the network is paid for by what is received.
    pub(crate) metered: bool,
    /// What is left in the battery, in percent, if the machine runs on it.
    pub(crate) battery: Option<f64>,
}
