//! The counters table: what the runs of a day led to, one item for each tenant, day and instance.

use media::counts::{CountsOwner, MediaCounts};

use crate::{
    clients::Clients,
    dynamodb::{Attributes, get_number, number_value, string_value},
    error::AwsError,
};

/// What comes before a strategy's name in the attribute that counts its stored files.
const STORED_BY: &str = "stored_";

/// What comes before a class's name in the attribute that counts its parked jobs.
const PARKED_AS: &str = "parked_";

/// The attribute with the time to live of an item, in seconds since 1970.
const FORGET_AT: &str = "forget_at";

/// Writes the counters table.
#[derive(Debug)]
pub struct Counters {
    clients: Clients,
    table: String,
}

impl Counters {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
    }

    /// Adds counts to a day's item, which is made if there is none, and is forgotten at `forget_at`
    /// (seconds since 1970). Counts are statistics: if an answer is lost and the call is repeated,
    /// they are added twice.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn add(
        &self,
        owner: &CountsOwner,
        counts: &MediaCounts,
        forget_at: i64,
    ) -> Result<(), AwsError> {
        let mut update = self
            .clients
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("tenant", string_value(owner.tenant.as_str()))
            .key("day", string_value(format_sort_key(&owner.day, owner.instance.as_str())))
            .expression_attribute_names("#forget", FORGET_AT)
            .expression_attribute_values(":forget", number_value(forget_at));
        let mut additions = Vec::new();
        for (n, (name, count)) in name_counts(counts).into_iter().enumerate() {
            let count = number_value(i64::try_from(count).unwrap_or(i64::MAX));
            update = update
                .expression_attribute_names(format!("#a{n}"), name)
                .expression_attribute_values(format!(":a{n}"), count);
            additions.push(format!("#a{n} :a{n}"));
        }
        let mut expression = "SET #forget = :forget".to_owned();
        if !additions.is_empty() {
            expression += &format!(" ADD {}", additions.join(", "));
        }
        let update = update.update_expression(expression);
        update.send().await.map_err(AwsError::in_operation("dynamodb:UpdateItem"))?;
        Ok(())
    }
}

/// The sort key of a day's item.
fn format_sort_key(day: &str, instance: &str) -> String {
    format!("{day}#{instance}")
}

/// Each attribute that counts something, and its count; none for a count of 0.
fn name_counts(counts: &MediaCounts) -> Vec<(String, u64)> {
    let plain = [
        ("announced", counts.announced),
        ("stored", counts.stored),
        ("bytes", counts.bytes),
        ("puts", counts.puts),
        ("attempt_ms", counts.attempt_ms),
        ("skipped", counts.skipped),
    ];
    let plain = plain.into_iter().map(|(name, count)| (name.to_owned(), count));
    let strategies = counts.strategies.iter();
    let strategies = strategies.map(|(name, count)| (format!("{STORED_BY}{name}"), *count));
    let parked = counts.parked.iter();
    let parked = parked.map(|(name, count)| (format!("{PARKED_AS}{name}"), *count));
    plain.chain(strategies).chain(parked).filter(|(_, count)| *count > 0).collect()
}

/// Reads the counts of an item. A count that cannot be read is 0; strategies and classes of another
/// version are counted under their names.
#[must_use]
pub fn read_counts(item: &Attributes) -> MediaCounts {
    let count = |name: &str| get_number(item, name).unwrap_or_default();
    let named = |prefix: &str| {
        let names = item.keys().filter_map(|name| Some((name.strip_prefix(prefix)?, name)));
        names.map(|(bare, name)| (bare.to_owned(), count(name))).collect()
    };
    MediaCounts {
        announced: count("announced"),
        stored: count("stored"),
        bytes: count("bytes"),
        puts: count("puts"),
        attempt_ms: count("attempt_ms"),
        skipped: count("skipped"),
        strategies: named(STORED_BY),
        parked: named(PARKED_AS),
    }
}
