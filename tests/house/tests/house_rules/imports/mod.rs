//! The files of a crate do not import each other in a circle.
//!
//! A file that declares a module does not import it, and a name that a file passes on with `use` is
//! imported from where it is defined. So a module may import from a sibling through its parent, but
//! not from the parent itself if the parent imports from the module.

mod source;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use house::{files_below, repository_root};

use source::{Path, Source};

/// The longest chain of names that are passed on.
const MAX_PASSES: usize = 8;

/// The sources of the product, one folder for each crate.
const FOLDERS: [&str; 3] = ["shared", "functions", "cli"];

/// The files of a crate by the path of their module; the crate itself has an empty path.
struct Crate {
    modules: BTreeMap<Path, (String, Source)>,
}

/// For each file, the files that it imports from, with the first line that does.
type Imports = BTreeMap<String, BTreeMap<String, usize>>;

impl Crate {
    /// Reads the files of a crate, whose names are paths below the folder of its sources. Beside a
    /// library, `main.rs` is a crate of its own, without modules.
    fn new(folder: &str, files: &BTreeMap<String, String>) -> Self {
        let has_library = files.keys().any(|name| name == &format!("{folder}/lib.rs"));
        let mut modules = BTreeMap::new();
        for (name, text) in files {
            let inside = name.trim_start_matches(folder).trim_start_matches('/');
            if has_library && inside == "main.rs" {
                continue;
            }
            let mut path: Path =
                inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            let is_folder = path.last().is_some_and(|last| last == "mod");
            if is_folder || path == ["lib"] || path == ["main"] {
                path.pop();
            }
            modules.insert(path, (name.clone(), Source::parse(text)));
        }
        Self { modules }
    }

    /// The module where a path leads from `module`, and the name that remains. Without a name, the
    /// path leads to a module; `None` if it leads to another crate.
    fn resolve(&self, module: &Path, path: &[String], passes: usize) -> Option<(Path, String)> {
        let (_, source) = self.modules.get(module)?;
        let (first, rest) = path.split_first()?;
        let mut here = module.clone();
        match first.as_str() {
            "crate" => here.clear(),
            "self" => {}
            "super" => {
                here.pop()?;
            }
            name if self.modules.contains_key(&[&**module, &[name.to_owned()]].concat()) => {
                here.push(name.to_owned());
            }
            name => {
                let imported = source.imported.get(name).filter(|it| it.first() != Some(first))?;
                if passes >= MAX_PASSES {
                    return None;
                }
                let (found, left) = self.resolve(module, imported, passes + 1)?;
                return if left.is_empty() {
                    self.walk(found, rest, passes + 1)
                } else {
                    Some((found, left))
                };
            }
        }
        self.walk(here, rest, passes)
    }

    /// Follows names from a module: into its modules, and through the names that it passes on.
    fn walk(&self, mut here: Path, rest: &[String], passes: usize) -> Option<(Path, String)> {
        let Some((name, further)) = rest.split_first() else {
            return Some((here, String::new()));
        };
        if name == "super" {
            here.pop()?;
            return self.walk(here, further, passes);
        }
        let child = [&*here, std::slice::from_ref(name)].concat();
        if self.modules.contains_key(&child) {
            return self.walk(child, further, passes);
        }
        let (_, source) = self.modules.get(&here)?;
        if source.defined.contains(name) || passes >= MAX_PASSES {
            return Some((here, name.clone()));
        }
        let is_passed = |path: &&Path| path.first() != Some(name);
        if let Some(path) = source.imported.get(name).filter(is_passed) {
            let passed = self.resolve(&here, path, passes + 1);
            return Some(passed.unwrap_or((here, name.clone())));
        }
        let passed = source.globs.iter().find_map(|(glob, _)| {
            let (module, left) = self.resolve(&here, glob, passes + 1)?;
            let is_there = self.modules.get(&module)?.1.defined.contains(name);
            (left.is_empty() && is_there).then_some(module)
        });
        Some((passed.unwrap_or(here), name.clone()))
    }

    /// The imports of all files.
    fn find_imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (module, (file, source)) in &self.modules {
            let from = imports.entry(file.clone()).or_default();
            // The name of a module is no import: what is used of the module is. All its names are.
            let names = source.paths.iter().filter_map(|(path, line)| {
                let (to, name) = self.resolve(module, path, 0)?;
                (!name.is_empty()).then_some((to, *line))
            });
            let globs = source.globs.iter().filter_map(|(path, line)| {
                let (to, name) = self.resolve(module, path, 0)?;
                name.is_empty().then_some((to, *line))
            });
            for (to, line) in names.chain(globs) {
                if let Some((to, _)) = self.modules.get(&to).filter(|(to, _)| to != file) {
                    from.entry(to.clone()).or_insert(line);
                }
            }
        }
        imports
    }
}

/// The shortest way along the imports from a file back to itself.
fn find_circle(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut before = BTreeMap::<&str, &str>::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for next in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut circle = vec![start.to_owned()];
                let mut at = file;
                while at != start {
                    circle.push(at.to_owned());
                    at = before.get(at)?;
                }
                circle.push(start.to_owned());
                circle.reverse();
                return Some(circle);
            }
            if !before.contains_key(next.as_str()) {
                before.insert(next, file);
                open.push_back(next);
            }
        }
    }
    None
}

/// The shortest circles that together contain every file that is in one, as
/// `a.rs:1 → b.rs:2 → a.rs` with the lines of the imports.
fn list_circles(imports: &Imports) -> Vec<String> {
    let mut circles: Vec<_> =
        imports.keys().filter_map(|file| find_circle(imports, file)).collect();
    circles.sort_by_key(Vec::len);
    let mut known = BTreeSet::new();
    let mut listed = Vec::new();
    for circle in circles {
        let known_before = known.len();
        known.extend(circle.iter().cloned());
        if known.len() > known_before {
            let steps = circle.windows(2).map(|step| {
                let line = imports.get(&step[0]).and_then(|to| to.get(&step[1]));
                format!("{}:{}", step[0], line.copied().unwrap_or_default())
            });
            let steps: Vec<_> = steps.chain(circle.last().cloned()).collect();
            listed.push(steps.join(" → "));
        }
    }
    listed
}

/// The folders of the product's sources.
fn source_folders() -> BTreeSet<String> {
    let files = house::source_files(&FOLDERS, "rs");
    let folders = files.keys().filter_map(|path| Some(path.split_once("/src/")?.0.to_owned()));
    folders.map(|folder| format!("{folder}/src")).collect()
}

/// A file that is in a circle cannot be read, moved or tested without the others.
#[test]
fn no_files_import_each_other_in_a_circle() {
    let (mut circles, mut count) = (Vec::new(), 0);
    for folder in source_folders() {
        let files = files_below([repository_root().join(&folder)], "rs");
        let imports = Crate::new(&folder, &files).find_imports();
        count += imports.values().map(BTreeMap::len).sum::<usize>();
        circles.extend(list_circles(&imports));
    }
    assert!(count > 200, "{count} imports were found");
    assert!(circles.is_empty(), "files import each other:\n{}", circles.join("\n"));
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(name, text)| (format!("c/{name}"), (*text).to_owned()));
    list_circles(&Crate::new("c", &files.collect()).find_imports())
}

#[test]
fn a_circle_is_shown_with_its_lines() {
    let circle = "c/a.rs:1 → c/b.rs:2 → c/a.rs";
    for b in ["\nuse crate::a::A;", "\nfn f() -> super::a::A {}", "\nuse super::{x, a::{A as C}};"]
    {
        let files =
            [("lib.rs", "mod a;\nmod b;"), ("a.rs", "use crate::b::B;\nstruct A;"), ("b.rs", b)];
        assert_eq!(circles_of(&files), [circle], "{b}");
    }
}

/// An import by the name of a module counts where a name of that module is used.
#[test]
fn names_of_modules_lead_to_their_files() {
    let a = "use crate::b;\nfn f() { b::g() }\nstruct A;";
    let files = [
        ("main.rs", "mod a; mod b;"),
        ("a.rs", a),
        ("b.rs", "use super::a::{self};\n\nfn g(_: a::A) {}"),
    ];
    assert_eq!(circles_of(&files), ["c/a.rs:2 → c/b.rs:3 → c/a.rs"]);
}

/// A parent that uses a child and defines what the child uses is in a circle with it.
#[test]
fn a_child_may_not_import_what_its_parent_defines() {
    let child = "use super::Parent;\npub struct Child;";
    let parent = "mod child;\nuse self::child::Child;\nstruct Parent(Child);";
    let files = [("lib.rs", "mod p;"), ("p/mod.rs", parent), ("p/child.rs", child)];
    assert_eq!(circles_of(&files).len(), 1);
    let passing = "mod child;\nmod other;\nuse other::Parent;\npub use child::Child;";
    let files = [
        ("lib.rs", "mod p;"),
        ("p.rs", passing),
        ("p/child.rs", child),
        ("p/other.rs", "struct Parent;"),
    ];
    assert_eq!(circles_of(&files), Vec::<String>::new());
}

#[test]
fn tests_comments_and_texts_make_no_circle() {
    for b in [
        "// crate::a::A",
        "const B: &str = \"crate::a::A\";",
        "const B: &str = r#\"\"crate::a::A\"#;",
        "#[cfg(test)]\nmod tests { use crate::a::A; }",
        "#[cfg(test)]\nuse crate::a::A;",
        "use other::a::A;",
        "mod a { }",
    ] {
        let files =
            [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B;\nstruct A;"), ("b.rs", b)];
        assert_eq!(circles_of(&files), Vec::<String>::new(), "{b}");
    }
}
