//! Tests of the recognition of layouts.

use tempfile::TempDir;

use super::*;

/// A folder with empty files.
fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, "").unwrap();
    }
    folder
}

const SAMPLES: [(DatasetLayout, &[&str]); 5] = [
    (DatasetLayout::Cases, &["cases.csv", "films/a.png"]),
    (DatasetLayout::Folders, &["images/a.png", "masks/a.png"]),
    (
        DatasetLayout::Montgomery,
        &[
            "CXR_png/a.png",
            "ManualMask/leftMask/a.png",
            "ManualMask/rightMask/a.png",
        ],
    ),
    (
        DatasetLayout::Shenzhen,
        &["CXR_png/a.png", "mask/a_mask.png"],
    ),
    (
        DatasetLayout::Jsrt,
        &[
            "All/a.IMG",
            "x/scratch/fold1/masks/left lung/a.gif",
            "x/scratch/fold1/masks/right lung/a.gif",
        ],
    ),
];

#[test]
fn each_layout_is_recognised_by_its_signs() {
    for (layout, files) in SAMPLES {
        let folder = folder(files);
        assert_eq!(recognise(folder.path()).unwrap(), layout);
        assert_eq!(confirm(folder.path(), layout).unwrap(), layout);
    }
}

#[test]
fn a_layout_that_lacks_a_sign_is_not_recognised() {
    for (layout, files) in SAMPLES {
        for missing in 0..files.len().min(3) {
            let mut files = files.to_vec();
            files.remove(missing);
            let folder = folder(&files);
            let whole = layout == DatasetLayout::Cases && missing == 1;
            assert_eq!(recognise(folder.path()).is_ok(), whole, "{files:?}");
            assert_eq!(confirm(folder.path(), layout).is_ok(), whole, "{files:?}");
        }
    }
}

#[test]
fn a_folder_that_fits_nothing_hears_what_was_looked_for() {
    let text = recognise(folder(&["films/a.png"]).path())
        .unwrap_err()
        .to_string();
    for layout in DatasetLayout::ALL {
        assert!(
            text.contains(layout.signs()) && text.contains(&layout.to_string()),
            "{text}"
        );
    }
    let text = recognise(Path::new("/nowhere/at-all"))
        .unwrap_err()
        .to_string();
    assert!(text.contains("/nowhere/at-all"), "{text}");
}

#[test]
fn a_folder_that_fits_several_layouts_asks_which_is_meant() {
    let folder = folder(&[
        "CXR_png/a.png",
        "mask/a_mask.png",
        "images/a.png",
        "masks/a.png",
    ]);
    let text = recognise(folder.path()).unwrap_err().to_string();
    let named = text.contains("folders (images/ and masks/)")
        && text.contains("shenzhen (CXR_png/ and mask/)");
    assert!(named && !text.contains("montgomery"), "{text}");
    assert_eq!(
        confirm(folder.path(), DatasetLayout::Shenzhen).unwrap(),
        DatasetLayout::Shenzhen
    );
    let text = confirm(folder.path(), DatasetLayout::Montgomery)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("montgomery") && text.contains("ManualMask/leftMask/"),
        "{text}"
    );
}

#[test]
fn a_list_of_cases_goes_before_what_else_a_folder_holds() {
    let folder = folder(&["cases.csv", "images/a.png", "masks/a.png"]);
    assert_eq!(recognise(folder.path()).unwrap(), DatasetLayout::Cases);
    assert_eq!(
        confirm(folder.path(), DatasetLayout::Folders).unwrap(),
        DatasetLayout::Folders
    );
}

#[test]
fn the_parts_of_jsrt_lie_up_to_three_folders_down() {
    let found = |files: &[&str]| {
        let found = JsrtFiles::find(folder(files).path()).unwrap();
        (
            found.films.len(),
            found.mask_folders.map(|folders| folders.len()),
        )
    };
    assert_eq!(
        found(&[
            "b.IMG",
            "1/a.img",
            "1/2/3/a.IMG",
            "1/2/3/4/c.IMG",
            "1/a.png"
        ]),
        (3, [0, 0])
    );
    let folds = ["fold1", "1/fold2", "1/2/fold3", "1/2/3/fold4", "1/other"];
    let files = folds.map(|fold| format!("{fold}/masks/left lung/a.gif"));
    assert_eq!(found(&files.each_ref().map(String::as_str)), (0, [3, 0]));
}
