//! The contract of `DynamoDB`.

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
        KeyType, Projection, ProjectionType, ReturnValue, ReturnValuesOnConditionCheckFailure,
        ScalarAttributeType,
    },
};

use super::Services;

const TABLE: &str = "contract";

/// A claim belongs to one owner until its lease ends; another caller is told the owner.
pub async fn claim_item(services: &Services) {
    make_table(services).await;
    let claim = |owner: &'static str, now: i64| async move {
        build_claim(services, owner, now).await.send().await
    };
    let first = claim("one", 100).await.expect("the first claim");
    assert_eq!(first.attributes().and_then(|it| it.get("owner")), Some(&string_value("one")));
    let error = claim("other", 150).await.expect_err("it is claimed").into_service_error();
    let UpdateItemError::ConditionalCheckFailedException(refusal) = error else {
        unreachable!("{error:?}")
    };
    let old = refusal.item().expect("the old item");
    assert_eq!(old.get("owner"), Some(&string_value("one")));
    claim("one", 160).await.expect("the owner may claim it again");
    claim("other", 1000).await.expect("the lease is over");
}

/// An index lists items by their state, in the order of their time.
pub async fn query_index(services: &Services) {
    make_table(services).await;
    for (id, at) in [("b", 2), ("a", 3), ("c", 1)] {
        let put = services.dynamodb.put_item().table_name(TABLE);
        let put = put.item("instance", string_value("index")).item("message_id", string_value(id));
        let put = put.item("state", string_value("parked")).item("updated_at", number_value(at));
        put.send().await.expect("an item");
    }
    let query = services.dynamodb.query().table_name(TABLE).index_name("by_state");
    let query = query.key_condition_expression("#state = :parked");
    let query = query.expression_attribute_names("#state", "state");
    let found = query.expression_attribute_values(":parked", string_value("parked")).send().await;
    let found = found.expect("a list");
    let ids = found.items().iter().filter_map(|item| item.get("message_id")?.as_s().ok());
    assert_eq!(ids.collect::<Vec<_>>(), ["c", "b", "a"]);
}

async fn build_claim(services: &Services, owner: &str, now: i64) -> UpdateItemFluentBuilder {
    services
        .dynamodb
        .update_item()
        .table_name(TABLE)
        .key("instance", string_value("claims"))
        .key("message_id", string_value("m"))
        .update_expression("SET lease_until = :until, #owner = :me")
        .condition_expression(
            "attribute_not_exists(lease_until) OR lease_until < :now OR #owner = :me",
        )
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":me", string_value(owner))
        .expression_attribute_values(":now", number_value(now))
        .expression_attribute_values(":until", number_value(now + 500))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

async fn make_table(services: &Services) {
    let attribute = |name: &str, kind| {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
        attribute.build().expect("an attribute")
    };
    let key = |name: &str, kind| {
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
        key.build().expect("a key")
    };
    let index = GlobalSecondaryIndex::builder()
        .index_name("by_state")
        .key_schema(key("state", KeyType::Hash))
        .key_schema(key("updated_at", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build());
    let create = services
        .dynamodb
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("instance", ScalarAttributeType::S))
        .attribute_definitions(attribute("message_id", ScalarAttributeType::S))
        .attribute_definitions(attribute("state", ScalarAttributeType::S))
        .attribute_definitions(attribute("updated_at", ScalarAttributeType::N))
        .key_schema(key("instance", KeyType::Hash))
        .key_schema(key("message_id", KeyType::Range))
        .global_secondary_indexes(index.build().expect("an index"));
    // The table may already exist; if it does not, the following calls fail.
    create.send().await.map(drop).unwrap_or_default();
}

fn string_value(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number_value(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
