//! The bucket, the tables and the key: what outlives the stack, what expires, what is private.

use house::parse_template;
use media::policy::Retention;
use serde_yaml_ng::Value;

use crate::{find_resource, if_wanted, resource_properties, resources_of_type, string_list};

#[test]
fn stored_files_outlive_the_stack() {
    let template = parse_template();
    for name in [
        "MediaBucket",
        "InstancesTable",
        "TenantsTable",
        "MediaTable",
        "JobsTable",
        "CountersTable",
        "OrdersTable",
        "AuditTable",
        "LinksTable",
        "ReceiversTable",
        "TokenKey",
    ] {
        let resource = find_resource(&template, name);
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(resource[policy].as_str(), Some("Retain"), "{name} {policy}");
        }
    }
}

#[test]
fn tables_are_protected_and_restorable() {
    let template = parse_template();
    let tables = resources_of_type(&template, "AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 11);
    for (name, table) in tables {
        let properties = &table["Properties"];
        assert_eq!(properties["BillingMode"].as_str(), Some("PAY_PER_REQUEST"), "{name}");
        let is_protected = properties["DeletionProtectionEnabled"].as_bool();
        assert_eq!(is_protected, Some(true), "{name} can be deleted");
        let restore = &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        assert_eq!(restore.as_bool(), Some(true), "{name}");
    }
}

/// Off by default. If it is on, what it records can be deleted by nobody, not even by an operator
/// who may bypass the lock, and every table with personal data is in it.
#[test]
fn the_access_trail_is_complete_and_locked() {
    let template = parse_template();
    assert_eq!(template["Parameters"]["AccessTrail"]["Default"].as_str(), Some("off"));
    for name in ["Trail", "TrailBucket", "TrailBucketPolicy"] {
        assert_eq!(find_resource(&template, name)["Condition"].as_str(), Some("RecordsAccess"));
    }
    let bucket = resource_properties(&template, "TrailBucket");
    assert_eq!(bucket["ObjectLockEnabled"].as_bool(), Some(true));
    let lock = &bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
    assert_eq!(lock["Mode"].as_str(), Some("GOVERNANCE"));
    assert_eq!(string_list(&lock["Days"]), ["AccessTrailDays"]);
    let policy = &resource_properties(&template, "TrailBucketPolicy")["PolicyDocument"];
    let denied = policy["Statement"].as_sequence().expect("statements").iter();
    let denied = denied.filter(|one| one["Effect"] == "Deny" && one["Principal"] == "*");
    let denied: Vec<_> = denied.flat_map(|one| string_list(&one["Action"])).collect();
    for action in ["BypassGovernanceRetention", "DeleteObject", "DeleteObjectVersion"] {
        assert!(denied.contains(&format!("s3:{action}")), "{action}");
    }
    let trail = resource_properties(&template, "Trail");
    assert_eq!(trail["IsLogging"].as_bool(), Some(true));
    assert_eq!(trail["EnableLogFileValidation"].as_bool(), Some(true));
    let selectors = trail["AdvancedEventSelectors"].as_sequence().expect("selectors").iter();
    let fields = selectors.flat_map(|one| one["FieldSelectors"].as_sequence().expect("fields"));
    let recorded: Vec<_> = fields.flat_map(|one| string_list(&one["StartsWith"])).collect();
    let tables = resources_of_type(&template, "AWS::DynamoDB::Table").into_iter();
    // It has no personal data: how far a log was read.
    let tables = tables.map(|(name, _)| name).filter(|name| *name != "MarksTable");
    for name in tables {
        assert!(recorded.contains(&format!("{name}.Arn")), "{name} is not recorded");
    }
    for bucket in ["${MediaBucket.Arn}/", "${DeliveriesBucket.Arn}/"] {
        assert!(recorded.contains(&bucket.to_owned()), "{bucket}");
    }
    assert!(!fields_of(trail, "readOnly"), "reads and writes");
}

fn fields_of(trail: &Value, name: &str) -> bool {
    let selectors = trail["AdvancedEventSelectors"].as_sequence().into_iter().flatten();
    let mut fields =
        selectors.flat_map(|one| one["FieldSelectors"].as_sequence().into_iter().flatten());
    fields.any(|field| field["Field"] == name)
}

/// Marks of erased media, and under a retention records and parked entries.
#[test]
fn records_and_entries_can_end() {
    let template = parse_template();
    for table in ["MediaTable", "JobsTable", "CountersTable", "LinksTable", "PeopleTable"] {
        let time_to_live = &resource_properties(&template, table)["TimeToLiveSpecification"];
        assert_eq!(time_to_live["AttributeName"].as_str(), Some("forget_at"), "{table}");
        assert_eq!(time_to_live["Enabled"].as_bool(), Some(true), "{table}");
    }
}

/// Without it, everything that was erased could come back.
#[test]
fn orders_cannot_be_deleted_with_their_table() {
    let template = parse_template();
    let table = resource_properties(&template, "OrdersTable");
    assert_eq!(table["DeletionProtectionEnabled"].as_bool(), Some(true));
}

/// Else `30d` would mean 60 days: without a class, a noncurrent version is kept for 30.
#[test]
fn a_class_ends_noncurrent_versions_too() {
    let template = parse_template();
    let bucket = resource_properties(&template, "MediaBucket");
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_sequence().expect("rules");
    let classes = rules.iter().filter(|rule| !rule["TagFilters"].is_null());
    let days = classes.map(|rule| rule["NoncurrentVersionExpiration"]["NoncurrentDays"].as_u64());
    assert_eq!(days.collect::<Vec<_>>(), [Some(1); Retention::ALL.len()]);
}

/// What the parked queue keeps without a record, an unread webhook, ends before every class.
#[test]
fn no_queue_outlasts_a_class() {
    let template = parse_template();
    for (name, queue) in resources_of_type(&template, "AWS::SQS::Queue") {
        let seconds = queue["Properties"]["MessageRetentionPeriod"].as_u64().expect("a time");
        let shortest = Retention::ALL.map(Retention::days).into_iter().min().expect("a class");
        assert!(seconds < u64::from(shortest) * 86_400, "{name}");
    }
}

#[test]
fn the_bucket_is_private_versioned_and_swept() {
    let template = parse_template();
    let bucket = resource_properties(&template, "MediaBucket");
    let block = bucket["PublicAccessBlockConfiguration"].as_mapping().expect("a block");
    assert!(block.len() == 4 && block.values().all(|value| value.as_bool() == Some(true)));
    assert_eq!(bucket["VersioningConfiguration"]["Status"].as_str(), Some("Enabled"));
    let owner = &bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"];
    assert_eq!(owner.as_str(), Some("BucketOwnerEnforced"));
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_sequence().expect("rules");
    let days =
        |rule: &Value| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"].as_u64();
    assert!(rules.iter().any(|rule| days(rule) == Some(1)));
    // Files expire only through a retention class that the tenant chose.
    let expiring = rules.iter().filter(|rule| !rule["ExpirationInDays"].is_null());
    let expiring: Vec<_> = expiring
        .map(|rule| {
            let tags = rule["TagFilters"].as_sequence().expect("tags");
            let tag = tags.first().filter(|_| tags.len() == 1).expect("one tag");
            assert_eq!(tag["Key"].as_str(), Some(Retention::TAG));
            assert_eq!(rule["Status"].as_str(), Some("Enabled"));
            let class = tag["Value"].as_str().map(str::to_owned);
            (class, rule["ExpirationInDays"].as_u64())
        })
        .collect();
    let classes = Retention::ALL.map(|class| {
        let name = class.as_str().to_owned();
        (Some(name), Some(u64::from(class.days())))
    });
    assert_eq!(expiring, classes);
}

/// Whole webhooks are in it, and only until they are delivered or given up.
#[test]
fn bodies_of_deliveries_are_private_and_end() {
    let template = parse_template();
    let bucket = resource_properties(&template, "DeliveriesBucket");
    let block = bucket["PublicAccessBlockConfiguration"].as_mapping().expect("a block");
    assert!(block.len() == 4 && block.values().all(|value| value.as_bool() == Some(true)));
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_sequence().expect("rules").iter();
    let expire = rules.clone().find(|rule| rule["Id"] == "expire").expect("an end");
    assert_eq!(expire["ExpirationInDays"].as_u64(), Some(4), "a day longer than deliveries");
    assert_eq!(expire["NoncurrentVersionExpiration"]["NoncurrentDays"].as_u64(), Some(1));
    assert_eq!(expire["Status"].as_str(), Some("Enabled"));
}

/// The indexes that the ledger queries must exist under their names and with their keys.
#[test]
fn the_tables_have_the_indexes_of_the_ledger() {
    let text = |name: &str, keys: [&str; 2]| (name.to_owned(), keys.map(str::to_owned).to_vec());
    let template = parse_template();
    for (table, expected) in [
        (
            "MediaTable",
            vec![
                text("by_instance", ["instance", "moment"]),
                text("by_chat", ["chat", "instance"]),
            ],
        ),
        (
            "JobsTable",
            vec![
                text("by_due", ["due_shard", "due_at"]),
                text("by_class", ["state_class", "recoverable_until"]),
                text("by_tenant", ["tenant", "state_class"]),
            ],
        ),
    ] {
        let found = indexes(&template, table).into_iter().map(|index| {
            let keys = index["KeySchema"].as_sequence().expect("keys").iter();
            let names = keys.flat_map(|key| string_list(&key["AttributeName"]));
            (string_list(&index["IndexName"]).concat(), names.collect::<Vec<_>>())
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

fn indexes<'a>(template: &'a Value, table: &str) -> Vec<&'a Value> {
    let indexes = &resource_properties(template, table)["GlobalSecondaryIndexes"];
    indexes.as_sequence().expect("indexes").iter().map(if_wanted).collect()
}

/// `DynamoDB` charges for an index with each write that changes what the index has. None of these
/// attributes changes after the first claim.
#[test]
fn the_index_by_chat_has_only_what_never_changes() {
    let template = parse_template();
    let indexes = indexes(&template, "MediaTable");
    let is_by_chat = |index: &&&Value| index["IndexName"].as_str() == Some("by_chat");
    let by_chat = indexes.iter().find(is_by_chat).expect("the index");
    assert_eq!(string_list(&by_chat["Projection"]["NonKeyAttributes"]), ["tenant", "moment"]);
}

/// `CloudFormation` changes one index of a table per deployment, so an update from a version with
/// another index must be possible without this one. `DynamoDB` refuses the definition of an
/// attribute that no index has.
#[test]
fn the_index_by_chat_can_be_left_out() {
    let template = parse_template();
    let table = resource_properties(&template, "MediaTable");
    for list in ["AttributeDefinitions", "GlobalSecondaryIndexes"] {
        let items = table[list].as_sequence().expect("a list").iter();
        let optional: Vec<_> = items.filter(|item| matches!(item, Value::Tagged(_))).collect();
        assert_eq!(optional.len(), 1, "{list}");
        let Value::Tagged(tagged) = optional[0] else { unreachable!("it is tagged") };
        assert_eq!(tagged.value[0].as_str(), Some("HasChatIndex"), "{list}");
        assert!(!tagged.value[1].is_null(), "{list}");
    }
    assert_eq!(template["Parameters"]["ChatIndex"]["Default"].as_str(), Some("on"));
}

/// A body may contain a media key, and the read-only policy allows the indexes.
#[test]
fn no_index_of_the_jobs_table_has_bodies() {
    let template = parse_template();
    for index in indexes(&template, "JobsTable") {
        let projection = &index["Projection"];
        let kind = projection["ProjectionType"].as_str();
        assert!(matches!(kind, Some("KEYS_ONLY" | "INCLUDE")), "{index:?}");
        assert!(!string_list(&projection["NonKeyAttributes"]).contains(&"body".to_owned()));
    }
}

#[test]
fn requests_without_tls_are_denied_by_default() {
    let template = parse_template();
    assert_eq!(template["Parameters"]["RequireTls"]["Default"].as_str(), Some("true"));
    for (name, on, action, resources) in [
        (
            "DeliveriesBucketPolicy",
            "Bucket",
            "s3:*",
            &["DeliveriesBucket.Arn", "${DeliveriesBucket.Arn}/*"][..],
        ),
        ("MediaBucketPolicy", "Bucket", "s3:*", &["MediaBucket.Arn", "${MediaBucket.Arn}/*"][..]),
        (
            "QueuesPolicy",
            "Queues",
            "sqs:*",
            &["JobsQueue.Arn", "ParkedQueue.Arn", "DeliveriesQueue.Arn"],
        ),
        ("AlarmTopicPolicy", "Topics", "sns:Publish", &["AlarmTopic"]),
    ] {
        assert_eq!(find_resource(&template, name)["Condition"].as_str(), Some("RequiresTls"));
        let policy = resource_properties(&template, name);
        assert!(!string_list(&policy[on]).is_empty(), "{name} applies to nothing");
        let statements = policy["PolicyDocument"]["Statement"].as_sequence().expect("statements");
        let denial = statements.iter().find(|one| one["Effect"].as_str() == Some("Deny"));
        let denial = denial.unwrap_or_else(|| unreachable!("{name} denies nothing"));
        assert_eq!(denial["Principal"].as_str(), Some("*"), "{name}");
        assert_eq!(string_list(&denial["Action"]), [action], "{name}");
        assert_eq!(string_list(&denial["Resource"]), resources, "{name}");
        let secure = &denial["Condition"]["Bool"]["aws:SecureTransport"];
        assert_eq!(secure.as_bool(), Some(false), "{name}");
    }
}
