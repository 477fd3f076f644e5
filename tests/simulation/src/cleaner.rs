//! What S3 and `DynamoDB` remove by themselves: at every midnight (UTC), as late as AWS says that
//! it may be.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    clockwork::WORLD_START, cloud::Cloud, plan::ExpiryRules, publisher::is_resting_delivery,
};

const DAY: i64 = 24 * 60 * 60;

/// How long after its time `DynamoDB` may still keep an item, in seconds.
const MAX_TTL_DELAY: i64 = 2 * DAY;

/// Removes what has expired at every midnight, without end.
pub(crate) async fn run_cleaner(cloud: Arc<Cloud>, rules: ExpiryRules) {
    let mut midnight = WORLD_START;
    loop {
        midnight = next_midnight(midnight + 1);
        let since_start = u64::try_from(midnight - WORLD_START).unwrap_or_default();
        cloud.clock.sleep_until(Duration::from_secs(since_start)).await;
        cloud.bucket.expire_versions(&rules.lifecycle, midnight);
        for (table, attribute) in &rules.time_to_live {
            let count = remove_expired(&cloud, table, attribute, midnight - MAX_TTL_DELAY);
            if count > 0 {
                let line = format!("the time to live of {count} items of {table} has ended");
                cloud.log.add_line(cloud.clock.now(), line);
            }
        }
    }
}

/// The first midnight at or after this time, in seconds since 1970.
pub(crate) fn next_midnight(at: i64) -> i64 {
    at.div_euclid(DAY) * DAY + if at.rem_euclid(DAY) == 0 { 0 } else { DAY }
}

/// Deletes the items that ended before this time, and returns how many.
fn remove_expired(cloud: &Cloud, table: &str, attribute: &str, before: i64) -> usize {
    let mut count = 0;
    for item in cloud.tables.items(table).expect("a table") {
        let end = item[attribute]["N"].as_str().and_then(|end| end.parse::<i64>().ok());
        // Nobody passes webhooks on in a world with a calendar, so what rests there is not late.
        if end.is_none_or(|end| end > before) || is_resting_delivery(&item) {
            continue;
        }
        // The table of people has another sort key than the others.
        let sort_key = if item["link"].is_null() { "message_id" } else { "link" };
        let key: Value = json!({ "instance": item["instance"], sort_key: item[sort_key] });
        let delete = json!({ "TableName": table, "Key": key });
        let answer = cloud.tables.answer_call("DeleteItem", &delete);
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
        count += 1;
    }
    count
}
