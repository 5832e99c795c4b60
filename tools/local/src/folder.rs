//! Restricts a folder to its owner, since it contains keys, balances and results.

use std::io;
use std::path::Path;

/// Creates the folder if it does not exist, and makes it and its files accessible to their owner only, including files
/// that already existed. Does not change symbolic links or their targets.
///
/// # Errors
/// The folder cannot be created, or belongs to another user.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)?;
    #[cfg(unix)]
    {
        set_mode(folder, 0o700)?;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                set_mode(&entry.path(), 0o600)?;
            }
        }
    }
    Ok(())
}

/// Writes a file that only its owner can read, even if it existed with other permissions.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_private(file: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file)?;
    #[cfg(unix)]
    set_mode(file, 0o600)?;
    opened.write_all(text.as_bytes())
}

/// Sets a file's permissions.
#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn existing_files_are_made_private() {
        let folder = std::env::temp_dir().join(format!("runo-private-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let (old, key) = (folder.join("dynamodb.sqlite"), folder.join("dev-key"));
        for file in [&old, &key] {
            std::fs::write(file, "x").unwrap();
            set_mode(file, 0o644).unwrap();
        }
        set_mode(&folder, 0o755).unwrap();
        write_private(&key, "secret").unwrap();
        assert_eq!(mode(&key), 0o600);
        make_private(&folder).unwrap();
        assert_eq!((mode(&folder), mode(&old)), (0o700, 0o600));
        let inner = folder.join("a/b");
        make_private(&inner).unwrap();
        assert_eq!((mode(&inner), mode(&folder.join("a"))), (0o700, 0o700));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
