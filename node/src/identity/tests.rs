use super::*;

const ME: NodeId = NodeId(4);

fn open(folder: &Path) -> Identity {
    Identity::open(&Env::real().unwrap(), folder, ME).unwrap()
}

fn node(node_id: u64, incarnation: &str) -> Founder {
    Founder {
        node_id,
        incarnation: incarnation.to_owned(),
        peer_address: format!("node-{node_id}:4567"),
    }
}

#[test]
fn what_could_not_be_written_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut identity = open(folder.path());
    // A folder in the way of the new file.
    let obstacle = folder.path().join("node.json.new");
    std::fs::create_dir(&obstacle).unwrap();
    assert!(identity.promise(&node(2, "a")).is_err());
    assert!(identity.belong("cluster", Vec::new()).is_err());
    assert_eq!(identity.cluster(), "");
    std::fs::remove_dir(&obstacle).unwrap();
    assert!(
        identity.promise(&node(3, "b")).unwrap(),
        "nothing was promised to a"
    );
}

#[test]
fn a_promise_is_exclusive_and_survives() {
    let folder = tempfile::tempdir().unwrap();
    let (a, smaller) = (node(6, "a"), node(2, "b"));
    assert!(open(folder.path()).promise(&a).unwrap());
    let mut identity = open(folder.path());
    assert!(identity.promise(&a).unwrap(), "a repetition is agreed to");
    assert!(!identity.promise(&smaller).unwrap());
    assert!(!identity.promise(&node(6, "a reborn")).unwrap());
    assert!(
        !identity.found("cluster", Vec::new()).unwrap(),
        "it promised to found nothing itself"
    );

    identity.release(&smaller).unwrap();
    assert_eq!(
        identity.promised_to(),
        Some(&a),
        "another's word releases nothing"
    );
    identity.release(&a).unwrap();
    assert!(open(folder.path()).promise(&smaller).unwrap());
}

#[test]
fn a_founder_gives_way_to_a_smaller_number_until_it_has_founded() {
    let folder = tempfile::tempdir().unwrap();
    let mut identity = open(folder.path());
    let itself = node(ME.0, identity.incarnation());
    assert!(identity.promise(&itself).unwrap());
    assert!(!identity.promise(&node(ME.0 + 1, "larger")).unwrap());
    assert!(!identity.promise(&node(ME.0, "same number")).unwrap());
    assert!(identity.promise(&node(ME.0 - 1, "smaller")).unwrap());
    assert!(!identity.found("cluster", Vec::new()).unwrap(), "it gave way");
    assert!(!identity.promise(&itself).unwrap());

    let folder = tempfile::tempdir().unwrap();
    let mut identity = open(folder.path());
    let itself = node(ME.0, identity.incarnation());
    assert!(identity.promise(&itself).unwrap());
    assert!(identity.found("cluster", vec![itself]).unwrap());
    assert!(!identity.promise(&node(ME.0 - 1, "smaller")).unwrap());
    assert!(!identity.found("another", Vec::new()).unwrap());
    assert_eq!(open(folder.path()).cluster(), "cluster");
}

#[test]
fn a_log_is_taken_only_by_the_node_that_began_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("wal");
    open(folder.path()).own_log(&log).unwrap();
    open(folder.path()).own_log(&log).unwrap();

    let aside = folder.path().join("aside");
    std::fs::rename(&log, &aside).unwrap();
    let lost = open(folder.path()).own_log(&log);
    assert!(matches!(lost, Err(IdentityError::LogLost(_))), "{lost:?}");
    std::fs::create_dir(&log).unwrap();
    let emptied = open(folder.path()).own_log(&log);
    assert!(matches!(emptied, Err(IdentityError::LogLost(_))), "{emptied:?}");
    std::fs::remove_dir(&log).unwrap();
    std::fs::rename(&aside, &log).unwrap();
    open(folder.path()).own_log(&log).unwrap();

    std::fs::remove_file(folder.path().join(FILE)).unwrap();
    let foreign = open(folder.path()).own_log(&log);
    assert!(
        matches!(foreign, Err(IdentityError::LogOfAnother(_))),
        "{foreign:?}"
    );
}

#[test]
fn a_start_that_was_cut_short_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("wal");
    let file = folder.path().join(FILE);
    open(folder.path());
    let before = std::fs::read(&file).unwrap();
    open(folder.path()).own_log(&log).unwrap();
    // As if the power had failed between the two files.
    std::fs::write(&file, before).unwrap();
    open(folder.path()).own_log(&log).unwrap();
}

#[test]
fn a_number_from_the_cluster_stays_until_the_node_is_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("wal");
    let mut identity = open(folder.path());
    let first = identity.incarnation().to_owned();
    identity.belong_as(NodeId(9), "cluster").unwrap();
    identity.own_log(&log).unwrap();
    let mut identity = open(folder.path());
    assert_eq!((identity.node(), identity.cluster()), (NodeId(9), "cluster"));
    let other = Identity::open(&Env::real().unwrap(), folder.path(), NodeId(9));
    assert!(
        matches!(other, Err(IdentityError::Another(..))),
        "it was started as node 4"
    );

    identity.spend().unwrap();
    assert!(log.exists(), "whoever still runs is not disturbed");
    let mut fresh = open(folder.path());
    assert!(!log.exists());
    assert_eq!((fresh.node(), fresh.cluster()), (ME, ""));
    assert_ne!(fresh.incarnation(), first);
    fresh.own_log(&log).unwrap();
}

#[test]
fn a_folder_of_a_higher_level_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.json");
    let text = || std::fs::read_to_string(&file).unwrap();
    let mut identity = open(folder.path());
    identity.raise_level(Level::ZERO).unwrap();
    assert!(
        !text().contains("level") && text().contains("\"format\": 1"),
        "{}",
        text()
    );
    identity.raise_level(Level::ONE).unwrap();
    identity.raise_level(Level::ZERO).unwrap();
    assert_eq!(open(folder.path()).level(), Level::ONE);

    // A binary that knows no levels refuses format 2.
    let written = text();
    assert!(written.contains("\"format\": 2"), "{written}");
    let old = Env {
        level: Level::ZERO,
        ..Env::real().unwrap()
    };
    let refused = Identity::open(&old, folder.path(), ME).map(drop).unwrap_err();
    let expected = format!(
        "data folder {} has level 1, and this node knows levels up to 0",
        folder.path().display()
    );
    assert!(refused.to_string().starts_with(&expected), "{refused}");
    assert_eq!(text(), written);
}
