//! Keys drawn as a tree of folders.

use std::collections::BTreeMap;

#[derive(Default)]
struct Folder<'k> {
    inside: BTreeMap<&'k str, Folder<'k>>,
}

/// Draws the keys as a tree, one line each, in order.
pub fn draw_tree<'k>(root: &str, keys: impl IntoIterator<Item = &'k str>) -> String {
    let mut top = Folder::default();
    for key in keys {
        let mut folder = &mut top;
        for name in key.split('/') {
            folder = folder.inside.entry(name).or_default();
        }
    }
    let mut lines = vec![root.to_owned()];
    draw_inside(&top, "", &mut lines);
    lines.join("\n")
}

fn draw_inside(folder: &Folder<'_>, indent: &str, lines: &mut Vec<String>) {
    let mut left = folder.inside.len();
    for (name, inside) in &folder.inside {
        left -= 1;
        let (branch, below) =
            if left == 0 { ("└── ", "    ") } else { ("├── ", "│   ") };
        let slash = if inside.inside.is_empty() { "" } else { "/" };
        lines.push(format!("{indent}{branch}{name}{slash}"));
        draw_inside(inside, &format!("{indent}{below}"), lines);
    }
}

#[cfg(test)]
mod tests {
    use super::draw_tree;

    #[test]
    fn folders_are_drawn_once() {
        let drawn = draw_tree("bucket", ["a/x/1", "a/x/2", "a/y/3"]);
        let expected =
            "bucket\n└── a/\n    ├── x/\n    │   ├── 1\n    │   └── 2\n    └── y/\n        └── 3";
        assert_eq!(drawn, expected);
    }
}
