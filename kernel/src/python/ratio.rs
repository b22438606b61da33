//! Division of integers to the nearest double, as Python divides them.

const EXACT: i128 = 1 << 53;

/// Return the double nearest to `a / b`, ties to even; `b` is positive.
pub fn ratio(a: i128, b: i64) -> f64 {
    if a.abs() <= EXACT && i128::from(b) <= EXACT {
        return a as f64 / b as f64; // both are exact, and the division rounds once
    }
    let (magnitude, divisor) = (a.unsigned_abs(), u128::from(b.unsigned_abs()));
    let shift = magnitude.leading_zeros();
    let (quotient, rest) = ((magnitude << shift) / divisor, (magnitude << shift) % divisor);
    // The quotient has far more than 54 bits here: a sticky bit for the remainder, then one rounding.
    let rounded = (quotient | u128::from(rest != 0)) as f64;
    let scaled = rounded * (-f64::from(shift)).exp2();
    if a < 0 {
        -scaled
    } else {
        scaled
    }
}

#[cfg(test)]
mod tests {
    use super::ratio;

    #[test]
    fn rounds_once() {
        assert_eq!(ratio(1, 3), 1.0 / 3.0);
        assert_eq!(ratio((1 << 60) + 1, 1), (1u64 << 60) as f64);
        assert_eq!(ratio(-(1 << 70), 3), -((1u128 << 70) as f64 / 3.0));
        // 2^53 + 1 halves lie between two doubles: to even.
        assert_eq!(ratio((1 << 54) + 2, 2), 9007199254740992.0);
        assert_eq!(ratio((1 << 54) + 6, 2), 9007199254740996.0);
    }
}
