//! Tests of the cases that are listed in each layout.

use super::*;

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
    other.keep_sources(&["montgomery".to_owned()]);
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
fn several_data_sets_make_one_list() {
    let (first, second) = (shenzhen(&["x_0", "x_1"]), folders(1));
    let data = [first.data(None), second.data(Some(DatasetLayout::Folders))];
    let cases = list(&data, ListOptions::default()).unwrap().cases;
    let found: Vec<_> = cases
        .iter()
        .map(|case| format!("{}/{}", case.source, case.name))
        .collect();
    assert_eq!(found, ["shenzhen/x_0", "shenzhen/x_1", "clinic/a"]);
}

#[test]
fn a_folder_is_named_also_where_it_was_given_in_another_way() {
    let set = folders(1);
    let data = DatasetFolder {
        folder: set.folder().join("images/.."),
        layout: None,
    };
    assert_eq!(
        list(&[data], ListOptions::default()).unwrap().cases[0].source,
        "clinic"
    );
}
