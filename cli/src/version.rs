//! Compares the version of this command with that of the stack: an older command does not know what
//! a newer stack keeps, and would erase or drop without it.

use anyhow::bail;

use crate::screen;

/// The version of this command.
const OWN: &str = env!("CARGO_PKG_VERSION");

/// Major, minor and patch number. `None`: the text is not a version.
fn parse_version(text: &str) -> Option<[u64; 3]> {
    let numbers = text.split(['-', '+']).next()?;
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

/// Whether a stack of this version is newer than the command. A version that cannot be read is.
fn is_newer(stack: &str, own: &str) -> bool {
    parse_version(stack).is_none_or(|stack| parse_version(own).is_none_or(|own| stack > own))
}

/// Whether a stack of this version is newer than this command. Stacks from before the output
/// `Version` have none, and are older.
pub(crate) fn is_outdated_for(stack: Option<&str>) -> bool {
    stack.is_some_and(|stack| is_newer(stack, OWN))
}

/// Fails if the stack is newer than this command and the verb changes something; else prints a
/// warning to standard error.
pub(crate) fn check_version(stack: Option<&str>, changes: bool) -> anyhow::Result<()> {
    let Some(newer) = stack.filter(|_| is_outdated_for(stack)) else {
        return Ok(());
    };
    let told = format!(
        "this command is version {OWN}, and the stack is version {newer}. Build the command \
         from the version that was deployed: cargo install --locked --path cli"
    );
    if changes {
        bail!("{told}. Nothing was changed, because an older command may miss what the stack keeps")
    }
    screen::print_error(&format!("warning: {told}. What follows may be incomplete"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{OWN, check_version, is_newer, parse_version};

    #[test]
    fn versions_are_compared_as_numbers() {
        for (stack, own, newer) in [
            ("0.1.0", "0.1.0", false),
            ("0.1.0", "0.2.0", false),
            ("0.10.0", "0.9.9", true),
            ("1.0.0", "0.99.0", true),
            ("0.1.1", "0.1.0", true),
            ("0.1.0-rc.1", "0.1.0", false),
            ("", "0.1.0", true),
            ("0.1", "0.1.0", true),
            ("0.1.0.0", "0.1.0", true),
            ("next", "0.1.0", true),
        ] {
            assert_eq!(is_newer(stack, own), newer, "{stack} {own}");
        }
        assert!(parse_version(OWN).is_some());
    }

    /// An older stack, also one without a version, is operated as before.
    #[test]
    fn only_changes_of_a_newer_stack_are_refused() {
        for changes in [false, true] {
            for older in [None, Some(OWN), Some("0.0.1")] {
                assert!(check_version(older, changes).is_ok(), "{older:?}");
            }
            assert_eq!(check_version(Some("99.0.0"), changes).is_err(), changes);
        }
    }
}
