//! Tests of the films that are found, and of their names.

use futures_util::TryStreamExt;

use super::source::split_pattern;
use super::*;

async fn find(inputs: &[&str], list: Option<&Path>, out: &str) -> Result<Vec<Found>, SourceError> {
    let files = Files::default();
    let inputs: Vec<_> = inputs.iter().map(|&input| input.to_owned()).collect();
    let out = Address::parse(out).unwrap();
    let sources = Sources::resolve(&inputs, list, &out, &files).await?;
    let mut found: Vec<_> = sources.find(&files).try_collect().await?;
    found.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(found)
}

/// Creates a folder with films, and returns its path as text too.
fn archive(films: &[&str]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for film in films {
        let path = folder.path().join(film);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, b"film").unwrap();
    }
    let name = folder.path().to_str().unwrap().to_owned();
    (folder, name)
}

fn names(found: &[Found]) -> Vec<&str> {
    found
        .iter()
        .map(|found| found.name.as_deref().unwrap())
        .collect()
}

#[tokio::test]
async fn a_folder_is_walked_through_but_for_what_is_hidden() {
    let (_folder, root) = archive(&["a.png", "x/y/b", ".DS_Store", ".git/c.png", "x/._b"]);
    let films = find(&[&root], None, "/elsewhere").await.unwrap();
    assert_eq!(names(&films), ["a.png", "x/y/b"]);
    assert_eq!(films[1].file, format!("{root}/x/y/b"));
}

#[tokio::test]
async fn several_inputs_are_named_from_what_they_have_in_common() {
    let (_folder, root) = archive(&["one/a.png", "two/a.png", "two/deep/b.png"]);
    let (one, two) = (format!("{root}/one"), format!("{root}/two"));
    let films = find(&[&one, &two], None, "/elsewhere").await.unwrap();
    assert_eq!(names(&films), ["one/a.png", "two/a.png", "two/deep/b.png"]);
    let file = format!("{root}/one/a.png");
    assert_eq!(
        names(&find(&[&file], None, "/elsewhere").await.unwrap()),
        ["a.png"]
    );
}

#[tokio::test]
async fn a_pattern_is_matched_below_its_fixed_part() {
    let (_folder, root) = archive(&["a/1.png", "a/2.dcm", "a/b/3.png", "c/4.png"]);
    let matched = async |pattern: &str| {
        let films = find(&[&format!("{root}/{pattern}")], None, "/elsewhere")
            .await
            .unwrap();
        films
            .into_iter()
            .map(|found| found.name.unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(matched("a/*.png").await, ["1.png"]);
    assert_eq!(
        matched("**/*.png").await,
        ["a/1.png", "a/b/3.png", "c/4.png"]
    );
    assert_eq!(matched("a/*.{png,dcm}").await, ["1.png", "2.dcm"]);
}

#[tokio::test]
async fn a_list_names_films_by_their_whole_path() {
    let (folder, root) = archive(&["a.png", "x/b.png"]);
    let list = folder.path().join("list");
    fs_err::write(&list, format!("{root}/x/../a.png\n\ns3://bucket/1/c.dcm\n")).unwrap();
    let films = find(&[], Some(&list), "/elsewhere").await.unwrap();
    assert_eq!(
        names(&films),
        [&format!("{}/a.png", &root[1..]), "s3/bucket/1/c.dcm"]
    );
}

#[tokio::test]
async fn what_would_be_found_twice_or_find_its_own_masks_is_refused() {
    let (_folder, root) = archive(&["a.png", "x/b.png"]);
    let (inner, file) = (format!("{root}/x"), format!("{root}/a.png"));
    for inputs in [[&*root, &*inner], [&*root, &*file], [&*file, &*file]] {
        assert!(matches!(
            find(&inputs, None, "/elsewhere").await,
            Err(SourceError::Twice(_))
        ));
    }
    let inside = |error| matches!(error, Err(SourceError::OutputInside { .. }));
    assert!(inside(find(&[&root], None, &format!("{root}/out")).await));
    assert!(inside(
        find(&[&format!("{root}/**/*.png")], None, &format!("{root}/out")).await
    ));
    assert!(
        find(&[&format!("{root}/*.png")], None, &format!("{root}/out"))
            .await
            .is_ok()
    );
    assert!(matches!(
        find(&["/no/such"], None, "/out").await,
        Err(SourceError::Missing(_))
    ));
}

#[test]
fn patterns_are_parted_at_their_first_special_character() {
    assert_eq!(split_pattern("a/b/*.png"), Some(("a/b", "*.png")));
    assert_eq!(split_pattern("*.png"), Some(("", "*.png")));
    assert_eq!(split_pattern("/x[0-9]"), Some(("/", "x[0-9]")));
    assert_eq!(split_pattern("s3://b/20*/x"), Some(("s3://b", "20*/x")));
    assert_eq!(split_pattern("a/b.png"), None);
}

#[test]
fn empty_objects_without_an_extension_are_folders() {
    let root = Address::parse("s3://b/films").unwrap();
    let (tree, steps) = (Source::Tree(root.clone()), root.steps());
    let is_film = |name: &str, size| tree.is_film_object(&root.join(name), &steps, size);
    assert!(is_film("a.dcm", 0) && is_film("a", 7) && is_film("x/a.png", 7));
    assert!(!is_film("folder", 0) && !is_film(".hidden", 7) && !is_film("x/.y/a.png", 7));
}
