//! Lines whose parts stand below each other, in colours or without.

use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};

/// The cells of each line, the last of which is as long as it is.
pub(crate) fn columns(lines: &[Vec<String>]) -> Vec<String> {
    let count = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| measure_text_width(cell)).max()
    };
    let widths: Vec<_> = (0..count)
        .map(|column| width(column).unwrap_or_default())
        .collect();
    lines
        .iter()
        .map(|line| {
            let padded: Vec<_> = (line.iter().zip(&widths))
                .map(|(cell, width)| pad_str(cell, *width, Alignment::Left, None))
                .collect();
            padded.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// The line, cut to the width of the terminal; whole without one.
pub(crate) fn cut(line: &str) -> String {
    match Term::stdout().size_checked() {
        Some((_, width)) => truncate_str(line, width.into(), "…").into_owned(),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use console::style;

    use super::*;

    /// Colours take no room.
    #[test]
    fn cells_stand_below_each_other() {
        let red = style("bad").red().force_styling(true).to_string();
        let lines = [
            vec![red, "x".to_owned()],
            vec!["better".to_owned(), "y".to_owned()],
        ];
        let told = columns(&lines);
        let plain: Vec<_> = told
            .iter()
            .map(|line| console::strip_ansi_codes(line))
            .collect();
        assert_eq!(plain, ["bad     x", "better  y"]);
    }
}
