//! The folder or ZIP archive that an export writes to.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::private_file::{
    PartFile, create_folder, create_folders_of, make_private, require_absent, require_folder,
};

/// The name of the file that is being written, in the folder of an export.
const UNFINISHED: &str = "unfinished.part";

/// A folder with the file that is being written, or a ZIP archive.
pub(super) enum ExportTarget {
    /// A folder. `is_again` if an earlier export wrote to it.
    Folder { root: PathBuf, is_again: bool, file: Option<PartFile> },
    /// An archive. It has its name only when it is complete.
    Archive { zip: Box<ZipWriter<BufWriter<File>>>, part: PartFile, output: PathBuf },
}

impl ExportTarget {
    /// Creates the folder or the archive. With `resume`, goes on in the folder of an earlier
    /// export.
    pub(super) fn open(output: &Path, resume: bool) -> anyhow::Result<Self> {
        let is_zip = output.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"));
        if is_zip && resume {
            bail!("--resume needs a folder: an archive is written whole, or not at all");
        }
        let shown = output.display();
        if is_zip {
            require_absent(output)?;
            let part = PartFile::create_for(output).with_context(|| {
                format!("{shown}.part could not be created; nothing was overwritten")
            })?;
            let zip = Box::new(ZipWriter::new(BufWriter::new(part.duplicate_handle()?)));
            return Ok(Self::Archive { zip, part, output: output.to_owned() });
        }
        let root = output.to_owned();
        let is_again = resume && fs::symlink_metadata(output).is_ok();
        if is_again {
            let opened = require_folder(output).and_then(|()| make_private(output));
            opened.with_context(|| format!("{shown} is not a folder of yours"))?;
            remove_unfinished(&root)?;
        } else {
            create_folder(output).with_context(|| {
                format!(
                    "{shown} could not be created; nothing was overwritten. \
                     To complete an export in an existing folder: --resume"
                )
            })?;
        }
        Ok(Self::Folder { root, is_again, file: None })
    }

    /// The SHA-256 of the file that an earlier export left under this name; `None` without one.
    pub(super) fn find_existing(&self, name: &str) -> io::Result<Option<(String, u64)>> {
        let Self::Folder { root, is_again: true, .. } = self else {
            return Ok(None);
        };
        let path = root.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => hash_file(&path).map(Some),
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => Ok(None),
        }
    }

    /// Begins a file: later writes go into it, until [`Self::end_file`] or [`Self::abort_file`].
    pub(super) fn start_file(&mut self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Archive { zip, .. } => {
                // Media files are compressed already.
                let options =
                    SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
                zip.start_file(name, options.large_file(true).unix_permissions(0o600))?;
            }
            Self::Folder { root, file, .. } => {
                create_folders_of(root, Path::new(name))?;
                // The file that could not be given its name is removed before the next one.
                *file = None;
                *file = Some(PartFile::create_new(root.join(UNFINISHED))?);
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Archive { zip, .. } => zip.write_all(bytes),
            Self::Folder { file: Some(file), .. } => file.write(bytes),
            Self::Folder { file: None, .. } => Ok(()),
        }
    }

    /// Gives the file its name. What has the name already is not overwritten.
    pub(super) fn end_file(&mut self, name: &str) -> io::Result<()> {
        match self {
            Self::Archive { .. } | Self::Folder { file: None, .. } => Ok(()),
            Self::Folder { root, file, .. } => match file.take() {
                Some(file) => file.publish_new(&root.join(name)),
                None => Ok(()),
            },
        }
    }

    /// Removes what was written of the file.
    pub(super) fn abort_file(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Archive { zip, .. } => zip.abort_file()?,
            Self::Folder { file, .. } => drop(file.take()),
        }
        Ok(())
    }

    /// Writes a file of the index. It replaces that of an earlier export.
    pub(super) fn write_index(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.start_file(name)?;
        self.write(bytes)?;
        match self {
            Self::Folder { root, is_again: true, file } => {
                if let Some(file) = file.take() {
                    file.publish_again(&root.join(name))?;
                }
            }
            Self::Folder { .. } | Self::Archive { .. } => self.end_file(name)?,
        }
        Ok(())
    }

    /// Completes the export.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        if let Self::Archive { zip, part, output } = self {
            zip.finish()?.flush()?;
            part.publish_new(&output)
                .with_context(|| format!("{} could not be written", output.display()))?;
        }
        Ok(())
    }
}

/// Removes the file that an export was writing when its process was killed.
fn remove_unfinished(root: &Path) -> io::Result<()> {
    match fs::remove_file(root.join(UNFINISHED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The SHA-256 and the size of a file.
fn hash_file(path: &Path) -> io::Result<(String, u64)> {
    let (mut file, mut hash) = (File::open(path)?, digest::Context::new(&digest::SHA256));
    let (mut size, mut buffer) = (0, vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok((HEXLOWER.encode(hash.finish().as_ref()), size));
        };
        hash.update(bytes);
        size += bytes.len() as u64;
    }
}

/// Whether the file system refused the name of the file, and not the write itself.
pub(super) fn is_about_the_name(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::AlreadyExists
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::InvalidFilename
            | Kind::InvalidInput
    )
}
