//! The folder or ZIP archive that an export writes to.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// A folder with the file that is being written, or a ZIP archive.
pub(super) enum ExportTarget {
    Folder { root: PathBuf, file: Option<File> },
    Archive(Box<ZipWriter<BufWriter<File>>>),
}

impl ExportTarget {
    pub(super) fn create_new(path: &Path, is_archive: bool) -> anyhow::Result<Self> {
        let there = || format!("{} exists already; nothing was overwritten", path.display());
        if is_archive {
            let file = File::create_new(path).with_context(there)?;
            return Ok(Self::Archive(Box::new(ZipWriter::new(BufWriter::new(file)))));
        }
        fs::create_dir(path).with_context(there)?;
        let root = path.to_owned();
        Ok(Self::Folder { root, file: None })
    }

    /// Begins a file: later writes go into it.
    pub(super) fn start_file(&mut self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Archive(archive) => {
                // Media files are compressed already.
                let options =
                    SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
                archive.start_file(name, options.large_file(true))?;
            }
            Self::Folder { root, file } => {
                let path = root.join(name);
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                *file = Some(File::create_new(path)?);
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Archive(archive) => archive.write_all(bytes),
            Self::Folder { file: Some(file), .. } => file.write_all(bytes),
            Self::Folder { file: None, .. } => Ok(()),
        }
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        if let Self::Archive(archive) = self {
            archive.finish()?.flush()?;
        }
        Ok(())
    }
}

/// Whether the file system refused the name of the file, and not the write itself.
pub(super) fn is_about_the_name(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::AlreadyExists
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::InvalidFilename
            | Kind::InvalidInput
    )
}
