//! The scale of an axis: which pixel stands for a value, and which values get a tick.

use super::ticks::{Step, short};

/// With fewer ticks than this on a curved scale, ticks are spaced evenly instead.
const FEWEST_TICKS: usize = 3;
/// The share of a scale that is left empty at either end of the values.
const MARGIN: f64 = 0.05;
/// The shortest length of a scale in its own measure: a tenth of a decade for a logarithm.
const LEAST_LENGTH: f64 = 0.1;
/// The highest Dice with a place of its own on [`Spacing::Dice`], which has no end at 1.
const HIGHEST_DICE: f64 = 0.9995;

/// How values are spread along a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly.
    Linear,
    /// By their logarithm.
    Logarithmic,
    /// By the logarithm of 1 minus the value: the step from 0.90 to 0.95 is as long as the step from 0.95 to 0.975.
    Dice,
}

impl Spacing {
    /// Returns the place of a value; not finite for a value that has none.
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic if value > 0.0 => value.log10(),
            Self::Logarithmic => f64::NAN,
            Self::Dice => -(1.0 - value.clamp(0.0, HIGHEST_DICE)).log10(),
        }
    }

    fn value(self, place: f64) -> f64 {
        match self {
            Self::Linear => place,
            Self::Logarithmic => 10f64.powf(place),
            Self::Dice => 1.0 - 10f64.powf(-place),
        }
    }
}

/// The pixels from one end of an axis to the other. A vertical axis begins at the bottom, so its pixels decrease.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixels {
    /// The pixel of the first value.
    pub start: f64,
    /// The pixel of the last value.
    pub end: f64,
}

/// A value on an axis that is marked and labelled.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The pixel of the value.
    pub pixel: f64,
    /// The value as text.
    pub label: String,
}

/// The mapping from values to the pixels of an axis.
///
/// ```
/// use lungfield_training::plot::{Pixels, Scale};
///
/// let scale = Scale::linear(0.9, 1.0, Pixels { start: 100.0, end: 0.0 });
/// assert!((scale.pixel(0.95).unwrap() - 50.0).abs() < 1e-9);
/// assert_eq!(scale.pixel(f64::NAN), None);
/// let labels: Vec<_> = scale.ticks(20.0).into_iter().map(|tick| tick.label).collect();
/// assert_eq!(labels, ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    spacing: Spacing,
    from: f64,
    to: f64,
    pixels: Pixels,
}

impl Scale {
    /// Creates an even scale from `first` to `last`, which is the larger.
    #[must_use]
    pub fn linear(first: f64, last: f64, pixels: Pixels) -> Self {
        Self {
            spacing: Spacing::Linear,
            from: first,
            to: last,
            pixels,
        }
    }

    /// Creates a scale for all values that have a place on it. Returns `None` if there is no such value.
    pub fn around(
        spacing: Spacing,
        values: impl Iterator<Item = f64>,
        pixels: Pixels,
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

    /// Returns the first value of the scale.
    #[must_use]
    pub fn first(&self) -> f64 {
        self.spacing.value(self.from)
    }

    /// Returns the last value of the scale.
    #[must_use]
    pub fn last(&self) -> f64 {
        self.spacing.value(self.to)
    }

    /// Returns the pixel of a value, or `None` for a value that has no place. Values beyond the ends have pixels too.
    #[must_use]
    pub fn pixel(&self, value: f64) -> Option<f64> {
        let pixel = self.pixel_of_place(self.spacing.place(value));
        pixel.is_finite().then_some(pixel)
    }

    /// Returns the pixel of a value. A value beyond the ends of the scale is moved to the nearer end.
    #[must_use]
    pub fn clamped_pixel(&self, value: f64) -> f64 {
        self.pixel_of_place(self.spacing.place(value).clamp(self.from, self.to))
    }

    fn pixel_of_place(&self, place: f64) -> f64 {
        let share = (place - self.from) / (self.to - self.from);
        self.pixels.start + share * (self.pixels.end - self.pixels.start)
    }

    /// Returns the ticks, with at least `room` pixels between them, in no order.
    #[must_use]
    pub fn ticks(&self, room: f64) -> Vec<Tick> {
        let chosen = match self.spacing {
            Spacing::Linear => return self.even_ticks(room),
            Spacing::Logarithmic => self.spaced(&powers(self.from), room),
            Spacing::Dice => self.spaced(&scores(), room),
        };
        // A short part of a curved scale is nearly even.
        if chosen.len() < FEWEST_TICKS {
            self.even_ticks(room)
        } else {
            chosen
        }
    }

    /// Returns the first of `candidates`, and each further one that has room beside those before it.
    fn spaced(&self, candidates: &[f64], room: f64) -> Vec<Tick> {
        let mut chosen: Vec<Tick> = Vec::new();
        for &value in candidates {
            let place = self.spacing.place(value);
            if !(self.from..=self.to).contains(&place) {
                continue;
            }
            let pixel = self.pixel_of_place(place);
            if chosen.iter().all(|tick| (pixel - tick.pixel).abs() >= room) {
                let label = short(value);
                chosen.push(Tick { pixel, label });
            }
        }
        chosen
    }

    /// Returns the multiples of a round step.
    fn even_ticks(&self, room: f64) -> Vec<Tick> {
        let most = ((self.pixels.end - self.pixels.start).abs() / room).max(1.0);
        let (first, last) = (self.first(), self.last());
        let step = Step::at_least((last - first) / most);
        let begin = (first / step.size() - 1e-6).ceil();
        (0..100u8)
            .map(|count| step.multiple(begin + f64::from(count)))
            .take_while(|value| *value <= last + step.size() * 1e-6)
            .filter_map(|value| {
                let label = step.label(value);
                self.pixel(value).map(|pixel| Tick { pixel, label })
            })
            .collect()
    }
}

/// Returns round values of a logarithmic scale, the roundest first.
fn powers(from: f64) -> Vec<f64> {
    let first = from.floor();
    let decades = (0..20u8).map(|decade| 10f64.powf(first + f64::from(decade)));
    let multiples = [1.0, 2.0, 5.0, 3.0, 1.5, 7.0];
    multiples
        .into_iter()
        .flat_map(|multiple| decades.clone().map(move |decade| multiple * decade))
        .collect()
}

/// Returns round values of a Dice scale, the roundest first.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UP: Pixels = Pixels {
        start: 230.0,
        end: 0.0,
    };
    const ACROSS: Pixels = Pixels {
        start: 0.0,
        end: 100.0,
    };

    /// The labels of the ticks, sorted by value.
    fn sorted(scale: &Scale, room: f64) -> Vec<String> {
        let mut ticks = scale.ticks(room);
        let start = scale.pixels.start;
        ticks.sort_by(|a, b| (a.pixel - start).abs().total_cmp(&(b.pixel - start).abs()));
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round() {
        let wide = Pixels {
            start: 0.0,
            end: 640.0,
        };
        assert_eq!(
            sorted(&Scale::linear(0.0, 2600.0, wide), 60.0),
            ["0", "500", "1,000", "1,500", "2,000", "2,500"]
        );
        let loss = Scale::around(Spacing::Logarithmic, [1.3, 0.06].into_iter(), UP).unwrap();
        assert_eq!(
            sorted(&loss, 26.0),
            ["0.1", "0.2", "0.3", "0.5", "1", "1.5"]
        );
        let dice = Scale::around(Spacing::Dice, [0.3, 0.967].into_iter(), UP).unwrap();
        assert_eq!(
            sorted(&dice, 26.0),
            ["0.2", "0.5", "0.7", "0.8", "0.9", "0.95", "0.97"]
        );
    }

    #[test]
    fn a_short_part_of_a_curved_scale_has_ticks_too() {
        let dice = Scale::around(Spacing::Dice, [0.9621, 0.9644].into_iter(), UP).unwrap();
        let ticks = sorted(&dice, 40.0);
        assert!(
            ticks.len() >= FEWEST_TICKS && ticks.contains(&"0.964".to_owned()),
            "{ticks:?}"
        );
    }

    #[test]
    fn values_without_a_place_are_left_out() {
        let values = [f64::NAN, -1.0, 0.0, 10.0, f64::INFINITY];
        let scale = Scale::around(Spacing::Logarithmic, values.into_iter(), ACROSS).unwrap();
        assert!((scale.pixel(10.0).unwrap() - 50.0).abs() < 1e-9);
        assert_eq!(
            values.map(|value| scale.pixel(value).is_some()),
            [false, false, false, true, false]
        );
        assert!(Scale::around(Spacing::Dice, [f64::NAN].into_iter(), ACROSS).is_none());
    }

    #[test]
    fn values_beyond_a_scale_are_moved_to_its_ends() {
        let scale = Scale::linear(0.9, 1.0, UP);
        assert!((scale.clamped_pixel(0.5) - 230.0).abs() < 1e-9);
        assert!(scale.clamped_pixel(2.0).abs() < 1e-9);
        assert!((scale.clamped_pixel(0.95) - 115.0).abs() < 1e-9);
    }

    #[test]
    fn a_perfect_dice_has_a_place() {
        let scale = Scale::around(Spacing::Dice, [0.0, 1.0].into_iter(), UP).unwrap();
        assert!((0.0..230.0).contains(&scale.pixel(1.0).unwrap()));
    }

    proptest! {
        #[test]
        fn all_values_and_ticks_lie_on_the_scale(
            values in prop::collection::vec(1e-6f64..1e3, 1..6),
            spacing in prop::sample::select(vec![Spacing::Linear, Spacing::Logarithmic, Spacing::Dice]),
        ) {
            let scale = Scale::around(spacing, values.iter().copied(), UP).unwrap();
            let pixels = values.iter().map(|value| scale.pixel(*value).unwrap());
            for pixel in pixels.chain(scale.ticks(36.0).into_iter().map(|tick| tick.pixel)) {
                prop_assert!((-1e-3..=230.001).contains(&pixel), "{pixel}");
            }
        }
    }
}
