//! Decides what must hold of any text that is sent as run lengths: as JSON, or as the compressed counts alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lungfield_codec::rle::{Rle, from_json};
use lungfield_radiograph::geometry::Size;
use lungfield_fuzz::LIMITS;
use lungfield_fuzz::memory::{bound, measured};

fuzz_target!(|bytes: &[u8]| {
    let (runs, held) = measured(|| from_json(bytes, LIMITS.max_pixels));
    assert!(
        held <= bound(bytes.len(), 0),
        "{held} bytes were held for {} that were sent",
        bytes.len()
    );
    if let Ok(runs) = runs {
        check(&runs);
    }
    let &[height, width, ref counts @ ..] = bytes else {
        return;
    };
    let Some(size) = Size::new(width.into(), height.into()) else {
        return;
    };
    if let Some(runs) = std::str::from_utf8(counts)
        .ok()
        .and_then(|text| Rle::from_compressed(size, text).ok())
    {
        check(&runs);
    }
});

/// Every form of runs that were accepted says the same mask.
fn check(runs: &Rle) {
    let size = runs.size();
    assert!(size.pixels() as u64 <= LIMITS.max_pixels);
    let mask = runs.to_mask();
    assert_eq!(mask.area_px(), runs.area_px());
    assert_eq!(
        Rle::from_compressed(size, &runs.to_compressed()).as_ref(),
        Ok(runs)
    );
    for encoded in [runs.compressed(), runs.clone().plain()] {
        let json = serde_json::to_vec(&encoded).expect("runs are JSON");
        assert_eq!(from_json(&json, LIMITS.max_pixels).as_ref(), Ok(runs));
    }
    let plainest = Rle::of(&mask);
    assert!(
        plainest.counts().len() <= runs.counts().len(),
        "runs of a mask are as few as can be"
    );
    assert_eq!(plainest.to_mask(), mask);
}
