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
use lungfield_model::device::{DeviceError, Placement, Precision, PrecisionChoice};
use lungfield_model::manifest::Manifest;
use lungfield_model::{LoadOptions, LoadedModel, load};
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
        let options = load_options(&owned)?;
        let model = load(&owned.model.folder, &options)?;
        Ok::<_, anyhow::Error>((options, model))
    });
    let (options, LoadedModel { pipeline, manifest }) = loaded.await??;
    let order = order(
        settings,
        &manifest,
        options.placement.precision(),
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
        options.engine.queue_capacity,
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

/// Returns the options of the pipeline. Its queue has a place for each film that is in flight, so none is turned away.
fn load_options(settings: &SegmentSettings) -> Result<LoadOptions, DeviceError> {
    let defaults = settings.model.load_options(&settings.films)?;
    let max_batch_size = settings
        .max_batch_size
        .unwrap_or_else(|| batch_size(defaults.placement));
    let engine = EngineOptions {
        max_batch_size,
        max_queue_delay: Duration::ZERO,
        queue_capacity: settings
            .in_flight
            .unwrap_or_else(|| in_flight(max_batch_size, &defaults)),
    };
    Ok(LoadOptions { engine, ..defaults })
}

/// Returns the batch size of an archive, whose films have no caller that waits.
fn batch_size(placement: Placement) -> NonZeroUsize {
    let served = placement.batch_size();
    if placement.device().is_cuda() {
        served.saturating_mul(GPU_BATCH_FACTOR)
    } else {
        served
    }
}

/// Returns how many films are in flight: enough that a full batch waits while another is computed, and that no core waits
/// for a disk.
fn in_flight(max_batch_size: NonZeroUsize, options: &LoadOptions) -> NonZeroUsize {
    let computed = max_batch_size.get() * options.model_threads.get();
    NonZeroUsize::new(2 * (computed + options.decode_permits.get()))
        .expect("a batch has at least one film")
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
