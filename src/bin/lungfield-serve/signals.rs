//! Turns Unix signals into what the server is asked to do.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// What the signals of the process ask for.
pub(crate) struct Signals {
    /// The first SIGTERM or SIGINT: finish the requests in flight and exit.
    pub(crate) leave: oneshot::Receiver<()>,
    /// The second one: exit at once.
    pub(crate) end: oneshot::Receiver<()>,
    /// A SIGHUP: read keys and certificates again.
    pub(crate) reload: mpsc::Receiver<()>,
}

impl Signals {
    /// Starts to listen for signals. Needs a tokio runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        let hang_up = signal(SignalKind::hangup())?;
        let (ask, reload) = mpsc::channel(1);
        tokio::spawn(forward_reloads(hang_up, ask));

        let (terminate, interrupt) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let (first, leave) = oneshot::channel();
        let (second, end) = oneshot::channel();
        tokio::spawn(forward_ends(terminate, interrupt, [first, second]));
        Ok(Self { leave, end, reload })
    }
}

async fn forward_reloads(mut hang_up: Signal, ask: mpsc::Sender<()>) {
    while hang_up.recv().await.is_some() {
        let _ = ask.try_send(()); // a reload that is still to come reads the newest files, too
    }
}

async fn forward_ends(
    mut terminate: Signal,
    mut interrupt: Signal,
    receivers: [oneshot::Sender<()>; 2],
) {
    for receiver in receivers {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
        let _ = receiver.send(()); // the server may have ended
    }
}
