//! Decides who may know whom: a file imports from floors below its own and from its own module, and no other way.
//!
//! The sources are read as tokens, so that paths in `use` groups, in expressions and in macros count, and those in
//! comments do not. Tests inside of `src` are held to the same rules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The house from the ground up, its modules on the floors that ARCHITECTURE.md names. The ground floor has a step:
/// sizes lie below what has a size.
const LADDER: [(u8, &[&str]); 15] = [
    (
        0,
        &["allocator", "cryptography", "drawing", "files", "geometry"],
    ),
    (0, &["mask", "radiograph"]),
    (1, &["lungs", "overlap", "phantom"]),
    (1, &["surface"]),
    (2, &["codec", "postprocess", "preprocess"]),
    (3, &["network"]),
    (4, &["model"]),
    (5, &["engine", "train"]),
    (6, &["pipeline"]),
    (6, &["metrics"]),
    (7, &["bulk", "evaluation", "http"]),
    (8, &["config", "telemetry"]),
    (8, &["loading"]),
    (9, &["archive", "scoring", "serve", "training"]),
    (10, &["bin"]),
];

/// Names that belong to some rooms only.
const CONFINED: [(&str, &[&str]); 7] = [
    ("dicom_core", &["codec"]),
    ("dicom_parser", &["codec"]),
    ("dicom_object", &["codec"]),
    ("tch", &["network", "model", "train"]),
    ("axum", &["http", "serve"]),
    ("StatusCode", &["http", "serve"]),
    ("unsafe", &["model/device.rs"]),
];

/// Two modules that know nothing of each other, neither directly nor through others.
const STRANGERS: (&str, &str) = ("train", "http");

/// A breach of a rule, with its place.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    rule: String,
}

/// A path in a source file that leads to a module of the library.
#[derive(Debug)]
struct Import {
    line: usize,
    module: String,
}

/// A source file, read.
#[derive(Debug)]
struct Source {
    /// Its path within `src`.
    file: String,
    /// The module at the root that it belongs to; `bin` for the programs and nothing for the root itself.
    module: String,
    imports: Vec<Import>,
    /// The confined names that it uses.
    confined: Vec<(usize, &'static str, &'static [&'static str])>,
}

impl Source {
    fn read(file: &str, text: &str) -> Self {
        let path = module_path(file);
        let module = path.first().cloned().unwrap_or_default();
        let mut source = Self {
            file: file.to_owned(),
            module,
            imports: Vec::new(),
            confined: Vec::new(),
        };
        let tokens: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{file} is no Rust: {error}"));
        source.walk(tokens, &path);
        source
    }

    /// Takes in the paths and names of some tokens that stand in the module `path`.
    fn walk(&mut self, tokens: TokenStream, path: &[String]) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(name)
                    if name == "mod" && matches!(tokens.get(at + 2), Some(TokenTree::Group(_))) =>
                {
                    let inner: Vec<_> = path
                        .iter()
                        .cloned()
                        .chain([tokens[at + 1].to_string()])
                        .collect();
                    let TokenTree::Group(body) = &tokens[at + 2] else {
                        unreachable!("matched above")
                    };
                    self.walk(body.stream(), &inner);
                    at += 3;
                    continue;
                }
                TokenTree::Ident(name) => {
                    let (name, line) = (name.to_string(), name.span().start().line);
                    self.note(&name, line, &tokens[at + 1..]);
                    let begins = at < 2 || !is_separator(&tokens[at - 2..]);
                    if let Some(base) = base(&name, path).filter(|_| begins) {
                        self.follow(base, line, &tokens[at + 1..]);
                    }
                }
                TokenTree::Group(group) => self.walk(group.stream(), path),
                _ => {}
            }
            at += 1;
        }
    }

    /// Takes in a confined name; that of a crate only where a path begins with it.
    fn note(&mut self, name: &str, line: usize, rest: &[TokenTree]) {
        let Some((name, rooms)) = CONFINED.into_iter().find(|(confined, _)| *confined == name)
        else {
            return;
        };
        let is_crate = name == "tch" || name == "axum";
        let is_keyword = |token: &TokenTree| ["as", ";"].contains(&token.to_string().as_str());
        if !is_crate || is_separator(rest) || rest.first().is_some_and(is_keyword) {
            self.confined.push((line, name, rooms));
        }
    }

    /// Takes in the modules to which a path leads that has come as far as the module `base`, and goes on with `rest`.
    fn follow(&mut self, mut base: Vec<String>, line: usize, rest: &[TokenTree]) {
        let next = rest.get(2).filter(|_| is_separator(rest));
        let module = match next {
            Some(TokenTree::Ident(name)) if name == "super" => {
                base.pop();
                return self.follow(base, line, &rest[3..]);
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                return branches(group.stream())
                    .for_each(|branch| self.follow(base.clone(), line, &branch));
            }
            Some(next) => base.first().cloned().unwrap_or_else(|| next.to_string()),
            None if base.is_empty() => return, // `pub(crate)` leads nowhere
            None => base.swap_remove(0),
        };
        let line = next.map_or(line, |next| next.span().start().line);
        self.imports.push(Import { line, module });
    }

    /// Every breach of a rule that this file alone shows.
    fn breaches(&self) -> Vec<Breach> {
        let breach = |line: usize, rule: String| Breach {
            file: self.file.clone(),
            line,
            rule,
        };
        let imports = self
            .imports
            .iter()
            .filter_map(|import| Some(breach(import.line, self.climbs(&import.module)?)));
        let confined = self
            .confined
            .iter()
            .filter(|(_, _, rooms)| !self.is_in(rooms))
            .map(|(line, name, rooms)| {
                breach(
                    *line,
                    format!("`{name}` belongs to {} only", rooms.join(", ")),
                )
            });
        let both = [STRANGERS.0, STRANGERS.1]
            .map(|one| self.imports.iter().find(|import| import.module == one));
        let meeting = if let [Some(_), Some(second)] = both {
            vec![breach(
                second.line,
                format!(
                    "`{}` and `{}` never meet in one file",
                    STRANGERS.0, STRANGERS.1
                ),
            )]
        } else {
            Vec::new()
        };
        imports.chain(confined).chain(meeting).collect()
    }

    /// Why this file may not import a module, if it may not.
    fn climbs(&self, to: &str) -> Option<String> {
        let from = self.module.as_str();
        if from == to || from.is_empty() {
            return None; // the root declares every module and re-exports none
        }
        match (rung(from), rung(to)) {
            (None, _) => Some(format!("`{from}` has no floor")),
            (_, None) => Some(format!("`{to}` is no module with a floor")),
            (Some(above), Some(below)) if below < above => None,
            (Some(above), Some(below)) => {
                let (above, below) = (LADDER[above].0, LADDER[below].0);
                Some(format!(
                    "`{from}` (floor {above}) may not import `{to}` (floor {below}): it is not below"
                ))
            }
        }
    }

    fn is_in(&self, rooms: &[&str]) -> bool {
        rooms
            .iter()
            .any(|&room| room == self.module || room == self.file)
    }
}

/// Which rung of the ladder a module stands on.
fn rung(module: &str) -> Option<usize> {
    LADDER
        .iter()
        .position(|(_, modules)| modules.contains(&module))
}

/// The path of the module that a file holds: `codec/rle/mod.rs` is `codec::rle`.
fn module_path(file: &str) -> Vec<String> {
    let mut path: Vec<_> = file
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if ["mod", "lib"]
        .iter()
        .any(|end| path.last().is_some_and(|last| last == end))
    {
        path.pop();
    }
    path
}

/// The module from which a path goes on that begins with `name`, or `None` where that says nothing of this library.
fn base(name: &str, path: &[String]) -> Option<Vec<String>> {
    match name {
        "crate" | "lungfield" => Some(Vec::new()),
        "self" => Some(path.to_vec()),
        "super" => path.split_last().map(|(_, above)| above.to_vec()),
        _ => None,
    }
}

/// Whether tokens begin with `::`.
fn is_separator(tokens: &[TokenTree]) -> bool {
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    is_colon(tokens.first()) && is_colon(tokens.get(1))
}

/// What the commas of a group part, each with a `::` before it as if it stood alone.
fn branches(tokens: TokenStream) -> impl Iterator<Item = Vec<TokenTree>> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
    let branches: Vec<_> = tokens
        .split(is_comma)
        .filter(|branch| !branch.is_empty())
        .map(<[_]>::to_vec)
        .collect();
    let separator: TokenStream = "::".parse().unwrap();
    branches
        .into_iter()
        .map(move |branch| separator.clone().into_iter().chain(branch).collect())
}

/// Whether one module knows another, directly or through others.
fn knows(sources: &[Source], from: &str, to: &str) -> bool {
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        let known = source.imports.iter().map(|import| import.module.as_str());
        imports.entry(&source.module).or_default().extend(known);
    }
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        if seen.insert(module) {
            open.extend(imports.get(module).into_iter().flatten());
        }
    }
    seen.contains(to)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    found
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn house() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: PathBuf| {
        let file = path
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        Source::read(&file, &fs_err::read_to_string(&path).unwrap())
    };
    files(&root).into_iter().map(read).collect()
}

#[test]
fn every_file_imports_from_below_and_from_its_own_module_only() {
    let breaches: Vec<_> = house().iter().flat_map(Source::breaches).collect();
    let lines: Vec<_> = breaches
        .iter()
        .map(|breach| format!("src/{}:{}: {}", breach.file, breach.line, breach.rule))
        .collect();
    assert!(
        lines.is_empty(),
        "the house is not in order:\n{}",
        lines.join("\n")
    );
}

#[test]
fn every_module_has_a_floor_and_every_floor_its_modules() {
    let house: BTreeSet<_> = house()
        .into_iter()
        .map(|source| source.module)
        .filter(|name| !name.is_empty())
        .collect();
    let ladder: BTreeSet<_> = LADDER
        .iter()
        .flat_map(|(_, modules)| *modules)
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(house, ladder);
}

#[test]
fn training_and_http_never_meet_through_others_either() {
    let (house, (one, other)) = (house(), STRANGERS);
    assert!(!knows(&house, one, other) && !knows(&house, other, one));
}

/// The rules that a source breaks.
fn broken(file: &str, text: &str) -> Vec<(usize, String)> {
    Source::read(file, text)
        .breaches()
        .into_iter()
        .map(|breach| (breach.line, breach.rule))
        .collect()
}

#[track_caller]
fn assert_breaks(file: &str, text: &str, line: usize, rule: &str) {
    let broken = broken(file, text);
    assert!(
        matches!(&broken[..], [(at, says)] if *at == line && says.contains(rule)),
        "{file}: {broken:?}"
    );
}

#[test]
fn an_import_from_above_or_beside_is_found_however_it_is_written() {
    assert_breaks(
        "codec/png.rs",
        "\nuse crate::http::App;",
        2,
        "`codec` (floor 2) may not import `http` (floor 7)",
    );
    assert_breaks(
        "preprocess.rs",
        "use crate::codec::decode;",
        1,
        "`codec` (floor 2)",
    );
    assert_breaks(
        "mask.rs",
        "use super::overlap::Overlap;",
        1,
        "`overlap` (floor 1)",
    );
    assert_breaks(
        "codec/rle/text.rs",
        "use super::super::super::engine::Engine;",
        1,
        "`engine`",
    );
    assert_breaks(
        "engine/mod.rs",
        "use crate::{geometry::{self, Size},\n mask::Mask,\n train::learn};",
        3,
        "`train`",
    );
    assert_breaks(
        "model/fake.rs",
        "fn f() -> crate::engine::Engine { todo!() }",
        1,
        "`engine`",
    );
    assert_breaks(
        "model/fake.rs",
        "fn f() { assert!(matches!(x, crate::pipeline::Form::Png)) }",
        1,
        "`pipeline`",
    );
    assert_breaks(
        "network/plan.rs",
        "mod tests { use super::super::super::model; }",
        1,
        "`model`",
    );
    assert_breaks(
        "geometry.rs",
        "#[cfg(test)]\nmod tests {\n use crate::phantom::Phantom;\n}",
        3,
        "`phantom`",
    );
    assert_breaks(
        "telemetry.rs",
        "use crate::config::LogSettings;",
        1,
        "`config` (floor 8)",
    );
    assert_breaks("lungs/mod.rs", "use crate::*;", 1, "`*` is no module");
    assert_breaks(
        "cellar.rs",
        "use crate::mask::Mask;",
        1,
        "`cellar` has no floor",
    );
}

#[test]
fn an_import_from_below_or_from_the_own_module_is_not() {
    for (file, text) in [
        (
            "codec/rle/json.rs",
            "use super::Rle; use crate::codec::MIN_SIDE; use crate::{mask::Mask, geometry};",
        ),
        (
            "codec/rle/json.rs",
            "mod tests { use super::super::text; use super::*; }",
        ),
        (
            "mask.rs",
            "use crate::geometry::Size; mod tests { use super::*; use super::super::geometry; }",
        ),
        (
            "geometry.rs",
            "//! See [`crate::preprocess`].\n/* crate::http */ const A: &str = \"crate::http\";",
        ),
        (
            "geometry.rs",
            "pub(crate) fn f() {} pub(super) fn g() {} pub(in crate::geometry) fn h() {}",
        ),
        (
            "bin/lungfield-train.rs",
            "use lungfield::{config::TrainSettings, train::learn};",
        ),
        ("lib.rs", "pub mod http; pub mod train;"),
        (
            "phantom/mod.rs",
            "use other::crate_like::http; fn f() { http::go(); }",
        ),
    ] {
        assert_eq!(broken(file, text), [], "{file}: {text}");
    }
}

#[test]
fn a_name_outside_of_its_rooms_is_found() {
    assert_breaks(
        "engine/worker.rs",
        "use tch::Tensor;",
        1,
        "`tch` belongs to network, model, train only",
    );
    assert_breaks(
        "pipeline.rs",
        "fn f() {\n tch::manual_seed(1);\n}",
        2,
        "`tch`",
    );
    assert_breaks(
        "pipeline.rs",
        "use axum as a;",
        1,
        "`axum` belongs to http, serve only",
    );
    assert_breaks(
        "pipeline.rs",
        "use http::{Method, StatusCode};",
        1,
        "`StatusCode`",
    );
    assert_breaks("model/torch.rs", "fn f() { unsafe { g() } }", 1, "`unsafe`");
    assert_eq!(
        broken("model/device.rs", "fn f() { unsafe { g(tch::x()) } }"),
        []
    );
    assert_eq!(broken("http/mod.rs", "use axum::http::StatusCode;"), []);
    assert_eq!(
        broken(
            "engine/mod.rs",
            "#[expect(unsafe_code)] fn f(tch: u8) { g(tch) }"
        ),
        []
    );
}

#[test]
fn strangers_that_meet_are_found() {
    assert_breaks(
        "serve.rs",
        "use crate::http::App;\nuse crate::train::learn;",
        1,
        "`train` and `http` never meet in one file",
    );
    let sources = [
        Source::read("http/mod.rs", "use crate::pipeline::Film;"),
        Source::read("pipeline.rs", "use crate::train::dataset::Case;"),
    ];
    assert!(knows(&sources, "http", "train"));
    assert!(!knows(&sources, "train", "http"));
}
