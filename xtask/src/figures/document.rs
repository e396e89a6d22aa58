//! A document with tables that are written anew: each stands between two lines that name it.

/// Returns the line before a table.
fn begin(name: &str) -> String {
    format!("<!-- figures: begin {name} -->\n")
}

/// Returns the line behind a table.
fn end(name: &str) -> String {
    format!("<!-- figures: end {name} -->\n")
}

/// Returns where the table `name` lies in `document`: from the end of the line before it to the line behind it.
fn place(document: &str, name: &str) -> Result<(usize, usize), String> {
    let (begin, end) = (begin(name), end(name));
    for line in [&begin, &end] {
        let times = document.matches(line.as_str()).count();
        if times != 1 {
            return Err(format!(
                "the line `{}` is there {times} times, not once",
                line.trim_end()
            ));
        }
    }
    let from = document.find(&begin).map_or(0, |at| at + begin.len());
    match document[from..].find(&end) {
        Some(len) => Ok((from, from + len)),
        None => Err(format!("the table {name} ends before it begins")),
    }
}

/// Returns the table `name` of `document`.
pub(super) fn table<'a>(document: &'a str, name: &str) -> Result<&'a str, String> {
    let (from, to) = place(document, name)?;
    Ok(&document[from..to])
}

/// Returns `document` with another table `name`, and all else as it was.
pub(super) fn with_table(document: &str, name: &str, table: &str) -> Result<String, String> {
    let (from, to) = place(document, name)?;
    Ok(format!(
        "{}\n{}\n\n{}",
        &document[..from],
        table.trim(),
        &document[to..]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
# Figures

Prose before.

<!-- figures: begin time -->
old
<!-- figures: end time -->

Prose between.

<!-- figures: begin size -->
<!-- figures: end size -->
";

    #[test]
    fn a_table_is_replaced_and_prose_is_kept() {
        let once = with_table(DOCUMENT, "time", "| new |\n").unwrap();
        assert_eq!(once, DOCUMENT.replace("old", "\n| new |\n"));
        assert_eq!(with_table(&once, "time", "| new |\n").unwrap(), once);
        assert_eq!(table(&once, "time").unwrap().trim(), "| new |");
        assert_eq!(table(&once, "size"), Ok(""));
    }

    #[test]
    fn a_line_that_is_missing_doubled_or_misplaced_is_an_error() {
        assert!(with_table(DOCUMENT, "latency", "").is_err());
        assert!(with_table(&DOCUMENT.replace(&begin("time"), ""), "time", "").is_err());
        assert!(with_table(&DOCUMENT.replace(&end("time"), ""), "time", "").is_err());
        assert!(with_table(&DOCUMENT.repeat(2), "time", "").is_err());
        let turned = format!("{}{}", end("time"), begin("time"));
        assert!(with_table(&turned, "time", "").is_err());
    }
}
