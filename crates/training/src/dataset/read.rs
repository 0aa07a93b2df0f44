//! Reads the films and reference masks of many cases in parallel.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::case::Case;
use super::digest::FilmDigest;
use super::error::CaseError;
use super::problem::{Problem, Problems};
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::Radiograph;

/// The result of reading a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadCase<T> {
    /// The digest of the film.
    pub digest: FilmDigest,
    /// What the caller made of the film and the mask.
    pub kept: T,
}

/// Reads every case and returns what `keep` makes of each, in their order, or every problem that was found.
///
/// Runs on the current thread pool of rayon. At most as many films are decoded at a time as the pool has threads, even
/// if `keep` hands work to the pool. Two cases with the same film are a problem, whatever their sources and splits:
/// each case but the first is listed together with the first.
pub fn read_all<T: Send>(
    cases: &[Case],
    keep: impl Fn(&Case, Radiograph, Mask) -> T + Sync,
) -> Result<Vec<ReadCase<T>>, Problems> {
    let mut all = Vec::with_capacity(cases.len());
    let mut problems = Vec::new();
    for (case, outcome) in cases
        .iter()
        .zip(for_each_case(cases, |case| read(case, &keep)))
    {
        match outcome {
            Ok(read) => all.push((case, read)),
            Err(cause) => {
                problems.push(Problem::Unreadable {
                    case: case.into(),
                    cause: Box::new(cause),
                });
            }
        }
    }
    problems.extend(same_films(
        all.iter().map(|(case, read)| (*case, read.digest)),
    ));
    let read = all.into_iter().map(|(_, read)| read).collect();
    Problems::new(problems).map_or(Ok(read), Err)
}

fn read<T>(
    case: &Case,
    keep: impl Fn(&Case, Radiograph, Mask) -> T,
) -> Result<ReadCase<T>, CaseError> {
    let film = case.film()?;
    let reference = case.reference(&film)?;
    Ok(ReadCase {
        digest: FilmDigest::of(&film),
        kept: keep(case, film, reference),
    })
}

/// Calls `work` for each case and returns the results in the order of the cases.
///
/// There is one runner for each thread of the pool, and a runner works on one case at a time. A plain parallel iterator
/// would hold more cases: a thread that waits for work of `keep` would begin another case meanwhile.
fn for_each_case<T: Send>(cases: &[Case], work: impl Fn(&Case) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let run = |_runner| {
        std::iter::from_fn(|| {
            let place = next.fetch_add(1, Ordering::Relaxed);
            cases.get(place).map(|case| (place, work(case)))
        })
    };
    let runners = (0..rayon::current_num_threads())
        .into_par_iter()
        .with_max_len(1);
    let mut done: Vec<_> = runners.flat_map_iter(run).collect();
    done.sort_unstable_by_key(|&(place, _)| place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Lists the cases whose film is also the film of an earlier case.
fn same_films<'a>(films: impl Iterator<Item = (&'a Case, FilmDigest)>) -> Vec<Problem> {
    let mut known: HashMap<_, &Case> = HashMap::new();
    let mut problems = Vec::new();
    for (case, digest) in films {
        match known.entry(digest) {
            Entry::Vacant(entry) => drop(entry.insert(case)),
            Entry::Occupied(first) => {
                problems.push(Problem::SameFilm {
                    first: (*first.get()).into(),
                    second: case.into(),
                });
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use rayon::ThreadPoolBuilder;

    use super::*;
    use crate::dataset::builders::{folders, phantom, table};
    use crate::dataset::{ListOptions, list};
    use lungfield_codec::png;

    fn within<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
        ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(work)
    }

    /// The same pixels in another file: grey stored as red, green and blue.
    fn encode_bulky(film: &Radiograph) -> Vec<u8> {
        let lungfield_radiograph::radiograph::Pixels::Eight(values) = film.pixels() else {
            panic!("drawn with 8 bits")
        };
        let columns = film.size().columns();
        png::encode_rgb(film.size(), |row, bytes| {
            for (pixel, value) in bytes.chunks_exact_mut(3).zip(&values[row * columns..]) {
                pixel.fill(*value);
            }
        })
    }

    #[test]
    fn cases_come_back_in_their_order() {
        let set = folders(20);
        let cases = set.list().unwrap();
        let read = within(3, || {
            read_all(&cases, |case, film, mask| (case.name.clone(), film, mask))
        });
        for (seed, (case, read)) in (0..).zip(cases.iter().zip(read.unwrap())) {
            let drawn = phantom(seed);
            assert_eq!(read.digest, FilmDigest::of(&drawn.film));
            assert_eq!(read.kept, (case.name.clone(), drawn.film, drawn.mask));
        }
    }

    #[test]
    fn nothing_is_read_of_no_cases() {
        assert_eq!(read_all(&[], |_, _, _| ()).unwrap(), []);
    }

    #[test]
    fn no_more_films_are_held_than_there_are_threads() {
        const THREADS: usize = 3;
        let set = folders(26);
        let cases = set.list().unwrap();
        let (held, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let keep = |_: &Case, film: Radiograph, _: Mask| {
            most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // As when it waits for work that it handed to the pool, this thread takes up whatever there is to do.
            while rayon::yield_now() == Some(rayon::Yield::Executed) {}
            held.fetch_sub(1, Ordering::SeqCst);
            film
        };
        within(THREADS, || read_all(&cases, keep)).unwrap();
        assert!(most.into_inner() <= THREADS);
    }

    #[test]
    fn the_same_film_is_listed_by_both_names_whatever_file_it_is_in() {
        let (set, other) = (folders(5), table(&["x,,,,"]));
        let film = phantom(0).film;
        let bulkier = encode_bulky(&film);
        assert_ne!(png::encode_radiograph(&film), bulkier);
        set.write("images/d.png", bulkier);
        set.write("images/b.png", "no film");
        let mut cases = list(&[set.data(None), other.data(None)], ListOptions::default())
            .unwrap()
            .cases;
        let problems = read_all(&cases, |_, _, _| ()).unwrap_err();
        let told: Vec<_> = problems.all().iter().map(Problem::to_string).collect();
        assert!(
            told.len() == 3 && told[0].contains("images/b.png"),
            "{told:?}"
        );
        assert!(
            told[1].starts_with("clinic/a and clinic/d are the same film"),
            "{told:?}"
        );
        assert!(
            told[2].starts_with("clinic/a and clinic/x are the same film"),
            "{told:?}"
        );

        cases.retain(|case| !["b", "d", "x"].contains(&&*case.name));
        assert_eq!(read_all(&cases, |_, _, _| ()).unwrap().len(), 3);
    }
}
