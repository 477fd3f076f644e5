//! Files and folders with other people's data: only their owner may read them, nothing is
//! overwritten, no link is followed, and what was not finished is removed.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail};

/// A file that is being written under another name. It is removed unless it is published.
#[derive(Debug)]
pub(crate) struct PartFile {
    path: PathBuf,
    file: File,
}

impl PartFile {
    /// Creates the file with this path, which no file may have yet.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if there is anything with this path, also a broken link.
    pub(crate) fn create_new(path: PathBuf) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        Ok(Self { path, file })
    }

    /// The file that becomes `target`: `target` with `.part` at its end.
    ///
    /// # Errors
    /// As [`Self::create_new`].
    pub(crate) fn create_for(target: &Path) -> io::Result<Self> {
        let mut name = target.as_os_str().to_owned();
        name.push(".part");
        Self::create_new(name.into())
    }

    /// Another handle of the same file.
    ///
    /// # Errors
    /// When the system has no handle left.
    pub(crate) fn duplicate_handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// When the disk refuses them.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Gives the file its name, once its bytes are on the disk. A hard link fails if there is
    /// anything with that name. On a file system without hard links the name is looked up first.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if there is anything with this name.
    pub(crate) fn publish_new(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        match fs::hard_link(&self.path, target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(_) if fs::symlink_metadata(target).is_ok() => {
                Err(io::ErrorKind::AlreadyExists.into())
            }
            Err(_) => fs::rename(&self.path, target),
            Ok(()) => Ok(()),
        }
    }

    /// Gives the file its name, in place of an earlier file of this command.
    ///
    /// # Errors
    /// When the file cannot be renamed.
    pub(crate) fn publish_again(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)
    }
}

/// Also when the work is interrupted or fails. After a rename there is nothing left to remove.
impl Drop for PartFile {
    fn drop(&mut self) {
        fs::remove_file(&self.path).unwrap_or_default();
    }
}

/// Fails if there is anything with this path.
pub(crate) fn require_absent(path: &Path) -> anyhow::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        bail!("{} exists already; nothing was overwritten", path.display());
    }
    Ok(())
}

/// Writes a new file with these bytes.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let written = PartFile::create_for(path).and_then(|mut part| {
        part.write(bytes)?;
        part.publish_new(path)
    });
    written.with_context(|| format!("{} could not be written", path.display()))
}

/// Creates a folder, which must not exist.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if there is anything with this path, also a link.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates the folders of a file below `root`. None of them may be a link.
///
/// # Errors
/// [`io::ErrorKind::NotADirectory`] if something else has the name of a folder.
pub(crate) fn create_folders_of(root: &Path, file: &Path) -> io::Result<()> {
    let mut folder = root.to_owned();
    for part in file.parent().into_iter().flat_map(Path::components) {
        let Component::Normal(name) = part else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        folder.push(name);
        match create_folder(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => require_folder(&folder)?,
            created => created?,
        }
    }
    Ok(())
}

/// Fails unless the path is a folder, and not a link to one.
///
/// # Errors
/// [`io::ErrorKind::NotADirectory`] if it is something else.
pub(crate) fn require_folder(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path)?.is_dir() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    }
}

/// Takes an existing folder away from everybody but its owner.
///
/// # Errors
/// When the folder belongs to somebody else.
#[cfg(unix)]
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}

/// Other systems have no such mode: a folder inherits who may read it.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub(crate) fn make_private(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A folder that is removed at the end of the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("private-{name}-{}", std::process::id()));
            create_folder(&path).expect("a folder");
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("entries").flatten();
            entries.map(|one| one.file_name().to_string_lossy().into_owned()).collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("removed");
        }
    }

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_may_read_them() {
        let scratch = Scratch::new("modes");
        let file = scratch.0.join("report.html");
        write_new(&file, b"words").expect("written");
        create_folders_of(&scratch.0, Path::new("chat/2026/a.jpg")).expect("folders");
        assert_eq!(mode_of(&file), 0o600);
        assert_eq!(mode_of(&scratch.0.join("chat")), 0o700);
        assert_eq!(mode_of(&scratch.0.join("chat/2026")), 0o700);
        assert_eq!(fs::read(&file).expect("bytes"), b"words");
        assert_eq!(scratch.names().len(), 2);
    }

    /// Neither a file, nor what a link leads to, nor what appears while the bytes are written.
    #[test]
    fn nothing_is_overwritten_and_no_link_followed() {
        let scratch = Scratch::new("links");
        let (kept, link) = (scratch.0.join("kept"), scratch.0.join("link"));
        fs::write(&kept, "kept").expect("written");
        symlink(&kept, &link).expect("a link");
        symlink(scratch.0.join("nowhere"), scratch.0.join("broken")).expect("a link");
        symlink(&kept, scratch.0.join("new.part")).expect("a link");
        symlink(&scratch.0, scratch.0.join("folder")).expect("a link");
        for name in ["kept", "link", "broken", "new"] {
            assert!(write_new(&scratch.0.join(name), b"words").is_err(), "{name}");
        }
        for name in ["kept", "link", "broken"] {
            assert!(require_absent(&scratch.0.join(name)).is_err(), "{name}");
        }
        assert!(create_folders_of(&scratch.0, Path::new("folder/a.jpg")).is_err());
        assert!(create_folders_of(&scratch.0, Path::new("../a/a.jpg")).is_err());
        assert!(require_folder(&scratch.0.join("folder")).is_err());
        assert_eq!(fs::read(&kept).expect("bytes"), b"kept");
        assert!(!scratch.names().contains(&"nowhere".to_owned()));
    }

    #[test]
    fn an_unfinished_file_is_removed() {
        let scratch = Scratch::new("part");
        let mut part = PartFile::create_for(&scratch.0.join("chat.zip")).expect("a file");
        part.write(b"half").expect("written");
        assert_eq!(scratch.names(), ["chat.zip.part"]);
        drop(part);
        assert!(scratch.names().is_empty());
    }
}
