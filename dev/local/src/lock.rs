//! One process at a time: locks that end with the process that holds them.

use std::fs::File;

use anyhow::{Context, Result};

use crate::Project;

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Waits until nobody else holds the lock of this name, then holds it alone.
pub(crate) async fn alone(project: &Project, name: &str) -> Result<Lock> {
    take(project, name, File::lock).await
}

/// Waits until nobody holds the lock of this name alone, then holds it together with others.
pub(crate) async fn together(project: &Project, name: &str) -> Result<Lock> {
    take(project, name, File::lock_shared).await
}

async fn take(
    project: &Project,
    name: &str,
    lock: impl Fn(&File) -> std::io::Result<()> + Send + 'static,
) -> Result<Lock> {
    let path = project.local_folder("locks")?.join(name);
    let waiting = tokio::task::spawn_blocking(move || {
        let file =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        lock(&file).with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Lock { _file: file })
    });
    waiting.await.context("waiting for a lock")?
}
