//! Prints the JSON Schema of a pipeline: `make docs` keeps it in `pipelines/schema.json`.

fn main() {
    println!("{:#}", pipeline::spec::schema().as_value());
}
