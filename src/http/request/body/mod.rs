//! The body of a request, read within its size, its time and the budget of bytes.
//!
//! [`Upload`] reads films, [`WholeBody`] the bytes as they are. Both count what arrives against the budget before they hold it, and
//! keep to the caller's deadline.

mod form;
mod metered;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use lungfield_codec::{Image, formats};
use lungfield_engine::pipeline::Film;

use self::metered::Metered;
use super::budget::Charge;
use super::context::RequestContext;
use super::deadline::CallerDeadline;
use crate::http::App;
use crate::http::middleware::audit::{InputHash, Record};
use crate::http::problem::ApiError;
use crate::http::request::related::{self, Films};

/// An extractor that reads the films of a request.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The context of the request.
    pub(crate) context: RequestContext,
    /// The films.
    pub(crate) films: Films,
    /// When they must be answered.
    pub(crate) deadline: Instant,
}

impl FromRequest<Arc<App>> for Upload {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = CallerDeadline::from_request_parts(&mut parts, app).await?;
        let context = RequestContext::of(&parts.extensions)?.clone();
        let layout = Layout::of(&parts.headers);
        let body = Metered::new(app, &parts.headers, body)?;
        let films = async { receive(body, layout?, &context.record).await };
        let films = caller.limit(films).await?;
        Ok(Self {
            context,
            films,
            deadline: caller.for_film(Instant::now(), app.options().request_timeout),
        })
    }
}

/// An extractor that reads the body of a request as it is.
#[derive(Debug)]
pub(crate) struct WholeBody {
    /// The context of the request.
    pub(crate) context: RequestContext,
    /// The bytes; there is at least one.
    pub(crate) bytes: Bytes,
    /// When the film in them must be answered.
    pub(crate) deadline: Instant,
    charge: Arc<Charge>,
}

impl FromRequest<Arc<App>> for WholeBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = CallerDeadline::from_request_parts(&mut parts, app).await?;
        let context = RequestContext::of(&parts.extensions)?.clone();
        let mut body = Metered::new(app, &parts.headers, body)?;
        let charge = body.charge();
        let bytes = caller.limit(body.collect(&mut InputHash::none())).await?;
        Ok(Self {
            context,
            bytes: charge.hold(bytes),
            deadline: caller.for_film(Instant::now(), app.options().request_timeout),
            charge,
        })
    }
}

impl WholeBody {
    /// Charges the parts of a film that were copied out of the body, and records the hash of the film.
    pub(crate) fn account_for(&self, film: &Film) -> Result<(), ApiError> {
        let images = [Some(&film.image), film.reference.as_ref()];
        let own = self.bytes.as_ptr_range();
        for bytes in images.into_iter().flatten().map(Image::bytes) {
            if !own.contains(&bytes.as_ptr()) {
                let taken = self.charge.take(bytes.len());
                taken.map_err(|_spent| ApiError::ByteBudgetSpent)?;
            }
        }
        let record = &self.context.record;
        let mut hash = record.input_hash();
        hash.update(film.image.bytes());
        record.input(hash);
        Ok(())
    }
}

/// Reads films from a body.
async fn receive(body: Metered, layout: Layout, record: &Record) -> Result<Films, ApiError> {
    match layout {
        Layout::Film => raw(body, record).await.map(Films::One),
        Layout::Form(boundary) => form::film(body, boundary, record).await.map(Films::One),
        Layout::Related(boundary) => form::instances(body, boundary, record)
            .await
            .map(Films::Related),
    }
}

/// Reads a body that is a film.
async fn raw(mut body: Metered, record: &Record) -> Result<Film, ApiError> {
    let charge = body.charge();
    let mut hash = record.input_hash();
    let bytes = body.collect(&mut hash).await?;
    record.input(hash);
    Ok(Film {
        image: charge.hold(bytes).into(),
        reference: None,
    })
}

/// The layout of a body, by its content type.
#[derive(Debug, PartialEq, Eq)]
enum Layout {
    /// It is a film.
    Film,
    /// It is a form, whose parts this boundary separates.
    Form(String),
    /// It is a list of DICOM instances, which this boundary separates.
    Related(String),
}

impl Layout {
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
        form::boundary(text).map(Self::Form)
    }
}

/// Returns whether a request may state this media type for a film. The format of the film is recognised by its bytes.
fn is_film_type(media_type: &str) -> bool {
    media_type == mime::APPLICATION_OCTET_STREAM.essence_str()
        || formats::media_types().any(|readable| readable == media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(media: Option<&str>) -> Result<Layout, &'static str> {
        let mut headers = HeaderMap::new();
        if let Some(media) = media {
            headers.insert(header::CONTENT_TYPE, media.parse().unwrap());
        }
        Layout::of(&headers).map_err(|error| error.kind().1)
    }

    #[test]
    fn a_body_is_a_film_a_form_or_a_list_of_instances() {
        for film in [
            None,
            Some("image/png"),
            Some("IMAGE/JPEG"),
            Some("application/octet-stream; x=1"),
        ] {
            assert_eq!(layout(film), Ok(Layout::Film), "{film:?}");
        }
        assert_eq!(
            layout(Some("multipart/form-data; boundary=x")),
            Ok(Layout::Form("x".to_owned()))
        );
        let related = "multipart/related; type=\"application/dicom\"; boundary=x";
        assert_eq!(layout(Some(related)), Ok(Layout::Related("x".to_owned())));
    }

    #[test]
    fn any_other_media_type_is_refused() {
        for other in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "image/webp",
            "nonsense",
        ] {
            assert_eq!(
                layout(Some(other)),
                Err("unsupported_media_type"),
                "{other}"
            );
        }
        assert_eq!(
            layout(Some("multipart/form-data")),
            Err("malformed_multipart")
        );
    }
}
