//! Tests of the module above.

use super::*;

#[test]
fn codes_are_listed_once_and_a_500_shows_no_cause() {
    let errors = [
        ApiError::EmptyBody,
        PipelineError::Film(DecodeError::SeveralFrames).into(),
        PipelineError::Reference(lungfield_codec::reference::ReferenceError::TrueColour).into(),
        EngineError::Failed.into(),
        ApiError::Panicked,
    ];
    for error in errors {
        let (status, code) = error.kind();
        assert_eq!(
            CODES.iter().filter(|&&listed| listed == code).count(),
            1,
            "{code}"
        );
        assert!(!error.detail(status).contains("panicked"));
    }
}

#[test]
fn whoever_is_turned_away_for_now_is_told_when_to_come_back() {
    for error in [
        EngineError::Overloaded,
        EngineError::OutOfMemory,
        EngineError::Stopped,
    ] {
        assert!(
            ApiError::from(error)
                .into_response()
                .headers()
                .contains_key(header::RETRY_AFTER)
        );
    }
    assert!(
        !ApiError::EmptyBody
            .into_response()
            .headers()
            .contains_key(header::RETRY_AFTER)
    );
}
