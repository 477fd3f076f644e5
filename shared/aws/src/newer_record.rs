//! Reads what a newer version wrote into an instance's record: what this version does not know is
//! left out, so that the rest can be used.

use aws_sdk_dynamodb::types::AttributeValue;
use media::{ids::InstanceId, policy::Policy, strategy::Strategy};

use crate::dynamodb::Attributes;

/// Removes the strategies and the policy rules that this version cannot read, and logs a warning if
/// there are any. A rule is removed as a whole: without the rule more is stored, but without one of
/// its words less would be.
pub(crate) fn remove_unknown(id: &InstanceId, item: &mut Attributes) {
    for (name, remove) in [
        ("strategies", remove_strategies as fn(&mut AttributeValue) -> Removal),
        ("policy", remove_rules),
    ] {
        let removed = item.get_mut(name).map_or(Removal::Nothing, remove);
        if removed == Removal::Attribute {
            item.remove(name);
        }
        if removed != Removal::Nothing {
            tracing::warn!(
                instance = %id,
                attribute = name,
                "an instance's record has values that this version does not know"
            );
        }
    }
}

/// How much of an attribute this version could not read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Removal {
    Nothing,
    Some,
    /// The attribute has another type, so that all of it must be removed.
    Attribute,
}

impl Removal {
    fn from_counts(before: usize, after: usize) -> Self {
        if before == after { Self::Nothing } else { Self::Some }
    }
}

fn remove_strategies(strategies: &mut AttributeValue) -> Removal {
    let AttributeValue::L(words) = strategies else {
        return Removal::Attribute;
    };
    let before = words.len();
    words.retain(|word| serde_dynamo::from_attribute_value::<_, Strategy>(word.clone()).is_ok());
    Removal::from_counts(before, words.len())
}

fn remove_rules(policy: &mut AttributeValue) -> Removal {
    let AttributeValue::M(rules) = policy else {
        return Removal::Attribute;
    };
    let before = rules.len();
    rules.retain(|name, rule| {
        let alone = Attributes::from([(name.clone(), rule.clone())]);
        serde_dynamo::from_item::<_, Policy>(alone).is_ok()
    });
    Removal::from_counts(before, rules.len())
}
