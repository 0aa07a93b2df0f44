//! Tests of data sets as they are published: what is listed, and what is wrong with them.

use super::builders::{
    DataSet, add_jsrt, folders, large_phantom, lungs, montgomery, phantom, shenzhen, table,
};
use super::*;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

fn names(cases: &[Case]) -> Vec<&str> {
    cases.iter().map(|case| case.name.as_str()).collect()
}

fn findings(cases: &[Case]) -> Vec<Option<&str>> {
    cases.iter().map(|case| case.finding.as_deref()).collect()
}

fn without_missing_masks(set: &DataSet) -> Result<Listed, Problems> {
    list(
        &[set.data(None)],
        ListOptions {
            allow_missing_masks: true,
        },
    )
}

/// Asserts that each case is the phantom of its place in the list.
#[track_caller]
fn assert_phantoms(cases: &[Case]) {
    for (seed, case) in (0..).zip(cases) {
        let film = case.film().unwrap();
        assert_eq!(film, phantom(seed).film, "{}", case.name);
        assert_eq!(
            case.reference(&film).unwrap(),
            phantom(seed).mask,
            "{}",
            case.name
        );
    }
}

/// Asserts that something is wrong in as many ways as there are texts, each of them said in a line.
#[track_caller]
fn assert_says(refusal: &str, expected: &[&str]) {
    assert_eq!(refusal.lines().count(), expected.len() + 1, "{refusal}");
    for text in expected {
        assert!(refusal.contains(text), "{text}: {refusal}");
    }
}

#[test]
fn folders_are_read_in_the_order_of_names() {
    let set = folders(3);
    let cases = set.list().unwrap();
    assert_eq!(names(&cases), ["a", "b", "c"]);
    assert!(
        cases
            .iter()
            .all(|case| case.source == "clinic" && case.patient == case.name)
    );
    assert!(
        cases
            .iter()
            .all(|case| case.finding.is_none() && case.split.is_none() && !case.doubtful)
    );
    assert_phantoms(&cases);
}

#[test]
fn a_mask_in_folders_has_its_films_name_or_that_and_a_suffix() {
    let set = DataSet::new();
    let masks = ["a.png", "a_mask_mask.png", "b-mask.png", "c.d_mask.png"];
    let films = ["a", "a_mask", "b", "c.d"];
    for (seed, (film, mask)) in (0..).zip(films.into_iter().zip(masks)) {
        set.write_film(format!("images/{film}.png"), &phantom(seed).film);
        set.write_mask(format!("masks/{mask}"), &phantom(seed).mask);
    }
    assert_eq!(names(&set.list().unwrap()), films);
    assert_phantoms(&set.list().unwrap());

    set.remove("masks/a.png");
    set.remove("masks/a_mask_mask.png");
    set.write_mask("masks/a_mask.png", &phantom(1).mask);
    assert_says(&set.refusal(), &["clinic/a has no reference mask"]);
}

#[test]
fn montgomerys_lungs_are_united() {
    let set = montgomery(&["MCUCXR_0001_0", "MCUCXR_0002_1"]);
    set.write("CXR_png/Thumbs.db", "");
    set.write("ClinicalReadings/MCUCXR_0001_0.txt", "");
    let cases = set.list().unwrap();
    assert_eq!(findings(&cases), [Some("normal"), Some("tuberculosis")]);
    assert!(
        cases
            .iter()
            .all(|case| case.source == "montgomery" && case.patient == case.name)
    );
    assert!(
        lungs(&phantom(0).mask)
            .iter()
            .all(|lung| lung.area_px() > 0)
    );
    assert_phantoms(&cases);

    set.remove("ManualMask/rightMask/MCUCXR_0001_0.png");
    assert_says(&set.refusal(), &["ManualMask/rightMask/MCUCXR_0001_0.png"]);
    let listed = without_missing_masks(&set).unwrap();
    assert_eq!(
        (names(&listed.cases), listed.left_out.len()),
        (vec!["MCUCXR_0002_1"], 1)
    );
}

#[test]
fn shenzhens_films_without_masks_are_problems_until_they_are_left_out() {
    let set = shenzhen(&["CHNCXR_0001_0", "CHNCXR_0002_1", "CHNCXR_0003_x"]);
    let cases = set.list().unwrap();
    assert_eq!(
        findings(&cases),
        [Some("normal"), Some("tuberculosis"), None]
    );
    assert!(cases.iter().all(|case| case.source == "shenzhen"));
    assert_phantoms(&cases);

    set.remove("mask/CHNCXR_0002_1_mask.png");
    set.remove("mask/CHNCXR_0003_x_mask.png");
    let (second, third) = ("mask/CHNCXR_0002_1_mask.png", "mask/CHNCXR_0003_x_mask.png");
    assert_says(&set.refusal(), &[second, third]);
    let listed = without_missing_masks(&set).unwrap();
    assert_eq!(
        (names(&listed.cases), listed.left_out.len()),
        (vec!["CHNCXR_0001_0"], 2)
    );
    assert_eq!(
        listed.remark().unwrap(),
        "films without a reference mask, left out: 2"
    );
    let mut other = listed.clone();
    other.keep(&["montgomery".to_owned()]);
    assert!(
        other.cases.is_empty() && other.remark().is_none(),
        "what was not asked for is not left out"
    );
}

#[test]
fn a_jsrt_film_comes_out_with_dark_lungs_and_its_mask_in_place() {
    let set = DataSet::new();
    add_jsrt(&set, 1, "JPCNN002", "fold2");
    add_jsrt(&set, 0, "JPCLN001", "fold1");
    let cases = set.list().unwrap();
    assert_eq!(names(&cases), ["JPCLN001", "JPCNN002"]);
    assert_eq!(findings(&cases), [Some("nodule"), Some("normal")]);
    assert!(
        cases
            .iter()
            .all(|case| case.source == "jsrt" && case.patient == case.name)
    );
    for (seed, case) in (0..).zip(&cases) {
        let (film, drawn) = (case.film().unwrap(), large_phantom(seed));
        assert_eq!(film.pixels(), drawn.film.pixels());
        let reference = case.reference(&film).unwrap();
        assert_eq!(reference, drawn.mask);
        let (lungs, rest) = (
            mean(&film, &reference, true),
            mean(&film, &reference, false),
        );
        assert!(lungs < 0.9 * rest, "lungs {lungs}, rest {rest}");
    }
}

/// The mean brightness in or around the lungs.
fn mean(film: &Radiograph, mask: &Mask, lung: bool) -> f64 {
    let Pixels::Sixteen(values) = film.pixels() else {
        panic!("12 bits became 8")
    };
    let chosen = values
        .iter()
        .zip(mask.pixels())
        .filter(|(_, here)| *here == lung);
    let (sum, count) = chosen.fold((0.0, 0.0), |(sum, count), (value, _)| {
        (sum + f64::from(*value), count + 1.0)
    });
    sum / count
}

#[test]
fn a_jsrt_film_needs_the_masks_of_both_lungs_in_one_fold_or_another() {
    let set = DataSet::new();
    for (name, fold) in [("JPCLN001", "fold1"), ("JPCLN002", "fold2")] {
        set.write(format!("All247images/{name}.IMG"), "");
        set.write(format!("scratch/{fold}/masks/left lung/{name}.gif"), "");
        set.write(format!("scratch/{fold}/masks/right lung/{name}.gif"), "");
    }
    assert_eq!(names(&set.list().unwrap()), ["JPCLN001", "JPCLN002"]);
    set.remove("scratch/fold2/masks/left lung/JPCLN002.gif");
    set.write("scratch/fold1/masks/left lung/JPCLN003.gif", "");
    set.write("scratch/fold2/masks/left lung/JPCLN001.gif", "");
    let missing = "fold*/masks/left lung/JPCLN002.gif";
    let strays = [
        "fold1/masks/left lung/JPCLN003.gif is a mask",
        "fold2/masks/left lung/JPCLN001.gif is a mask",
    ];
    assert_says(&set.refusal(), &[missing, strays[0], strays[1]]);
}

#[test]
fn a_list_says_what_is_known_of_a_case() {
    let set = table(&[
        "x,p1,train,normal,",
        "y,p1,,tuberculosis,yes",
        "z,,test,,no",
    ]);
    let cases = set.list().unwrap();
    assert_eq!(names(&cases), ["x", "y", "z"]);
    assert_eq!(
        findings(&cases),
        [Some("normal"), Some("tuberculosis"), None]
    );
    let patients: Vec<_> = cases.iter().map(|case| case.patient.as_str()).collect();
    assert_eq!(patients, ["p1", "p1", "z"]);
    let splits: Vec<_> = cases.iter().map(|case| case.split).collect();
    assert_eq!(splits, [Some(Split::Train), None, Some(Split::Test)]);
    assert_eq!(
        cases.iter().map(|case| case.doubtful).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert_phantoms(&cases);
}

#[test]
fn a_list_may_have_four_columns() {
    let set = folders(1);
    // A byte order mark, as spreadsheets write it.
    set.write(
        "cases.csv",
        "\u{feff}reference,image,source,case\nmasks/a.png,images/a.png,here,one\n",
    );
    let cases = list(&[set.data(Some(Layout::Cases))], ListOptions::default())
        .unwrap()
        .cases;
    let Case {
        name,
        source,
        patient,
        finding: None,
        split: None,
        doubtful: false,
        ..
    } = &cases[0]
    else {
        panic!("{cases:?}");
    };
    assert_eq!([name, source, patient], ["one", "here", "one"]);
    assert_phantoms(&cases);
}

#[test]
fn a_bad_line_of_a_list_is_named_and_the_rest_is_read_on() {
    let set = table(&["a,,holiday,,", "b,,,,perhaps", "c", ",,,,", "d,,,,"]);
    assert_says(
        &set.refusal(),
        &["line: 2", "line: 3", "line: 4", "line 5 names no case"],
    );
    assert!(set.refusal().contains("holiday") && set.refusal().contains("cases.csv"));
    set.write("cases.csv", "case,source,image,split\na,b,c,train\n");
    assert_says(&set.refusal(), &["cases.csv lacks the column reference"]);
    set.write("cases.csv", "");
    assert_says(
        &set.refusal(),
        &["cases.csv lacks the column case, source, image, reference"],
    );
    set.write("cases.csv", b"case,source,image,reference\n\xff,b,c,d\n");
    assert_says(&set.refusal(), &["line 2"]);
    set.write("cases.csv", "case,source,image,reference\n");
    assert_says(
        &set.refusal(),
        &["clinic has no film with a reference mask"],
    );
}

#[test]
fn a_list_may_name_no_file_that_is_not_there() {
    let set = table(&["a,,,,", "b,,,,", "c,,,,"]);
    set.remove("films/0.png");
    set.remove("films/1-mask.png");
    assert_says(
        &set.refusal(),
        &[
            "clinic/a has no film: there is no file",
            "clinic/b has no reference mask: there is no file",
        ],
    );
    assert_says(
        &without_missing_masks(&set).unwrap_err().to_string(),
        &["films/0.png"],
    );
}

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
fn several_data_sets_make_one_list() {
    let (first, second) = (shenzhen(&["x_0", "x_1"]), folders(1));
    let data = [first.data(None), second.data(Some(Layout::Folders))];
    let cases = list(&data, ListOptions::default()).unwrap().cases;
    let found: Vec<_> = cases
        .iter()
        .map(|case| format!("{}/{}", case.source, case.name))
        .collect();
    assert_eq!(found, ["shenzhen/x_0", "shenzhen/x_1", "clinic/a"]);
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
        broken.data(Some(Layout::Jsrt)),
    ];
    let refusal = list(&data, ListOptions::default()).unwrap_err();
    let expected = [
        "no film with",
        "no known layout",
        "clinic/b has no reference mask",
        "not of the layout jsrt",
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
fn a_folder_is_named_also_where_it_was_given_in_another_way() {
    let set = folders(1);
    let data = DataFolder {
        folder: set.folder().join("images/.."),
        layout: None,
    };
    assert_eq!(
        list(&[data], ListOptions::default()).unwrap().cases[0].source,
        "clinic"
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
