//! Medians, means and percentiles.

/// Returns the median, the greater of the middle two if there are two. `None` if there are no numbers.
pub fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// Returns the geometric mean of positive numbers. `None` if one is missing or there are none.
pub fn geometric_mean(numbers: &[Option<f64>]) -> Option<f64> {
    let logarithms: Option<Vec<f64>> = numbers.iter().map(|number| number.map(f64::ln)).collect();
    let logarithms = logarithms?;
    let count = logarithms.len();
    (count > 0).then(|| (logarithms.iter().sum::<f64>() / count as f64).exp())
}

/// Returns the number that `permille` of 1000 of the sorted numbers do not exceed. `None` if there are no numbers.
pub fn percentile<T: Copy>(sorted: &[T], permille: usize) -> Option<T> {
    let rank = (sorted.len() * permille).div_ceil(1000);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_means_and_percentiles_are_right() {
        assert_eq!(median(&[3.0, 9.0, 2.0]), Some(3.0));
        assert_eq!(median(&[]), None);
        let mean = geometric_mean(&[Some(0.5), Some(2.0)]).unwrap();
        assert!((mean - 1.0).abs() < 1e-12);
        let sorted: Vec<u32> = (1..=2000).collect();
        assert_eq!(percentile(&sorted, 999), Some(1998));
        assert_eq!(percentile(&sorted, 1000), Some(2000));
        assert_eq!(percentile(&[7], 999), Some(7));
        assert_eq!(percentile::<u32>(&[], 999), None);
    }

    #[test]
    fn a_mean_of_what_is_not_complete_is_none() {
        assert_eq!(geometric_mean(&[Some(1.0), None]), None);
        assert_eq!(geometric_mean(&[]), None);
    }
}
