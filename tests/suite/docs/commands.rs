//! The commands of the chapters on deployment and operation. A script in `tests/` reads each of them from the document
//! (`tests/deploy/documented.py`) and runs it, or a table says why not.

use super::{files, read};

/// The chapters: a document and headings in it. Without headings, the whole document.
const CHAPTERS: [(&str, &[&str]); 3] =
    [("README.md", &["In a container", "Deploy it"]), ("docs/OPERATIONS.md", &[]), ("docs/guides/deploy.md", &[])];
/// The document and heading of the table of commands that no script runs.
const NOT_RUN: (&str, &str) = ("docs/OPERATIONS.md", "Commands that no test runs");

/// A command with its continuation lines, without its comment.
#[derive(Debug, PartialEq)]
struct Command {
    document: String,
    heading: String,
    text: String,
}

/// Returns the commands of a document's bash blocks.
fn commands(document: &str, text: &str) -> Vec<Command> {
    let (mut found, mut heading, mut command) = (Vec::new(), String::new(), String::new());
    let (mut in_code, mut in_bash) = (false, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            in_code = !in_code;
            in_bash = in_code && line == "```bash";
        } else if !in_code && line.starts_with('#') {
            line.trim_start_matches('#').trim().clone_into(&mut heading);
        } else if in_bash && !(command.is_empty() && (line.is_empty() || line.starts_with('#'))) {
            command.push_str(line);
            if let Some(begun) = command.strip_suffix('\\') {
                command = begun.to_owned();
            } else {
                let text = command.split("  #").next().unwrap().trim_end().to_owned();
                found.push(Command { document: document.to_owned(), heading: heading.clone(), text });
                command.clear();
            }
        }
    }
    found
}

/// The arguments of a call in a script: `documented DOCUMENT "HEADING" ["BEGINNING"]`.
#[derive(Debug, PartialEq)]
struct DocumentedCall {
    document: String,
    heading: String,
    beginning: String,
}

fn documented_calls(script: &str) -> Vec<DocumentedCall> {
    let lines = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    let calls = lines.flat_map(|line| line.split("documented ").skip(1));
    calls
        .filter_map(|call| {
            let (document, rest) = call.split_once(' ')?;
            let mut quoted = rest.split('"').skip(1).step_by(2);
            let heading = quoted.next().filter(|_| document.ends_with(".md"))?;
            // A quoted string elsewhere in the line is not an argument.
            let beginning = rest.split_once(&format!("\"{heading}\" \"")).and_then(|(_, more)| more.split('"').next());
            Some(DocumentedCall {
                document: document.to_owned(),
                heading: heading.to_owned(),
                // Scripts escape it within double quotes.
                beginning: beginning.unwrap_or("").replace("\\$", "$"),
            })
        })
        .collect()
}

impl DocumentedCall {
    fn matches(&self, command: &Command) -> bool {
        self.document == command.document
            && self.heading == command.heading
            && command.text.starts_with(&self.beginning)
    }
}

/// Returns the beginnings of commands in the first column of the table.
fn not_run(text: &str, heading: &str) -> Vec<String> {
    let below = text.split(&format!("# {heading}\n")).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    let rows = below.lines().take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| {
        let cell = row.trim_start_matches("| ").split(" | ").next().unwrap();
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn every_command_of_the_deployment_is_run_or_says_why_not() {
    let commands: Vec<Command> = CHAPTERS
        .iter()
        .flat_map(|(document, headings)| {
            let mut found = commands(document, &read(document));
            found.retain(|command| headings.is_empty() || headings.contains(&command.heading.as_str()));
            found
        })
        .collect();
    let mut scripts = files("tests", ".sh");
    scripts.extend(files("tests", ".py"));
    let run: Vec<DocumentedCall> = scripts.iter().flat_map(|(_, text)| documented_calls(text)).collect();
    let excused = not_run(&read(NOT_RUN.0), NOT_RUN.1);
    assert!(commands.len() > 40 && run.len() > 10, "{} commands, {} called by scripts", commands.len(), run.len());

    // Documents may repeat a command.
    let same = |command: &Command| commands.iter().filter(|other| other.text == command.text).collect::<Vec<_>>();
    let is_run = |command: &&Command| same(command).iter().any(|command| run.iter().any(|call| call.matches(command)));
    let is_excused = |command: &&Command| excused.iter().any(|beginning| command.text.starts_with(beginning));
    let neither: Vec<_> = commands.iter().filter(|command| !is_run(command) && !is_excused(command)).collect();
    assert!(neither.is_empty(), "no script runs these, and {NOT_RUN:?} does not list them: {neither:#?}");
    let both: Vec<_> = commands.iter().filter(|command| is_run(command) && is_excused(command)).collect();
    assert!(both.is_empty(), "{NOT_RUN:?} lists commands that scripts run: {both:#?}");
    let stale: Vec<_> =
        excused.iter().filter(|beginning| !commands.iter().any(|c| c.text.starts_with(beginning.as_str()))).collect();
    assert!(stale.is_empty(), "{NOT_RUN:?} lists commands that are in no chapter: {stale:?}");
    let nothing: Vec<_> = run.iter().filter(|call| !commands.iter().any(|command| call.matches(command))).collect();
    assert!(nothing.is_empty(), "scripts run commands that are in no chapter: {nothing:#?}");
}

#[test]
fn commands_and_calls_are_found() {
    let text =
        "# A\n```\nno bash\n```\n## B\n```bash\n# a comment\none  # what it does\n\ntwo \\\n  --more\n```\nthree\n";
    let command = |text: &str| Command { document: "d.md".to_owned(), heading: "B".to_owned(), text: text.to_owned() };
    assert_eq!(commands("d.md", text), [command("one"), command("two --more")]);

    let script = "# documented d.md \"C\"\ndocumented d.md \"B\" \"two\" | x\neval \"$(documented d.md \"B\")\" \"y\"\ndocumented \"$1\"\n";
    let call = |beginning: &str| DocumentedCall {
        document: "d.md".to_owned(),
        heading: "B".to_owned(),
        beginning: beginning.to_owned(),
    };
    assert_eq!(documented_calls(script), [call("two"), call("")]);
    assert!(call("two").matches(&command("two --more")) && !call("two").matches(&command("one")));

    let table = "## N\n\n| Command | Why |\n|---|---|\n| `one`, `two --more` | `because` |\n\n## O\n| `three` | |\n";
    assert_eq!(not_run(table, "N"), ["one", "two --more"]);
}
