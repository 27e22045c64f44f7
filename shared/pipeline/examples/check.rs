//! Checks a pipeline file as plan-pipeline would: prints every mistake with its place, and fails if there is one.

use std::process::ExitCode;
use std::{env, fs};

use pipeline::spec::Pipeline;

fn main() -> ExitCode {
    let Some(file) = env::args().nth(1) else {
        println!("which file?");
        return ExitCode::FAILURE;
    };
    let mistakes = mistakes(&file);
    for mistake in &mistakes {
        println!("{mistake}");
    }
    ExitCode::from(u8::from(!mistakes.is_empty()))
}

fn mistakes(file: &str) -> Vec<String> {
    let value = match fs::read_to_string(file).map(|text| serde_json::from_str(&text)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => return vec![error.to_string()],
        Err(error) => return vec![error.to_string()],
    };
    match Pipeline::read(&value) {
        Ok(_) => vec![],
        Err(mistakes) => mistakes.all().iter().map(ToString::to_string).collect(),
    }
}
