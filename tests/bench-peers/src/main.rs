//! `bench-peers URL FILE`: downloads a file with `self_update`, as its users do.

use std::fs::File;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: bench-peers URL FILE".into());
    };
    self_update::Download::from_url(&url).download_to(&mut File::create(path)?)?;
    Ok(())
}
