//! Figures with a bound.

use std::error::Error;

/// A figure, and the most that it may be.
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) most: f64,
}

/// Prints all figures, and fails if one is above its bound.
pub(crate) fn judge(figures: Vec<Figure>) -> Result<(), Box<dyn Error>> {
    let mut within = true;
    for Figure { what, value, most } in figures {
        let decimals = if most < 100.0 { 3 } else { 0 };
        println!("{what}: {value:.decimals$}, to be at most {most}");
        within &= value <= most;
    }
    if !within {
        return Err("a figure is above its bound".into());
    }
    Ok(())
}
