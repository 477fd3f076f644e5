//! The local AWS itself: it starts on a free port, ends with the value that stands for it, and says what to do when it cannot start.

use std::net::TcpListener;
use std::path::PathBuf;

use local::{MiniStack, Project, Settings, Tools};

fn tools() -> anyhow::Result<Tools> {
    Tools::find(&Project::here()?)
}

fn folder(name: &str) -> anyhow::Result<PathBuf> {
    Project::here()?.local_folder(&format!("tests/{name}"))
}

#[tokio::test]
async fn it_answers_until_its_value_is_dropped() {
    let tools = tools().expect("the tools");
    let ministack = MiniStack::start(
        &tools,
        &Settings::in_folder(folder("dropped").expect("a folder")),
    )
    .await
    .expect("MiniStack");
    let endpoint = ministack.endpoint();
    assert!(endpoint.is_up().await);
    drop(ministack);
    assert!(!endpoint.is_up().await, "it outlives its value");
}

#[tokio::test]
async fn two_of_them_do_not_meet() {
    let tools = tools().expect("the tools");
    let start = |name| {
        let tools = tools.clone();
        async move { MiniStack::start(&tools, &Settings::in_folder(folder(name)?)).await }
    };
    let (one, other) = tokio::join!(start("one"), start("other"));
    let (one, other) = (one.expect("one"), other.expect("other"));
    assert_ne!(one.endpoint(), other.endpoint());
    one.stop().expect("one ends");
    assert!(other.endpoint().is_up().await);
    other.stop().expect("other ends");
}

#[tokio::test]
async fn a_taken_port_is_told_with_the_remedy() {
    let tools = tools().expect("the tools");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let settings = Settings {
        port: Some(port),
        ..Settings::in_folder(folder("taken").expect("a folder"))
    };
    let refusal = MiniStack::start(&tools, &settings)
        .await
        .expect_err("the port is taken");
    assert!(refusal.to_string().contains("LOCAL_PORT="), "{refusal}");
}
