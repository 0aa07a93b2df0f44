//! Converts stored samples to grey values: modality look-up table or rescale, then look-up table or
//! window of interest, then polarity.
//!
//! The order is that of PS3.4, N.2. A sample has at most 16 bits, so the whole conversion is one
//! table.

use super::data_set::DataSet;
use super::modality::ModalityTransform;
use super::pixels::StoredSamples;
use super::sample_layout::SampleLayout;
use super::voi::VoiTransform;
use lungfield_radiograph::radiograph::Pixels;

const WHITE: f64 = u16::MAX as f64;

/// Converts the samples of an image.
///
/// Samples of 8 bits stay 8-bit if they need no conversion but an inversion. All others are scaled
/// to the whole range of 16 bits.
pub(super) fn pixels(
    samples: &StoredSamples<'_>,
    data_set: DataSet<'_>,
    layout: SampleLayout,
) -> Pixels {
    let count = layout.size.pixels();
    let modality = ModalityTransform::of(data_set, layout);
    let voi = VoiTransform::of(data_set, modality.range(layout));
    if layout.stored == 8 && modality == ModalityTransform::IDENTITY && voi.is_none() {
        let greys = unconverted(layout);
        return Pixels::Eight(samples.map(count, |sample| greys[layout.index(sample)]));
    }
    let greys = table(layout, &modality, voi.as_ref());
    Pixels::Sixteen(samples.map(count, |sample| greys[layout.index(sample)]))
}

/// Returns the 8-bit grey value for each index of a sample of 8 bits. The lowest value becomes 0
/// or, if the image is inverted, 255.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "there are at most 256 values"
)]
fn unconverted(layout: SampleLayout) -> Vec<u8> {
    let range = layout.range();
    let grey = |value: f64| {
        if layout.inverted {
            range.greatest - value
        } else {
            value - range.least
        }
    };
    (0..layout.value_count())
        .map(|index| grey(layout.value(index)) as u8)
        .collect()
}

/// Returns the 16-bit grey value for each index of a sample.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of 65535 was clamped to it"
)]
fn table(
    layout: SampleLayout,
    modality: &ModalityTransform,
    voi: Option<&VoiTransform>,
) -> Vec<u16> {
    let range = modality.range(layout);
    let grey = |index: usize| {
        let value = modality.apply(layout.value(index));
        let share = voi.map_or_else(|| range.share(value), |voi| voi.apply(value));
        let share = if layout.inverted { 1.0 - share } else { share };
        (share * WHITE).round().clamp(0.0, WHITE) as u16
    };
    (0..layout.value_count()).map(grey).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lungfield_radiograph::geometry::Size;

    fn layout(signed: bool) -> SampleLayout {
        SampleLayout {
            size: Size::new(64, 48).unwrap(),
            allocated: 16,
            stored: 12,
            shift: 0,
            signed,
            inverted: false,
        }
    }

    #[test]
    fn without_a_window_the_whole_range_is_used() {
        let greys = table(layout(false), &ModalityTransform::IDENTITY, None);
        assert_eq!((greys.len(), greys[0], greys[4095]), (4096, 0, 65_535));
        let signed = table(layout(true), &ModalityTransform::IDENTITY, None);
        assert_eq!((signed[2048], signed[0], signed[2047]), (0, 32_776, 65_535));
        let falling = ModalityTransform::Rescale {
            slope: -1.0,
            intercept: 4095.0,
        };
        let falling = table(layout(false), &falling, None);
        assert_eq!((falling[0], falling[4095]), (65_535, 0));
    }
}
