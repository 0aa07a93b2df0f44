//! Decides where a value lies on a panel of the curves, and which values are written beside it.

use std::ops::Range;

/// Fewer ticks than this say too little of an axis.
const FEWEST_TICKS: usize = 3;
/// The least room between two ticks, in pixels.
const TICK_ROOM: f64 = 26.0;
/// How much of an axis is left empty at either end of the values.
const MARGIN: f64 = 0.05;
/// The least length of an axis in its own even measure: for a logarithm, a tenth of a decade.
const LEAST_LENGTH: f64 = 0.1;
/// Above this a Dice is drawn as this; at 1 the axis has no end.
const CLOSEST_DICE: f64 = 0.9995;

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spacing {
    /// Evenly.
    Even,
    /// By their logarithm.
    Logarithmic,
    /// By the logarithm of what they lack of 1, so that a step from 0.90 to 0.95 is as long as one from 0.95 to 0.975.
    Dice,
}

impl Spacing {
    /// The place of a value in the axis's even measure; not finite for a value that has none.
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Even => value,
            Self::Logarithmic if value > 0.0 => value.log10(),
            Self::Logarithmic => f64::NAN,
            Self::Dice => -(1.0 - value.clamp(0.0, CLOSEST_DICE)).log10(),
        }
    }

    fn value(self, place: f64) -> f64 {
        match self {
            Self::Even => place,
            Self::Logarithmic => 10f64.powf(place),
            Self::Dice => 1.0 - 10f64.powf(-place),
        }
    }
}

/// An axis along some pixels, which may run downwards.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    spacing: Spacing,
    from: f64,
    to: f64,
    pixels: Range<f64>,
}

impl Axis {
    /// An even axis from 0 to `last`, which is above 0.
    pub(super) fn from_zero(last: f64, pixels: Range<f64>) -> Self {
        Self {
            spacing: Spacing::Even,
            from: 0.0,
            to: last,
            pixels,
        }
    }

    /// An axis that has room for all values that have a place on it; none where there is no such value.
    pub(super) fn around(
        spacing: Spacing,
        values: impl Iterator<Item = f64>,
        pixels: Range<f64>,
    ) -> Option<Self> {
        let places = values
            .map(|value| spacing.place(value))
            .filter(|place| place.is_finite());
        let (least, most) = places.fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(least, most), place| (least.min(place), most.max(place)),
        );
        if least > most {
            return None;
        }
        let margin = ((most - least) * MARGIN).max((LEAST_LENGTH - (most - least)) / 2.0);
        Some(Self {
            spacing,
            from: least - margin,
            to: most + margin,
            pixels,
        })
    }

    /// The pixel of a value; none for a value that has no place.
    pub(super) fn pixel(&self, value: f64) -> Option<f64> {
        let share = (self.spacing.place(value) - self.from) / (self.to - self.from);
        let pixel = self.pixels.start + share * (self.pixels.end - self.pixels.start);
        pixel.is_finite().then_some(pixel)
    }

    /// The values to write beside the axis, in no order, with room between them.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let chosen = match self.spacing {
            Spacing::Even => return self.even_ticks(),
            Spacing::Logarithmic => self.spaced(powers(self.from)),
            Spacing::Dice => self.spaced(scores()),
        };
        // A short stretch of a curved axis is nearly even.
        if chosen.len() < FEWEST_TICKS {
            self.even_ticks()
        } else {
            chosen
        }
    }

    /// The first of `candidates`, and each further one that has room beside those chosen before.
    fn spaced(&self, candidates: Vec<f64>) -> Vec<f64> {
        let mut chosen: Vec<(f64, f64)> = Vec::new();
        for value in candidates {
            let place = self.spacing.place(value);
            let Some(pixel) = self
                .pixel(value)
                .filter(|_| (self.from..=self.to).contains(&place))
            else {
                continue;
            };
            if chosen
                .iter()
                .all(|(_, other)| (pixel - other).abs() >= TICK_ROOM)
            {
                chosen.push((value, pixel));
            }
        }
        chosen.into_iter().map(|(value, _)| value).collect()
    }

    /// Multiples of 1, 2 or 5 times a power of ten, at steps that leave twice the least room.
    fn even_ticks(&self) -> Vec<f64> {
        let (first, last) = (self.spacing.value(self.from), self.spacing.value(self.to));
        let most = ((self.pixels.end - self.pixels.start).abs() / (2.0 * TICK_ROOM)).max(1.0);
        let rough = (last - first) / most;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|multiple| multiple * decade);
        let step = step
            .into_iter()
            .find(|step| *step >= rough * (1.0 - 1e-9))
            .unwrap_or(rough);
        let start = (first / step).ceil();
        (0..100u8)
            .map(|count| (start + f64::from(count)) * step)
            .take_while(|value| *value <= last + step * 1e-9)
            .collect()
    }
}

/// Round values of a logarithmic axis, the roundest first.
fn powers(from: f64) -> Vec<f64> {
    let first = from.floor();
    let decades = (0..20u8).map(|decade| 10f64.powf(first + f64::from(decade)));
    let multiples = [1.0, 2.0, 5.0, 3.0, 1.5, 7.0];
    multiples
        .into_iter()
        .flat_map(|multiple| decades.clone().map(move |decade| multiple * decade))
        .collect()
}

/// Round values of a Dice axis, the roundest first.
fn scores() -> Vec<f64> {
    let roundest = [
        0.9, 0.95, 0.99, 0.8, 0.0, 0.5, 0.98, 0.97, 0.995, 0.96, 0.85, 0.7,
    ];
    let tenths = (1..10u8).map(|score| f64::from(score) / 10.0);
    let hundredths = (75..100u8).map(|score| f64::from(score) / 100.0);
    roundest
        .into_iter()
        .chain(tenths)
        .chain(hundredths)
        .collect()
}

/// A value as it is written beside an axis: with the digits that it needs, and no more than six after the point.
pub(super) fn label(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e7).contains(&value.abs()) {
        return format!("{value:e}");
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A value as a text gives it, to four digits or so.
pub(super) fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || (1e-3..1e5).contains(&value.abs()) {
        return format!("{value:.4}");
    }
    format!("{value:.1e}")
}

/// A whole number with its thousands apart: `12,600`.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy)
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(mut values: Vec<f64>) -> Vec<String> {
        values.sort_by(f64::total_cmp);
        values.into_iter().map(label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            sorted(Axis::from_zero(2600.0, 0.0..640.0).ticks()),
            ["0", "500", "1000", "1500", "2000", "2500"]
        );
        let loss = Axis::around(Spacing::Logarithmic, [1.3, 0.06].into_iter(), 230.0..0.0).unwrap();
        assert_eq!(
            sorted(loss.ticks()),
            ["0.1", "0.2", "0.3", "0.5", "1", "1.5"]
        );
        let dice = Axis::around(Spacing::Dice, [0.3, 0.967].into_iter(), 230.0..0.0).unwrap();
        assert_eq!(
            sorted(dice.ticks()),
            ["0.2", "0.5", "0.7", "0.8", "0.9", "0.95", "0.97"]
        );
    }

    #[test]
    fn a_short_stretch_of_a_curved_axis_has_ticks_too() {
        let dice = Axis::around(Spacing::Dice, [0.9621, 0.9644].into_iter(), 230.0..0.0).unwrap();
        let ticks = sorted(dice.ticks());
        assert!(
            ticks.len() >= FEWEST_TICKS && ticks.contains(&"0.964".to_owned()),
            "{ticks:?}"
        );
    }

    #[test]
    fn values_without_a_place_are_left_out() {
        let values = [f64::NAN, -1.0, 0.0, 10.0, f64::INFINITY];
        let axis = Axis::around(Spacing::Logarithmic, values.into_iter(), 0.0..100.0).unwrap();
        assert!((axis.pixel(10.0).unwrap() - 50.0).abs() < 1e-9);
        assert_eq!(
            values.map(|value| axis.pixel(value).is_some()),
            [false, false, false, true, false]
        );
        assert!(Axis::around(Spacing::Dice, [f64::NAN].into_iter(), 0.0..100.0).is_none());
    }

    #[test]
    fn a_perfect_dice_has_a_place() {
        let axis = Axis::around(Spacing::Dice, [0.0, 1.0].into_iter(), 100.0..0.0).unwrap();
        assert!((0.0..100.0).contains(&axis.pixel(1.0).unwrap()));
    }

    #[test]
    fn numbers_are_written_short() {
        assert_eq!(
            [0.0, 0.1 + 0.2, 5e-4, 2e-5, 100.0].map(label),
            ["0", "0.3", "0.0005", "2e-5", "100"]
        );
        assert_eq!(
            [0.0, 0.96244, 2e-5, 1e200].map(rounded),
            ["0.0000", "0.9624", "2.0e-5", "1.0e200"]
        );
        assert_eq!([f64::NAN, f64::INFINITY].map(rounded), ["NaN", "inf"]);
        assert_eq!(
            [0.0, 999.0, 1000.0, 1_234_567.0].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    proptest! {
        #[test]
        fn all_values_and_ticks_lie_on_the_axis(
            values in prop::collection::vec(1e-6f64..1e3, 1..6),
            spacing in prop::sample::select(vec![Spacing::Even, Spacing::Logarithmic, Spacing::Dice]),
        ) {
            let axis = Axis::around(spacing, values.iter().copied(), 230.0..0.0).unwrap();
            for value in values.into_iter().chain(axis.ticks()) {
                let pixel = axis.pixel(value).unwrap();
                prop_assert!((-1e-3..=230.001).contains(&pixel), "{value} at {pixel}");
            }
        }
    }
}
