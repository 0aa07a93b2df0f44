//! Writes and reads the numbers of the compressed form of pycocotools.
//!
//! A number is divided into groups of five bits, the lowest first. Bit 5 of a group is set if
//! another group follows. Bit 4 of the last group is the sign of the number. Each group plus 48 is
//! an ASCII character.

use super::error::RleError;

/// The first and the last character of the compressed form, for the groups 0 to 63.
const FIRST_CHARACTER: u8 = 48;
const LAST_CHARACTER: u8 = FIRST_CHARACTER + 63;
const GROUP_BITS: u32 = 5;
const MORE_FOLLOWS: u8 = 0x20;
const SIGN: u8 = 0x10;
/// The number of groups of the longest number. The difference of two 32-bit counts has 33 bits with
/// its sign.
const MAX_GROUPS: u32 = 7;

/// Appends a number to the compressed form.
pub(super) fn push_number(text: &mut String, mut number: i64) {
    loop {
        let group = u8::try_from(number & 0x1f).expect("five bits are kept");
        number >>= GROUP_BITS;
        let done = number == if group & SIGN == 0 { 0 } else { -1 };
        let flag = if done { 0 } else { MORE_FOLLOWS };
        text.push(char::from(FIRST_CHARACTER + (group | flag)));
        if done {
            return;
        }
    }
}

/// A reader of the numbers of the compressed form.
pub(super) struct Numbers<'text> {
    characters: &'text [u8],
    position: usize,
}

impl<'text> Numbers<'text> {
    /// Starts at the beginning of `text`.
    pub(super) fn of(text: &'text str) -> Self {
        Self {
            characters: text.as_bytes(),
            position: 0,
        }
    }

    /// Reads the next number, or returns `None` at the end of the text. `index` is the index of its
    /// count, for errors.
    pub(super) fn next(&mut self, index: usize) -> Result<Option<i64>, RleError> {
        if self.position == self.characters.len() {
            return Ok(None);
        }
        let mut number = 0;
        for shift in (0..MAX_GROUPS).map(|group| group * GROUP_BITS) {
            let group = self.group()?;
            number |= i64::from(group & 0x1f) << shift;
            if group & MORE_FOLLOWS == 0 {
                let sign = if group & SIGN == 0 {
                    0
                } else {
                    -1 << (shift + GROUP_BITS)
                };
                return Ok(Some(number | sign));
            }
        }
        Err(RleError::CountOutOfRange { index })
    }

    /// Reads the next group.
    fn group(&mut self) -> Result<u8, RleError> {
        let position = self.position;
        let &character = self.characters.get(position).ok_or(RleError::Truncated)?;
        self.position += 1;
        match character {
            FIRST_CHARACTER..=LAST_CHARACTER => Ok(character - FIRST_CHARACTER),
            _ => Err(RleError::BadCharacter { position }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_least_length_and_survive_a_round_trip() {
        let widest = i64::from(u32::MAX);
        for number in [
            0, 1, 15, 16, -1, -16, -17, 31, 32, 511, 512, -512, -513, widest, -widest,
        ] {
            let mut text = String::new();
            push_number(&mut text, number);
            let bits = 65
                - if number < 0 {
                    number.leading_ones()
                } else {
                    number.leading_zeros()
                };
            assert_eq!(text.len(), bits.div_ceil(GROUP_BITS) as usize, "{number}");
            assert_eq!(Numbers::of(&text).next(0), Ok(Some(number)));
        }
    }

    #[test]
    fn characters_carry_the_groups_lowest_first() {
        let mut text = String::new();
        for number in [5, -3, 16, -17] {
            push_number(&mut text, number);
        }
        assert_eq!(text, "5M`0_O");
    }
}
