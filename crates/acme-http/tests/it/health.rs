//! Liveness and readiness, for whoever starts and balances replicas.

use std::sync::{Arc, Mutex};

use acme_http::{Readiness, health_routes};
use async_trait::async_trait;

struct Ready(Mutex<Option<&'static str>>);

#[async_trait]
impl Readiness for Ready {
    async fn unready(&self) -> Option<String> {
        self.0.lock().unwrap().map(str::to_owned)
    }
}

#[tokio::test]
async fn a_process_lives_before_it_is_ready() {
    let ready = Arc::new(Ready(Mutex::new(Some("the store is away"))));
    let routes = health_routes(ready.clone(), Arc::new(|| "figures".to_owned()));
    let get = async |path: &str| {
        let reply = warp::test::request().path(path).reply(&routes).await;
        let body = String::from_utf8(reply.body().to_vec()).unwrap();
        (reply.status().as_u16(), body)
    };
    assert_eq!(get("/livez").await.0, 200);
    assert_eq!(
        get("/readyz").await,
        (503, "the store is away\n".to_owned())
    );
    *ready.0.lock().unwrap() = None;
    assert_eq!(get("/readyz").await.0, 200);
    assert_eq!(get("/metrics").await, (200, "figures\n".to_owned()));
    assert_eq!(get("/").await.0, 404);
}
