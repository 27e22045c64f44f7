//! People's texts on a page: uploaders and authors of scripts choose some of them.

use proptest::prelude::*;

use super::html::{form, tokens};
use super::*;
use crate::stack::run::{Attempt, Crawling, Kind, Start, Status};

/// The run with this text wherever people's are.
fn retold(file: &str, text: &str) -> Run {
    let told = || text.to_owned();
    let problem = || Problem {
        error: told(),
        cause: told(),
    };
    let mut run = Recorded::load(file).run();
    run.pipeline = told();
    run.name = told();
    run.date = told();
    run.untold = vec![told()];
    run.started_by = Start::Object {
        bucket: told(),
        key: told(),
    };
    if let Status::Failed { problem: known, .. } = &mut run.status {
        *known = problem();
    }
    for stage in &mut run.stages {
        stage.name = Some(told());
        for step in &mut stage.steps {
            step.place = told();
            step.name = Some(told());
            step.failure = step.failure.as_ref().map(|_| problem());
            if let Some(work) = &mut step.work {
                work.subject = told();
                work.attempts
                    .iter_mut()
                    .for_each(|attempt| retell(attempt, work.kind, text));
            }
            if let Some(crawl) = &mut step.crawl {
                crawl.crawler = told();
                crawl
                    .execution
                    .iter_mut()
                    .for_each(|crawling| retell_crawl(crawling, text));
            }
        }
    }
    run
}

fn retell(attempt: &mut Attempt, kind: Kind, text: &str) {
    attempt.id = (kind != Kind::Function).then(|| text.to_owned());
    attempt.log_group = attempt.log_group.as_ref().map(|_| text.to_owned());
    retell_end(&mut attempt.standing, text);
}

fn retell_crawl(crawling: &mut Crawling, text: &str) {
    crawling.arn = Some(text.to_owned());
    retell_end(&mut crawling.standing, text);
    if let Some(result) = &mut crawling.result {
        text.clone_into(&mut result.outcome);
        let crawl = result.crawl.get_or_insert_default();
        crawl.log_group = Some(text.to_owned());
        crawl.log_stream = Some(text.to_owned());
    }
}

fn retell_end(standing: &mut Standing, text: &str) {
    if let Standing::Failed { problem, .. } = standing {
        *problem = Problem {
            error: text.to_owned(),
            cause: text.to_owned(),
        };
    }
}

/// The page of a run that people have given this text for everything.
pub(super) fn told(file: &str, text: &str) -> String {
    let run = retold(file, text);
    page(&run, &[text.to_owned()], &home(), run.began).expect("it can be rendered")
}

/// Texts with all that means something in HTML, CSS and addresses, and the signs that turn writing around.
fn hostile() -> impl Strategy<Value = String> {
    let parts = [
        "<script>alert(1)</script>",
        "</title>",
        "</style>",
        "<!--",
        "-->",
        "]]>",
        "<svg onload=x>",
        "\"",
        "\'",
        "`",
        "&lt;",
        "&#x3c;",
        "&",
        "{{ 7 }}",
        "{% x %}",
        "javascript:",
        "\u{202e}",
        "\u{2066}",
        "שלום",
        "\u{0}",
        "\n",
        "%3C",
        "$",
        "#",
        "x",
    ];
    let part = prop_oneof![
        proptest::sample::select(parts.to_vec()).prop_map(str::to_owned),
        "\\PC{1,8}"
    ];
    proptest::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No text of a run becomes a part of the page: the tags are those of the same run with harmless texts.
    #[test]
    fn no_text_breaks_out(text in hostile(), index in 0..3_usize) {
        let file = ["succeeded", "job-failed", "crawl-failed"][index];
        prop_assert!(form(&told(file, &text)) == form(&told(file, "x")), "{}", text);
    }
}

/// What people wrote is shown as they wrote it, and a megabyte of it whole.
#[test]
fn texts_are_shown_as_they_are() {
    for text in ["<b>bold</b> & \"more\"", &"long ".repeat(200_000)] {
        let page = told("job-failed", text);
        let shown = tokens(&page).any(|token| match token {
            html5gum::Token::String(shown) => String::from_utf8_lossy(&shown).contains(text),
            _ => false,
        });
        assert!(shown, "{text}");
    }
}
