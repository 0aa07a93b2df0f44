//! Reads the body of a request into the files of its films, within its size, its time and the byte budget.

mod form_error;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::Stream;
use http_body_util::BodyExt;
use tokio::time::Instant;

use self::form_error::{malformed, refused};
use super::App;
use super::admission::Charge;
use super::audit::{InputHash, Record};
use super::problem::ApiError;
use super::related::{self, Films};
use lungfield_codec::{Image, formats};
use lungfield_engine::pipeline::{Film, PipelineError};

/// Returns whether a request may state this media type for a film. What the film is, its bytes tell.
fn is_film_type(media_type: &str) -> bool {
    media_type == mime::APPLICATION_OCTET_STREAM.essence_str()
        || formats::media_types().any(|readable| readable == media_type)
}

/// The most of a form that may come before its parser makes something of it, such as the head of a part.
const MAX_UNPARSED_BYTES: usize = 16 << 10;
/// The most of a form that its parser is given at a time.
const MAX_PIECE_BYTES: usize = 8 << 10;

/// Reads the films of a request whose caller waits until `deadline`, where it has one.
pub(super) async fn receive_by(
    deadline: Option<std::time::Instant>,
    app: &App,
    record: &Record,
    request: Request,
) -> Result<Films, ApiError> {
    by(deadline, receive(app, record, request)).await
}

/// The body of a request as it is, by the same rules.
pub(super) async fn receive_whole_by(
    deadline: Option<std::time::Instant>,
    app: &App,
    request: Request,
) -> Result<Whole, ApiError> {
    let body = async {
        let (mut body, charge) = metered(app, request)?;
        let bytes = whole(&mut body, &mut InputHash::none()).await?;
        Ok(Whole {
            bytes: charge.hold(bytes),
            charge,
        })
    };
    by(deadline, body).await
}

/// A body as it is.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    charge: Arc<Charge>,
}

impl Whole {
    /// Charges what was made of it beside its own bytes, and hashes the film.
    pub(super) fn account_for(&self, film: &Film, record: &Record) -> Result<(), ApiError> {
        let made = [Some(&film.image), film.reference.as_ref()]
            .into_iter()
            .flatten()
            .map(Image::bytes);
        let own = self.bytes.as_ptr_range();
        for bytes in made.filter(|bytes| !own.contains(&bytes.as_ptr())) {
            self.charge
                .take(bytes.len())
                .map_err(|_spent| ApiError::ByteBudgetSpent)?;
        }
        let mut hash = record.input_hash();
        hash.update(film.image.bytes());
        record.input(hash);
        Ok(())
    }
}

/// What comes of some work, or that the deadline passed before it was done.
pub(super) async fn by<T>(
    deadline: Option<std::time::Instant>,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let Some(deadline) = deadline else {
        return work.await;
    };
    let work = tokio::time::timeout_at(deadline.into(), work);
    work.await
        .unwrap_or(Err(ApiError::Pipeline(PipelineError::DeadlineExceeded)))
}

async fn receive(app: &App, record: &Record, request: Request) -> Result<Films, ApiError> {
    let kind = Kind::of(request.headers());
    let (body, charge) = metered(app, request)?;
    match kind? {
        Kind::Film => raw(body, &charge, record).await.map(Films::One),
        Kind::Multipart(boundary) => multipart(body, boundary, &charge, record)
            .await
            .map(Films::One),
        Kind::Related(boundary) => instances(body, boundary, &charge, record)
            .await
            .map(Films::Related),
    }
}

/// The body of a request, of which nothing has been read, and what it is charged to.
fn metered(app: &App, request: Request) -> Result<(Metered, Arc<Charge>), ApiError> {
    let max_body_bytes = app.options.max_body_bytes;
    if content_length(request.headers()).is_some_and(|length| length > max_body_bytes) {
        return Err(ApiError::BodyTooLarge { max_body_bytes });
    }
    let charge = Arc::new(app.budget.charge());
    let body = Metered {
        body: request.into_body(),
        charge: Arc::clone(&charge),
        received: 0,
        max_body_bytes,
        deadline: Instant::now() + app.options.body_timeout,
    };
    Ok((body, charge))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// How a body is laid out.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// It is a film.
    Film,
    /// It is a form, its parts parted by this boundary.
    Multipart(String),
    /// It is a list of DICOM instances, parted by this boundary.
    Related(String),
}

impl Kind {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Ok(Self::Film);
        };
        let text = value.to_str().map_err(|_| ApiError::UnsupportedMediaType)?;
        if let Some(boundary) = related::boundary(text) {
            return boundary.map(Self::Related);
        }
        let media: mime::Mime = text.parse().map_err(|_| ApiError::UnsupportedMediaType)?;
        if is_film_type(media.essence_str()) {
            return Ok(Self::Film);
        }
        if media.essence_str() != mime::MULTIPART_FORM_DATA.essence_str() {
            return Err(ApiError::UnsupportedMediaType);
        }
        multer::parse_boundary(text)
            .map(Self::Multipart)
            .map_err(|cause| malformed(&cause))
    }
}

/// A body that is counted, charged and timed as it arrives.
struct Metered {
    body: Body,
    charge: Arc<Charge>,
    received: u64,
    max_body_bytes: u64,
    deadline: Instant,
}

impl Metered {
    /// The next bytes, or `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = tokio::time::timeout_at(self.deadline, self.body.frame());
            let frame = match frame.await.map_err(|_elapsed| ApiError::BodyTimeout)? {
                None => return Ok(None),
                Some(frame) => frame.map_err(|_broken| ApiError::IncompleteBody)?,
            };
            let Ok(data) = frame.into_data() else {
                continue;
            }; // trailers say nothing of a film
            self.received += data.len() as u64;
            if self.received > self.max_body_bytes {
                return Err(ApiError::BodyTooLarge {
                    max_body_bytes: self.max_body_bytes,
                });
            }
            self.charge
                .take(data.len())
                .map_err(|_spent| ApiError::ByteBudgetSpent)?;
            return Ok(Some(data));
        }
    }

    /// The body for the parser of forms, which would take in all that has arrived, and on every arrival search for the end of a
    /// part's head from its start: so it is given small pieces, one at a time, and no more once it has too much of them. Small, since
    /// it may take two before it looks at the first.
    fn into_pieces(self, progress: &Progress) -> impl Stream<Item = Result<Bytes, ApiError>> {
        futures_util::stream::try_unfold(
            (self, Bytes::new()),
            move |(mut body, mut left)| async move {
                tokio::task::yield_now().await;
                while left.is_empty() {
                    let Some(data) = body.next().await? else {
                        return Ok(None);
                    };
                    left = data;
                }
                let piece = left.split_to(left.len().min(MAX_PIECE_BYTES));
                progress.arrived(piece.len())?;
                Ok(Some((piece, (body, left))))
            },
        )
    }
}

/// How far a form has come.
#[derive(Debug, Default)]
struct Progress {
    seen: AtomicUsize,
    unparsed: AtomicUsize,
}

impl Progress {
    /// Bytes for the parser; most of the last piece that makes them too many may be a film's.
    fn arrived(&self, bytes: usize) -> Result<(), ApiError> {
        self.seen.fetch_add(bytes, Ordering::Relaxed);
        if self.unparsed.fetch_add(bytes, Ordering::Relaxed) > MAX_UNPARSED_BYTES {
            return Err(ApiError::MalformedMultipart(
                "the head of a part is too long".to_owned(),
            ));
        }
        Ok(())
    }

    /// The parser has made something of what it had.
    fn parsed(&self) {
        self.unparsed.store(0, Ordering::Relaxed);
    }

    fn nothing_came(&self) -> bool {
        self.seen.load(Ordering::Relaxed) == 0
    }
}

async fn raw(mut body: Metered, charge: &Arc<Charge>, record: &Record) -> Result<Film, ApiError> {
    let mut hash = record.input_hash();
    let bytes = whole(&mut body, &mut hash).await?;
    record.input(hash);
    Ok(Film {
        image: charge.hold(bytes).into(),
        reference: None,
    })
}

/// All of a body, which has to have something in it.
async fn whole(body: &mut Metered, hash: &mut InputHash) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(data) = body.next().await? {
        hash.update(&data);
        bytes.extend_from_slice(&data);
    }
    if bytes.is_empty() {
        Err(ApiError::EmptyBody)
    } else {
        Ok(bytes)
    }
}

async fn multipart(
    body: Metered,
    boundary: String,
    charge: &Arc<Charge>,
    record: &Record,
) -> Result<Film, ApiError> {
    let progress = Progress::default();
    let mut parts = multer::Multipart::new(body.into_pieces(&progress), boundary);
    let (mut image, mut reference) = (None, None);
    let outcome = async {
        while let Some(part) = parts.next_field().await.map_err(|cause| refused(&cause))? {
            progress.parsed();
            let (slot, name) = match part.name() {
                Some("image") => (&mut image, "image"),
                Some("ground_truth") => (&mut reference, "ground_truth"),
                _ => return Err(ApiError::UnknownPart),
            };
            if slot.is_some() {
                return Err(ApiError::DuplicatePart(name));
            }
            let mut hash = if name == "image" {
                record.input_hash()
            } else {
                InputHash::none()
            };
            *slot = Some(charge.hold(file(part, &progress, &mut hash).await?));
            record.input(hash);
        }
        Ok(())
    }
    .await;
    drop(parts);
    match (outcome, image) {
        (Err(_), _) if progress.nothing_came() => Err(ApiError::EmptyBody),
        (Err(error), _) => Err(error),
        (Ok(()), None) => Err(ApiError::MissingImage),
        (Ok(()), Some(image)) if image.is_empty() => Err(ApiError::EmptyBody),
        (Ok(()), Some(image)) => Ok(Film {
            image: image.into(),
            reference: reference.map(Into::into),
        }),
    }
}

/// The instances of a related body. One hash is that of them all.
async fn instances(
    body: Metered,
    boundary: String,
    charge: &Arc<Charge>,
    record: &Record,
) -> Result<Vec<Film>, ApiError> {
    let progress = Progress::default();
    let mut parts = multer::Multipart::new(body.into_pieces(&progress), boundary);
    let (mut films, mut hash) = (Vec::new(), record.input_hash());
    let outcome = async {
        while let Some(part) = parts.next_field().await.map_err(|cause| refused(&cause))? {
            progress.parsed();
            related::admit(&part)?;
            if films.len() == related::MAX_INSTANCES {
                return Err(ApiError::TooManyInstances);
            }
            let image = charge.hold(file(part, &progress, &mut hash).await?);
            films.push(Film {
                image: image.into(),
                reference: None,
            });
        }
        Ok(())
    }
    .await;
    drop(parts);
    record.input(hash);
    match outcome {
        Err(_) if progress.nothing_came() => Err(ApiError::EmptyBody),
        Err(error) => Err(error),
        Ok(()) if films.is_empty() => Err(ApiError::EmptyBody),
        Ok(()) => none_empty(films),
    }
}

fn none_empty(films: Vec<Film>) -> Result<Vec<Film>, ApiError> {
    let (count, empty) = (
        films.len(),
        films.iter().position(|film| film.image.is_empty()),
    );
    empty.map_or(Ok(films), |place| {
        Err(ApiError::EmptyBody.for_instance(place + 1, count))
    })
}

/// The bytes of a part, which are hashed as they come.
async fn file(
    mut part: multer::Field<'_>,
    progress: &Progress,
    hash: &mut InputHash,
) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(data) = part.chunk().await.map_err(|cause| refused(&cause))? {
        hash.update(&data);
        bytes.extend_from_slice(&data);
        progress.parsed();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
