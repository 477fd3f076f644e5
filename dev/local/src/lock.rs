//! Locks between processes, which end with the process that holds them.

use std::fs::File;

use anyhow::{Context, Result};

use crate::Project;

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Waits until no other process holds the lock of this name, then holds it exclusively.
pub(crate) async fn lock_exclusively(project: &Project, name: &str) -> Result<Lock> {
    acquire_lock(project, name, File::lock).await
}

/// Waits until no process holds the lock of this name exclusively, then shares it with others.
pub(crate) async fn lock_shared(project: &Project, name: &str) -> Result<Lock> {
    acquire_lock(project, name, File::lock_shared).await
}

async fn acquire_lock(
    project: &Project,
    name: &str,
    lock: impl Fn(&File) -> std::io::Result<()> + Send + 'static,
) -> Result<Lock> {
    let path = project.local_folder("locks")?.join(name);
    let waiting = tokio::task::spawn_blocking(move || {
        let file =
            File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        lock(&file).with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Lock { _file: file })
    });
    waiting.await.context("waiting for a lock")?
}
