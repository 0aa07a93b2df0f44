//! Finds the right and the left lung of a mask, and checks whether they are plausible.
//!
//! Sides are those of the patient. On a frontal film the patient faces the viewer, so the right
//! lung is on the left of the film. Every lung pixel of the mask belongs to exactly one lung.
//!
//! The mask is separated as follows:
//!
//! 1. The mask is divided into its 8-connected components. A component is significant if it has at
//!    least 8 % of the area of the largest component.
//! 2. The significant components are ordered from left to right and divided into two groups at the
//!    widest gap between neighbouring centroids. If the two groups share at most half of the
//!    columns of the narrower group, they are the two lungs. Every component then belongs to the
//!    group whose centroid is nearer.
//! 3. Otherwise the lungs may have merged. The number of significant pixels in each column is
//!    computed. If this profile has a valley in the middle third, below 0.6 of the lower of its two
//!    shoulders, and the significant pixels are at least 0.7 times as wide as high, the mask is cut
//!    at the valley.
//! 4. Otherwise there is one lung. Its side is the half of the film in which its centroid lies.
//!
//! The limits were chosen on the 492 training reference masks of the Montgomery and Shenzhen sets.
//! All of them have two significant components, of which the smaller has at least 0.10 of the area
//! of the larger, and no two lungs share a column. No single lung has a valley below 0.7 of its
//! shoulders. When the space between the lungs is closed row by row until they touch, all valleys
//! but one are below 0.54, the mask is at least 0.79 times as wide as high, and the cut assigns at
//! most 1.5 % of the pixels to the wrong side, and 0.08 % on average.

mod components;
mod lung;
mod plausibility;
mod sides;
mod territory;
#[cfg(test)]
mod tests;

pub use self::lung::{BoundingBox, Lung, Lungs, Side};
pub use self::plausibility::warnings;
pub use self::territory::territories;
