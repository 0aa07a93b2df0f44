//! Starts `lungfield-serve` for the tests.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use lungfield_testing::program::{Program, command};

use crate::client::{Call, Raw};

pub(crate) const SERVE: &str = env!("CARGO_BIN_EXE_lungfield-serve");
pub(crate) const PHANTOM: &str = env!("CARGO_BIN_EXE_lungfield-phantom");

/// `lungfield-serve` with a model, on a port of its own.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    /// Where its operators ask.
    operators: SocketAddr,
}

/// Starts to serve a model in 32 bits on the CPU. Flags win, since all else is said in the environment.
pub(crate) fn serve(model: &Path, flags: &[&str]) -> Program {
    Program::start(&mut serving(model, flags))
}

/// The same, there, and what it says goes where nobody hears it.
pub(crate) fn serve_silently(model: &Path, address: SocketAddr, said: Stdio) -> Program {
    let mut command = serving(model, &[&format!("--listen={address}")]);
    let child = command.stdout(Stdio::null()).stderr(said).spawn().unwrap();
    Program::unheard(child)
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
    /// Serves a model, and waits until it does.
    #[track_caller]
    pub(crate) fn start(model: &Path, flags: &[&str]) -> Self {
        Self::hear(serve(model, flags))
    }

    /// The same, with a folder of its own for temporary files.
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
        let operators = told(program.hear("metrics at http://"));
        Self {
            operators,
            address: told(program.hear("listening on http")),
            program,
        }
    }

    /// A request whose head was let in, and of whose body the half is there.
    pub(crate) fn half_way(&self, film: &[u8]) -> Raw {
        let mut raw = Raw::ask_first(self.address, film.len());
        assert_eq!(raw.reply().status, 100);
        raw.write(&film[..film.len() / 2]);
        raw
    }

    /// What its operators ask.
    pub(crate) fn operators(&self, path: &str) -> Call {
        Call::new("GET", self.operators, path)
    }

    /// What its operators are told.
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

    /// A film to segment.
    pub(crate) fn film(&self, bytes: &[u8]) -> Call {
        self.post("/v1/segment").body(bytes)
    }
}
