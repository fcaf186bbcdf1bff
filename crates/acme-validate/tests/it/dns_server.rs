//! A small DNS server over UDP and TCP: enough of a recursive resolver to show every answer that a
//! probe must understand.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{CAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// What the server holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone {
    /// A name that stands here exists, even without records.
    records: BTreeMap<Name, Vec<RData>>,
    codes: HashMap<Name, ResponseCode>,
    silent: Vec<Name>,
    silent_for: Vec<(Name, RecordType)>,
    /// Whether an answer holds the whole chain behind a CNAME, or only the CNAME that was asked.
    terse: bool,
    /// Whether TCP is refused, so that a cut off answer has no remedy.
    without_tcp: bool,
}

impl Zone {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn address(self, name: &str, address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        self.record(name, RData::from(address))
    }

    /// One TXT record of these strings.
    pub(crate) fn txt(self, name: &str, strings: &[&str]) -> Self {
        let strings = strings.iter().map(ToString::to_string).collect();
        self.record(name, RData::TXT(TXT::new(strings)))
    }

    /// A CAA record: flags, tag and value.
    pub(crate) fn caa(self, name: &str, flags: u8, tag: &str, value: &str) -> Self {
        let mut caa = CAA::new_issue(flags & 128 != 0, None, Vec::new());
        caa.reserved_flags = flags & 127;
        tag.clone_into(&mut caa.tag);
        caa.value = value.as_bytes().to_vec();
        self.record(name, RData::CAA(caa))
    }

    pub(crate) fn cname(self, name: &str, target: &str) -> Self {
        self.record(name, RData::CNAME(CNAME(fqdn(target))))
    }

    /// A name without records.
    pub(crate) fn empty(mut self, name: &str) -> Self {
        self.records.entry(fqdn(name)).or_default();
        self
    }

    /// Every question about the name is answered with this code.
    pub(crate) fn code(mut self, name: &str, code: ResponseCode) -> Self {
        self.codes.insert(fqdn(name), code);
        self
    }

    /// No question about the name is answered.
    pub(crate) fn silence(mut self, name: &str) -> Self {
        self.silent.push(fqdn(name));
        self
    }

    /// No question for this type of the name is answered.
    pub(crate) fn silence_for(mut self, name: &str, kind: RecordType) -> Self {
        self.silent_for.push((fqdn(name), kind));
        self
    }

    pub(crate) fn terse(mut self) -> Self {
        self.terse = true;
        self
    }

    pub(crate) fn without_tcp(mut self) -> Self {
        self.without_tcp = true;
        self
    }

    fn record(mut self, name: &str, data: RData) -> Self {
        self.records.entry(fqdn(name)).or_default().push(data);
        self
    }

    /// The answer; `None` for silence.
    fn answer(&self, query: &Message) -> Option<Message> {
        let question = query.queries.first()?;
        let (asked, kind) = (question.name(), question.query_type());
        let pair = (lower(asked), kind);
        if self.silent.contains(&pair.0) || self.silent_for.contains(&pair) {
            return None;
        }
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.recursion_desired = query.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.add_query(question.clone());
        if let Some(code) = self.codes.get(&pair.0) {
            answer.metadata.response_code = *code;
            return Some(answer);
        }

        let mut name = asked.clone();
        for _ in 0..20 {
            let Some(records) = self.records.get(&lower(&name)) else {
                answer.metadata.response_code = ResponseCode::NXDomain;
                break;
            };
            let fitting = records.iter().filter(|r| r.record_type() == kind);
            let fitting: Vec<Record> = fitting.map(|r| record(&name, r)).collect();
            if !fitting.is_empty() {
                answer.add_answers(fitting);
                break;
            }
            let target = records.iter().find_map(|r| match r {
                RData::CNAME(target) => Some(target.0.clone()),
                _ => None,
            });
            let Some(target) = target else { break };
            answer.add_answer(record(&name, &RData::CNAME(CNAME(target.clone()))));
            if self.terse {
                break;
            }
            name = target;
        }
        Some(answer)
    }
}

fn record(name: &Name, data: &RData) -> Record {
    Record::from_rdata(name.clone(), 60, data.clone())
}

fn fqdn(name: &str) -> Name {
    lower(&Name::from_ascii(format!("{name}.")).unwrap())
}

fn lower(name: &Name) -> Name {
    name.to_lowercase()
}

/// How a question came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// One question that was asked.
pub(crate) type Question = (String, RecordType, Transport);

/// The running server; it ends when this is dropped.
pub(crate) struct DnsServer {
    pub(crate) address: SocketAddr,
    questions: Arc<Mutex<Vec<Question>>>,
    _tasks: JoinSet<io::Result<()>>,
}

impl DnsServer {
    pub(crate) async fn start(zone: Zone) -> Self {
        let (udp, tcp) = both_sockets().await;
        let address = udp.local_addr().unwrap();
        let questions = Arc::new(Mutex::new(Vec::new()));
        let zone = Arc::new(zone);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&zone), Arc::clone(&questions)));
        if !zone.without_tcp {
            tasks.spawn(serve_tcp(tcp, zone, Arc::clone(&questions)));
        }
        Self {
            address,
            questions,
            _tasks: tasks,
        }
    }

    /// The questions so far.
    pub(crate) fn questions(&self) -> Vec<Question> {
        self.questions.lock().unwrap().clone()
    }
}

/// A free port of UDP may be taken in TCP.
async fn both_sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..50 {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free in UDP and in TCP");
}

async fn serve_udp(
    socket: UdpSocket,
    zone: Arc<Zone>,
    questions: Arc<Mutex<Vec<Question>>>,
) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        let Ok(query) = Message::from_vec(&buffer[..length]) else {
            continue;
        };
        log(&questions, &query, Transport::Udp);
        let Some(answer) = zone.answer(&query) else {
            continue;
        };
        let most = usize::from(query.max_payload().max(512));
        let mut bytes = answer.to_vec().unwrap();
        if bytes.len() > most {
            let mut cut = answer.clone();
            cut.answers.clear();
            cut.metadata.truncation = true;
            bytes = cut.to_vec().unwrap();
        }
        socket.send_to(&bytes, peer).await?;
    }
}

async fn serve_tcp(
    listener: TcpListener,
    zone: Arc<Zone>,
    questions: Arc<Mutex<Vec<Question>>>,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        connections.spawn(serve_stream(
            stream,
            Arc::clone(&zone),
            Arc::clone(&questions),
        ));
    }
}

async fn serve_stream(
    mut stream: TcpStream,
    zone: Arc<Zone>,
    questions: Arc<Mutex<Vec<Question>>>,
) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut bytes = vec![0; usize::from(length)];
        stream.read_exact(&mut bytes).await?;
        let Ok(query) = Message::from_vec(&bytes) else {
            return Ok(());
        };
        log(&questions, &query, Transport::Tcp);
        if let Some(answer) = zone.answer(&query) {
            let bytes = answer.to_vec().unwrap();
            stream
                .write_u16(u16::try_from(bytes.len()).unwrap())
                .await?;
            stream.write_all(&bytes).await?;
        }
    }
}

fn log(questions: &Mutex<Vec<Question>>, query: &Message, transport: Transport) {
    for question in &query.queries {
        let name = question.name().to_ascii().trim_end_matches('.').to_owned();
        questions
            .lock()
            .unwrap()
            .push((name, question.query_type(), transport));
    }
}
