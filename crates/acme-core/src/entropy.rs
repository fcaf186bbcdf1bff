//! The entropy port: the one way by which random bytes enter a server.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// A source of cryptographically secure random bytes that many tasks share.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// An [`Entropy`] as the generator that ids, tokens and serial numbers are drawn from.
pub struct EntropyRng<'a>(pub &'a dyn Entropy);

impl std::fmt::Debug for EntropyRng<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EntropyRng(..)")
    }
}

impl TryRng for EntropyRng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for EntropyRng<'_> {}
