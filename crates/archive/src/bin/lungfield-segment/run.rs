//! Puts the segmentation of an archive together: settings, films, model, masks and table.

use std::future::Future;
use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use lungfield_archive::RunOutcome;
use lungfield_archive::files::Files;
use lungfield_archive::film::{FilmOptions, Worker};
use lungfield_archive::ledger::{self, Ledger, Order};
use lungfield_archive::settings::SegmentSettings;
use lungfield_archive::sources::Sources;
use lungfield_archive::table::{self, Tally};
use lungfield_codec::ModelIdentity;
use lungfield_codec::dicom::{Provenance, SegmentationType, UidPolicy};
use lungfield_codec::rendering::{DocumentOptions, RenderingOptions};
use lungfield_engine::EngineOptions;
use lungfield_model::device::{Placement, Precision, PrecisionChoice};
use lungfield_model::loading::{self, Loaded};
use lungfield_model::manifest::Manifest;
use lungfield_support::progress::Progress;
use lungfield_support::tls;

/// The size of a batch on a GPU, as a multiple of the size that the service uses, where callers wait.
const GPU_BATCH_FACTOR: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not zero");

/// Segments an archive, and returns the counts of its table; `None` if the run was asked to stop before its end.
pub(crate) async fn segment(
    settings: &SegmentSettings,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Option<Tally>> {
    tls::install(); // buckets are reached over TLS
    let files = Files::default();
    let out = &settings.out;
    let sources = Sources::resolve(&settings.inputs, settings.list.as_deref(), out, &files).await?;
    // The model is loaded before films are listed, since listing a large bucket takes long.
    let mut owned = settings.clone();
    if let (PrecisionChoice::Auto, Some(begun)) = (
        owned.model.precision,
        ledger::precision(&files, out, settings.shard).await?,
    ) {
        owned.model.precision = PrecisionChoice::Fixed(begun); // all masks of a run have the same precision
    }
    let loaded = tokio::task::spawn_blocking(move || {
        loading::load(&owned.model, &owned.films, |placement| {
            engine_options(&owned, placement)
        })
    });
    let Loaded {
        pipeline,
        manifest,
        placement,
        ..
    } = loaded.await??;
    let order = order(
        settings,
        &manifest,
        placement.precision(),
        sources.list_sha256()?,
    );
    let ledger = Ledger::open(&files, out, order.clone(), sources).await?;
    let done = ledger.rows_kept().await?;
    let mut progress = Progress::resume("film", ledger.films(), done);
    if done > 0 {
        progress.say(&format!(
            "continuing after {done} of {} films, which were listed when the run began",
            ledger.films()
        ));
    }
    let worker = Worker::new(&pipeline, &files, film_options(settings, &manifest.model));
    let mut observe = |done, failed| progress.step(done, &remark(failed));
    let outcome = lungfield_archive::run(
        &worker,
        &ledger,
        in_flight(settings, placement),
        stop,
        &mut observe,
    )
    .await;
    drop(progress);
    pipeline.engine().drain().await;
    match outcome? {
        RunOutcome::Stopped => Ok(None),
        RunOutcome::Finished => {
            let rows = ledger.rows().await?;
            Ok(Some(
                table::write(&files, out, &order, rows)
                    .await
                    .context("the result table can't be written")?,
            ))
        }
    }
}

/// Returns the remark beside the progress.
fn remark(failed: u64) -> String {
    if failed == 0 {
        String::new()
    } else {
        format!("{failed} without a mask")
    }
}

/// Returns the most films in a batch.
fn batch_size(settings: &SegmentSettings, placement: Placement) -> NonZeroUsize {
    settings.max_batch_size.unwrap_or_else(|| {
        let served = placement.batch_size();
        if placement.device().is_cuda() {
            served.saturating_mul(GPU_BATCH_FACTOR)
        } else {
            served
        }
    })
}

/// Returns how many films are in flight: enough that a full batch waits while another is computed, and that no core waits
/// for a disk.
fn in_flight(settings: &SegmentSettings, placement: Placement) -> NonZeroUsize {
    settings.in_flight.unwrap_or_else(|| {
        let computed =
            batch_size(settings, placement).get() * settings.model.model_threads(placement).get();
        NonZeroUsize::new(2 * (computed + settings.films.decode_permits()))
            .expect("a batch has at least one film")
    })
}

fn engine_options(settings: &SegmentSettings, placement: Placement) -> EngineOptions {
    EngineOptions {
        max_batch_size: batch_size(settings, placement),
        max_queue_delay: Duration::ZERO,
        // As many as are in flight, so that no film is refused.
        queue_capacity: in_flight(settings, placement),
    }
}

/// Returns the settings of the run that its ledger records.
fn order(
    settings: &SegmentSettings,
    manifest: &Manifest,
    precision: Precision,
    list_sha256: Option<String>,
) -> Order {
    Order {
        format: 1,
        inputs: settings.inputs.clone(),
        list: settings
            .list
            .as_ref()
            .map(|list| list.display().to_string()),
        reference: settings.reference.as_ref().map(ToString::to_string),
        shard: settings.shard,
        mask: settings.format.extension.to_owned(),
        threshold: settings.threshold.unwrap_or(manifest.threshold).get(),
        max_pixels: settings.films.max_pixels,
        max_file_bytes: settings.max_file,
        model: manifest.model.clone(),
        precision,
        list_sha256,
    }
}

fn film_options(settings: &SegmentSettings, model: &ModelIdentity) -> FilmOptions {
    let options = RenderingOptions {
        document: DocumentOptions::default(),
        segmentation: SegmentationType::Binary,
        provenance: Provenance {
            model: model.clone(),
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            // A film that is segmented again gets the same UIDs.
            uids: UidPolicy::Derived,
            now: SystemTime::now(),
        },
    };
    FilmOptions {
        out: settings.out.clone(),
        reference: settings.reference.clone(),
        rendering: settings.format.rendering(options),
        threshold: settings.threshold,
        max_file_bytes: settings.max_file,
        read_ahead_bytes: settings.read_ahead,
    }
}
