//! What the functions talk to, all of it in this process: AWS, W-API and the CDN, over TLS.

pub(crate) mod aws;
pub(crate) mod certificates;
pub(crate) mod media;
pub(crate) mod origins;
mod s3_body;
mod server;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use self::{aws::Aws, certificates::Certificates, origins::Origins};

/// Where systems keep the roots that they trust.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Everything that a function needs around it.
pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) origins: Origins,
    /// The system's roots and the bench's own: parsing them all is part of a start.
    pub(crate) all_roots: PathBuf,
    /// The bench's own root.
    pub(crate) own_root: PathBuf,
}

impl World {
    /// Starts the stand-ins. `folder` gets the roots.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let certificates = Certificates::make()?;
        let own_root = folder.join("own-root.pem");
        fs::write(&own_root, &certificates.authority_pem).context("the bench's folder")?;
        let system = SYSTEM_ROOTS.iter().find_map(|path| fs::read_to_string(path).ok());
        let all_roots = folder.join("all-roots.pem");
        let both = system.unwrap_or_default() + &certificates.authority_pem;
        fs::write(&all_roots, both).context("the bench's folder")?;
        Ok(Self {
            aws: Aws::start(&certificates).await?,
            origins: Origins::start(&certificates).await?,
            all_roots,
            own_root,
        })
    }

    /// How many roots a function parses at its start.
    pub(crate) fn count_roots(&self) -> usize {
        let text = fs::read_to_string(&self.all_roots).unwrap_or_default();
        text.matches("BEGIN CERTIFICATE").count()
    }
}
