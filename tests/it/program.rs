//! Decides how the tests start the real programs, hear what they say and end them.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Call, PATIENCE, Raw};

const SERVE: &str = env!("CARGO_BIN_EXE_lungfield-serve");
pub(crate) const SEGMENT: &str = env!("CARGO_BIN_EXE_lungfield-segment");
pub(crate) const TRAIN: &str = env!("CARGO_BIN_EXE_lungfield-train");
pub(crate) const EVALUATE: &str = env!("CARGO_BIN_EXE_lungfield-evaluate");

/// A program with nothing in its environment that would tell it how to behave.
fn command(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LUNGFIELD_"))
    {
        command.env_remove(name);
    }
    // Several of these run side by side; threads that wait for work by spinning would keep the others from theirs.
    command.env("OMP_NUM_THREADS", "1");
    command
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    command(program, arguments).output().unwrap()
}

/// A program that runs, and what it says on standard error. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            said.lines()
                .map_while(Result::ok)
                .all(|line| sender.send(line).is_ok())
        });
        Self {
            child,
            lines,
            heard: Vec::new(),
        }
    }

    /// Waits for a line that holds `part`, and returns it.
    #[track_caller]
    pub(crate) fn hear(&mut self, part: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!(
                    "nothing was said of {part:?}, but:\n{}",
                    self.heard.join("\n")
                );
            };
            self.heard.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// What the system knows it by.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn tell(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The most memory that it has had so far, in bytes, as the kernel counts it.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Waits for the end and returns all that was said.
    #[track_caller]
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>) {
        let given_up = Instant::now() + PATIENCE;
        while let Ok(line) = self
            .lines
            .recv_timeout(given_up.saturating_duration_since(Instant::now()))
        {
            self.heard.push(line);
        }
        assert!(
            Instant::now() < given_up,
            "it did not end, but said:\n{}",
            self.heard.join("\n")
        );
        // Its standard error is closed, so it has ended, or is about to.
        (self.child.wait().unwrap(), std::mem::take(&mut self.heard))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it has ended already in most tests
        let _ = self.child.wait();
    }
}

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
    Program {
        child,
        lines: channel().1,
        heard: Vec::new(),
    }
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
