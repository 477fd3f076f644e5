//! The AWS calls that failed in one operation, for the person who asked for it.

use aws::error::AwsError;

/// How many jobs or messages an AWS call failed for, and why the first one failed. A command has no
/// log, so its operator learns the reason from this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    /// The number of jobs or messages.
    pub count: usize,
    /// The first error; `None` if none failed.
    pub first: Option<AwsError>,
}

impl Failures {
    /// Counts one job or message.
    pub(crate) fn add(&mut self, error: AwsError) {
        self.count += 1;
        self.first.get_or_insert(error);
    }

    /// Adds the failures of a later step.
    pub(crate) fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.first = self.first.take().or(later.first);
    }
}
