//! What the program can be told to do, a module each.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod ca;
pub(crate) mod certificate;
pub(crate) mod challenge;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod dev;
pub(crate) mod eab;
pub(crate) mod init;
pub(crate) mod migrate;
pub(crate) mod order;
pub(crate) mod prune;
pub(crate) mod serve;
pub(crate) mod slot;

mod beside;
mod clients;

use std::path::Path;

use acme_core::Page;

use crate::exit::{Exit, Failure};

/// A runtime for a command that waits for others.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(|error| {
        Failure::new(
            Exit::Unavailable,
            format!("no threads to work with: {error}"),
        )
    })
}

/// An id as people give it: alone, or as the URL that ends with it.
fn id_of(text: &str) -> &str {
    let text = text.trim().trim_end_matches('/');
    text.rsplit('/').next().unwrap_or(text)
}

/// The first `limit` entries of a paged list, 0 for all of them; and whether there are more.
async fn collect<T, E>(
    limit: u32,
    mut page: impl AsyncFnMut(Option<String>, u32) -> Result<Page<T>, E>,
) -> Result<(Vec<T>, bool), E> {
    let wanted = if limit == 0 {
        usize::MAX
    } else {
        limit as usize
    };
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let missing = wanted.saturating_sub(items.len());
        let size = u32::try_from(missing).unwrap_or(PAGE).min(PAGE);
        let next = page(after, size).await?;
        items.extend(next.items);
        match next.next {
            Some(next) if items.len() < wanted => after = Some(next),
            rest => return Ok((items, rest.is_some())),
        }
    }
}

/// What a list says at its end when not all of it is shown.
fn more(shown: usize, are_more: bool) -> String {
    if are_more {
        format!("({shown} are shown; there are more, see --limit)\n")
    } else {
        String::new()
    }
}

fn io_failure(doing: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot {doing} {}: {error}", path.display()))
}

const PAGE: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_given_as_its_url() {
        assert_eq!(id_of("abc"), "abc");
        assert_eq!(
            id_of(" https://ca.internal/acme/default/challenge/abc/ "),
            "abc"
        );
    }

    #[tokio::test]
    async fn pages_are_collected_up_to_the_limit() {
        for (limit, count, are_more) in [
            (0, 450, false),
            (3, 3, true),
            (450, 450, false),
            (449, 449, true),
        ] {
            let collected = collect(limit, async |after: Option<String>, size| {
                let start: u32 = after.map_or(0, |after| after.parse().unwrap());
                let end = (start + size).min(450);
                Ok::<_, ()>(Page {
                    items: (start..end).collect(),
                    next: (end < 450).then(|| end.to_string()),
                })
            });
            let (items, rest) = collected.await.unwrap();
            assert_eq!((items.len(), rest), (count, are_more), "{limit}");
            assert!(items.iter().copied().eq(0..count as u32));
        }
    }
}
