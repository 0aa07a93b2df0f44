//! Tests of the pipeline with a fake segmenter.

use std::num::NonZeroUsize;

use super::*;
use crate::engine::{EngineError, EngineOptions};
use crate::fake::{Behaviour, FakeSegmenter, Passes};
use lungfield_codec::rendering::samples;
use lungfield_codec::{DecodeError, Image, decode, png};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::preprocess::PreprocessOptions;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

const SIDE: u32 = 32;

fn pipeline(segmenter: FakeSegmenter) -> (Pipeline, Passes) {
    let passes = segmenter.passes();
    let options = EngineOptions {
        max_batch_size: NonZeroUsize::MIN,
        max_queue_delay: Duration::ZERO,
        queue_capacity: NonZeroUsize::MIN,
    };
    let build = || Ok::<_, std::io::Error>(segmenter);
    let preprocessor = Preprocessor::new(PreprocessOptions {
        side: SIDE,
        ..PreprocessOptions::default()
    });
    let pipeline = Pipeline::new(
        Engine::start(options, [build]).unwrap(),
        preprocessor.unwrap(),
        Threshold::HALF,
        Limits::default(),
        1,
    );
    (pipeline, passes)
}

/// A film whose left half is white.
fn radiograph() -> Radiograph {
    let size = Size::square(SIDE).unwrap();
    let grey = |pixel: usize| {
        if pixel % SIDE as usize > SIDE as usize / 2 {
            0
        } else {
            255
        }
    };
    Radiograph::new(
        size,
        Pixels::Eight((0..size.pixels()).map(grey).collect()),
        None,
    )
    .unwrap()
}

fn film() -> Film {
    Image::File(png::encode_radiograph(&radiograph()).into()).into()
}

fn soon() -> SegmentOptions {
    SegmentOptions::by(Instant::now() + Duration::from_mins(1))
}

#[tokio::test]
async fn a_film_alone_does_not_ask_the_model_but_takes_a_place_in_the_queue() {
    let (pipeline, passes) = pipeline(FakeSegmenter::new(Behaviour::Echo));
    let place = pipeline.engine().reserve().unwrap();
    let refused = pipeline.render(film(), Rendering::Film, soon()).await;
    assert!(matches!(
        refused,
        Err(PipelineError::Engine(EngineError::Overloaded))
    ));
    drop(place);
    let rendered = pipeline
        .render(film(), Rendering::Film, soon())
        .await
        .unwrap();
    let shown = decode(&rendered.encoded.into_file().bytes, &Limits::default()).unwrap();
    assert_eq!(shown, radiograph());
    assert!(rendered.segmentation.is_none() && passes.marks().is_empty());
}

#[tokio::test]
async fn what_is_made_of_a_result_is_made_of_the_mask_that_is_rendered() {
    let (pipeline, _) = pipeline(FakeSegmenter::new(Behaviour::Echo));
    let made = pipeline
        .segment(film(), soon(), |result| samples::encode(result.mask))
        .await
        .unwrap();
    let rendered = pipeline.render(film(), Rendering::Samples, soon()).await;
    let rendered = rendered.unwrap();
    assert_eq!(rendered.encoded.into_file().bytes, made.output);
    let areas = [Some(made.segmentation), rendered.segmentation].map(|found| found.unwrap().lungs);
    assert!(areas.iter().all(|lungs| lungs.iter().len() > 0));
}

#[tokio::test]
async fn an_unreadable_film_costs_no_forward_pass() {
    let (pipeline, passes) = pipeline(FakeSegmenter::new(Behaviour::Echo));
    let film: Film = Image::File(b"no film".as_slice().into()).into();
    let refused = pipeline.render(film, Rendering::Png, soon()).await;
    assert!(matches!(
        refused,
        Err(PipelineError::Film(DecodeError::Unrecognised))
    ));
    assert!(passes.marks().is_empty());
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_told() {
    let (fake, gate) = FakeSegmenter::new(Behaviour::Echo).gated();
    let (pipeline, _) = pipeline(fake);
    let options = SegmentOptions::by(Instant::now() + Duration::from_millis(100));
    let late = pipeline.render(film(), Rendering::Png, options).await;
    drop(gate);
    assert_eq!(late.unwrap_err().code(), "deadline_exceeded");
}
