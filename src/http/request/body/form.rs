//! Bodies of several parts: the film and the reference mask of a form, and the instances of a related body.

use lungfield_engine::pipeline::Film;
use multer::{Field, Multipart};

use super::metered::{Metered, Progress};
use crate::http::middleware::audit::{InputHash, Record};
use crate::http::problem::ApiError;
use crate::http::request::related;

/// Returns the boundary of a form, by its media type.
pub(super) fn boundary(media: &str) -> Result<String, ApiError> {
    multer::parse_boundary(media).map_err(|cause| malformed(&cause))
}

/// Reads the film of a form.
pub(super) async fn film(
    body: Metered,
    boundary: String,
    record: &Record,
) -> Result<Film, ApiError> {
    let (charge, progress) = (body.charge(), Progress::default());
    let mut form = Form::default();
    let parts = Multipart::new(body.into_pieces(&progress), boundary);
    let outcome = form.read(parts, &progress, record).await;
    match (outcome, form.image) {
        (Err(_), _) if progress.is_empty() => Err(ApiError::EmptyBody),
        (Err(error), _) => Err(error),
        (Ok(()), None) => Err(ApiError::MissingImage),
        (Ok(()), Some(image)) if image.is_empty() => Err(ApiError::EmptyBody),
        (Ok(()), Some(image)) => Ok(Film {
            image: charge.hold(image).into(),
            reference: form
                .reference
                .map(|reference| charge.hold(reference).into()),
        }),
    }
}

/// The parts of a form, as far as they have come.
#[derive(Debug, Default)]
struct Form {
    image: Option<Vec<u8>>,
    reference: Option<Vec<u8>>,
}

impl Form {
    /// Reads the parts of a form to its end, or to the first part that is refused.
    async fn read(
        &mut self,
        mut parts: Multipart<'_>,
        progress: &Progress,
        record: &Record,
    ) -> Result<(), ApiError> {
        while let Some(part) = next_part(&mut parts, progress).await? {
            let (slot, name) = match part.name() {
                Some("image") => (&mut self.image, "image"),
                Some("ground_truth") => (&mut self.reference, "ground_truth"),
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
            *slot = Some(content(part, progress, &mut hash).await?);
            record.input(hash);
        }
        Ok(())
    }
}

/// Reads the instances of a related body. The audit log gets one hash of them all.
pub(super) async fn instances(
    body: Metered,
    boundary: String,
    record: &Record,
) -> Result<Vec<Film>, ApiError> {
    let (charge, progress) = (body.charge(), Progress::default());
    let (mut films, mut hash) = (Vec::new(), record.input_hash());
    let outcome = async {
        let mut parts = Multipart::new(body.into_pieces(&progress), boundary);
        while let Some(part) = next_part(&mut parts, &progress).await? {
            related::admit(&part)?;
            if films.len() == related::MAX_INSTANCES {
                return Err(ApiError::TooManyInstances {
                    max_instances: related::MAX_INSTANCES,
                });
            }
            let image = charge.hold(content(part, &progress, &mut hash).await?);
            films.push(Film {
                image: image.into(),
                reference: None,
            });
        }
        Ok(())
    }
    .await;
    record.input(hash);
    match outcome {
        Err(_) if progress.is_empty() => Err(ApiError::EmptyBody),
        Err(error) => Err(error),
        Ok(()) if films.is_empty() => Err(ApiError::EmptyBody),
        Ok(()) => without_empty(films),
    }
}

/// Refuses instances of which one is empty.
fn without_empty(films: Vec<Film>) -> Result<Vec<Film>, ApiError> {
    let count = films.len();
    match films.iter().position(|film| film.image.is_empty()) {
        Some(index) => Err(ApiError::EmptyBody.for_instance(index + 1, count)),
        None => Ok(films),
    }
}

/// Returns the next part, of which the head has been parsed.
async fn next_part<'a>(
    parts: &mut Multipart<'a>,
    progress: &Progress,
) -> Result<Option<Field<'a>>, ApiError> {
    let part = parts.next_field().await.map_err(|cause| refused(&cause))?;
    progress.parsed();
    Ok(part)
}

/// Reads and hashes the content of a part.
async fn content(
    mut part: Field<'_>,
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

fn malformed(cause: &multer::Error) -> ApiError {
    ApiError::MalformedMultipart(cause.to_string())
}

/// Returns the error of the body below the parser of forms, where it is that which the parser failed on.
fn refused(cause: &multer::Error) -> ApiError {
    let multer::Error::StreamReadFailed(inner) = cause else {
        return malformed(cause);
    };
    match inner.downcast_ref::<ApiError>() {
        Some(&ApiError::BodyTooLarge { max_body_bytes }) => {
            ApiError::BodyTooLarge { max_body_bytes }
        }
        Some(ApiError::ByteBudgetSpent) => ApiError::ByteBudgetSpent,
        Some(ApiError::BodyTimeout) => ApiError::BodyTimeout,
        Some(ApiError::MalformedMultipart(cause)) => ApiError::MalformedMultipart(cause.clone()),
        _ => ApiError::IncompleteBody,
    }
}
