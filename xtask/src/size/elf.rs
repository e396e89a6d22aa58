//! The functions in a little-endian ELF file, of 32 or 64 bits.

/// The type of a section that holds symbols, and that of a symbol of a function.
const SYMBOL_TABLE: u64 = 2;
const FUNCTION: u64 = 2;

/// Where the fields of headers and symbols are: offset and length in bytes.
struct Format {
    sections: (usize, usize),
    section_len: (usize, usize),
    section_count: (usize, usize),
    kind: (usize, usize),
    offset: (usize, usize),
    size: (usize, usize),
    names: (usize, usize),
    symbol_bytes: usize,
    info: (usize, usize),
    value: (usize, usize),
    symbol_size: (usize, usize),
}

const BITS_32: Format = Format {
    sections: (32, 4),
    section_len: (46, 2),
    section_count: (48, 2),
    kind: (4, 4),
    offset: (16, 4),
    size: (20, 4),
    names: (24, 4),
    symbol_bytes: 16,
    info: (12, 1),
    value: (4, 4),
    symbol_size: (8, 4),
};

const BITS_64: Format = Format {
    sections: (40, 8),
    section_len: (58, 2),
    section_count: (60, 2),
    kind: (4, 4),
    offset: (24, 8),
    size: (32, 8),
    names: (40, 4),
    symbol_bytes: 24,
    info: (4, 1),
    value: (8, 8),
    symbol_size: (16, 8),
};

/// Returns the size and the name of each function; one that has two names counts once. `None` if this is no such file, or if
/// it has no symbols.
pub(super) fn functions(file: &[u8]) -> Option<Vec<(u64, String)>> {
    let format = match file.get(..6)? {
        [0x7f, b'E', b'L', b'F', 1, 1] => BITS_32,
        [0x7f, b'E', b'L', b'F', 2, 1] => BITS_64,
        _ => return None,
    };
    let section_len = field(file, format.section_len)? as usize;
    let section = |index: usize| file.get(field(file, format.sections)? as usize + index * section_len..);
    let contents = |header: &[u8]| {
        let start = field(header, format.offset)? as usize;
        file.get(start..start + field(header, format.size)? as usize)
    };

    let count = field(file, format.section_count)? as usize;
    let table = (0..count)
        .filter_map(section)
        .find(|header| field(header, format.kind) == Some(SYMBOL_TABLE))?;
    let names = contents(section(field(table, format.names)? as usize)?)?;
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for symbol in contents(table)?.chunks_exact(format.symbol_bytes) {
        let (start, size) = (field(symbol, format.value)?, field(symbol, format.symbol_size)?);
        if field(symbol, format.info)? & 15 != FUNCTION || size == 0 || seen.contains(&start) {
            continue;
        }
        seen.push(start);
        let name = names
            .get(field(symbol, (0, 4))? as usize..)?
            .split(|&byte| byte == 0)
            .next()?;
        found.push((size, String::from_utf8_lossy(name).into_owned()));
    }
    Some(found)
}

/// Reads a number of `len` bytes at `offset`.
fn field(bytes: &[u8], (offset, len): (usize, usize)) -> Option<u64> {
    let bytes = bytes.get(offset..offset + len)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_low_byte_first() {
        assert_eq!(field(&[9, 1, 2, 3, 4], (1, 4)), Some(0x0403_0201));
        assert_eq!(field(&[1], (0, 2)), None);
    }

    #[test]
    fn the_functions_of_this_very_program_are_found() {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        if cfg!(target_os = "linux") {
            let functions = functions(&file).unwrap();
            assert!(functions.iter().any(|(size, name)| *size > 0 && name == "main"));
        }
        assert!(functions(&[0; 64]).is_none());
    }
}
