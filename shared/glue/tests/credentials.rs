//! Whose keys sign the requests.
//!
//! The environment belongs to the process, so each request comes from one of its own: this test's binary again.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::yield_now;

use crawl::crawler::CrawlerName;
use glue::connect;

const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const ANSWER: &str = r#"{"__type":"EntityNotFoundException"}"#;

/// The key id that signs a request which is made with these variables and no others.
fn key(variables: &[(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let mut asking = Command::new(env::current_exe().expect("this binary"))
        .args(["--exact", "asks"])
        .env_clear()
        .env(ENDPOINT, endpoint)
        .env("AWS_REGION", "eu-west-1")
        .envs(variables.iter().copied())
        .stdout(Stdio::null())
        .spawn()
        .expect("a run of this binary");
    listener.set_nonblocking(true).expect("a way not to wait");
    let mut stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let ended = asking.try_wait().expect("a process");
        assert_eq!(ended, None, "it ended without a request");
        yield_now();
    };
    let key = BufReader::new(&stream)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| {
            Some(
                line.split_once("Credential=")?
                    .1
                    .split_once('/')?
                    .0
                    .to_owned(),
            )
        })
        .expect("a signature");
    write!(
        stream,
        "HTTP/1.1 400 -\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    )
    .expect("an answer");
    assert!(asking.wait().expect("an end").success());
    key
}

/// Makes a request, where a test below asks for it.
#[tokio::test]
async fn asks() {
    if env::var_os(ENDPOINT).is_none() {
        return;
    }
    let crawler = CrawlerName::new("orders").expect("a legal name");
    let error = connect()
        .await
        .get_crawler(&crawler)
        .await
        .expect_err("none");
    assert_eq!(error.error_type(), "EntityNotFoundException");
}

/// A function has to act as its role, whose keys Lambda puts into the environment.
#[test]
fn lambdas_variables_go_before_profiles() {
    let profiles = profiles("variables");
    let variables = [
        ("AWS_ACCESS_KEY_ID", "ROLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SHARED_CREDENTIALS_FILE", &profiles),
    ];
    assert_eq!(key(&variables), "ROLE");
}

/// `cargo lambda watch` runs a function with what its developer has: mostly a profile.
#[test]
fn without_them_a_profile_will_do() {
    let profiles = profiles("profile");
    for half in ["", "ROLE"] {
        let variables = [
            ("AWS_ACCESS_KEY_ID", half),
            ("AWS_PROFILE", "mine"),
            ("AWS_SHARED_CREDENTIALS_FILE", &profiles),
        ];
        assert_eq!(key(&variables), "PROFILE");
    }
}

/// A file with the profile `mine`.
fn profiles(name: &str) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(
        &file,
        "[mine]\naws_access_key_id = PROFILE\naws_secret_access_key = secret\n",
    )
    .expect("a file");
    file.to_str().expect("a path in UTF-8").to_owned()
}
