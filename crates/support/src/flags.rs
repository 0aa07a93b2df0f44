//! Parses and checks command-line flags that several programs share.

use bytesize::ByteSize;

/// Parses a number above 0 with an optional unit: `64M`, `64MiB`, `1000`.
pub fn positive(text: &str) -> Result<u64, String> {
    match text.parse::<ByteSize>()?.as_u64() {
        0 => Err("it must be more than 0".to_owned()),
        number => Ok(number),
    }
}

/// Returns the flags of a command whose environment variable is not `LUNGFIELD_` and the flag's name.
///
/// `--help` and `--version` have none, and are left out.
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
