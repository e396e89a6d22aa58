//! Cuts a recorded trace to a slice that is small enough for the repository.

use std::fs;
use std::io::Read;

use kalloc_examples::trace::Trace;
use miniz_oxide::deflate::compress_to_vec_zlib;
use ruzstd::decoding::StreamingDecoder;

/// The live bytes of the slice in `examples/traces`: they leave room for overhead in 4 MiB.
pub(crate) const PEAK_LIVE: u64 = 3 << 20;

/// zlib's strongest level is 9; above it, `miniz_oxide` searches longer.
const LEVEL: u8 = 10;

/// Reads the trace at `input`, writes its slice to `output`, and says what that is.
pub(crate) fn run(input: &str, output: &str, peak_live: u64) -> Result<String, String> {
    let recording = read(input).map_err(|error| format!("{input}: {error}"))?;
    let slice = recording.prefix_within(peak_live);
    let bytes = compress_to_vec_zlib(&slice.encode(), LEVEL);
    fs::write(output, &bytes).map_err(|error| format!("{output}: {error}"))?;
    Ok(format!(
        "{output}: {} of {} operations, {} allocations, {} slots, {} bytes live at the peak, {} bytes on disk",
        slice.ops().len(),
        recording.ops().len(),
        slice.allocations(),
        slice.slots(),
        slice.peak_live(),
        bytes.len(),
    ))
}

/// Reads a recording.
pub(crate) fn read(path: &str) -> Result<Trace, Box<dyn std::error::Error>> {
    let file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    StreamingDecoder::new(file)?.read_to_end(&mut bytes)?;
    Ok(Trace::decode(&bytes)?)
}
