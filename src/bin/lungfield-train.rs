//! Temporary
use std::path::Path;
use lungfield::train::{dataset, dataset::Split, sample, learn::{learn, LearnOptions, Progress}};
use lungfield::preprocess::{Preprocessor, PreprocessOptions};
use std::time::Instant;
fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let data = Path::new(&args[1]); let out = Path::new(&args[2]);
    let mut options = LearnOptions { iterations: args[3].parse()?, ..Default::default() };
    if let Some(v) = args.get(4) { options.validate_every = v.parse()?; }
    fs_err::create_dir_all(out)?;
    fs_err::write(out.join("options.json"), serde_json::to_string_pretty(&options)?)?;
    let pre = Preprocessor::new(PreprocessOptions::default())?;
    let t = Instant::now();
    let samples = sample::samples(&dataset::cases(data, Split::Train)?, &pre)?;
    let exams = sample::exams(&dataset::cases(data, Split::Validation)?, &pre)?;
    eprintln!("{} {} loaded in {:?}", samples.len(), exams.len(), t.elapsed());
    let mut t = Instant::now(); let mut waits = 0.0; let mut sum = 0.0;
    learn::<anyhow::Error>(&options, samples.into(), &exams, tch::Device::Cpu, &mut |p| match p {
        Progress::Step { iteration, loss, waited } => { waits += waited.as_secs_f64(); sum += loss; if iteration % 25 == 0 { eprintln!("{iteration} loss {:.4} {:.3} s/it waited {waits:.2}", sum/25.0, t.elapsed().as_secs_f64()/25.0); t = Instant::now(); sum = 0.0; waits = 0.0; } }
        Progress::Validated { iteration, mean_dice, lowest_dice, best } => { eprintln!("{iteration} VALIDATION {mean_dice:.4} lowest {lowest_dice:.4} best {best}"); t = Instant::now(); }
    }, &mut |l| { lungfield::model::weights::write(&out.join("model.safetensors"), &l.weights)?; fs_err::write(out.join("best.txt"), format!("{} {}", l.iteration, l.validation_dice))?; Ok(()) })?;
    Ok(())
}
