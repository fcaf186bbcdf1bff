//! The files that pages refer to, a part of the program.

use crate::answer::{Answer, Outcome};
use crate::refusal::Refusal;
use crate::request::Asked;

/// Each file: its name, its media type, what is in it.
const FILES: [(&str, &str, &str); 4] = [
    (
        "page.css",
        "text/css; charset=utf-8",
        include_str!("../../assets/page.css"),
    ),
    (
        "page.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/page.js"),
    ),
    (
        "htmx.min.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/htmx.min.js"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../../assets/icon.svg"),
    ),
];

/// The file that the path names.
pub(crate) async fn asset(asked: &Asked<'_>) -> Outcome {
    let name = asked.segment("file");
    let found = FILES.iter().find(|(found, _, _)| *found == name);
    let (_, media, content) = found.ok_or_else(|| Refusal::not_found("file", name))?;
    Ok(Answer::of(media, *content))
}
