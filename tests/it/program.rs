//! Starts `lungfield-serve` as a process.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use lungfield_testing::program::{Program, command};

use crate::client::{Call, Raw};

pub(crate) const SERVE: &str = env!("CARGO_BIN_EXE_lungfield-serve");
pub(crate) const PHANTOM: &str = env!("CARGO_BIN_EXE_lungfield-phantom");

/// A running `lungfield-serve` on a free port.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    /// The address of the listener of operators.
    operators: SocketAddr,
}

/// Starts to serve a model in f32 on the CPU. Settings come from the environment, so that flags override them.
pub(crate) fn serve(model: &Path, flags: &[&str]) -> Program {
    Program::start(&mut serving(model, flags))
}

/// Starts to serve a model on this address, with standard error sent elsewhere.
pub(crate) fn serve_silently(model: &Path, address: SocketAddr, said: Stdio) -> Program {
    let mut command = serving(model, &[&format!("--listen={address}")]);
    let child = command.stdout(Stdio::null()).stderr(said).spawn().unwrap();
    Program::without_log(child)
}

fn serving(model: &Path, flags: &[&str]) -> Command {
    let mut command = command(SERVE, flags);
    command
        .env("LUNGFIELD_MODEL", model)
        .env("LUNGFIELD_LISTEN", "127.0.0.1:0")
        .env("LUNGFIELD_METRICS_LISTEN", "127.0.0.1:0")
        .env("LUNGFIELD_DEVICE", "cpu")
        .env("LUNGFIELD_PRECISION", "f32")
        .env("LUNGFIELD_MAX_BATCH_SIZE", "2");
    command
}

impl Daemon {
    /// Starts to serve a model, and waits until it listens.
    #[track_caller]
    pub(crate) fn start(model: &Path, flags: &[&str]) -> Self {
        Self::hear(serve(model, flags))
    }

    /// Starts to serve a model with this folder for temporary files, and waits until it listens.
    #[track_caller]
    pub(crate) fn start_in(model: &Path, temporary: &Path, flags: &[&str]) -> Self {
        Self::hear(Program::start(
            serving(model, flags).env("TMPDIR", temporary),
        ))
    }

    #[track_caller]
    fn hear(mut program: Program) -> Self {
        let told = |line: String| {
            let address = line
                .split("://")
                .nth(1)
                .unwrap()
                .split([' ', '"', '/'])
                .next()
                .unwrap();
            address.parse().unwrap()
        };
        let operators = told(program.wait_for_line("metrics at http://"));
        Self {
            operators,
            address: told(program.wait_for_line("listening on http")),
            program,
        }
    }

    /// Sends the head and the first half of the body of a request, after the server has admitted it.
    pub(crate) fn half_way(&self, film: &[u8]) -> Raw {
        let mut raw = Raw::ask_first(self.address, film.len());
        assert_eq!(raw.reply().status, 100);
        raw.write(&film[..film.len() / 2]);
        raw
    }

    /// Builds a request to the listener of operators.
    pub(crate) fn operators(&self, path: &str) -> Call {
        Call::new("GET", self.operators, path)
    }

    /// Returns the metrics.
    #[track_caller]
    pub(crate) fn metrics(&self) -> String {
        String::from_utf8(self.operators("/metrics").send().body).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        Call::new("GET", self.address, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        Call::new("POST", self.address, path)
    }

    /// Builds a request to segment a film.
    pub(crate) fn film(&self, bytes: &[u8]) -> Call {
        self.post("/v1/segment").body(bytes)
    }
}
