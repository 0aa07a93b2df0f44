//! Tests of the layout `cases`.

use super::*;

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
    let cases = list(
        &[set.data(Some(DatasetLayout::Cases))],
        ListOptions::default(),
    )
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
