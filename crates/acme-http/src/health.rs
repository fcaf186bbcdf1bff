//! Whether the process lives and whether it is ready, for whoever starts and balances replicas.

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

/// `/livez`: 200 as long as the process answers at all. `/readyz`: 200 when it is ready, else 503
/// and the reason.
pub fn health_routes(readiness: Arc<dyn Readiness>) -> BoxedFilter<(Response,)> {
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
    let other = warp::any().map(|| text(StatusCode::NOT_FOUND, "not here; try /livez or /readyz"));
    let routes = live.boxed().or(ready.boxed()).unify();
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
