//! What is measured: the product, and what people would write instead.

use std::path::{Path, PathBuf};

use crate::stand_ins::{World, aws::INSTANCES_TABLE};

/// Who wrote the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Peer {
    /// This repository's functions as they are deployed.
    Product,
    /// The same, with their clients made in the first invocation.
    Unprimed,
    /// Node.js with the AWS SDK v3, bundled by esbuild.
    Node,
    /// Python with boto3, requests and cryptography.
    Python,
}

impl Peer {
    pub(crate) const ALL: [Self; 4] = [Self::Product, Self::Unprimed, Self::Node, Self::Python];

    /// Its name in results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Unprimed => "unprimed",
            Self::Node => "node",
            Self::Python => "python",
        }
    }
}

/// One of the two functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Webhook,
    Download,
}

impl Role {
    pub(crate) const BOTH: [Self; 2] = [Self::Webhook, Self::Download];

    /// Its name, which is also that of its files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Download => "download",
        }
    }
}

/// Where everything that was built is.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    /// The folder with a folder for each compiled function.
    pub(crate) functions: PathBuf,
    /// The folder of the bundles.
    pub(crate) bundles: PathBuf,
    /// The folder of the virtual environment with Python's packages.
    pub(crate) tools: PathBuf,
    /// The packages in it.
    pub(crate) packages: PathBuf,
    /// Node.js itself. The program `node` of the environment is a script that starts it.
    pub(crate) node: PathBuf,
    /// The folder of the peers' sources.
    pub(crate) peers: PathBuf,
    /// The folder for logs.
    pub(crate) logs: PathBuf,
}

/// How a function's process is started.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) folder: PathBuf,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) log: PathBuf,
}

impl Built {
    /// The compiled function, for what is written in Rust.
    pub(crate) fn bootstrap(&self, peer: Peer, role: Role) -> PathBuf {
        let folder = match peer {
            Peer::Unprimed => format!("unprimed-{}", role.name()),
            Peer::Product | Peer::Node | Peer::Python => role.name().to_owned(),
        };
        self.functions.join(folder).join("bootstrap")
    }

    /// The program of a peer's function with this much memory.
    pub(crate) fn program(&self, peer: Peer, role: Role, memory_mb: u32, world: &World) -> Program {
        let (path, arguments, folder) = match peer {
            Peer::Product | Peer::Unprimed => {
                let path = self.bootstrap(peer, role);
                let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
                (path, Vec::new(), folder)
            }
            Peer::Node => {
                // The limits that Lambda's own runtime sets.
                let arguments = vec![
                    format!("--max-old-space-size={}", memory_mb * 9 / 10),
                    format!("--max-semi-space-size={}", (memory_mb / 20).max(1)),
                    format!("{}.mjs", role.name()),
                ];
                (self.node.clone(), arguments, self.bundles.clone())
            }
            Peer::Python => {
                let handler = format!("{}.handle", role.name());
                let arguments = vec!["-m".to_owned(), "awslambdaric".to_owned(), handler];
                (self.tools.join("bin/python3"), arguments, self.peers.join("python"))
            }
        };
        let log = self.logs.join(format!("{}-{}.log", peer.name(), role.name()));
        let environment = environment(role, memory_mb, world);
        Program { path, arguments, folder, environment, log }
    }
}

/// The environment of a function: what Lambda sets, what `template.yaml` sets, and the way to the
/// stand-ins. It is the same for all peers.
fn environment(role: Role, memory_mb: u32, world: &World) -> Vec<(&'static str, String)> {
    let endpoint = world.aws.endpoint();
    let roots = world.all_roots.display().to_string();
    vec![
        ("AWS_LAMBDA_FUNCTION_NAME", role.name().to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "invented".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "invented".to_owned()),
        ("AWS_SESSION_TOKEN", "invented".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.clone()),
        ("INSTANCES_TABLE", INSTANCES_TABLE.to_owned()),
        ("MEDIA_TABLE", "media".to_owned()),
        ("JOBS_TABLE", "jobs-table".to_owned()),
        ("COUNTERS_TABLE", "counters".to_owned()),
        ("ORDERS_TABLE", "orders".to_owned()),
        ("PEOPLE_TABLE", "people".to_owned()),
        ("MARKS_TABLE", "marks".to_owned()),
        ("RECEIVERS_TABLE", "receivers".to_owned()),
        ("MEDIA_BUCKET", "bucket".to_owned()),
        ("DELIVERIES_BUCKET", "deliveries".to_owned()),
        ("JOBS_QUEUE_URL", format!("{endpoint}/000000000000/jobs")),
        ("PARKED_QUEUE_URL", format!("{endpoint}/000000000000/parked")),
        ("DELIVERIES_QUEUE_URL", format!("{endpoint}/000000000000/deliveries")),
        ("WAPI_BASE_URL", world.origins.wapi_base()),
        ("CDN_BASE_URLS", world.origins.cdn_base()),
        ("UTC_OFFSET", "-03:00".to_owned()),
        ("MULTIPART_CHECKSUM", "full-object".to_owned()),
        // The roots: for Rust, requests and boto3. Node.js has the usual ones built in.
        ("SSL_CERT_FILE", roots.clone()),
        ("REQUESTS_CA_BUNDLE", roots.clone()),
        ("AWS_CA_BUNDLE", roots),
        ("NODE_EXTRA_CA_CERTS", world.own_root.display().to_string()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}
