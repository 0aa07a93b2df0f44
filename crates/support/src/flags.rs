//! Parses and checks command-line flags that several programs share.

use bytesize::ByteSize;

/// Parses a number above 0 with an optional unit: `1000`, `64k`, `64M`, `64MiB`.
///
/// Units without an `i` are powers of 1000, units with one are powers of 1024.
///
/// # Errors
/// Returns a text for the user where `text` is no such number, or is 0.
///
/// # Examples
/// ```
/// use lungfield_support::flags::positive;
///
/// assert_eq!(positive("64M"), Ok(64_000_000));
/// assert_eq!(positive("64MiB"), Ok(64 << 20));
/// assert_eq!(positive("0"), Err("it must be more than 0".to_owned()));
/// assert!(positive("many").is_err());
/// ```
pub fn positive(text: &str) -> Result<u64, String> {
    match text.parse::<ByteSize>()?.as_u64() {
        0 => Err("it must be more than 0".to_owned()),
        number => Ok(number),
    }
}

/// Returns the flags of `command` that cannot be set by an environment variable named `LUNGFIELD_` and the flag's name.
///
/// A test of each program calls it, so that no flag lacks its variable. `--help` and `--version` are left out.
///
/// # Examples
/// ```
/// use clap::{CommandFactory, Parser};
/// use lungfield_support::flags::without_variable;
///
/// #[derive(Parser)]
/// struct Settings {
///     #[arg(long, env = "LUNGFIELD_MAX_PIXELS")]
///     max_pixels: Option<u64>,
///     #[arg(long)]
///     dry_run: bool,
/// }
///
/// assert_eq!(without_variable(&Settings::command()), ["dry-run"]);
/// ```
#[must_use]
pub fn without_variable(command: &clap::Command) -> Vec<String> {
    let flags = command.get_arguments().filter_map(|argument| {
        let flag = argument.get_long()?;
        let expected = format!("LUNGFIELD_{}", flag.replace('-', "_").to_uppercase());
        let is_named = argument.get_env().is_some_and(|name| *name == *expected);
        (!is_named && !["help", "version"].contains(&flag)).then(|| flag.to_owned())
    });
    flags.collect()
}
