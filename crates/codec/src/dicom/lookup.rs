//! Reads look-up tables of the modality and of the values of interest (PS3.3, C.11.1.1 and
//! C.11.2.1.1).

use dicom_dictionary_std::tags;

use super::data_set::DataSet;
use super::sample_layout::ValueRange;

/// The number of values of 16 bits.
const WORDS: i64 = 0x1_0000;

/// A look-up table of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LookupTable {
    /// The value of the first entry. Lower values have the first entry too, and values above the
    /// last entry have the last one.
    first: f64,
    entries: Vec<u16>,
    /// The greatest value that an entry can have.
    greatest: f64,
}

impl LookupTable {
    /// Reads a table from an item of a sequence. Returns `None` if the item is no valid table.
    /// `input` is the range of the values that are looked up.
    pub(super) fn of(item: DataSet<'_>, input: ValueRange) -> Option<Self> {
        let [length, first, bits] = item.integers(tags::LUT_DESCRIPTOR)[..] else {
            return None;
        };
        // A length of 65536 does not fit into 16 bits, and is written as 0.
        let length = if length <= 0 { length + WORDS } else { length };
        let length = usize::try_from(length).ok()?;
        // A negative first value may have been written as an unsigned number. This is so if the
        // input may be negative, and if the number is above all of the input.
        let negative = input.least < 0.0 && first as f64 > input.greatest;
        let first = if negative { first - WORDS } else { first };
        let bits = u32::try_from(bits)
            .ok()
            .filter(|bits| (1..=16).contains(bits))?;
        let mut entries = entries(&item.bytes(tags::LUT_DATA)?, length, bits);
        entries.truncate(length);
        (!entries.is_empty()).then_some(Self {
            first: first as f64,
            entries,
            greatest: f64::from((1_u32 << bits) - 1),
        })
    }

    /// Returns the entry of a value.
    pub(super) fn entry(&self, value: f64) -> f64 {
        let last = (self.entries.len() - 1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it was clamped to the entries"
        )]
        let index = (value - self.first).round().clamp(0.0, last) as usize;
        f64::from(self.entries[index])
    }

    /// Returns the range of the values that an entry can have.
    pub(super) fn output(&self) -> ValueRange {
        ValueRange {
            least: 0.0,
            greatest: self.greatest,
        }
    }
}

/// Reads the entries of a table. Entries of 8 bits may be stored as two in a word (PS3.3,
/// C.11.1.1).
fn entries(data: &[u8], length: usize, bits: u32) -> Vec<u16> {
    let packed = bits <= 8 && data.len() < 2 * length;
    if packed {
        return data.iter().copied().map(u16::from).collect();
    }
    let (words, _rest) = data.as_chunks::<2>();
    words.iter().map(|&word| u16::from_le_bytes(word)).collect()
}

#[cfg(test)]
mod tests {
    use dicom_core::value::PrimitiveValue;
    use dicom_core::{DataElement, VR};
    use dicom_object::InMemDicomObject;

    use super::*;

    fn range(least: f64, greatest: f64) -> ValueRange {
        ValueRange { least, greatest }
    }

    #[test]
    fn a_table_begins_below_zero_if_its_input_does() {
        let numbers = |values: [u16; 3]| PrimitiveValue::U16(values.as_slice().into());
        let item = InMemDicomObject::from_element_iter([
            DataElement::new(tags::LUT_DESCRIPTOR, VR::US, numbers([3, 0xFFFF, 8])),
            DataElement::new(tags::LUT_DATA, VR::US, numbers([0, 100, 255])),
        ]);
        for (input, first) in [
            (range(-1.0, 4094.0), -1.0),
            (range(-2048.0, 2047.0), -1.0),
            (range(0.0, 4095.0), 65_535.0),
            (range(-1e-3, 65_534.999), -1.0),
            (range(0.5, 65_535.5), 65_535.0),
        ] {
            let table = LookupTable::of(DataSet(&item), input).expect("there is a table");
            assert_eq!(table.first.to_string(), f64::to_string(&first));
        }
    }

    #[test]
    fn a_table_continues_beyond_its_ends() {
        let lookup = LookupTable {
            first: -2.0,
            entries: vec![5, 6, 7],
            greatest: 15.0,
        };
        let entries = [-100.0, -2.0, -1.0, 0.0, 100.0].map(|value| lookup.entry(value).to_string());
        assert_eq!(entries, ["5", "5", "6", "7", "7"]);
    }
}
