//! Over a real socket, as Prometheus and a load balancer see it.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::controller::{StatusBoard, board};
use crate::model::{DeviceStatus, FleetStatus};

struct Served {
    address: std::net::SocketAddr,
    board: StatusBoard,
    stop: CancellationToken,
    server: JoinSet<()>,
}

async fn served(max_silence: Duration) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (board, handle) = board(max_silence);
    let stop = CancellationToken::new();
    let mut server = JoinSet::new();
    server.spawn(serve(
        listener,
        handle,
        Reporter::new(),
        stop.clone().cancelled_owned(),
    ));
    Served {
        address,
        board,
        stop,
        server,
    }
}

impl Served {
    /// Status line, headers and body of one request.
    async fn ask(&self, method: &str, path: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, head.to_ascii_lowercase(), body.to_owned())
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn ready_only_once_the_loop_says_so() {
    let served = served(MINUTE).await;
    let (code, _, body) = served.ask("GET", "/readyz").await;
    assert_eq!(
        (code, body.as_str()),
        (503, "starting: the state is not open yet\n")
    );
    served
        .board
        .set_unready(Some("no revision yet: no such branch".to_owned()));
    let (code, _, body) = served.ask("GET", "/readyz").await;
    assert_eq!(
        (code, body.as_str()),
        (503, "no revision yet: no such branch\n")
    );
    served.board.set_unready(None);
    assert_eq!(served.ask("GET", "/readyz").await.0, 200);
}

#[tokio::test]
async fn healthy_while_the_loop_turns() {
    let lively = served(MINUTE).await;
    assert_eq!(lively.ask("GET", "/healthz").await.0, 200);
    let hung = served(Duration::ZERO).await;
    let (code, _, body) = hung.ask("GET", "/healthz").await;
    assert_eq!(
        (code, body.as_str()),
        (503, "the loop has not turned for 0 s\n")
    );
}

#[tokio::test]
async fn devices_are_the_status_document() {
    let served = served(MINUTE).await;
    let status = FleetStatus {
        schema: 1,
        revision: Some("abc".to_owned()),
        devices: vec![DeviceStatus {
            name: "r1".to_owned(),
            ..DeviceStatus::default()
        }],
        ..FleetStatus::default()
    };
    served.board.publish(Arc::new(status.clone()));
    let (code, head, body) = served.ask("GET", "/api/v1/devices").await;
    assert_eq!(code, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(serde_json::from_str::<FleetStatus>(&body).unwrap(), status);
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    let keys: Vec<_> = value["devices"][0]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(
        keys,
        [
            "name",
            "platform",
            "status",
            "since",
            "cause",
            "drift",
            "violations",
            "last_seen",
            "last_applied",
            "outcome",
            "apply",
            "hold",
            "detail",
            "site",
            "drift_since",
            "unsaved",
            "rules"
        ],
        "absent values are null, not missing"
    );
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let served = served(MINUTE).await;
    let (code, head, body) = served.ask("GET", "/metrics").await;
    assert_eq!(code, 200);
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    assert!(body.contains("\nnetkeel_build_info{"), "{body}");
}

#[tokio::test]
async fn head_has_no_body_and_the_rest_is_refused_in_json() {
    let served = served(MINUTE).await;
    let (code, head, body) = served.ask("HEAD", "/metrics").await;
    assert_eq!((code, body.as_str()), (200, ""));
    assert!(head.contains("content-length: "), "{head}");
    let (code, _, body) = served.ask("GET", "/nothing").await;
    assert_eq!(
        (code, body.as_str()),
        (404, r#"{"error":"there is nothing here"}"#)
    );
    let (code, _, body) = served.ask("POST", "/api/v1/devices").await;
    assert_eq!(
        (code, body.as_str()),
        (405, r#"{"error":"only GET and HEAD"}"#)
    );
}

#[tokio::test]
async fn stopping_lets_idle_connections_go_and_ends() {
    let mut served = served(MINUTE).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    served.stop.cancel();
    let ended = tokio::time::timeout(MINUTE, served.server.join_next()).await;
    assert!(matches!(ended, Ok(Some(Ok(())))), "{ended:?}");
    assert!(TcpStream::connect(served.address).await.is_err());
}
