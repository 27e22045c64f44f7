//! Pipeline files, read and judged.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use input::Mistake;
use pipeline::spec::Pipeline;
use serde::Serialize;
use serde_json::Value;

pub(crate) mod check;
mod lines;
mod loops;
mod plans;
pub(crate) mod resources;
mod schedules;
pub(crate) mod template;

/// The schema of pipelines lies beside them.
const SCHEMA: &str = "schema.json";

/// A mistake in a file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
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

/// A file that holds a good pipeline.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    text: String,
    pub(crate) value: Value,
    pub(crate) pipeline: Pipeline,
}

impl File {
    /// What its readers know it by.
    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Something wrong in it.
    pub(crate) fn mistake(&self, mistake: &Mistake) -> Finding {
        told(&self.path, &self.text, mistake)
    }

    /// Something wrong with the field that a JSON Pointer leads to.
    pub(crate) fn wrong(&self, pointer: &str, rule: impl Into<String>) -> Finding {
        self.mistake(&Mistake {
            place: pointer.trim_start_matches('/').replace('/', "."),
            pointer: pointer.to_owned(),
            rule: rule.into(),
        })
    }
}

/// The good pipelines in these files and folders, and all that is wrong with them: each for itself, and together.
pub(crate) fn read(paths: &[PathBuf]) -> (Vec<File>, Vec<Finding>) {
    let (mut files, mut found) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for path in paths {
        let named = named(path).unwrap_or_else(|error| {
            found.push(unreadable(path, &error));
            Vec::new()
        });
        for path in named {
            // However it is written, a file is read once.
            if !seen.insert(fs::canonicalize(&path).unwrap_or_else(|_| path.clone())) {
                continue;
            }
            match read_file(path) {
                Ok(file) => files.push(file),
                Err(mistakes) => found.extend(mistakes),
            }
        }
    }
    found.extend(files.iter().flat_map(schedules::check));
    found.extend(files.iter().flat_map(plans::check));
    found.extend(resources::check(&files));
    found.extend(loops::check(&files));
    (files, found)
}

/// The pipeline files that a path stands for, in the order of their names.
fn named(path: &Path) -> io::Result<Vec<PathBuf>> {
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

fn read_file(path: PathBuf) -> Result<File, Vec<Finding>> {
    let text = fs::read_to_string(&path).map_err(|error| vec![unreadable(&path, &error)])?;
    let value = serde_json::from_str(&text).map_err(|error| {
        let rule = format!("is no JSON: {error}");
        vec![finding(&path, error.line().max(1), "the file", rule)]
    })?;
    let pipeline = Pipeline::read(&value).map_err(|mistakes| {
        let mistakes = mistakes.all().iter();
        mistakes
            .map(|mistake| told(&path, &text, mistake))
            .collect::<Vec<_>>()
    })?;
    Ok(File {
        path,
        text,
        value,
        pipeline,
    })
}

fn told(path: &Path, text: &str, mistake: &Mistake) -> Finding {
    let line = lines::of(text, &mistake.pointer);
    finding(path, line, &mistake.place, mistake.rule.clone())
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
