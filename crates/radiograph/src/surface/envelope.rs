//! Computes the lower envelope of parabolas.

/// The squared distance to a border pixel along a row: `(x − vertex)² + height`.
#[derive(Clone, Copy)]
pub(super) struct Parabola {
    pub(super) vertex: f64,
    pub(super) height: f64,
}

impl Parabola {
    /// Returns the value at `x`.
    fn at(self, x: f64) -> f64 {
        (x - self.vertex).powi(2) + self.height
    }

    /// Returns where this parabola crosses one whose vertex is further right. To the right of that
    /// position the other parabola is lower.
    fn crossing(self, right: Self) -> f64 {
        let difference = right.at(0.0) - self.at(0.0);
        difference / (2.0 * (right.vertex - self.vertex))
    }
}

/// The minimum of some parabolas at every position.
#[derive(Default)]
pub(super) struct Envelope {
    /// The parabolas from left to right, each with the position from which on it is the lowest.
    parts: Vec<(f64, Parabola)>,
}

impl Envelope {
    /// Removes all parabolas.
    pub(super) fn clear(&mut self) {
        self.parts.clear();
    }

    /// Adds a parabola whose vertex is to the right of all others. A parabola of infinite height
    /// changes nothing.
    pub(super) fn add(&mut self, parabola: Parabola) {
        if parabola.height.is_infinite() {
            return;
        }
        let mut start = f64::NEG_INFINITY;
        while let Some(&(last_start, last)) = self.parts.last() {
            start = last.crossing(parabola);
            if start > last_start {
                break;
            }
            self.parts.pop();
        }
        self.parts.push((start, parabola));
    }

    /// Returns the height of the envelope at each of some ascending positions.
    pub(super) fn heights(
        &self,
        positions: impl Iterator<Item = f64>,
    ) -> impl Iterator<Item = f64> {
        let mut part = 0;
        positions.map(move |x| {
            while self
                .parts
                .get(part + 1)
                .is_some_and(|&(start, _)| start < x)
            {
                part += 1;
            }
            self.parts[part].1.at(x)
        })
    }
}
