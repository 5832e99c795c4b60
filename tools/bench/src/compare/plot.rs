//! Draws results as plots (SVG): pages per second as bars, cost and memory against job size as lines.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figures::{Point, Results, Throughput, median};
use super::table::{distinct_names, median_at, sizes};
use crate::Fault;

/// Returns the value of a point to draw.
type Value = fn(&Point) -> f64;
type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const COLOURS: [RGBColor; 4] =
    [RGBColor(31, 119, 180), RGBColor(214, 90, 20), RGBColor(44, 140, 44), RGBColor(130, 90, 170)];
const BAR: i32 = 26;
/// Start of the bars and length of the longest bar, in pixels.
const BARS: (i32, f64) = (380, 440.0);

/// Draws all available results into `folder`.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn draw(results: &Results, folder: &Path) -> Result<(), Fault> {
    if !results.throughput.is_empty() {
        bars(&results.throughput, &folder.join("pages.svg"))?;
    }
    let of: [(&str, &str, Value); 3] = [
        ("cpu.svg", "CPU ms per unit", |p| p.cpu_ms),
        ("wall.svg", "wall ms per unit", |p| p.wall_ms),
        ("memory.svg", "peak RSS of the server, MB", |p| p.peak_mb),
    ];
    for (file, title, value) in of {
        if !results.points.is_empty() {
            lines(&results.points, title, value, &folder.join(file))?;
        }
    }
    Ok(())
}

fn bars(all: &[Throughput], path: &Path) -> Result<(), Fault> {
    let rate = |name: &str| {
        let rounds = all.iter().filter(|t| t.name == name).map(Throughput::pages_per_s);
        median(&rounds.collect::<Vec<_>>()).unwrap_or(0.0)
    };
    let names = distinct_names(all.iter().map(|t| t.name.as_str()));
    let max = names.iter().map(|n| rate(n)).fold(f64::MIN_POSITIVE, f64::max);
    let height = u32::try_from(names.len())? * BAR.unsigned_abs() + 60;
    let canvas: Canvas<'_> = SVGBackend::new(path, (900, height)).into_drawing_area();
    canvas.fill(&WHITE)?;
    let text = ("sans-serif", 14).into_font().into_text_style(&canvas);
    canvas.draw(&Text::new("pages/s", (BARS.0, 14), ("sans-serif", 18).into_font()))?;
    for (at, name) in (0..).zip(names) {
        let (top, rate) = (46 + at * BAR, rate(name));
        let end = BARS.0 + (rate / max * BARS.1) as i32;
        let colour = COLOURS[usize::from(!name.starts_with("Runo"))];
        canvas.draw(&Rectangle::new([(BARS.0, top), (end, top + BAR - 8)], colour.filled()))?;
        let (left, right) = (Pos::new(HPos::Left, VPos::Top), Pos::new(HPos::Right, VPos::Top));
        canvas.draw(&Text::new(name.to_owned(), (BARS.0 - 8, top + 2), text.clone().pos(right)))?;
        canvas.draw(&Text::new(format!("{rate:.0}"), (end + 6, top + 2), text.clone().pos(left)))?;
    }
    Ok(canvas.present()?)
}

fn lines(all: &[Point], title: &str, value: Value, path: &Path) -> Result<(), Fault> {
    let canvas: Canvas<'_> = SVGBackend::new(path, (900, 480)).into_drawing_area();
    canvas.fill(&WHITE)?;
    let largest = all.iter().map(|p| p.size).max().unwrap_or(1).max(10) as f64;
    let max = all.iter().map(value).fold(f64::MIN_POSITIVE, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(&canvas)
        .caption(title, ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d((1.0..largest * 1.2).log_scale(), 0.0..max)?;
    let plain = |x: &f64| format!("{x:.0}");
    chart.configure_mesh().x_desc("N").x_label_formatter(&plain).label_style(("sans-serif", 14)).draw()?;
    for (series, colour) in distinct_names(all.iter().map(|p| p.series.as_str())).into_iter().zip(COLOURS) {
        let line: Vec<(f64, f64)> = sizes(all, series)
            .into_iter()
            .filter_map(|s| Some((s as f64, median_at(all, series, s, value)?)))
            .collect();
        chart.draw_series(line.iter().map(|p| Circle::new(*p, 4, colour.filled())))?;
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(series)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(("sans-serif", 14))
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    Ok(canvas.present()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_name_what_they_show() {
        let folder = tempfile::tempdir().unwrap();
        let of = |size, cpu_ms| Point { series: "crawl".into(), round: 0, size, wall_ms: 1.0, cpu_ms, peak_mb: 20.0 };
        let bar = Throughput { name: "Runo, sync".into(), pages: 500, wall_s: 2.0, ..Throughput::default() };
        let results =
            Results { points: vec![of(10, 2.0), of(10_000, 1.5)], throughput: vec![bar], ..Results::default() };
        draw(&results, folder.path()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("cpu.svg").contains("crawl") && read("cpu.svg").contains("CPU ms per unit"));
        assert!(read("pages.svg").contains("Runo, sync") && read("pages.svg").contains("250"));
    }
}
