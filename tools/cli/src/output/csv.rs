//! CSV output: the schema's fields, then `page_url` and `page_error`.

use std::io;

use runo_client::{Page, Row};
use serde_json::Value;

/// Maximum number of failures that are held until a successful page shows the columns.
const MAX_HELD: usize = 10_000;
const URL_COLUMN: &str = "page_url";
const ERROR_COLUMN: &str = "page_error";
/// Column for all values as JSON, used if the columns are not known in time.
const DATA_COLUMN: &str = "page_data";

/// Writes results as rows.
pub(super) struct Csv {
    columns: Option<Vec<String>>,
    header_written: bool,
    held: Vec<Page>,
}

impl Csv {
    /// `header_written` says that the file already has a header.
    pub(super) fn new(columns: Option<Vec<String>>, header_written: bool) -> Csv {
        Csv { columns, header_written, held: Vec::new() }
    }

    pub(super) fn page(&mut self, page: &Page, text: &mut Vec<u8>) -> io::Result<()> {
        if self.columns.is_none() {
            match page.data() {
                Some(data) => self.columns = Some(data.keys().cloned().collect()),
                None => self.held.push(page.clone()),
            }
            if self.columns.is_none() && self.held.len() < MAX_HELD {
                return Ok(());
            }
            self.fix_columns(text)?;
            if page.data().is_none() {
                return Ok(());
            }
        }
        self.row(page, text)
    }

    /// Whether failures are held until the columns are known.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Fixes the columns to those known now and writes the held failures.
    pub(super) fn fix_columns(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        self.columns.get_or_insert_with(|| vec![DATA_COLUMN.to_owned()]);
        for page in std::mem::take(&mut self.held) {
            self.row(&page, text)?;
        }
        self.write_header(text)
    }

    fn write_header(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        if !self.header_written {
            self.header_written = true;
            let columns = self.columns.iter().flatten().map(String::as_str);
            record(columns.chain([URL_COLUMN, ERROR_COLUMN]), text)?;
        }
        Ok(())
    }

    fn row(&mut self, page: &Page, text: &mut Vec<u8>) -> io::Result<()> {
        self.write_header(text)?;
        let code = match page {
            Page::Success(_) => "",
            Page::Failure(failure) => &failure.error.code,
        };
        let columns = self.columns.iter().flatten();
        let cells: Vec<String> =
            columns.map(|name| page.data().map(|row| cell(row, name)).unwrap_or_default()).collect();
        record(cells.iter().map(String::as_str).chain([page.url(), code]), text)
    }
}

/// Reads the columns from the header of an earlier run.
pub(super) fn header(file: impl io::Read) -> io::Result<Option<Vec<String>>> {
    let mut reader = csv::Reader::from_reader(file);
    let mut names: Vec<String> = reader.headers().map_err(io::Error::other)?.iter().map(str::to_owned).collect();
    names.retain(|name| name != URL_COLUMN && name != ERROR_COLUMN);
    Ok(Some(names))
}

fn cell(row: &Row, name: &str) -> String {
    match row.get(name) {
        None if name == DATA_COLUMN => Value::Object(row.clone()).to_string(),
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

fn record<'a>(cells: impl Iterator<Item = &'a str>, text: &mut Vec<u8>) -> io::Result<()> {
    csv::Writer::from_writer(text).write_record(cells).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(value: Value) -> Page {
        serde_json::from_value(value).unwrap()
    }

    fn read(data: Value) -> Page {
        page(json!({ "status": "success", "url": "http://a/", "render_mode": "fetch", "data": data }))
    }

    fn failed() -> Page {
        let error = json!({ "code": "TIMEOUT", "message": "slow", "retryable": true });
        page(json!({ "status": "error", "url": "http://b/?a,b", "error": error }))
    }

    fn written(csv: &mut Csv, pages: &[Page]) -> String {
        let mut text = Vec::new();
        pages.iter().for_each(|page| csv.page(page, &mut text).unwrap());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn failures_are_held_until_the_columns_are_known() {
        let mut csv = Csv::new(None, false);
        assert_eq!(written(&mut csv, &[failed()]), "");
        let data = json!({ "title": "He said \"a,\nb\"", "price": 1.5, "tags": ["x", "y"], "gone": null });
        assert_eq!(
            written(&mut csv, &[read(data), failed()]),
            "title,price,tags,gone,page_url,page_error\n,,,,\"http://b/?a,b\",TIMEOUT\n\
             \"He said \"\"a,\nb\"\"\",1.5,\"[\"\"x\"\",\"\"y\"\"]\",,http://a/,\n,,,,\"http://b/?a,b\",TIMEOUT\n"
        );
    }

    #[test]
    fn values_are_one_json_column_if_the_columns_are_not_known_in_time() {
        let mut csv = Csv::new(None, false);
        let mut text = Vec::new();
        csv.page(&failed(), &mut text).unwrap();
        csv.fix_columns(&mut text).unwrap();
        csv.page(&read(json!({ "a": 1 })), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let rows = ",\"http://b/?a,b\",TIMEOUT\n\"{\"\"a\"\":1}\",http://a/,\n";
        assert_eq!(text, format!("page_data,page_url,page_error\n{rows}"));
    }

    #[test]
    fn a_resumed_file_keeps_its_columns() {
        let columns = header("b,a,page_url,page_error\n1,2,u,\n".as_bytes()).unwrap();
        let mut csv = Csv::new(columns, true);
        assert_eq!(written(&mut csv, &[read(json!({ "a": 1, "b": 2 }))]), "2,1,http://a/,\n");
    }
}
