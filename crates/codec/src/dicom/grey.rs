//! Decides how bright a stored sample is: modality look-up or rescale, then look-up or window of interest, then polarity.
//!
//! The order is that of PS3.4, N.2. A sample has at most 16 bits, so that all of it is one table.

use std::f64::consts::E;

use dicom_dictionary_std::tags;

use super::film::Layout;
use super::header::Header;
use super::pixels::Samples;
use lungfield_radiograph::radiograph::Pixels;

const WHITE: f64 = u16::MAX as f64;

/// The pixels of an image.
///
/// Samples of 8 bits to which nothing is to be done but to turn them round stay as they are; all others become shares of 65535.
pub(super) fn pixels(samples: &Samples<'_>, header: Header<'_>, layout: Layout) -> Pixels {
    let count = layout.size.pixels();
    let modality = Modality::of(header, layout);
    let interest = Interest::of(header, modality.range(layout));
    let place = |sample: u16| usize::from(sample >> layout.shift) & (values(layout) - 1);
    if layout.stored == 8 && modality == Modality::IDENTITY && interest.is_none() {
        let greys = plain(layout);
        return Pixels::Eight(samples.map(count, |sample| greys[place(sample)]));
    }
    let greys = table(layout, &modality, interest.as_ref());
    Pixels::Sixteen(samples.map(count, |sample| greys[place(sample)]))
}

/// How many values a sample can have.
fn values(layout: Layout) -> usize {
    1 << layout.stored
}

/// The value of a sample whose bits are those of `place`.
fn value(place: usize, layout: Layout) -> f64 {
    let wraps = layout.signed && place >= values(layout) / 2;
    place as f64 - if wraps { values(layout) as f64 } else { 0.0 }
}

/// The least and the greatest value of a sample.
fn range(layout: Layout) -> [f64; 2] {
    let least = if layout.signed {
        -(values(layout) as f64) / 2.0
    } else {
        0.0
    };
    [least, least + values(layout) as f64 - 1.0]
}

/// The greys of samples of up to 8 bits, the least value being 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "there are at most 256 values"
)]
fn plain(layout: Layout) -> Vec<u8> {
    let [least, greatest] = range(layout);
    let grey = |value: f64| {
        if layout.inverted {
            greatest - value
        } else {
            value - least
        }
    };
    (0..values(layout))
        .map(|place| grey(value(place, layout)) as u8)
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of 65535 was clamped to it"
)]
fn table(layout: Layout, modality: &Modality, interest: Option<&Interest>) -> Vec<u16> {
    let ends = modality.range(layout);
    let grey = |place: usize| {
        let value = modality.apply(value(place, layout));
        let share = interest.map_or_else(|| share(value, ends), |interest| interest.apply(value));
        let share = if layout.inverted { 1.0 - share } else { share };
        (share * WHITE).round().clamp(0.0, WHITE) as u16
    };
    (0..values(layout)).map(grey).collect()
}

/// Where a value lies between two ends, as a share.
fn share(value: f64, [least, greatest]: [f64; 2]) -> f64 {
    if greatest > least {
        (value - least) / (greatest - least)
    } else {
        0.0
    }
}

/// How stored values become those of the modality (PS3.3, C.11.1).
#[derive(Clone, Debug, PartialEq)]
enum Modality {
    Rescale { slope: f64, intercept: f64 },
    Lookup(Lookup),
}

impl Modality {
    const IDENTITY: Self = Self::Rescale {
        slope: 1.0,
        intercept: 0.0,
    };

    fn of(header: Header<'_>, layout: Layout) -> Self {
        let lookup = header
            .item(tags::MODALITY_LUT_SEQUENCE)
            .and_then(|item| Lookup::of(item, range(layout)));
        lookup.map_or_else(
            || {
                // A slope of zero is a mistake: it would make all pixels one.
                let slope = header
                    .decimal(tags::RESCALE_SLOPE)
                    .filter(|&slope| slope != 0.0)
                    .unwrap_or(1.0);
                Self::Rescale {
                    slope,
                    intercept: header.decimal(tags::RESCALE_INTERCEPT).unwrap_or(0.0),
                }
            },
            Self::Lookup,
        )
    }

    fn apply(&self, value: f64) -> f64 {
        match self {
            Self::Rescale { slope, intercept } => slope * value + intercept,
            Self::Lookup(lookup) => lookup.entry(value),
        }
    }

    /// The least and the greatest value that it can give.
    fn range(&self, layout: Layout) -> [f64; 2] {
        match self {
            Self::Rescale { .. } => {
                let [one, other] = range(layout).map(|value| self.apply(value));
                [one.min(other), one.max(other)]
            }
            Self::Lookup(lookup) => [0.0, lookup.greatest],
        }
    }
}

/// Which values of the modality are of interest (PS3.3, C.11.2).
#[derive(Clone, Debug, PartialEq)]
enum Interest {
    Lookup(Lookup),
    Window {
        centre: f64,
        width: f64,
        shape: Shape,
    },
}

/// How a window's greys rise (PS3.3, C.11.2.1.2 and C.11.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Linear,
    LinearExact,
    Sigmoid,
}

impl Interest {
    /// The first of several, the table before the window; `None` where the object states neither or a window without width. A table is
    /// entered with what the modality gives, from the least of it to the greatest.
    fn of(header: Header<'_>, entered: [f64; 2]) -> Option<Self> {
        let lookup = header
            .item(tags::VOILUT_SEQUENCE)
            .and_then(|item| Lookup::of(item, entered));
        lookup.map(Self::Lookup).or_else(|| Self::window(header))
    }

    fn window(header: Header<'_>) -> Option<Self> {
        let (centre, width) = (
            header.decimal(tags::WINDOW_CENTER)?,
            header.decimal(tags::WINDOW_WIDTH)?,
        );
        let shape = match header.text(tags::VOILUT_FUNCTION).as_deref() {
            Some("SIGMOID") => Shape::Sigmoid,
            Some("LINEAR_EXACT") => Shape::LinearExact,
            _ => Shape::Linear,
        };
        let least = if shape == Shape::Linear {
            1.0
        } else {
            f64::MIN_POSITIVE
        };
        (width >= least).then_some(Self::Window {
            centre,
            width,
            shape,
        })
    }

    /// The brightness of a value, from 0 to 1.
    fn apply(&self, value: f64) -> f64 {
        match *self {
            Self::Lookup(ref lookup) => share(lookup.entry(value), [0.0, lookup.greatest]),
            Self::Window {
                centre,
                width,
                shape,
            } => {
                let share = match shape {
                    Shape::Linear if width > 1.0 => (value - (centre - 0.5)) / (width - 1.0) + 0.5,
                    Shape::Linear => f64::from(value > centre - 0.5),
                    Shape::LinearExact => (value - centre) / width + 0.5,
                    Shape::Sigmoid => 1.0 / (1.0 + E.powf(-4.0 * (value - centre) / width)),
                };
                share.clamp(0.0, 1.0)
            }
        }
    }
}

/// A table of an object (PS3.3, C.11.1.1 and C.11.2.1.1).
#[derive(Clone, Debug, PartialEq)]
struct Lookup {
    /// The value of the first entry; those below have it too, and those above the last entry the last one.
    first: f64,
    entries: Vec<u16>,
    /// The greatest value that an entry can have.
    greatest: f64,
}

impl Lookup {
    /// Of an item of a sequence; `None` where it is no table. It is entered with values between these two.
    fn of(item: Header<'_>, [least, greatest]: [f64; 2]) -> Option<Self> {
        let [length, first, bits] = item.integers(tags::LUT_DESCRIPTOR)[..] else {
            return None;
        };
        // 65536 entries do not fit into the number, nor does a negative first value where it was written as a positive one: above all
        // that the table is entered with, where that may be negative.
        let length = usize::try_from(if length <= 0 {
            length + 0x1_0000
        } else {
            length
        })
        .ok()?;
        let negative = least < 0.0 && first as f64 > greatest;
        let first = if negative { first - 0x1_0000 } else { first };
        let bits = u32::try_from(bits)
            .ok()
            .filter(|bits| (1..=16).contains(bits))?;
        let data = item.bytes(tags::LUT_DATA)?;
        // Entries of 8 bits may lie two in a word (PS3.3, C.11.1.1).
        let packed = bits <= 8 && data.len() < 2 * length;
        let mut entries: Vec<u16> = if packed {
            data.into_iter().map(u16::from).collect()
        } else {
            data.as_chunks::<2>()
                .0
                .iter()
                .map(|&pair| u16::from_le_bytes(pair))
                .collect()
        };
        entries.truncate(length);
        let greatest = f64::from((1_u32 << bits) - 1);
        (!entries.is_empty()).then_some(Self {
            first: first as f64,
            entries,
            greatest,
        })
    }

    fn entry(&self, value: f64) -> f64 {
        let last = (self.entries.len() - 1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it was clamped to the entries"
        )]
        let place = (value - self.first).round().clamp(0.0, last) as usize;
        f64::from(self.entries[place])
    }
}

#[cfg(test)]
mod tests {
    use dicom_core::value::{DataSetSequence, PrimitiveValue};
    use dicom_core::{DataElement, VR, dicom_value};
    use dicom_object::InMemDicomObject;

    use super::*;
    use lungfield_radiograph::geometry::Size;

    fn layout(stored: u16, signed: bool) -> Layout {
        Layout {
            size: Size::new(64, 48).unwrap(),
            allocated: 16,
            stored,
            shift: 0,
            signed,
            inverted: false,
        }
    }

    fn window(centre: f64, width: f64, shape: Shape) -> Interest {
        Interest::Window {
            centre,
            width,
            shape,
        }
    }

    #[test]
    fn a_linear_window_is_the_standards() {
        // PS3.3, C.11.2.1.2.1: for a centre of 2048 and a width of 4096 the first value is black, the last one white.
        let whole = window(2048.0, 4096.0, Shape::Linear);
        assert_eq!(
            [0.0, 4095.0].map(|value| whole.apply(value).to_string()),
            ["0", "1"]
        );
        let step = window(100.5, 1.0, Shape::Linear);
        assert_eq!(
            [100.0, 100.1].map(|value| step.apply(value).to_string()),
            ["0", "1"]
        );
        let narrow = window(0.0, 100.0, Shape::Linear);
        assert_eq!(
            [-51.0, -50.0, 49.0, 50.0].map(|value| narrow.apply(value).to_string()),
            ["0", "0", "1", "1"]
        );
    }

    #[test]
    fn an_exact_window_and_a_sigmoid_are_half_bright_at_their_centre() {
        for shape in [Shape::LinearExact, Shape::Sigmoid] {
            assert!((window(300.0, 100.0, shape).apply(300.0) - 0.5).abs() < 1e-12);
        }
        let exact = window(300.0, 100.0, Shape::LinearExact);
        assert_eq!(
            [250.0, 350.0].map(|value| exact.apply(value).to_string()),
            ["0", "1"]
        );
    }

    #[test]
    fn without_anything_of_interest_the_whole_range_is() {
        let greys = table(layout(12, false), &Modality::IDENTITY, None);
        assert_eq!((greys.len(), greys[0], greys[4095]), (4096, 0, 65_535));
        let signed = table(layout(12, true), &Modality::IDENTITY, None);
        assert_eq!((signed[2048], signed[0], signed[2047]), (0, 32_776, 65_535));
        let falling = table(
            layout(12, false),
            &Modality::Rescale {
                slope: -1.0,
                intercept: 4095.0,
            },
            None,
        );
        assert_eq!((falling[0], falling[4095]), (65_535, 0));
    }

    #[test]
    fn a_table_of_interest_begins_below_zero_where_the_modalitys_values_do() {
        let numbers = |values: [u16; 3]| PrimitiveValue::U16(values.as_slice().into());
        let item = InMemDicomObject::from_element_iter([
            DataElement::new(tags::LUT_DESCRIPTOR, VR::US, numbers([3, 0xFFFF, 8])),
            DataElement::new(tags::LUT_DATA, VR::US, numbers([0, 100, 255])),
        ]);
        let object = |intercept: &str| {
            InMemDicomObject::from_element_iter([
                DataElement::new(
                    tags::VOILUT_SEQUENCE,
                    VR::SQ,
                    DataSetSequence::from(vec![item.clone()]),
                ),
                DataElement::new(
                    tags::RESCALE_INTERCEPT,
                    VR::DS,
                    dicom_value!(Str, intercept),
                ),
            ])
        };
        for (intercept, stored, signed, first) in [
            ("-1", 12, false, -1.0),
            ("0", 12, true, -1.0),
            ("0", 12, false, 65_535.0),
            ("-1E-3", 16, false, -1.0),
            ("0.5", 16, false, 65_535.0),
        ] {
            let (object, layout) = (object(intercept), layout(stored, signed));
            let modality = Modality::of(Header(&object), layout);
            let interest = Interest::of(Header(&object), modality.range(layout));
            let Some(Interest::Lookup(lookup)) = interest else {
                unreachable!("there is a table")
            };
            assert_eq!(lookup.first.to_string(), f64::to_string(&first));
        }
    }

    #[test]
    fn a_table_goes_on_beyond_its_ends() {
        let lookup = Lookup {
            first: -2.0,
            entries: vec![5, 6, 7],
            greatest: 15.0,
        };
        let entries = [-100.0, -2.0, -1.0, 0.0, 100.0].map(|value| lookup.entry(value).to_string());
        assert_eq!(entries, ["5", "5", "6", "7", "7"]);
    }
}
