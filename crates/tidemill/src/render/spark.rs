//! A series of figures as one line of blocks.

/// From the lowest to the highest.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Where there is no figure.
const GAP: char = '·';

/// One block for each figure between `low` and `high`; what lies outside is shown as the nearest of the two, and a dot is
/// no figure.
pub fn sparkline(figures: impl IntoIterator<Item = Option<f64>>, low: f64, high: f64) -> String {
    let span = high - low;
    let block = |figure: f64| {
        let share = if span > 0.0 { (figure - low) / span } else { 0.0 };
        let place = (share.clamp(0.0, 1.0) * BLOCKS.len() as f64) as usize;
        BLOCKS[place.min(BLOCKS.len() - 1)]
    };
    let known = |figure: Option<f64>| figure.filter(|figure| figure.is_finite()).map_or(GAP, block);
    figures.into_iter().map(known).collect()
}

/// At most `width` of a series' figures, evenly chosen; the last one is among them.
pub fn thinned<T: Copy>(figures: &[T], width: usize) -> Vec<T> {
    if figures.len() <= width || width == 0 {
        return figures.to_vec();
    }
    (1..=width)
        .map(|place| figures[place * figures.len() / width - 1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_blocks() {
        let line = sparkline([Some(0.0), Some(0.5), Some(1.0), Some(9.0), Some(-1.0), None], 0.0, 1.0);
        assert_eq!(line, "▁▅██▁·");
        assert_eq!(sparkline([Some(3.0), Some(f64::NAN)], 3.0, 3.0), "▁·");
    }

    #[test]
    fn a_long_series_is_thinned_to_its_end() {
        assert_eq!(thinned(&[1, 2, 3, 4, 5, 6], 3), [2, 4, 6]);
        assert_eq!(thinned(&[1, 2], 3), [1, 2]);
        assert_eq!(thinned(&(1..=7).collect::<Vec<_>>(), 3).last(), Some(&7));
    }
}
