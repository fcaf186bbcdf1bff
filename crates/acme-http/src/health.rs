//! Whether the process lives and whether it is ready, for whoever starts and balances replicas, and
//! its figures, for whoever watches over them.

use std::sync::Arc;

use async_trait::async_trait;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{Response as HttpResponse, StatusCode, header};
use warp::reply::Response;

/// Tells whether a server is ready for requests.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Why it is not ready, in words; none when it is.
    async fn unready(&self) -> Option<String>;
}

/// Gives all figures of the process, as Prometheus reads them.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// `/metrics`: what `metrics` gives. `/livez`: 200 as long as the process answers at all. `/readyz`: 200 when it is ready, else 503
/// and the reason.
pub fn health_routes(
    readiness: Arc<dyn Readiness>,
    metrics: RenderMetrics,
) -> BoxedFilter<(Response,)> {
    let live = warp::path!("livez").map(|| text(StatusCode::OK, "ok"));
    let ready = warp::path!("readyz").then(move || {
        let readiness = Arc::clone(&readiness);
        async move {
            match readiness.unready().await {
                None => text(StatusCode::OK, "ok"),
                Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, &reason),
            }
        }
    });
    let metrics = warp::path!("metrics").map(move || {
        let mut response = text(StatusCode::OK, &metrics());
        let content_type = header::HeaderValue::from_static("text/plain; version=0.0.4");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response
    });
    let other = warp::any().map(|| {
        text(
            StatusCode::NOT_FOUND,
            "not here; try /metrics, /livez or /readyz",
        )
    });
    let routes = live.boxed().or(ready.boxed()).unify();
    let routes = routes.or(metrics.boxed()).unify().boxed();
    routes.or(other.boxed()).unify().boxed()
}

fn text(status: StatusCode, body: &str) -> Response {
    let mut response = HttpResponse::new(format!("{body}\n").into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}
