//! Gives files to a target, without a fuzzer: `cargo run --features trace --example run -- TARGET
//! FILE..`.

use std::{env, fs};

use comity_fuzz::TARGETS;

fn main() -> std::io::Result<()> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.expect("the name of a target");
    for file in arguments {
        println!("{file}");
        target(&fs::read(file)?);
    }
    Ok(())
}
