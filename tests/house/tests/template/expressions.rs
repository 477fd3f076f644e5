//! Evaluates what `template.yaml` uses of two languages of CloudWatch: the filter patterns of log
//! lines, and metric math.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

/// The words, numbers, texts and operators of an expression, in order.
struct Tokens(VecDeque<String>);

impl Tokens {
    fn read(text: &str) -> Self {
        let mut found = VecDeque::new();
        let mut chars = text.chars().peekable();
        while let Some(first) = chars.next() {
            let mut token = String::from(first);
            let is_word = |c: &char| c.is_ascii_alphanumeric() || "$._*".contains(*c);
            if first == '"' {
                token.extend(chars.by_ref().take_while(|c| *c != '"'));
            } else if is_word(&first) {
                while let Some(next) = chars.next_if(is_word) {
                    token.push(next);
                }
            } else if "&|!<>".contains(first) {
                token.extend(chars.next_if(|c| "&|=".contains(*c)));
            }
            if !first.is_whitespace() {
                found.push_back(token);
            }
        }
        Self(found)
    }

    fn take_next(&mut self) -> String {
        self.0.pop_front().expect("the expression ends too early")
    }

    /// The next token, if it is one of these.
    fn take_one_of(&mut self, wanted: &[&str]) -> Option<String> {
        let is_wanted = self.0.front().is_some_and(|next| wanted.contains(&next.as_str()));
        is_wanted.then(|| self.take_next())
    }

    fn take_exactly(&mut self, wanted: &str) {
        let found = self.take_next();
        assert_eq!(found, wanted, "before {:?}", self.0);
    }
}

fn compare_values<T: PartialOrd>(left: &T, operator: &str, right: &T) -> bool {
    match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        ">=" => left >= right,
        other => unreachable!("the operator {other}"),
    }
}

/// Whether a filter pattern such as `{ $.outcome = "parked" }` matches a log line. A comparison
/// with a field that the line does not have is false.
pub(crate) fn matches_pattern(pattern: &str, line: &Value) -> bool {
    let mut tokens = Tokens::read(pattern);
    tokens.take_exactly("{");
    let is_match = match_either(&mut tokens, line);
    tokens.take_exactly("}");
    assert!(tokens.0.is_empty(), "{pattern}");
    is_match
}

fn match_either(tokens: &mut Tokens, line: &Value) -> bool {
    let mut is_match = match_both(tokens, line);
    while tokens.take_one_of(&["||"]).is_some() {
        is_match |= match_both(tokens, line);
    }
    is_match
}

fn match_both(tokens: &mut Tokens, line: &Value) -> bool {
    let mut is_match = match_term(tokens, line);
    while tokens.take_one_of(&["&&"]).is_some() {
        is_match &= match_term(tokens, line);
    }
    is_match
}

fn match_term(tokens: &mut Tokens, line: &Value) -> bool {
    let first = tokens.take_next();
    if first == "(" {
        let is_match = match_either(tokens, line);
        tokens.take_exactly(")");
        return is_match;
    }
    let field = first.strip_prefix("$.").expect("a field");
    let (operator, wanted) = (tokens.take_next(), tokens.take_next());
    let Some(found) = line.get(field).filter(|found| !found.is_null()) else {
        return false;
    };
    if wanted == "*" {
        return operator == "=";
    }
    match wanted.strip_prefix('"') {
        Some(text) => found.as_str().is_some_and(|found| compare_values(&found, &operator, &text)),
        None => {
            let number: f64 = wanted.parse().expect("a number");
            found.as_f64().is_some_and(|found| compare_values(&found, &operator, &number))
        }
    }
}

/// The value of a metric math expression in one period. A metric without an entry has no data.
pub(crate) fn compute_math(expression: &str, metrics: &BTreeMap<String, f64>) -> Option<f64> {
    let mut tokens = Tokens::read(expression);
    let value = compute_both(&mut tokens, metrics);
    assert!(tokens.0.is_empty(), "{expression}");
    value
}

fn compute_both(tokens: &mut Tokens, metrics: &BTreeMap<String, f64>) -> Option<f64> {
    let mut value = compute_comparison(tokens, metrics);
    while tokens.take_one_of(&["AND"]).is_some() {
        let other = compute_comparison(tokens, metrics);
        value = value.zip(other).map(|(one, other)| one * other);
    }
    value
}

fn compute_comparison(tokens: &mut Tokens, metrics: &BTreeMap<String, f64>) -> Option<f64> {
    let left = compute_sum(tokens, metrics);
    let Some(operator) = tokens.take_one_of(&["<", "<=", ">", ">=", "==", "!="]) else {
        return left;
    };
    let right = compute_sum(tokens, metrics);
    let is_true = |(left, right)| compare_values::<f64>(&left, &operator, &right);
    left.zip(right).map(|pair| f64::from(u8::from(is_true(pair))))
}

fn compute_sum(tokens: &mut Tokens, metrics: &BTreeMap<String, f64>) -> Option<f64> {
    let mut value = compute_atom(tokens, metrics);
    while let Some(operator) = tokens.take_one_of(&["+", "-"]) {
        let sign = if operator == "+" { 1.0 } else { -1.0 };
        let other = compute_atom(tokens, metrics);
        value = value.zip(other).map(|(one, other)| one + sign * other);
    }
    value
}

fn compute_atom(tokens: &mut Tokens, metrics: &BTreeMap<String, f64>) -> Option<f64> {
    let word = tokens.take_next();
    if let Ok(number) = word.parse() {
        return Some(number);
    }
    if tokens.take_one_of(&["("]).is_none() {
        return metrics.get(&word).copied();
    }
    let mut arguments = vec![compute_both(tokens, metrics)];
    while tokens.take_one_of(&[","]).is_some() {
        arguments.push(compute_both(tokens, metrics));
    }
    tokens.take_exactly(")");
    match (word.as_str(), arguments.as_slice()) {
        ("FILL", [series, filling]) => series.or(*filling),
        ("IF", [condition, yes, no]) => condition.and_then(|is| if is > 0.0 { *yes } else { *no }),
        other => unreachable!("the function {other:?}"),
    }
}

#[test]
fn patterns_match_by_field_and_value() {
    let line = serde_json::json!({ "outcome": "parked", "class": "expired", "size": 3 });
    for (pattern, expected) in [
        (r#"{ $.outcome = "parked" }"#, true),
        (r#"{ $.outcome = "parked" && $.class != "expired" }"#, false),
        (r#"{ $.outcome = "stored" || $.class = "expired" }"#, true),
        (r#"{ $.outcome = "stored" && ($.size > 2 || $.class = "expired") }"#, false),
        (r#"{ ($.outcome = "stored" && $.size > 2) || $.class = "expired" }"#, true),
        ("{ $.size >= 3 }", true),
        ("{ $.size > 3 }", false),
        (r#"{ $.size = "3" }"#, false),
        ("{ $.class = * }", true),
        ("{ $.strategy = * }", false),
        (r#"{ $.strategy != "cdn" }"#, false),
    ] {
        assert_eq!(matches_pattern(pattern, &line), expected, "{pattern}");
    }
}

#[test]
fn math_needs_data_unless_it_is_filled() {
    let metrics = BTreeMap::from([("queued".to_owned(), 5.0), ("skipped".to_owned(), 2.0)]);
    for (expression, expected) in [
        ("queued - skipped", Some(3.0)),
        ("stored", None),
        ("FILL(stored, 0)", Some(0.0)),
        ("IF(stored < 1, 1, 0)", None),
        ("IF(queued - skipped > 3 AND FILL(stored, 0) < 1, 1, 0)", Some(0.0)),
        ("IF(queued - skipped >= 3 AND FILL(stored, 0) < 1, 1, 0)", Some(1.0)),
    ] {
        assert_eq!(compute_math(expression, &metrics), expected, "{expression}");
    }
}
