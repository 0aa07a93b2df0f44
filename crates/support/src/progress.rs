//! Shows the progress of a long task on standard error: as a bar on a terminal, and elsewhere as a line every ten seconds.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// The time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The progress of a long task, with its rate and the time left.
///
/// # Examples
/// ```
/// use lungfield_support::progress::Progress;
///
/// let mut progress = Progress::start("film", 3);
/// for film in 1..=3 {
///     progress.step(film, "Dice 0.96");
/// }
/// progress.say("all films are done");
/// ```
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: u64,
    /// The steps that were done before the task was resumed.
    before: u64,
    done: u64,
    started: Instant,
    last_line: Instant,
}

impl Progress {
    /// Starts the progress of a task of `total` steps. `what` names a step, as in "film".
    #[must_use]
    pub fn start(what: &'static str, total: u64) -> Self {
        Self::resume(what, total, 0)
    }

    /// Starts the progress of a task that is resumed: `done` of its `total` steps are done and don't count for the rate.
    #[must_use]
    pub fn resume(what: &'static str, total: u64, done: u64) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec}, {eta} left  {msg}");
            let style = style.expect("the template is well formed");
            ProgressBar::new(total)
                .with_position(done)
                .with_style(style)
        });
        let now = Instant::now();
        Self {
            bar,
            what,
            total,
            before: done,
            done,
            started: now,
            last_line: now,
        }
    }

    /// Records that `done` steps are done. `remark` is shown beside them.
    pub fn step(&mut self, done: u64, remark: &str) {
        self.done = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(remark.to_owned());
        } else if self.last_line.elapsed() >= LINE_EVERY || done == self.total {
            self.last_line = Instant::now();
            let rate = rate(done - self.before, self.started.elapsed());
            self.say(&line(self.what, done, self.total, rate, remark));
        }
    }

    /// Prints a line that stays, above the bar.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // Where standard error is closed, nobody reads the line.
            None => drop(writeln!(io::stderr(), "{text}")),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Returns the steps per second.
fn rate(steps: u64, elapsed: Duration) -> f64 {
    steps as f64 / elapsed.as_secs_f64().max(1e-9)
}

/// Returns a line such as `film 30/70, 12.5/s, 3s left  remark`.
fn line(what: &str, done: u64, total: u64, rate: f64, remark: &str) -> String {
    let left = Duration::from_secs_f64((total.saturating_sub(done)) as f64 / rate.max(1e-9));
    let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
    format!("{what} {done}/{total}, {rate:.1}/s, {left} left  {remark}")
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rate_and_time_left() {
        let text = line(
            "film",
            30,
            90,
            rate(30, Duration::from_secs(10)),
            "Dice 0.96",
        );
        assert_eq!(text, "film 30/90, 3.0/s, 20s left  Dice 0.96");
    }

    #[test]
    fn a_line_before_the_first_step_breaks_nothing() {
        assert!(line("film", 0, 10, rate(0, Duration::ZERO), "").starts_with("film 0/10"));
    }
}
