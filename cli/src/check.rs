//! `crawler-sync check`: every mistake in pipeline files, with its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fmt, fs, io};

use input::Mistake;
use pipeline::spec::Pipeline;
use serde::Serialize;

use crate::lines;

/// The schema of pipelines lies beside them.
const SCHEMA: &str = "schema.json";

/// Check pipeline files, and print every mistake as `file:line: place: rule`.
///
/// Prints nothing and ends with 0 if all is well, with 1 if there is a mistake.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: crawler-sync check pipelines/")]
pub(crate) struct Arguments {
    /// Pipeline files, and folders of them.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// How to print the mistakes.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// A line each.
    Text,
    /// One JSON array of objects.
    Json,
}

/// A mistake in a file.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    file: String,
    line: usize,
    place: String,
    rule: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            place,
            rule,
        } = self;
        write!(formatter, "{file}:{line}: {place}: {rule}")
    }
}

/// Checks what the arguments name, and prints what is wrong.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let found = check(&arguments.paths);
    match arguments.format {
        Format::Text => found.iter().for_each(|each| println!("{each}")),
        Format::Json => println!("{}", serde_json::json!(found)),
    }
    ExitCode::from(u8::from(!found.is_empty()))
}

fn check(paths: &[PathBuf]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut names = BTreeMap::new();
    for path in paths {
        let files = files(path).unwrap_or_else(|error| {
            found.push(unreadable(path, &error));
            Vec::new()
        });
        for file in files {
            found.extend(check_file(&file, &mut names));
        }
    }
    found
}

/// The pipeline files that a path stands for, in the order of their names.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
            && file.file_name().is_none_or(|name| name != SCHEMA)
    });
    files.sort();
    Ok(files)
}

/// What is wrong in a file. `names` holds the names of the pipelines so far, with their files: the executions of two
/// pipelines of one name would take each other for their own.
fn check_file(file: &Path, names: &mut BTreeMap<String, PathBuf>) -> Vec<Finding> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return vec![unreadable(file, &error)],
    };
    let value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(error) => {
            let rule = format!("is no JSON: {error}");
            return vec![finding(file, error.line().max(1), "the file", rule)];
        }
    };
    let told = |mistake: &Mistake| {
        let line = lines::of(&text, &mistake.pointer);
        finding(file, line, &mistake.place, mistake.rule.clone())
    };
    match Pipeline::read(&value) {
        Err(mistakes) => mistakes.all().iter().map(told).collect(),
        Ok(pipeline) => match names.insert(pipeline.name, file.to_owned()) {
            Some(other) if other != file => {
                let rule = format!("is the name of the pipeline in {} too", other.display());
                vec![finding(file, lines::of(&text, "/name"), "name", rule)]
            }
            _ => vec![],
        },
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    finding(path, 1, "the file", format!("cannot be read: {error}"))
}

fn finding(file: &Path, line: usize, place: &str, rule: String) -> Finding {
    Finding {
        file: file.display().to_string(),
        line,
        place: place.to_owned(),
        rule,
    }
}
