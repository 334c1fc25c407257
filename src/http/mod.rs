//! `/metrics`, `/healthz`, `/readyz`, `/api/v1/devices`; never locks the controller.
//!
//! Read-only: there is nothing to post. Handlers read snapshots ([`StatusHandle`] and the
//! reporter's registry), so a slow client never holds anybody up; `server` bounds how many
//! clients there are and how long each may take.

mod server;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::controller::StatusHandle;
use crate::report::Reporter;

/// Prometheus' text format, version 0.0.4.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

struct Shared {
    handle: StatusHandle,
    reporter: Reporter,
}

/// Serves until `shutdown` is ready, then lets requests under way finish.
pub async fn serve(
    listener: TcpListener,
    handle: StatusHandle,
    reporter: Reporter,
    shutdown: impl Future<Output = ()>,
) {
    let shared = Arc::new(Shared { handle, reporter });
    server::run(listener, router(shared), shutdown).await;
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/api/v1/devices", get(devices))
        .fallback(async || problem(StatusCode::NOT_FOUND, "there is nothing here"))
        .method_not_allowed_fallback(async || {
            problem(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD")
        })
        .with_state(shared)
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let text = shared.reporter.metrics_text();
    ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response()
}

/// 200 while the loop turns.
async fn health(State(shared): State<Arc<Shared>>) -> Response {
    match shared.handle.silent_for() {
        None => (StatusCode::OK, "ok\n").into_response(),
        Some(silence) => {
            let text = format!("the loop has not turned for {} s\n", silence.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// 200 once a revision is resolved and the store is open.
async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    match shared.handle.unready() {
        None => (StatusCode::OK, "ready\n").into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn devices(State(shared): State<Arc<Shared>>) -> Response {
    json(StatusCode::OK, &*shared.handle.status())
}

fn problem(status: StatusCode, message: &str) -> Response {
    json(status, &serde_json::json!({ "error": message }))
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, kind, bytes).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
