//! The IAM permissions of each function.

use std::collections::{BTreeMap, BTreeSet};

use house::parse_template;
use media::{object::ObjectDescription, policy::Retention};
use serde_yaml_ng::Value;

use crate::{if_wanted, name_set, resource_properties, resources_of_type, string_list};

/// The statements of a policy, also those under a condition.
fn statements_of(policy: &Value) -> impl Iterator<Item = &Value> {
    let statements = policy["PolicyDocument"]["Statement"].as_sequence().expect("statements");
    statements.iter().map(if_wanted)
}

/// The actions that a policy allows, by statement id. Statements under a condition have their own
/// id too.
fn allowed_actions(policy: &Value) -> BTreeMap<String, BTreeSet<String>> {
    statements_of(policy)
        .map(|statement| {
            assert_eq!(statement["Effect"].as_str(), Some("Allow"));
            let id = statement["Sid"].as_str().expect("a statement id").to_owned();
            (id, string_list(&statement["Action"]).into_iter().collect())
        })
        .collect()
}

/// A role uses the customer's key only through the services whose parts of the stack it uses.
#[test]
fn the_customers_key_is_used_through_services_only() {
    let template = parse_template();
    let mut seen = 0;
    for (name, policy) in resources_of_type(&template, "AWS::IAM::ManagedPolicy") {
        for statement in
            statements_of(&policy["Properties"]).filter(|one| one["Sid"] == "UseOwnKey")
        {
            let through = string_list(&statement["Condition"]["StringEquals"]["kms:ViaService"]);
            let is_service = |one: &String| one.ends_with(".${AWS::Region}.${AWS::URLSuffix}");
            assert!(!through.is_empty() && through.iter().all(is_service), "{name}: {through:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 8, "one for each function, and one for the malware scan");
}

#[test]
fn the_webhook_role_has_exactly_these_rights() {
    let expected = BTreeMap::from([
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem"])),
        (
            "LearnPeople".to_owned(),
            name_set(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]),
        ),
        ("ReadOrders".to_owned(), name_set(["dynamodb:BatchGetItem", "dynamodb:GetItem"])),
        ("OpenOrders".to_owned(), name_set(["kms:Decrypt"])),
        ("QueueJobs".to_owned(), name_set(["sqs:GetQueueAttributes", "sqs:SendMessage"])),
        ("KeepJobs".to_owned(), name_set(["dynamodb:UpdateItem"])),
        ("NoteConnections".to_owned(), name_set(["dynamodb:UpdateItem"])),
        ("ReadReceivers".to_owned(), name_set(["dynamodb:Query"])),
        ("PassOnWebhooks".to_owned(), name_set(["sqs:SendMessage"])),
        ("StoreBodies".to_owned(), name_set(["s3:PutObject"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    let template = parse_template();
    let policy = resource_properties(&template, "WebhookPolicy");
    assert_eq!(allowed_actions(policy), expected);
    // It notes connections beside the marks, and writes no mark.
    let statements = policy["PolicyDocument"]["Statement"].as_sequence().expect("statements");
    let notes = statements.iter().find(|one| one["Sid"] == "NoteConnections").expect("it");
    let keys = &notes["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    assert_eq!(string_list(keys), ["state#*"]);
}

#[test]
fn the_download_role_has_exactly_these_rights() {
    let take = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    ];
    let expected = BTreeMap::from([
        ("TakeJobs".to_owned(), name_set(take)),
        ("QueueJobs".to_owned(), name_set(["sqs:SendMessage"])),
        ("ParkJobs".to_owned(), name_set(["sqs:SendMessage"])),
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem"])),
        ("OpenTokens".to_owned(), name_set(["kms:Decrypt"])),
        (
            "ReadOrders".to_owned(),
            name_set(["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]),
        ),
        (
            "KeepRecords".to_owned(),
            name_set(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]),
        ),
        ("AddCounts".to_owned(), name_set(["dynamodb:UpdateItem"])),
        ("KeepJobs".to_owned(), name_set(["dynamodb:DeleteItem", "dynamodb:UpdateItem"])),
        ("CreateFiles".to_owned(), name_set(["s3:PutObject"])),
        ("UploadParts".to_owned(), name_set(["s3:PutObject"])),
        ("TagFiles".to_owned(), name_set(["s3:PutObjectTagging"])),
        ("LookAtFiles".to_owned(), name_set(["s3:AbortMultipartUpload", "s3:GetObjectTagging"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "DownloadPolicy")), expected);
}

#[test]
fn the_watch_role_has_exactly_these_rights() {
    let expected = BTreeMap::from([
        (
            "LookAtParkedJobs".to_owned(),
            name_set(["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]),
        ),
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem"])),
        ("SendDueJobs".to_owned(), name_set(["sqs:GetQueueAttributes", "sqs:SendMessage"])),
        ("SendDueDeliveries".to_owned(), name_set(["sqs:SendMessage"])),
        ("LookAtReceivers".to_owned(), name_set(["dynamodb:Scan", "dynamodb:UpdateItem"])),
        ("FindJobs".to_owned(), name_set(["dynamodb:Query"])),
        ("FindOldestDelivery".to_owned(), name_set(["dynamodb:Query"])),
        (
            "KeepJobs".to_owned(),
            name_set(["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]),
        ),
        (
            "WriteRecords".to_owned(),
            name_set(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]),
        ),
        (
            "ReadOrders".to_owned(),
            name_set(["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]),
        ),
        ("OpenOrders".to_owned(), name_set(["kms:Decrypt"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "WatchPolicy")), expected);
}

/// It can write neither an instance's record, which has secrets, nor a media record.
#[test]
fn the_backfill_role_has_exactly_these_rights() {
    let expected = BTreeMap::from([
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem", "dynamodb:Scan"])),
        ("OpenTokens".to_owned(), name_set(["kms:Decrypt"])),
        ("ReadRecords".to_owned(), name_set(["dynamodb:GetItem"])),
        ("ReadOrders".to_owned(), name_set(["dynamodb:BatchGetItem", "dynamodb:GetItem"])),
        ("KeepMarks".to_owned(), name_set(["dynamodb:GetItem", "dynamodb:UpdateItem"])),
        ("QueueJobs".to_owned(), name_set(["sqs:GetQueueAttributes", "sqs:SendMessage"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        (
            "LearnPeople".to_owned(),
            name_set([
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ]),
        ),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "BackfillPolicy")), expected);
}

/// It alone may read files, and cannot change anything but the counts of openings.
#[test]
fn the_links_role_has_exactly_these_rights() {
    let expected = BTreeMap::from([
        ("OpenLinks".to_owned(), name_set(["dynamodb:GetItem", "dynamodb:UpdateItem"])),
        ("ReadRules".to_owned(), name_set(["dynamodb:GetItem"])),
        ("ReadRecords".to_owned(), name_set(["dynamodb:GetItem"])),
        ("GiveFiles".to_owned(), name_set(["s3:GetObject", "s3:GetObjectTagging"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "LinksPolicy")), expected);
}

/// Each question goes to WhatsApp in the name of a customer's account: only who switches it on has
/// it, and only then may the back-fill touch the table of people.
#[test]
fn lids_are_asked_for_only_if_switched_on() {
    let template = parse_template();
    assert_eq!(template["Parameters"]["AskLids"]["Default"].as_str(), Some("off"));
    let policy = resource_properties(&template, "BackfillPolicy");
    let statements = policy["PolicyDocument"]["Statement"].as_sequence().expect("statements");
    let names_table =
        |one: &&Value| serde_yaml_ng::to_string(one).is_ok_and(|text| text.contains("PeopleTable"));
    let of_people: Vec<_> = statements.iter().filter(names_table).collect();
    let [Value::Tagged(condition)] = of_people[..] else {
        unreachable!("{of_people:?}");
    };
    assert_eq!(condition.value[0].as_str(), Some("AsksLids"));
}

/// It can read neither instances nor files, and opens no token.
#[test]
fn the_deliver_role_has_exactly_these_rights() {
    let take = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    ];
    let expected = BTreeMap::from([
        ("TakeDeliveries".to_owned(), name_set(take)),
        ("KeepReceivers".to_owned(), name_set(["dynamodb:Query", "dynamodb:UpdateItem"])),
        ("OpenReceivers".to_owned(), name_set(["kms:Decrypt"])),
        ("ReadBodies".to_owned(), name_set(["s3:GetObject"])),
        ("TellWhatIsGone".to_owned(), name_set(["s3:ListBucket"])),
        ("ReadOrders".to_owned(), name_set(["dynamodb:BatchGetItem", "dynamodb:GetItem"])),
        ("OpenOrders".to_owned(), name_set(["kms:Decrypt"])),
        ("RestDeliveries".to_owned(), name_set(["dynamodb:DeleteItem", "dynamodb:UpdateItem"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "DeliverPolicy")), expected);
    let condition = &conditions_on("DeliverPolicy", "TokenKey")["OpenReceivers"];
    let instance = &condition["StringLike"]["kms:EncryptionContext:instance"];
    assert_eq!(instance.as_str(), Some("#receiver/?*"), "no instance has such an id");
    let keys = &condition["ForAllValues:StringEquals"]["kms:EncryptionContextKeys"];
    assert_eq!(string_list(keys), ["tenant", "instance"]);
    let condition = &conditions_on("DeliverPolicy", "TokenKey")["OpenOrders"];
    let instance = &condition["StringEquals"]["kms:EncryptionContext:instance"];
    assert_eq!(instance.as_str(), Some("#orders"), "no token has such a context");
}

#[test]
fn the_events_role_has_exactly_these_rights() {
    let read = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
    let expected = BTreeMap::from([
        ("ReadChanges".to_owned(), name_set(read)),
        ("FindStreams".to_owned(), name_set(["dynamodb:ListStreams"])),
        ("FindReceivers".to_owned(), name_set(["dynamodb:Query"])),
        ("SendDeliveries".to_owned(), name_set(["sqs:SendMessage"])),
        ("RestDeliveries".to_owned(), name_set(["dynamodb:UpdateItem"])),
        ("ReadTexts".to_owned(), name_set(["dynamodb:GetItem"])),
        ("ReadRules".to_owned(), name_set(["dynamodb:GetItem"])),
        ("NoteLinks".to_owned(), name_set(["dynamodb:UpdateItem"])),
        ("MakeLinks".to_owned(), name_set(["dynamodb:DeleteItem", "dynamodb:PutItem"])),
        ("TellOfLostChanges".to_owned(), name_set(["sns:Publish"])),
        ("PutEvents".to_owned(), name_set(["events:PutEvents"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "EventsPolicy")), expected);
    // It may add a link to a record, and write nothing else there.
    let condition = &conditions_on("EventsPolicy", "MediaTable")["NoteLinks"];
    let attributes = &condition["ForAllValues:StringEquals"]["dynamodb:Attributes"];
    assert_eq!(string_list(attributes), ["instance", "message_id", "state", "links"]);
    // It may read captions and names, and no job.
    let condition = &conditions_on("EventsPolicy", "JobsTable")["ReadTexts"];
    let partitions = &condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    assert_eq!(string_list(partitions), ["texts#*"]);
    let source = &conditions_on("EventsPolicy", "event-bus")["PutEvents"];
    assert_eq!(source["StringEquals"]["events:source"].as_str(), Some("wapi-media"));
}

/// Every change of a record whose state is final reaches the events function, and for as long as
/// the stream keeps it.
#[test]
fn the_events_function_hears_of_every_end() {
    let template = parse_template();
    let function = resource_properties(&template, "EventsFunction");
    let mapping = &function["Events"]["Changes"]["Properties"];
    let pattern = mapping["FilterCriteria"]["Filters"][0]["Pattern"].as_str().expect("a filter");
    let pattern: serde_json::Value = serde_json::from_str(pattern).expect("JSON");
    let states = &pattern["dynamodb"]["NewImage"]["state"]["S"];
    assert_eq!(*states, serde_json::json!(["stored", "parked", "skipped", "erased"]));
    for state in states.as_array().expect("states") {
        let state = state.as_str().expect("a state");
        assert!(media::media_event::MediaEventType::from_state(state).is_some(), "{state}");
    }
    let removed = mapping["FilterCriteria"]["Filters"][2]["Pattern"].as_str().expect("a filter");
    let removed: serde_json::Value = serde_json::from_str(removed).expect("JSON");
    let has_links = serde_json::json!({ "links": { "SS": [{ "exists": true }] } });
    assert_eq!(removed["eventName"], serde_json::json!(["REMOVE"]));
    assert_eq!(removed["dynamodb"]["OldImage"], has_links, "a record that ends leaves no link");
    assert_eq!(string_list(&mapping["FunctionResponseTypes"]), ["ReportBatchItemFailures"]);
    assert_eq!(mapping["StartingPosition"].as_str(), Some("TRIM_HORIZON"));
    assert!(mapping["MaximumRetryAttempts"].is_null(), "it gives up before the stream does");
    // Shortly before the stream forgets it, so that Lambda itself gives up and tells.
    assert_eq!(mapping["MaximumRecordAgeInSeconds"].as_u64(), Some(24 * 60 * 60 - 30 * 60));
    let told = &mapping["DestinationConfig"]["OnFailure"]["Destination"];
    assert_eq!(string_list(told), ["AlarmTopic"]);
    let stream = &resource_properties(&template, "MediaTable")["StreamSpecification"];
    assert_eq!(stream["StreamViewType"].as_str(), Some("NEW_AND_OLD_IMAGES"));
}

/// The conditions of the statements of a policy whose resources contain this text, by statement id.
fn conditions_on(policy: &str, part: &str) -> BTreeMap<String, Value> {
    let template = parse_template();
    let names_part =
        |one: &&Value| string_list(&one["Resource"]).iter().any(|name| name.contains(part));
    let its = statements_of(resource_properties(&template, policy)).filter(names_part);
    its.map(|one| (one["Sid"].as_str().expect("an id").to_owned(), one["Condition"].clone()))
        .collect()
}

/// As S3's documentation enforces conditional writes. The local stack does not know the condition
/// keys, so this is the only test of them.
#[test]
fn the_download_role_creates_and_never_overwrites() {
    let conditions = conditions_on("DownloadPolicy", "MediaBucket");
    let writes = ["CreateFiles", "UploadParts"].map(|sid| conditions[sid].clone());
    let yaml = |text: &str| serde_yaml_ng::from_str::<Value>(text).expect("YAML");
    let with_header = yaml(r#"{"Null": {"s3:if-none-match": "false"}}"#);
    let creates_nothing = yaml(r#"{"Bool": {"s3:ObjectCreationOperation": "false"}}"#);
    assert_eq!(writes, [with_header, creates_nothing]);
    let tags = &conditions["TagFiles"]["ForAllValues:StringEquals"]["s3:RequestObjectTagKeys"];
    let tags: BTreeSet<_> = string_list(tags).into_iter().collect();
    let source = house::read_text("shared/media/src/object.rs");
    let (_, built) = source.split_once("fn build_tags").expect("the tags");
    let (built, _) = built.split_once("\n}").expect("an end");
    let built = built.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split_once('"'));
    let written: BTreeSet<_> = built.map(|(name, _)| name.to_owned()).collect();
    let more = [ObjectDescription::RUN_TAG, Retention::TAG].map(str::to_owned);
    assert_eq!(tags, written.into_iter().chain(more).collect());
}

/// A webhook's body is never replaced by another one.
#[test]
fn the_webhook_role_creates_and_never_overwrites() {
    let condition = &conditions_on("WebhookPolicy", "DeliveriesBucket")["StoreBodies"];
    assert_eq!(condition["Null"]["s3:if-none-match"].as_str(), Some("false"));
}

/// The key decrypts tokens, and nothing else that somebody encrypted with it.
#[test]
fn a_role_opens_only_tokens_with_the_token_key() {
    for policy in ["DownloadPolicy", "BackfillPolicy"] {
        let conditions = conditions_on(policy, "TokenKey");
        let condition = &conditions["OpenTokens"];
        for part in ["tenant", "instance"] {
            let named = &condition["StringLike"][format!("kms:EncryptionContext:{part}")];
            assert_eq!(named.as_str(), Some("?*"), "{policy} {part}");
        }
        let keys = &condition["ForAllValues:StringEquals"]["kms:EncryptionContextKeys"];
        assert_eq!(string_list(keys), ["tenant", "instance"], "{policy}");
    }
}

/// They need the keys under which the names in orders are hashed, and no token.
#[test]
fn a_role_that_needs_no_token_opens_orders_only() {
    for policy in ["WatchPolicy", "WebhookPolicy"] {
        let conditions = conditions_on(policy, "TokenKey");
        assert_eq!(conditions.keys().collect::<Vec<_>>(), ["OpenOrders"], "{policy}");
        let condition = &conditions["OpenOrders"];
        let named = &condition["StringEquals"]["kms:EncryptionContext:instance"];
        assert_eq!(named.as_str(), Some("#orders"), "{policy}");
        let keys = &condition["ForAllValues:StringEquals"]["kms:EncryptionContextKeys"];
        assert_eq!(string_list(keys), ["tenant", "instance"], "{policy}");
    }
}

#[test]
fn no_role_has_wildcards_or_foreign_policies() {
    let template = parse_template();
    for (name, policy) in resources_of_type(&template, "AWS::IAM::ManagedPolicy") {
        let statements = &policy["Properties"]["PolicyDocument"]["Statement"];
        for statement in statements.as_sequence().expect("statements") {
            let resources = string_list(&statement["Resource"]);
            assert!(!resources.iter().any(|resource| resource == "*"), "{name}");
        }
    }
    for (name, role) in resources_of_type(&template, "AWS::IAM::Role") {
        let properties = &role["Properties"];
        assert!(properties["ManagedPolicyArns"].is_null(), "{name} uses a managed policy");
        assert!(properties["Policies"].is_null(), "{name} has an inline policy");
    }
    for (name, function) in resources_of_type(&template, "AWS::Serverless::Function") {
        assert!(function["Properties"]["Policies"].is_null(), "{name} lets SAM write its policy");
    }
}
