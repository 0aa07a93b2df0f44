//! Starts programs, reads their logs, sends them signals, and waits for their end.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::TEST_TIMEOUT;

/// Returns the command of a program, without variables that would change its settings.
pub fn command(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LUNGFIELD_"))
    {
        command.env_remove(name);
    }
    // Tests run in parallel, and libtorch's threads spin while they wait, which would slow down other tests.
    command.env("OMP_NUM_THREADS", "1");
    command
}

/// Runs a program, waits for its end, and returns its output.
pub fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    command(program, arguments).output().unwrap()
}

/// A running program and the lines of its standard error. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    /// The lines that were read from `lines`.
    log: Vec<String>,
}

impl Program {
    /// Wraps a child process whose standard error is not read.
    #[must_use]
    pub fn without_log(child: Child) -> Self {
        Self {
            child,
            lines: channel().1,
            log: Vec::new(),
        }
    }

    /// Starts a program, and discards its standard output.
    pub fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .all(|line| sender.send(line).is_ok())
        });
        Self {
            child,
            lines,
            log: Vec::new(),
        }
    }

    /// Waits for a line that contains `part`, and returns it.
    ///
    /// # Panics
    /// Panics if the program ends or the timeout passes before.
    #[track_caller]
    pub fn wait_for_line(&mut self, part: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(TEST_TIMEOUT) else {
                panic!("no line contains {part:?}:\n{}", self.log.join("\n"));
            };
            self.log.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the program.
    pub fn send_signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Returns the peak resident memory of the process so far, in bytes (`VmHWM` of the kernel).
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Waits for the end of the program, and returns its exit status and all lines of its log.
    ///
    /// # Panics
    /// Panics if the program does not end within the timeout.
    #[track_caller]
    #[must_use]
    pub fn wait_for_end(mut self) -> (ExitStatus, Vec<String>) {
        let deadline = Instant::now() + TEST_TIMEOUT;
        while let Ok(line) = self
            .lines
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.log.push(line);
        }
        assert!(
            Instant::now() < deadline,
            "the program did not end:\n{}",
            self.log.join("\n")
        );
        // Standard error is closed, so the program has ended, or is about to.
        (self.child.wait().unwrap(), std::mem::take(&mut self.log))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill(); // in most tests it has ended already
        let _ = self.child.wait();
    }
}
