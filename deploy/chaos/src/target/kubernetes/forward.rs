//! Ways from this machine into the pods: a `kubectl port-forward` for each, begun again whenever it ends, because it
//! ends with its pod. Whoever has a better way (a node port, a load balancer) says `--endpoint`.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

const PAUSE: Duration = Duration::from_millis(300);

/// Begins them, and says where clients find the pods. They end with the harness.
pub(super) fn begin(namespace: &str, pods: &[String]) -> anyhow::Result<Vec<String>> {
    let mut endpoints = Vec::new();
    for pod in pods {
        // Somebody may take the port before kubectl does: then it is tried again, in vain, and the endpoint is dead.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        endpoints.push(format!("http://127.0.0.1:{port}"));
        let words = [
            "--namespace",
            namespace,
            "port-forward",
            &format!("pod/{pod}"),
            &format!("{port}:4566"),
        ];
        let words = words.map(str::to_owned);
        tokio::task::spawn_local(async move {
            loop {
                let mut command = Command::new("kubectl");
                command
                    .args(&words)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                // It ends when its pod does, or cannot begin while there is none.
                let _ = command.kill_on_drop(true).status().await;
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    Ok(endpoints)
}
