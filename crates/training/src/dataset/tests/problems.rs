//! Tests of the problems that are reported.

use super::*;

#[test]
fn a_mask_without_a_film_is_a_problem_in_every_layout() {
    let set = folders(1);
    set.write("masks/a_mask.png", "");
    set.write("masks/b.png", "");
    assert_says(
        &set.refusal(),
        &[
            "masks/a_mask.png is a mask without",
            "masks/b.png is a mask without",
        ],
    );
    let set = montgomery(&["x_0", "x_1"]);
    set.remove("CXR_png/x_1.png");
    assert_says(
        &set.refusal(),
        &[
            "leftMask/x_1.png is a mask without",
            "rightMask/x_1.png is a mask without",
        ],
    );
    let set = shenzhen(&["x_0", "x_1"]);
    set.remove("CXR_png/x_1.png");
    assert_says(&set.refusal(), &["mask/x_1_mask.png is a mask without"]);
    assert_says(
        &without_missing_masks(&set).unwrap_err().to_string(),
        &["mask/x_1_mask.png is a mask without"],
    );
}

#[test]
fn a_name_is_given_once_in_a_source() {
    let set = folders(2);
    set.write("images/a.jpg", "");
    assert_says(&set.refusal(), &["clinic/a is the name of several cases"]);
    let (first, second) = (folders(1), folders(2));
    let both = list(
        &[first.data(None), second.data(None)],
        ListOptions::default(),
    );
    assert_says(
        &both.unwrap_err().to_string(),
        &["clinic/a is the name of several cases"],
    );
    let set = table(&["a,,,,", "b,,,,", "a,,,,"]);
    assert_says(&set.refusal(), &["clinic/a is the name of several cases"]);
}

#[test]
fn all_data_sets_are_looked_at_before_anything_is_refused() {
    let (empty, unknown, broken) = (folders(0), DataSet::new(), folders(2));
    for folder in ["images", "masks"] {
        fs_err::create_dir(empty.folder().join(folder)).unwrap();
    }
    broken.remove("masks/b.png");
    let data = [
        empty.data(None),
        unknown.data(None),
        broken.data(None),
        broken.data(Some(DatasetLayout::Jsrt)),
    ];
    let refusal = list(&data, ListOptions::default()).unwrap_err();
    let expected = [
        "no film with",
        "no known layout",
        "clinic/b has no reference mask",
        "not have the layout jsrt",
    ];
    assert_says(&refusal.to_string(), &expected);
    assert_says(
        &list(&[], ListOptions::default()).unwrap_err().to_string(),
        &["no data set"],
    );
}

#[test]
fn a_data_set_of_which_everything_is_left_out_is_empty() {
    let set = shenzhen(&["x_0"]);
    set.remove("mask/x_0_mask.png");
    assert_says(
        &without_missing_masks(&set).unwrap_err().to_string(),
        &["has no film with a reference mask"],
    );
}

#[test]
fn the_cases_of_a_split_are_at_least_one() {
    let cases = table(&["a,,train,,", "b,,test,,", "c,,train,,", "d,,,,"])
        .list()
        .unwrap();
    assert_eq!(names(&in_split(&cases, Split::Train).unwrap()), ["a", "c"]);
    let text = in_split(&cases, Split::Validation).unwrap_err().to_string();
    assert_says(&text, &["no validation case among 4"]);
}

#[test]
fn every_film_and_mask_that_can_not_be_read_is_listed() {
    let set = folders(6);
    set.write("images/b.png", "no film");
    set.write("masks/c.png", "no mask");
    set.write_mask("masks/d.png", &Mask::empty(Size::new(48, 64).unwrap()));
    let cases = set.list().unwrap();
    set.remove("images/e.png");
    let refusal = read_all(&cases, |_, _, _| ()).unwrap_err().to_string();
    assert_says(
        &refusal,
        &[
            "images/b.png: this is no image",
            "masks/c.png",
            "48×64 pixels",
            "images/e.png",
        ],
    );
    assert!(
        refusal.contains("clinic/b: ") && refusal.contains("its film 64×48"),
        "{refusal}"
    );
}
