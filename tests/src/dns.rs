//! A DNS server that knows the names of one scenario.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use crate::free_port;

/// The longest answer over UDP; longer ones are cut and asked for again over TCP.
const UDP_ANSWER_MAX: usize = 1232;

/// An authoritative server for everything, over UDP and TCP, until it is dropped.
///
/// Every name under `test.` has the address 127.0.0.1 unless it was told otherwise; no other name
/// exists until it is told of.
#[derive(Debug)]
pub struct Dns {
    address: SocketAddr,
    zone: Arc<Zone>,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug)]
struct Zone {
    /// TXT records that clients' hooks wrote: a file for each name, a line for each value.
    dir: TempDir,
    records: Mutex<HashMap<String, Vec<RData>>>,
    /// Names that are answered with SERVFAIL.
    broken: Mutex<HashSet<String>>,
}

impl Dns {
    /// Starts on a free port.
    pub async fn start() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let zone = Arc::new(Zone {
            dir: TempDir::new().unwrap(),
            records: Mutex::default(),
            broken: Mutex::default(),
        });
        let udp = UdpSocket::bind(address).await.unwrap();
        let tcp = TcpListener::bind(address).await.unwrap();
        let tasks = [
            tokio::spawn(serve_udp(udp, Arc::clone(&zone))),
            tokio::spawn(serve_tcp(tcp, Arc::clone(&zone))),
        ];
        Self {
            address,
            zone,
            tasks,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a TXT record.
    pub fn add_txt(&self, name: &str, value: &str) {
        self.add(name, RData::TXT(TXT::new(vec![value.to_owned()])));
    }

    /// Adds a CAA record that is not critical.
    pub fn add_caa(&self, name: &str, tag: &str, value: &str) {
        let mut caa = CAA::new_issue(false, None, Vec::new());
        tag.clone_into(&mut caa.tag);
        caa.value = value.as_bytes().to_vec();
        self.add(name, RData::CAA(caa));
    }

    /// Gives the name another address.
    pub fn add_address(&self, name: &str, address: IpAddr) {
        let data = match address {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        self.add(name, data);
    }

    /// Makes the name an alias.
    pub fn add_alias(&self, name: &str, target: &str) {
        self.add(name, RData::CNAME(CNAME(dns_name(target))));
    }

    /// From now on the name's queries are answered with SERVFAIL.
    pub fn break_name(&self, name: &str) {
        self.zone.broken.lock().unwrap().insert(key(name));
    }

    /// From now on the name's queries are answered again.
    pub fn mend_name(&self, name: &str) {
        self.zone.broken.lock().unwrap().remove(&key(name));
    }

    /// A program for clients' DNS hooks: `HOOK present NAME VALUE` adds a TXT record, anything else
    /// is ignored. certbot's variables stand in for missing arguments.
    #[must_use]
    pub fn hook(&self) -> PathBuf {
        let script = self.zone.dir.path().join("hook.sh");
        let text = format!(
            "#!/bin/sh\nset -eu\n\
             name=${{2:-_acme-challenge.${{CERTBOT_DOMAIN:-}}}}\n\
             value=${{3:-${{CERTBOT_VALIDATION:-}}}}\n\
             [ \"${{1:-present}}\" = present ] || exit 0\n\
             printf '%s\\n' \"$value\" >> \"{}/${{name%.}}.txt\"\n",
            self.zone.dir.path().display()
        );
        std::fs::write(&script, text).unwrap();
        make_executable(&script);
        script
    }

    fn add(&self, name: &str, data: RData) {
        let mut records = self.zone.records.lock().unwrap();
        records.entry(key(name)).or_default().push(data);
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Zone {
    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{}.txt", key(name)))
    }

    fn answer(&self, query: &[u8]) -> Option<Message> {
        let query = Message::from_vec(query).ok()?;
        let question = query.queries.first()?.clone();
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.authoritative = true;
        answer.metadata.recursion_available = true;
        answer.metadata.recursion_desired = query.metadata.recursion_desired;
        let mut name = question.name.clone();
        answer.add_query(question.clone());
        if self.broken.lock().unwrap().contains(&key(&name.to_ascii())) {
            answer.metadata.response_code = ResponseCode::ServFail;
            return Some(answer);
        }
        // An alias may point to an alias, but not for ever.
        for _ in 0..8 {
            let records = self.records(&name);
            if records.is_empty() {
                answer.metadata.response_code = ResponseCode::NXDomain;
                break;
            }
            let alias = records.iter().find_map(|data| match data {
                RData::CNAME(alias) => Some(alias.0.clone()),
                _ => None,
            });
            for data in records {
                let wanted = data.record_type();
                if wanted == question.query_type || wanted == RecordType::CNAME {
                    answer.add_answer(Record::from_rdata(name.clone(), 0, data));
                }
            }
            let Some(alias) = alias else { break };
            name = alias;
        }
        Some(answer)
    }

    fn records(&self, name: &Name) -> Vec<RData> {
        let name = key(&name.to_ascii());
        let written = std::fs::read_to_string(self.file(&name)).unwrap_or_default();
        let told = self.records.lock().unwrap().get(&name).cloned();
        let mut records = told.unwrap_or_default();
        let by_hooks = written.lines().map(|line| vec![line.to_owned()]);
        records.extend(by_hooks.map(|value| RData::TXT(TXT::new(value))));
        let has_address = records.iter().any(|data| {
            matches!(
                data.record_type(),
                RecordType::A | RecordType::AAAA | RecordType::CNAME
            )
        });
        if !has_address && name.ends_with(".test") {
            records.push(RData::A(A(Ipv4Addr::LOCALHOST)));
        }
        records
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Zone>) {
    let mut query = [0; 4096];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut query).await else {
            continue;
        };
        let Some(answer) = zone.answer(&query[..length]) else {
            continue;
        };
        let mut bytes = answer.to_vec().unwrap_or_default();
        if bytes.len() > UDP_ANSWER_MAX {
            bytes = answer.truncate().to_vec().unwrap_or_default();
        }
        // Like any name server over UDP it does not know whether the answer arrives.
        let _ = socket.send_to(&bytes, peer).await;
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Zone>) {
    while let Ok((stream, _)) = listener.accept().await {
        let zone = Arc::clone(&zone);
        tokio::spawn(async move {
            // The peer hangs up when it has its answer.
            let _ = answer_tcp(stream, &zone).await;
        });
    }
}

async fn answer_tcp(mut stream: TcpStream, zone: &Zone) -> Result<(), std::io::Error> {
    loop {
        let mut query = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut query).await?;
        let Some(answer) = zone.answer(&query) else {
            return Ok(());
        };
        let bytes = answer.to_vec().unwrap_or_default();
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(&bytes).await?;
    }
}

fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn dns_name(name: &str) -> Name {
    Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).unwrap()
}

fn make_executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}
