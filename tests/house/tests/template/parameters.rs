//! Parameters and outputs, as the deployer sees them.

use house::parse_template;

use crate::{string_list, template_section};

#[test]
fn no_parameter_is_a_secret() {
    let template = parse_template();
    for (name, parameter) in template_section(&template, "Parameters") {
        let name = name.as_str().expect("a name");
        assert!(parameter["NoEcho"].is_null(), "{name} hides its value");
        let lower = name.to_lowercase();
        for word in ["secret", "token", "password"] {
            assert!(!lower.contains(word), "{name} asks for a secret");
        }
    }
}

#[test]
fn every_parameter_is_described_and_grouped() {
    let template = parse_template();
    let interface = &template["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = interface["ParameterGroups"].as_sequence().expect("groups");
    let mut grouped: Vec<String> =
        groups.iter().flat_map(|group| string_list(&group["Parameters"])).collect();
    grouped.sort();
    let mut declared = Vec::new();
    for (name, parameter) in template_section(&template, "Parameters") {
        let name = name.as_str().expect("a name");
        assert!(parameter["Description"].is_string(), "{name} has no description");
        assert!(
            parameter["ConstraintDescription"].is_string(),
            "{name} does not describe its values"
        );
        assert!(!parameter["Default"].is_null(), "{name} has no default");
        let constrained = ["AllowedPattern", "AllowedValues", "MinValue"];
        assert!(constrained.iter().any(|key| !parameter[key].is_null()), "{name} takes anything");
        let label = &interface["ParameterLabels"][name]["default"];
        assert!(label.is_string(), "{name} has no label");
        declared.push(name.to_owned());
    }
    declared.sort();
    assert_eq!(grouped, declared);
}

/// The command compares this output with its own version, which is that of the workspace.
#[test]
fn the_stack_says_the_workspaces_version() {
    let template = parse_template();
    let said = template["Outputs"]["Version"]["Value"].as_str().expect("a version");
    let manifest = house::read_text("Cargo.toml");
    let workspace = manifest.split("[workspace.package]").nth(1).expect("a workspace");
    let version = workspace.lines().find_map(|line| line.strip_prefix("version = "));
    assert_eq!(version.map(|version| version.trim_matches('"')), Some(said));
}

#[test]
fn every_output_names_the_next_command() {
    let template = parse_template();
    for (name, output) in template_section(&template, "Outputs") {
        let description = output["Description"].as_str().expect("a description");
        assert!(description.to_lowercase().contains("next"), "{name:?}: {description}");
        let command = ["aws ", "wapi-media ", "sam "];
        assert!(command.iter().any(|word| description.contains(word)), "{name:?}: {description}");
    }
}
