//! `millrace status`, for people and for programs, also while a node is away.

use super::create;
use crate::harness::{Cluster, client};

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_nodes_and_groups() {
    let mut cluster = Cluster::start(3);
    create(&client(&cluster.endpoint(0)), "shown", 30).await;
    let leader = cluster.leader_of("shown");
    cluster.await_caught_up();

    let table = cluster.status_text(leader, &[]);
    assert!(table.starts_with("cluster "), "{table}");
    let row = |table: &str, word: &str| -> Vec<String> {
        let line = table.lines().find(|line| line.contains(word));
        let line = line.unwrap_or_else(|| panic!("no {word} in {table}"));
        line.split_whitespace().map(str::to_owned).collect()
    };
    for (i, api) in cluster.addresses().iter().enumerate() {
        let cells = row(&table, &api.to_string());
        assert_eq!(
            (&cells[0], &cells[4]),
            (&(i + 1).to_string(), &"ready".to_owned()),
            "{table}"
        );
    }
    let cells = row(&table, "000000000000/us-east-1/shown");
    assert_eq!(cells[1], "queue");
    assert_eq!(cells[3], (leader + 1).to_string(), "{table}");
    assert_eq!(cells[6..], ["1:0", "2:0", "3:0", "0", "B"], "{table}");

    let json = cluster.status(leader);
    assert_eq!(json["nodes"].as_array().map(Vec::len), Some(3));
    let groups = json["groups"].as_array().unwrap();
    let catalog = groups.iter().find(|group| group["kind"] == "catalog").unwrap();
    assert_eq!(catalog["lag"].as_object().map(serde_json::Map::len), Some(3));
    assert!(json["cluster"].as_str().is_some_and(|id| table.contains(id)));

    let away = (leader + 1) % 3;
    cluster.kill(away);
    let table = cluster.status_text(leader, &[]);
    let cells = row(&table, &cluster.addresses()[away].to_string());
    assert_eq!(cells[4], "unreachable", "{table}");
}
