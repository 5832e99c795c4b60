//! The layout of a data folder is recorded in it as a number. A folder with an older layout is migrated step by step;
//! one of a later program is refused, so that no program reads data that it does not know.

use std::io;
use std::path::{Path, PathBuf};

use crate::folder::write_private;

/// The layout that this program reads and writes. A change of tables or rows that does not fit existing rows increments
/// it and adds a step.
const LAYOUT: u32 = 1;

/// Migrates a folder to the next layout.
type Step = fn(&Path) -> io::Result<()>;

/// The steps to layout 2, 3 and so on.
const STEPS: &[Step] = &[];

/// The file with the number.
const FILE: &str = "layout";

/// Returns the path of the file with the tables.
pub fn tables_file(data_dir: &Path) -> PathBuf {
    data_dir.join("dynamodb.sqlite")
}

/// Migrates an existing folder to this program's layout.
///
/// # Errors
/// A later program wrote the folder, or a step failed. In that case the folder is as the failed step left it, with the
/// number of the last layout that was completed.
pub(crate) fn migrate(folder: &Path) -> io::Result<()> {
    migrate_to(folder, LAYOUT, STEPS)
}

fn migrate_to(folder: &Path, layout: u32, steps: &[Step]) -> io::Result<()> {
    let file = folder.join(FILE);
    let other = |what: String| io::Error::other(format!("{}: {what}", folder.display()));
    let mut found = match std::fs::read_to_string(&file) {
        Ok(text) => text.trim().parse().map_err(|_| other(format!("the file \"{FILE}\" does not contain a number")))?,
        // An empty folder needs no steps. Folders without a number are from before there was a second layout.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if tables_file(folder).exists() {
                1
            } else {
                layout
            }
        }
        Err(error) => return Err(error),
    };
    if found > layout {
        return Err(other(format!(
            "a later version of this program wrote it (layout {found}; this one knows {layout}): start that version, or \
             name another DATA_DIR"
        )));
    }
    while found < layout {
        let step = usize::try_from(found).ok().and_then(|done| steps.get(done.checked_sub(1)?));
        let step = step.ok_or_else(|| other(format!("there is no migration from layout {found} to {layout}")))?;
        step(folder)?;
        found += 1;
        write_private(&file, &format!("{found}\n"))?;
    }
    write_private(&file, &format!("{layout}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("runo-layout-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn number(folder: &Path) -> String {
        std::fs::read_to_string(folder.join(FILE)).unwrap()
    }

    #[test]
    fn every_earlier_layout_has_a_step() {
        assert_eq!(STEPS.len() + 1, usize::try_from(LAYOUT).unwrap());
    }

    #[test]
    fn an_older_folder_is_migrated_once_and_a_later_one_refused() {
        let dir = folder("steps");
        let step: Step = |folder| {
            let file = tables_file(folder);
            let text = std::fs::read_to_string(&file)?;
            std::fs::write(file, text + "+")
        };
        let failing: Step = |_| Err(io::Error::other("a step failed"));
        std::fs::write(tables_file(&dir), "").unwrap();
        assert!(migrate_to(&dir, 3, &[step, failing]).is_err());
        assert_eq!(number(&dir), "2\n", "completed steps are kept");
        for _ in 0..2 {
            migrate_to(&dir, 3, &[failing, step]).unwrap();
            assert_eq!(number(&dir), "3\n");
        }
        assert_eq!(std::fs::read_to_string(tables_file(&dir)).unwrap(), "++");
        let refused = migrate_to(&dir, 2, &[step]).unwrap_err().to_string();
        assert!(refused.contains("layout 3") && refused.contains("DATA_DIR"), "{refused}");
        assert_eq!(number(&dir), "3\n");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[tokio::test]
    async fn a_folder_of_a_later_program_is_not_opened() {
        let dir = folder("later");
        crate::dynamodb::DynamoDb::start(Some(&dir)).await.unwrap().stop().await;
        assert_eq!(number(&dir), format!("{LAYOUT}\n"));
        for bad in ["99", "soon"] {
            std::fs::write(dir.join(FILE), bad).unwrap();
            let refused = crate::dynamodb::DynamoDb::start(Some(&dir)).await.unwrap_err().to_string();
            assert!(refused.contains(&dir.display().to_string()), "{refused}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
