//! Pages as a browser takes them apart.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

pub(super) fn tokens(html: &str) -> impl Iterator<Item = Token> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter).map(|token| {
        let Ok(token) = token;
        token
    })
}

/// The words of a page, as a browser shows them.
pub(super) fn words(html: &str) -> String {
    let (_, shown) = html.split_once("</style>").expect("it has a style");
    let texts = tokens(shown).filter_map(|token| match token {
        Token::String(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    });
    let text = texts.collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The addresses of all links.
pub(super) fn links(html: &str) -> Vec<String> {
    let links = tokens(html).filter_map(|token| match token {
        Token::StartTag(tag) if *tag.name == b"a"[..] => tag.attributes.get(&b"href"[..]).cloned(),
        _ => None,
    });
    links
        .map(|url| String::from_utf8_lossy(&url).into_owned())
        .collect()
}

/// The tags of a page with the names of their attributes: all that texts have no say in.
pub(super) fn form(html: &str) -> Vec<String> {
    let tags = tokens(html).filter_map(|token| match token {
        Token::StartTag(tag) => {
            let names: Vec<_> = tag
                .attributes
                .keys()
                .map(|name| format!("{name:?}"))
                .collect();
            Some(format!("<{:?} {}>", tag.name, names.join(" ")))
        }
        Token::EndTag(tag) => Some(format!("</{:?}>", tag.name)),
        // Browsers do not show such a character.
        Token::String(_) | Token::Error(_) => None,
        other => Some(format!("{other:?}")),
    });
    tags.collect()
}

/// All start tags.
pub(super) fn tags(html: &str) -> Vec<StartTag<()>> {
    let tags = tokens(html).filter_map(|token| match token {
        Token::StartTag(tag) => Some(tag),
        _ => None,
    });
    tags.collect()
}
