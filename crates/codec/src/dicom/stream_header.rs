//! Holds what the header of a compressed image states, and reads big-endian numbers from it.

/// The size and depth that a codestream states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamHeader {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) components: u16,
    /// The number of bits of a sample.
    pub(super) precision: u8,
}

/// Reads a big-endian 16-bit number. Returns `None` beyond the end.
pub(super) fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}

/// Reads a big-endian 32-bit number. Returns `None` beyond the end.
pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}
