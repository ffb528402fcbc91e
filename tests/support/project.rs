//! A copy of the bundled project with an environment for the stand-ins, to be broken and mended at will.

use flowctl::sandbox::{Sandbox, credentials};
use std::path::{Path, PathBuf};

pub const FLOW: &str = "stripe-charge-to-sales-order";
pub const FLOW_FILE: &str = "stripe-dynamics-365/charge-to-sales-order.flow.yaml";
pub const MAP_FILE: &str = "stripe-dynamics-365/charge.map";

/// The environment variables to which the bundled connections refer.
pub const SECRETS: [(&str, &str); 15] = [
    ("STRIPE_API_KEY", credentials::STRIPE_KEY),
    ("STRIPE_WEBHOOK_SECRET", credentials::STRIPE_WEBHOOK_SECRET),
    ("PAYPAL_CLIENT_ID", credentials::PAYPAL_CLIENT_ID),
    ("PAYPAL_CLIENT_SECRET", credentials::PAYPAL_CLIENT_SECRET),
    ("PAYPAL_WEBHOOK_ID", credentials::PAYPAL_WEBHOOK_ID),
    ("D365_URL", "https://replaced-by-the-environment.example"),
    ("D365_TENANT", credentials::FINOPS_TENANT),
    ("D365_CLIENT_ID", credentials::FINOPS_CLIENT_ID),
    ("D365_CLIENT_SECRET", credentials::FINOPS_CLIENT_SECRET),
    ("CRM_URL", "https://replaced-by-the-environment.example"),
    ("CRM_TENANT", credentials::DATAVERSE_TENANT),
    ("CRM_CLIENT_ID", credentials::DATAVERSE_CLIENT_ID),
    ("CRM_CLIENT_SECRET", credentials::DATAVERSE_CLIENT_SECRET),
    ("CRM_OWN_USER", credentials::DATAVERSE_APP_USER),
    ("CRM_WEBHOOK_KEY", credentials::DATAVERSE_WEBHOOK_KEY),
];

/// How long F&O's stand-in may still be working after a lost answer.
pub const SETTLE_MS: u64 = 2000;

/// A project and a store beside it, gone when dropped.
pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// The repository's `flows/`, with an environment `test` that points to the stand-ins.
    pub fn bundled(sandbox: &Sandbox) -> Project {
        let project = Project::copied();
        project.write("environments/test.yaml", &environment(sandbox));
        project
    }

    /// The repository's `flows/` alone.
    pub fn copied() -> Project {
        Project::copy_of("flows")
    }

    /// The repository's `flows/` without its integrations: connections and settings are left.
    pub fn bare() -> Project {
        let project = Project::copied();
        for entry in std::fs::read_dir(project.root()).expect("readable").filter_map(Result::ok) {
            if entry.path().is_dir() {
                std::fs::remove_dir_all(entry.path()).expect("removed");
            }
        }
        project
    }

    /// A project of the repository.
    pub fn copy_of(folder: &str) -> Project {
        let project = Project { folder: tempfile::tempdir().expect("a folder") };
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in walkdir::WalkDir::new(&from).into_iter().filter_map(Result::ok).filter(|e| e.file_type().is_file())
        {
            let relative = entry.path().strip_prefix(&from).expect("below");
            // A store left by somebody who ran the repository's own flows is not part of them.
            if !relative.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.')) {
                project.write(&relative.to_string_lossy(), &std::fs::read_to_string(entry.path()).expect("readable"));
            }
        }
        project
    }

    /// Retries that do not make a test wait for minutes: at once first, then at most every half second.
    pub fn impatient(self) -> Project {
        let text = self.read(FLOW_FILE);
        let mut patient = String::new();
        for line in text.lines() {
            if let "call:" | "lookup:" = line.trim() {
                let indent = &line[..line.len() - line.trim_start().len()];
                patient.push_str(&format!(
                    "{indent}retry: {{ for: 1h, initial: 20ms, factor: 2, max: 500ms, jitter: 0.3 }}\n"
                ));
            }
            patient.push_str(line);
            patient.push('\n');
        }
        self.write(FLOW_FILE, &patient);
        self
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Where the processes' stderr goes.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("stderr.log")
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    pub fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Writes in place, as a simple editor does: for a moment the file is half written.
    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    /// Writes beside and renames over, as a careful editor does.
    pub fn save(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        let beside = path.with_extension("being-saved");
        std::fs::write(&beside, text).expect("written");
        std::fs::rename(beside, path).expect("renamed");
    }

    /// Replaces one place of a file, which has to be there exactly once.
    pub fn change(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert_eq!(text.matches(from).count(), 1, "{from:?} stands once in {relative}");
        self.save(relative, &text.replace(from, to));
    }
}

fn environment(sandbox: &Sandbox) -> String {
    let (stripe, finops) = (sandbox.stripe_server.url(), sandbox.finops_server.url());
    let (paypal, crm) = (sandbox.paypal_server.url(), sandbox.dataverse_server.url());
    format!(
        "\
connections:
  stripe:
    base_url: {stripe}
    limits: {{ concurrency: 32, rate: 2000/s }}
    circuit: {{ open_after: 1000, within: 1m, probe_every: 1s }}
  paypal:
    base_url: {paypal}
    limits: {{ concurrency: 32, rate: 2000/s }}
    circuit: {{ open_after: 1000, within: 1m, probe_every: 1s }}
  d365:
    base_url: {finops}
    authority: {finops}
    limits: {{ concurrency: 32, rate: 2000/s, settle: {SETTLE_MS}ms }}
    circuit: {{ open_after: 1000, within: 1m, probe_every: 1s }}
  crm:
    base_url: {crm}
    authority: {crm}
    limits: {{ concurrency: 32, rate: 2000/s }}
"
    )
}
