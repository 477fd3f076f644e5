//! A scripted AWS whose connections stay open between two requests. Each connection may answer, be
//! slow, be silent, or be closed: what a client meets on the connections that it has kept.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws::clients::Clients;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How a connection treats a request.
#[derive(Debug, Clone, Copy)]
pub enum Treatment {
    /// It answers at once.
    Answer,
    /// It answers after this time.
    AnswerAfter(Duration),
    /// It reads the request and never answers.
    Silence,
}

type Script<In, Out> = Arc<dyn Fn(In) -> Out + Send + Sync>;

/// The server; it runs as long as the test's runtime.
pub struct KeepAliveAws {
    endpoint: String,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl KeepAliveAws {
    /// Starts a server. `answer` makes the JSON answer to an operation, such as `GetItem`;
    /// `treatment` says how the n-th connection, counted from 0, treats a request.
    pub async fn start(
        answer: impl Fn(&str) -> Value + Send + Sync + 'static,
        treatment: impl Fn(usize) -> Treatment + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let connections: Arc<Mutex<Vec<_>>> = Arc::default();
        let opened = Arc::clone(&connections);
        let answer: Script<String, Value> = Arc::new(move |operation| answer(&operation));
        let treatment: Script<usize, Treatment> = Arc::new(treatment);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut opened = opened.lock().expect("the connections");
                let n = opened.len();
                let (answer, treatment) = (Arc::clone(&answer), Arc::clone(&treatment));
                opened.push(tokio::spawn(serve(stream, answer, move || treatment(n))));
            }
        });
        Self { endpoint, connections }
    }

    /// Clients that are connected to the server, with this call timeout.
    #[must_use]
    pub fn clients(&self, timeout: Duration) -> Clients {
        Clients::for_stand_in(&self.endpoint, timeout)
    }

    /// How many connections were opened so far.
    #[must_use]
    pub fn count_connections(&self) -> usize {
        self.connections.lock().expect("the connections").len()
    }

    /// Closes every open connection.
    pub fn close_connections(&self) {
        self.connections.lock().expect("the connections").iter().for_each(JoinHandle::abort);
    }
}

/// Serves one connection until the client closes it.
async fn serve(
    mut stream: TcpStream,
    answer: Script<String, Value>,
    treatment: impl Fn() -> Treatment,
) {
    while let Some(operation) = read_operation(&mut stream).await {
        match treatment() {
            Treatment::Answer => {}
            Treatment::AnswerAfter(time) => tokio::time::sleep(time).await,
            Treatment::Silence => std::future::pending().await,
        }
        let body = answer(operation).to_string();
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        if stream.write_all((head + &body).as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request; returns the operation in its header `x-amz-target`, or nothing for S3. `None`
/// at the end of the connection.
async fn read_operation(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let head = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break String::from_utf8_lossy(&read[..end + 4]).to_lowercase();
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).next()
    };
    let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while read.len() < head.len() + length {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    let target = header("x-amz-target").unwrap_or_default();
    Some(target.rsplit('.').next().unwrap_or_default().to_owned())
}
