//! Writes each result when it arrives. Buffers only CSV failures that precede the first page with columns.

mod csv;
mod table;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::Path;

use runo_client::Page;

use self::csv::Csv;
use self::table::{Sheet, Table};
use crate::args::{Format, OutputArgs};
use crate::exit::CommandError;

/// The destination of results and their format.
pub(crate) struct Output {
    writer: Box<dyn Write>,
    /// The output file, kept to sync it and to read its length; `None` for standard output.
    file: Option<File>,
    encoding: Encoding,
}

enum Encoding {
    /// One result, without an array.
    Single,
    /// An array; `true` once its first element is written.
    Json(bool),
    Ndjson,
    Csv(Csv),
    Table(Table),
    Sheet(Sheet),
}

/// Returns the format: the option, else the file's extension, else the default of standard output.
pub(crate) fn format_of(args: &OutputArgs) -> Result<Format, CommandError> {
    let Some(path) = &args.output else { return Ok(stdout_format(args.format)) };
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match (args.format, extension.as_deref()) {
        (Some(format), _) => Ok(format),
        (None, Some("json")) => Ok(Format::Json),
        (None, Some("ndjson" | "jsonl")) => Ok(Format::Ndjson),
        (None, Some("csv")) => Ok(Format::Csv),
        (None, _) => {
            let text = "the extension selects no format: use .json, .ndjson, .jsonl or .csv, or --format";
            Err(CommandError::usage(format!("{}: {text}", path.display())))
        }
    }
}

/// Returns the format for standard output: `chosen`, else a table on a terminal and NDJSON elsewhere.
pub(crate) fn stdout_format(chosen: Option<Format>) -> Format {
    chosen.unwrap_or(if io::stdout().is_terminal() { Format::Table } else { Format::Ndjson })
}

impl Output {
    /// Opens an output for many results. `columns` are the schema's fields, if known.
    pub(crate) fn many(args: &OutputArgs, columns: Option<Vec<String>>) -> Result<Output, CommandError> {
        Output::open(args, format_of(args)?, columns, 0)
    }

    /// Opens an output for the one result of an extract.
    pub(crate) fn one(args: &OutputArgs, columns: Option<Vec<String>>) -> Result<Output, CommandError> {
        let format = format_of(args)?;
        let mut output = Output::open(args, format, columns, 0)?;
        match format {
            Format::Json | Format::Ndjson => output.encoding = Encoding::Single,
            Format::Table => output.encoding = Encoding::Sheet(Sheet),
            Format::Csv => {}
        }
        Ok(output)
    }

    /// Reopens a file whose first `at` bytes are valid; truncates the rest.
    pub(crate) fn resumed(
        path: &Path,
        format: Format,
        columns: Option<Vec<String>>,
        at: u64,
    ) -> Result<Output, CommandError> {
        let args = OutputArgs { output: Some(path.to_owned()), format: Some(format) };
        Output::open(&args, format, columns, at)
    }

    fn open(args: &OutputArgs, format: Format, columns: Option<Vec<String>>, at: u64) -> Result<Output, CommandError> {
        let mut columns = columns;
        let (writer, file): (Box<dyn Write>, _) = match &args.output {
            None => (Box::new(BufWriter::new(io::stdout())), None),
            Some(path) => {
                let mut open = || -> io::Result<(File, File)> {
                    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
                    if file.metadata()?.is_file() {
                        if file.metadata()?.len() < at {
                            return Err(io::Error::other(
                                "this output file has become shorter since the batch was interrupted; restore it, or \
                                 delete it and the resume file to start again",
                            ));
                        }
                        file.set_len(at)?;
                        if format == Format::Csv && at > 0 {
                            columns = csv::header(Read::by_ref(&mut file).take(at))?;
                        }
                    }
                    let appending = OpenOptions::new().append(true).open(path)?;
                    Ok((appending, file))
                };
                let (appending, file) = open().map_err(|error| CommandError::file(path, &error))?;
                (Box::new(BufWriter::new(appending)), Some(file))
            }
        };
        let encoding = match format {
            Format::Json => Encoding::Json(at > 0),
            Format::Ndjson => Encoding::Ndjson,
            Format::Csv => Encoding::Csv(Csv::new(columns, at > 0)),
            Format::Table => Encoding::Table(Table::new(columns)),
        };
        Ok(Output { writer, file, encoding })
    }

    /// Whether results go to a terminal, where they must not collide with the progress bar.
    pub(crate) fn on_terminal(&self) -> bool {
        self.file.is_none() && io::stdout().is_terminal()
    }

    /// Writes a result.
    pub(crate) fn page(&mut self, page: &Page) -> io::Result<()> {
        let mut text = Vec::new();
        match &mut self.encoding {
            Encoding::Single | Encoding::Ndjson => {
                serde_json::to_writer(&mut text, page)?;
                text.push(b'\n');
            }
            Encoding::Json(begun) => {
                text.extend_from_slice(if *begun { b",\n" } else { b"[\n" });
                *begun = true;
                serde_json::to_writer(&mut text, page)?;
            }
            Encoding::Csv(csv) => csv.page(page, &mut text)?,
            Encoding::Table(table) => table.page(page, &mut text)?,
            Encoding::Sheet(sheet) => sheet.page(page, &mut text)?,
        }
        if self.file.is_some() && matches!(self.encoding, Encoding::Table(_) | Encoding::Sheet(_)) {
            // Colours are for terminals only.
            text = console::strip_ansi_codes(&String::from_utf8_lossy(&text)).into_owned().into_bytes();
        }
        self.writer.write_all(&text)?;
        self.writer.flush()
    }

    /// Syncs all results so far to the disk; returns the file's length, 0 for standard output.
    pub(crate) fn checkpoint(&mut self) -> io::Result<u64> {
        if let Encoding::Csv(csv) = &mut self.encoding
            && csv.is_holding()
        {
            self.fix_columns()?;
        }
        self.writer.flush()?;
        match &self.file {
            None => Ok(0),
            Some(file) => {
                // Syncing fails on a pipe, which has no disk.
                let _ = file.sync_data();
                Ok(file.metadata()?.len())
            }
        }
    }

    fn fix_columns(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        if let Encoding::Csv(csv) = &mut self.encoding {
            csv.fix_columns(&mut text)?;
        }
        self.writer.write_all(&text)
    }

    /// Completes the output after the last result.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.fix_columns()?;
        if let Encoding::Json(begun) = self.encoding {
            self.writer.write_all(if begun { b"\n]\n" } else { b"[]\n" })?;
        }
        self.checkpoint().map(|_| ())
    }
}
