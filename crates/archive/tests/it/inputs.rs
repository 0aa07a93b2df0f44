//! Tests of the inputs of a run: folders, patterns and lists, and those that are refused.

use std::io::Write;
use std::process::{Command, Stdio};

use lungfield_testing::program::run;
use lungfield_testing::small;

use crate::workspace::{SEGMENT, Workspace, assert_code, stderr};

#[test]
fn a_list_comes_on_standard_input_and_needs_no_folder() {
    let workspace = Workspace::with_films(3);
    let mut command = Command::new(SEGMENT);
    command
        .args(workspace.arguments("out", &["--list=-"]))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{0}/1.png\n{0}/gone.png", workspace.films()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 3);
    let rows = workspace.rows("out/results.csv");
    assert_eq!(
        rows[0].mask.as_deref(),
        Some(&*format!("masks{}/1.png.png", workspace.films()))
    );
    assert_eq!(rows[1].error.as_deref(), Some("unreadable"));
}

#[test]
fn what_can_not_work_is_said_before_anything_is_done() {
    let workspace = Workspace::with_films(2);
    let films = workspace.films();
    let refusal = |arguments: &[&str], code: i32, words: &str| {
        let output = run(SEGMENT, workspace.arguments("films/out", arguments));
        assert_code(&output, code);
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    };
    refusal(&[&films], 1, "would be taken for films");
    refusal(&["/no/such/folder"], 1, "there is no file or folder");
    refusal(&[], 2, "<INPUT>");
    refusal(&[&films, "--shard=3/3"], 2, "--shard");
    fs_err::create_dir(workspace.path("empty")).unwrap();
    refusal(
        &[workspace.path("empty").to_str().unwrap()],
        1,
        "no film was found",
    );
}

#[test]
fn masks_never_go_where_films_are() {
    let workspace = Workspace::with_films(1);
    workspace.write("masks/a.png", &small::film(1, 64));
    let root = workspace.root.path();
    let masks = root.join("masks").display().to_string();
    let refused = run(SEGMENT, workspace.arguments(".", &[&masks]));
    assert_code(&refused, 1);
    assert!(
        stderr(&refused).contains("would be taken for films"),
        "{}",
        stderr(&refused)
    );
    // Links are followed.
    fs_err::create_dir(workspace.path("films/inner")).unwrap();
    std::os::unix::fs::symlink(workspace.path("films/inner"), workspace.path("link")).unwrap();
    assert_code(&workspace.segment("link", &[]), 1);
    let deep = format!("{}/*/*/*.png", workspace.films());
    assert_code(
        &run(SEGMENT, workspace.arguments("films/inner", &[&deep])),
        1,
    );
    let listed = format!("{masks}/a.png");
    fs_err::write(workspace.path("list"), listed).unwrap();
    let list = format!("--list={}", workspace.path("list").display());
    assert_code(&run(SEGMENT, workspace.arguments(".", &[&list])), 3);
}

#[test]
fn films_that_come_later_are_found_by_a_run_that_had_none_and_lists_that_change_are_told() {
    let workspace = Workspace::new();
    fs_err::create_dir(workspace.path("films")).unwrap();
    for shard in ["--shard=0/1", "--shard=0/2"] {
        let nothing = workspace.segment("out", &[shard]);
        assert_code(&nothing, 1);
        assert!(
            stderr(&nothing).contains("no film was found"),
            "{}",
            stderr(&nothing)
        );
    }
    workspace.write("films/1.png", &small::film(1, 64));
    assert_code(&workspace.segment("out", &[]), 0);
    let list = format!("--list={}", workspace.path("list").display());
    for (films, code, words) in [("1.png", 0, "1 films"), ("1.png\n", 1, "list_sha256")] {
        fs_err::write(
            workspace.path("list"),
            format!("{}/{films}", workspace.films()),
        )
        .unwrap();
        let output = run(SEGMENT, workspace.arguments("listed", &[&list]));
        assert_code(&output, code);
        let all = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        assert!(all.contains(words), "{all}");
    }
}
