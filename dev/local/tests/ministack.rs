//! The local AWS: it starts on a free port, stops when its value is dropped, and names the remedy
//! if it cannot start.

use std::net::TcpListener;
use std::path::PathBuf;

use local::{MiniStack, Project, Settings, Tools};

fn find_tools() -> anyhow::Result<Tools> {
    Tools::find(&Project::find()?)
}

fn test_folder(name: &str) -> anyhow::Result<PathBuf> {
    Project::find()?.local_folder(&format!("tests/{name}"))
}

#[tokio::test]
async fn it_answers_until_its_value_is_dropped() {
    let tools = find_tools().expect("the tools");
    let ministack =
        MiniStack::start(&tools, &Settings::in_folder(test_folder("dropped").expect("a folder")))
            .await
            .expect("MiniStack");
    let endpoint = ministack.endpoint();
    assert!(endpoint.is_up().await);
    drop(ministack);
    assert!(!endpoint.is_up().await, "it still answers");
}

#[tokio::test]
async fn two_instances_do_not_conflict() {
    let tools = find_tools().expect("the tools");
    let start = |name| {
        let tools = tools.clone();
        async move { MiniStack::start(&tools, &Settings::in_folder(test_folder(name)?)).await }
    };
    let (one, other) = tokio::join!(start("one"), start("other"));
    let (one, other) = (one.expect("one"), other.expect("other"));
    assert_ne!(one.endpoint(), other.endpoint());
    one.stop().expect("one ends");
    assert!(other.endpoint().is_up().await);
    other.stop().expect("other ends");
}

#[tokio::test]
async fn a_used_port_is_refused_with_a_remedy() {
    let tools = find_tools().expect("the tools");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let settings = Settings {
        port: Some(port),
        ..Settings::in_folder(test_folder("taken").expect("a folder"))
    };
    let refusal = MiniStack::start(&tools, &settings).await.expect_err("the port is taken");
    assert!(refusal.to_string().contains("LOCAL_PORT="), "{refusal}");
}
