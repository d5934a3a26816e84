use super::*;
use crate::kubernetes::api::tests::FakeApiServer;

#[tokio::test]
async fn the_pods_own_stateful_set_is_asked_for() {
    let body = r#"{"spec": {"replicas": 3, "ordinals": {"start": 1}}}"#;
    let server = FakeApiServer::new("200 OK", body, 2).await;
    assert_eq!(ask(&server.api, "my-millrace-3").await.unwrap(), Fate::Returns);
    assert_eq!(ask(&server.api, "my-millrace-4").await.unwrap(), Fate::Dismissed);
    for head in server.heads().await {
        let path = "/apis/apps/v1/namespaces/messages/statefulsets/my-millrace ";
        assert!(head.starts_with(&format!("GET {path}")), "{head}");
    }
}

#[tokio::test]
async fn with_its_stateful_set_everything_ends() {
    let server = FakeApiServer::new("404 Not Found", "{}", 1).await;
    assert_eq!(
        ask(&server.api, "my-millrace-4").await.unwrap(),
        Fate::EndsWithAll
    );
}
