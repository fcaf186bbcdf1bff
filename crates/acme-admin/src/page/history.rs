//! *History*: what was issued and what failed, over time, as a picture made here.

use std::time::Duration;

use acme_core::{OrderFilter, Page};
use acme_types::{OrderStatus, Timestamp};
use maud::{Markup, html};

use super::shell::{page, path_with};
use crate::answer::Outcome;
use crate::desk::Desk;
use crate::refusal::Refusal;
use crate::request::Asked;

/// The spans that can be chosen: the word, what it means, the length of a bar and how many there are.
const SPANS: [(&str, &str, Duration, usize); 3] = [
    (
        "1h",
        "the last hour, by 5 minutes",
        Duration::from_secs(300),
        12,
    ),
    (
        "24h",
        "the last day, by hour",
        Duration::from_secs(3600),
        24,
    ),
    (
        "14d",
        "the last two weeks, by day",
        Duration::from_secs(86_400),
        14,
    ),
];
/// The one that is shown unless told otherwise.
const USUAL: usize = 1;
/// Most orders that are read for a picture: a look must stay cheap for a server that issues a lot.
const MAX_ORDERS: usize = 5000;
/// Entries of a page of the store.
const PAGE: u32 = 200;

/// The words of `span`.
pub(crate) const WORDS: [&str; 3] = ["1h", "24h", "14d"];

/// Orders that were opened within one bar's time, by what became of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Bar {
    issued: u32,
    failed: u32,
    open: u32,
}

impl Bar {
    const fn total(self) -> u32 {
        self.issued + self.failed + self.open
    }
}

/// The bars, oldest first, and what they were made from.
struct History {
    bars: Vec<Bar>,
    begins: Timestamp,
    bar: Duration,
    /// Before this there were more orders than are read; none when all were.
    cut_at: Option<Timestamp>,
}

impl Desk {
    pub(crate) async fn history_page(&self, asked: &Asked<'_>) -> Outcome {
        let word = asked.query.text("span");
        let chosen = SPANS.iter().position(|(found, ..)| Some(*found) == word);
        let (word, _, bar, bars) = SPANS[chosen.unwrap_or(USUAL)];
        let history = self.history(bar, bars, asked.now).await?;
        let sum = |of: fn(&Bar) -> u32| history.bars.iter().map(of).sum::<u32>();
        let (issued, failed) = (sum(|bar| bar.issued), sum(|bar| bar.failed));
        let body = html! {
            p {
                "Orders by the time they were opened: " strong { (issued) " issued" } ", " strong { (failed) " failed" } ", "
                (sum(|bar| bar.open)) " open."
            }
            div.actions {
                @for (found, means, ..) in SPANS {
                    a href=(path_with("/history", &[("span", found)])) aria-current=[(found == word).then_some("true")] { (means) }
                }
            }
            @if let Some(cut) = history.cut_at {
                p { "The picture is made from the newest " (MAX_ORDERS) " orders, which reach back to " (cut) "." }
            }
            section.panel aria-label="Orders over time" {
                (picture(&history))
                p.key.soft aria-hidden="true" {
                    span.good {} "issued" span.bad {} "failed" span.open {} "open"
                }
            }
            details {
                summary { "The same as a table" }
                (table(&history))
            }
        };
        Ok(page(
            asked,
            "/history",
            "What was issued and what failed",
            &body,
        ))
    }

    async fn history(
        &self,
        bar: Duration,
        bars: usize,
        now: Timestamp,
    ) -> Result<History, Refusal> {
        // The last bar ends with the step of the clock that is running.
        let step = i64::try_from(bar.as_millis()).unwrap_or(i64::MAX);
        let end = now
            .as_millis()
            .div_euclid(step)
            .saturating_add(1)
            .saturating_mul(step);
        let span = bar * u32::try_from(bars).unwrap_or(1);
        let mut history = History {
            bars: vec![Bar::default(); bars],
            begins: Timestamp::from_millis(end).minus(span),
            bar,
            cut_at: None,
        };
        let (mut after, mut read) = (None, 0);
        loop {
            let filter = OrderFilter::default();
            let found = self
                .services
                .store
                .find_orders(&filter, after.as_deref(), PAGE, now);
            let Page { items, next } = found.await?;
            for order in &items {
                if order.created_at < history.begins {
                    return Ok(history);
                }
                let since = order.created_at.since(history.begins).as_millis();
                let at = usize::try_from(since / bar.as_millis()).unwrap_or(usize::MAX);
                // What a replica with a faster clock has just opened belongs to the last bar.
                let bar = &mut history.bars[at.min(bars - 1)];
                match order.state_at(now).status() {
                    OrderStatus::Valid => bar.issued += 1,
                    OrderStatus::Invalid => bar.failed += 1,
                    _ => bar.open += 1,
                }
            }
            read += items.len();
            match next {
                None => return Ok(history),
                Some(_) if read >= MAX_ORDERS => {
                    history.cut_at = items.last().map(|order| order.created_at);
                    return Ok(history);
                }
                next => after = next,
            }
        }
    }
}

/// Width and height of the picture, in its own units, and the room below the bars.
const WIDTH: usize = 720;
const HEIGHT: u32 = 180;
const FOOT: u32 = 20;
/// Room at the left for the scale.
const LEFT: usize = 36;

fn picture(history: &History) -> Markup {
    let most = history
        .bars
        .iter()
        .map(|bar| bar.total())
        .max()
        .unwrap_or(0)
        .max(1);
    let room = HEIGHT - FOOT - 12;
    let count = history.bars.len().max(1);
    let step = (WIDTH - LEFT) / count;
    let floor = HEIGHT - FOOT;
    // Something that happened is seen, however little it is beside the rest.
    let height = |n: u32| if n == 0 { 0 } else { (n * room / most).max(2) };
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="Bars of the orders that were issued, failed or are open; the same stands in the table below" {
            line.axis x1=(LEFT) y1=(floor) x2=(WIDTH) y2=(floor) {}
            text x="0" y="14" { (most) }
            text x="0" y=(floor) { "0" }
            @for (at, bar) in history.bars.iter().enumerate() {
                @let x = LEFT + at * step;
                @let tops = [("good", bar.issued), ("bad", bar.failed), ("open", bar.open)];
                g {
                    title { (told(history, at, *bar)) }
                    @for (n, (class, value)) in tops.iter().enumerate() {
                        @let below: u32 = tops[..n].iter().map(|(_, value)| height(*value)).sum();
                        @if *value > 0 {
                            rect class=(class) x=(x + 1) width=(step.saturating_sub(3)) y=(floor.saturating_sub(below + height(*value))) height=(height(*value)) {}
                        }
                    }
                }
                @if at % 4 == 0 { text x=(x) y=(HEIGHT - 5) { (short(history, at)) } }
            }
        }
    }
}

fn table(history: &History) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "From" } th scope="col" { "Issued" } th scope="col" { "Failed" } th scope="col" { "Open" }
            } }
            tbody {
                @for (at, bar) in history.bars.iter().enumerate().rev() {
                    tr {
                        td data-name="From" { (begin(history, at)) }
                        td data-name="Issued" { (bar.issued) }
                        td data-name="Failed" { (bar.failed) }
                        td data-name="Open" { (bar.open) }
                    }
                }
            }
        }
    }
}

fn told(history: &History, at: usize, bar: Bar) -> String {
    let Bar {
        issued,
        failed,
        open,
    } = bar;
    format!(
        "from {}: {issued} issued, {failed} failed, {open} open",
        begin(history, at)
    )
}

fn begin(history: &History, at: usize) -> Timestamp {
    history
        .begins
        .plus(history.bar * u32::try_from(at).unwrap_or(0))
}

/// The beginning of a bar as it stands below it: the hour, or the day where a bar is a day.
fn short(history: &History, at: usize) -> String {
    let text = begin(history, at).to_string();
    let (from, to) = if history.bar < Duration::from_secs(86_400) {
        (11, 16)
    } else {
        (5, 10)
    };
    text.get(from..to).unwrap_or_default().to_owned()
}
