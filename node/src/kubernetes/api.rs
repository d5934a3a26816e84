//! A client of the API server for the inside of a pod: GET, with the pod's service account, over TLS that trusts
//! nothing but the cluster's own authority.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::header::{ACCEPT, AUTHORIZATION};
use raft::env::Env;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::fetch;

/// Where every pod finds its service account, unless it asked not to.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How long the API server may take. An answer is a few kilobytes, and whoever asks can do without.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The API server and the means to ask it.
pub(super) struct ApiServer {
    env: Env,
    host: String,
    port: u16,
    folder: PathBuf,
}

/// How the API server says no.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
}

impl ApiServer {
    /// The one whose cluster this pod runs in.
    ///
    /// # Errors
    /// If this process does not run in a pod.
    pub(super) fn of_this_pod(env: &Env) -> anyhow::Result<ApiServer> {
        let variable =
            |name| std::env::var(name).with_context(|| format!("no {name}: this is no Kubernetes pod"));
        let port = variable("KUBERNETES_SERVICE_PORT")?;
        Ok(ApiServer::new(
            env,
            &variable("KUBERNETES_SERVICE_HOST")?,
            port.parse().context("KUBERNETES_SERVICE_PORT is no port")?,
            Path::new(SERVICE_ACCOUNT),
        ))
    }

    /// The one at this host and port, for the service account in this folder.
    pub(super) fn new(env: &Env, host: &str, port: u16, folder: &Path) -> ApiServer {
        ApiServer {
            env: env.clone(),
            host: host.to_owned(),
            port,
            folder: folder.to_owned(),
        }
    }

    /// The namespace of this pod.
    ///
    /// # Errors
    /// If there is no service account.
    pub(super) fn namespace(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8(self.read("namespace")?)?.trim().to_owned())
    }

    /// Reads the object at `path`, or nothing if there is none.
    ///
    /// # Errors
    /// If the API server does not answer, cannot be trusted, or refuses.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        tokio::time::timeout(TIMEOUT, self.ask(path))
            .await
            .with_context(|| format!("{}:{} did not answer in time", self.host, self.port))?
            .with_context(|| format!("no {path} from the API server"))
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        // Tokens are replaced while a pod runs, so that each request reads the newest.
        let token = String::from_utf8(self.read("token")?).context("the token is no text")?;
        let bare = self.host.trim_matches(['[', ']']);
        let name = ServerName::try_from(bare.to_owned()).context("the API server's host is no name")?;
        let host = match bare.contains(':') {
            true => format!("[{bare}]:{}", self.port),
            false => format!("{bare}:{}", self.port),
        };
        let mut request = fetch::get(&host, path)?;
        let bearer = format!("Bearer {}", token.trim());
        request.headers_mut().insert(AUTHORIZATION, bearer.try_into()?);
        request
            .headers_mut()
            .insert(ACCEPT, "application/json".try_into()?);
        let tls = TlsConnector::from(Arc::new(self.trust()?));
        let stream = tls.connect(name, self.env.net.connect(&host).await?).await?;
        let answer = fetch::fetch(stream, request).await?;
        match answer.status() {
            http::StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(serde_json::from_slice(answer.body())?)),
            status => {
                let refusal: Refusal = serde_json::from_slice(answer.body()).unwrap_or_default();
                anyhow::bail!("{status}: {}", refusal.message)
            }
        }
    }

    fn trust(&self) -> anyhow::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&self.read("ca.crt")?) {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(config)
    }

    /// Through `std::fs`: the node's own files are opened for writing, too, and these are on a read-only file system.
    fn read(&self, file: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.folder.join(file);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }
}

#[cfg(test)]
pub(super) mod tests;
