//! Starts the real programs, reads what they log, and ends them.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::PATIENCE;

/// A program with nothing in its environment that would tell it how to behave.
pub fn command(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
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
pub fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    command(program, arguments).output().unwrap()
}

/// A program that runs, and what it says on standard error. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Program {
    /// Takes over a child whose standard error goes elsewhere.
    #[must_use]
    pub fn unheard(child: Child) -> Self {
        Self {
            child,
            lines: channel().1,
            heard: Vec::new(),
        }
    }

    /// Starts a program whose standard output is dropped.
    pub fn start(command: &mut Command) -> Self {
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
    pub fn hear(&mut self, part: &str) -> String {
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
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn tell(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The most memory that it has had so far, in bytes, as the kernel counts it.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Waits for the end and returns all that was said.
    #[track_caller]
    #[must_use]
    pub fn end(mut self) -> (ExitStatus, Vec<String>) {
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
