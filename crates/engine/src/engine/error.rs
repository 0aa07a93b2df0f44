//! The errors of an engine, and their stable codes.

/// The error of a film that was not segmented. Each variant is a different next step of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The queue is full: try again later.
    #[error("the queue is full")]
    Overloaded,
    /// The engine takes no new films, because its service is about to end: try another server.
    #[error("the engine is draining")]
    Draining,
    /// The model threads are lost: this process will not segment again.
    #[error("the engine has stopped")]
    Stopped,
    /// The deadline passed before the map was ready.
    #[error("the deadline has passed")]
    DeadlineExceeded,
    /// The device had too little memory for this film, even in a smaller batch: try again later.
    #[error("the device is out of memory")]
    OutOfMemory,
    /// The forward pass failed, both with the film's batch and with the film alone: do not try again. The cause is in
    /// the log.
    #[error("the forward pass failed")]
    Failed,
}

impl EngineError {
    /// Returns the stable code of the error, as responses and metrics state it.
    ///
    /// # Examples
    /// ```
    /// use lungfield_engine::EngineError;
    ///
    /// assert_eq!(EngineError::Overloaded.code(), "overloaded");
    /// assert_eq!(EngineError::Overloaded.to_string(), "the queue is full");
    /// ```
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
            Self::Stopped => "engine_stopped",
            Self::OutOfMemory => "out_of_memory",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Failed => "internal",
        }
    }
}

/// The error of an engine that did not start; `E` is the error of building a segmenter.
#[derive(Debug, thiserror::Error)]
pub enum StartError<E> {
    /// A segmenter could not be built.
    #[error("the segmenter could not be built")]
    Build(#[source] E),
    /// Building a segmenter panicked.
    #[error("building the segmenter panicked")]
    Panicked,
    /// The system refused to start a thread.
    #[error("the model thread could not be started")]
    Thread(#[source] std::io::Error),
}
