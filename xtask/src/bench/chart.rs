//! The chart of docs/benchmarks.svg: issuances per second of server CPU, a bar for each server.

use std::fmt::Write as _;

use super::contender::Contender;
use super::driver::Workload;
use super::figures::Results;

const WIDTH: u32 = 760;
const LEFT: u32 = 210;
const RIGHT: u32 = 90;
const TOP: u32 = 64;
const BAR: u32 = 30;
const STEP: u32 = 46;

/// Draws the chart.
pub(super) fn draw(results: &Results, contenders: &[Contender]) -> String {
    let bars: Vec<(Contender, f64)> = contenders
        .iter()
        .filter_map(|contender| {
            let median = results.median(*contender, Workload::Issue4)?;
            Some((*contender, 1000.0 / median.cpu_ms))
        })
        .collect();
    bars_of(&bars)
}

fn bars_of(bars: &[(Contender, f64)]) -> String {
    let most = bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let (step, end) = scale(most);
    let length = |value: f64| value / end * f64::from(WIDTH - LEFT - RIGHT);
    let bottom = TOP + STEP * bars.len() as u32;
    let height = bottom + 40;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" font-family=\"sans-serif\">\n\
         <title>Issuances per second of server CPU</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"28\" font-size=\"18\" font-weight=\"bold\" fill=\"#1a1a1a\">\
         Issuances per second of server CPU</text>\n\
         <text x=\"20\" y=\"48\" font-size=\"13\" fill=\"#595959\">\
         1 name, http-01, ES256, TLS, 4 clients; more is better</text>\n"
    );
    let mut tick = 0.0;
    while tick <= end {
        let x = f64::from(LEFT) + length(tick);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#e0e0e0\"/>\n\
             <text x=\"{x:.1}\" y=\"{}\" font-size=\"12\" fill=\"#595959\" \
             text-anchor=\"middle\">{tick:.0}</text>",
            bottom + 18
        );
        tick += step;
    }
    for (place, (contender, value)) in bars.iter().enumerate() {
        let y = TOP + 8 + STEP * place as u32;
        let middle = y + BAR / 2 + 5;
        let colour = if contender.is_peer() {
            "#8c9bab"
        } else {
            "#1f6f5c"
        };
        let length = length(*value);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" font-size=\"14\" fill=\"#1a1a1a\" \
             text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" \
             fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{middle}\" font-size=\"14\" font-weight=\"bold\" \
             fill=\"#1a1a1a\">{value:.0}</text>",
            LEFT - 10,
            contender.title(),
            f64::from(LEFT) + length + 8.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// The distance of the ticks, and the last of them: round numbers, at most six ticks.
fn scale(most: f64) -> (f64, f64) {
    let mut step = 1.0;
    let mut factors = [2.0, 2.5, 2.0].into_iter().cycle();
    while most / step > 5.0 {
        step *= factors.next().unwrap_or(10.0);
    }
    (step, (most / step).ceil() * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(scale(4.0), (1.0, 4.0));
        assert_eq!(scale(980.0), (200.0, 1000.0));
        assert_eq!(scale(1200.0), (500.0, 1500.0));
    }

    #[test]
    fn the_longest_bar_stays_inside() {
        let svg = bars_of(&[(Contender::Ours, 970.0), (Contender::Pebble, 200.0)]);
        assert!(svg.contains("acme-server (SQLite)") && svg.contains(">970<"));
        let widths: Vec<f64> = svg
            .split("<rect x=")
            .skip(1)
            .filter_map(|bar| {
                bar.split("width=\"")
                    .nth(1)?
                    .split('"')
                    .next()?
                    .parse()
                    .ok()
            })
            .collect();
        assert_eq!(widths.len(), 2);
        assert!(widths[0] <= f64::from(WIDTH - LEFT - RIGHT));
        assert!((widths[0] / widths[1] - 4.85).abs() < 0.01);
    }
}
