//! A collector of traces that decodes what OTLP over HTTP brings it.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Takes traces until it is dropped.
#[derive(Debug)]
pub struct Collector {
    port: u16,
    taken: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    task: JoinHandle<()>,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken: Arc<Mutex<Vec<_>>> = Arc::default();
        let kept = Arc::clone(&taken);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let batch = take(stream).await;
                kept.lock().unwrap().push(batch);
            }
        });
        Self { port, taken, task }
    }

    /// What a server sets to send it traces.
    #[must_use]
    pub fn setting(&self) -> String {
        format!("traces.endpoint=http://127.0.0.1:{}/v1/traces", self.port)
    }

    /// All spans so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().unwrap();
        let resources = taken.iter().flat_map(|batch| &batch.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Everything that it was sent, for a look at whatever is in it.
    #[must_use]
    pub fn everything(&self) -> String {
        format!("{:?}", self.taken.lock().unwrap())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request, and says that it was taken.
async fn take(mut stream: TcpStream) -> ExportTraceServiceRequest {
    let mut bytes = Vec::new();
    let (head, begin) = loop {
        let read = stream.read_buf(&mut bytes).await.unwrap();
        assert_ne!(read, 0, "a request that ends in its head");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            break (head.to_ascii_lowercase(), end + 4);
        }
    };
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length");
    let length: usize = length.trim().parse().unwrap();
    while bytes.len() < begin + length {
        let read = stream.read_buf(&mut bytes).await.unwrap();
        assert_ne!(read, 0, "a request that ends in its body");
    }
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\
                  connection: close\r\n\r\n";
    stream.write_all(answer.as_bytes()).await.unwrap();
    ExportTraceServiceRequest::decode(&bytes[begin..begin + length]).expect("a batch of traces")
}
