//! The client against a server with a certificate of its own authority, as an API server has one.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::*;

/// An API server that answers every request alike, and a pod's service account for it.
pub(in crate::kubernetes) struct FakeApiServer {
    pub(in crate::kubernetes) api: ApiServer,
    folder: tempfile::TempDir,
    serving: JoinHandle<Vec<String>>,
}

impl FakeApiServer {
    pub(in crate::kubernetes) async fn new(status: &str, body: &str, requests: usize) -> FakeApiServer {
        let (authority, config) = certify();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let serving = tokio::spawn(async move {
            let tls = TlsAcceptor::from(Arc::new(config));
            let mut heads = Vec::new();
            while heads.len() < requests {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that does not trust this server breaks off.
                let Ok(mut stream) = tls.accept(stream).await else {
                    heads.push("distrusted".to_owned());
                    continue;
                };
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    head.push(char::from(stream.read_u8().await.unwrap()));
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                heads.push(head);
            }
            heads
        });
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "ca.crt", &authority);
        write(folder.path(), "token", "secret\n");
        write(folder.path(), "namespace", "messages");
        let api = ApiServer::new(&Env::real().unwrap(), "127.0.0.1", port, folder.path());
        FakeApiServer { api, folder, serving }
    }

    /// The heads of all requests, once they came.
    pub(in crate::kubernetes) async fn heads(self) -> Vec<String> {
        self.serving.await.unwrap()
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// An authority's certificate, and a server on loopback that it vouches for.
fn certify() -> (String, ServerConfig) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    (authority.pem(), config)
}

#[derive(Debug, PartialEq, Deserialize)]
struct Thing {
    name: String,
}

async fn get(api: &ApiServer) -> Result<Option<Thing>, String> {
    let got = api.get("/api/v1/things/a").await;
    got.map_err(|error| format!("{error:#}"))
}

#[tokio::test]
async fn an_object_is_read_with_the_newest_token() {
    let server = FakeApiServer::new("200 OK", r#"{"name": "a", "more": 1}"#, 2).await;
    let a = Thing { name: "a".to_owned() };
    assert_eq!(get(&server.api).await, Ok(Some(a)));
    write(server.folder.path(), "token", "another");
    assert!(get(&server.api).await.is_ok());
    let heads = server.heads().await;
    assert!(
        heads[0].starts_with("GET /api/v1/things/a HTTP/1.1\r\n"),
        "{}",
        heads[0]
    );
    assert!(
        heads[0].contains("authorization: Bearer secret\r\n"),
        "{}",
        heads[0]
    );
    assert!(
        heads[1].contains("authorization: Bearer another\r\n"),
        "{}",
        heads[1]
    );
}

#[tokio::test]
async fn nothing_there_is_no_error() {
    let server = FakeApiServer::new("404 Not Found", r#"{"kind": "Status"}"#, 1).await;
    assert_eq!(get(&server.api).await, Ok(None));
}

#[tokio::test]
async fn a_refusal_says_why() {
    let body = r#"{"kind": "Status", "message": "things is forbidden"}"#;
    let server = FakeApiServer::new("403 Forbidden", body, 1).await;
    let error = get(&server.api).await.unwrap_err();
    assert!(error.contains("403 Forbidden: things is forbidden"), "{error}");
}

#[tokio::test]
async fn a_server_of_another_authority_gets_no_token() {
    let server = FakeApiServer::new("200 OK", r#"{"name": "a"}"#, 1).await;
    write(server.folder.path(), "ca.crt", &certify().0);
    let error = get(&server.api).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(server.heads().await, ["distrusted"]);
}
