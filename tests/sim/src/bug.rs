//! Bugs that can be planted, one for each invariant, to show that each is really checked.

/// A bug planted into the simulated parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bug {
    /// An order is acknowledged and not stored.
    LosesOrders,
    /// A settled challenge is shown as pending again.
    GoesBackwards,
    /// Claims are good for no time at all, so that a second attempt starts beside the first.
    ClaimsWithoutPatience,
    /// The gap between attempts is not kept: a due time is moved forward behind core's back.
    Hurries,
    /// Claimed attempts are dropped, again and again.
    ForgetsClaims,
    /// The network reports a proof that is not there.
    BelievesAnything,
    /// Every serial number is the same.
    RepeatsSerials,
    /// A write is made under the epoch of today instead of the one that it was claimed under.
    ForgetsEpochs,
}

impl Bug {
    /// Every bug.
    pub const ALL: &'static [Self] = &[
        Self::LosesOrders,
        Self::GoesBackwards,
        Self::ClaimsWithoutPatience,
        Self::Hurries,
        Self::ForgetsClaims,
        Self::BelievesAnything,
        Self::RepeatsSerials,
        Self::ForgetsEpochs,
    ];
}
