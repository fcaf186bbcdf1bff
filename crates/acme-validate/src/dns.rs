//! Lookups: which resolver is asked, and what its answer means.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use acme_core::{CaaRecord, Finding, printable};
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{TokioResolver, system_conf};
use tokio::time::Instant;

use crate::known::KnownAddresses;
use crate::progress::in_words;
use crate::{Failure, ValidationConfig, ValidationSetupError};

/// The resolvers of one configuration. No proof is cached here, nor that a name has no address: a
/// record that was just made must be seen.
pub(crate) struct Resolver {
    servers: Vec<Server>,
    known: KnownAddresses,
    /// How long one server may take for one lookup.
    patience: Duration,
    /// The server that is asked first: the last one that answered, so that a dead one costs its
    /// time once and not in every probe.
    first: AtomicUsize,
}

/// One server with a client of its own, so that an observation can say which one said what.
struct Server {
    address: SocketAddr,
    client: TokioResolver,
}

/// What a server says about a name.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Answer {
    /// Records, those of a CNAME chain among them, and for how long all of them may be kept.
    Records(Vec<RData>, Duration),
    /// The name exists, but has no such records.
    NoData,
    /// NXDOMAIN: the name, or the end of its CNAME chain, does not exist.
    NoName,
}

/// An answer and the server it came from.
struct Reply {
    server: SocketAddr,
    answer: Answer,
}

/// What each server did instead of answering.
struct NoReply(String);

impl Resolver {
    pub(crate) fn new(config: &ValidationConfig) -> Result<Self, ValidationSetupError> {
        // Three servers can be asked one after the other before the probe's time is over.
        let patience = (config.timeout / 4).min(Duration::from_secs(3));
        let system = config.resolvers.is_empty();
        let addresses = if system {
            system_resolvers()
        } else {
            config.resolvers.clone()
        };
        let hosts = if system {
            ResolveHosts::Always
        } else {
            ResolveHosts::Never
        };
        let servers = addresses
            .into_iter()
            .map(|address| Server::new(address, patience, hosts))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            servers,
            known: KnownAddresses::default(),
            patience,
            first: AtomicUsize::new(0),
        })
    }

    /// The servers, for people.
    pub(crate) fn servers_in_words(&self) -> String {
        let mut words = Vec::with_capacity(self.servers.len());
        words.extend(self.servers.iter().map(|s| s.address.to_string()));
        words.join(", ")
    }

    /// The addresses of a name from a lookup shortly before, while they may be kept.
    pub(crate) fn known_addresses(&self, name: &str) -> Option<Arc<[IpAddr]>> {
        self.known.get(name, Instant::now())
    }

    /// Has a name looked up anew the next time.
    pub(crate) fn forget(&self, name: &str) {
        self.known.forget(name);
    }

    /// The addresses of a name, IPv6 first, at least one.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let fqdn = fully_qualified(name)?;
        let (v6, v4) = tokio::join!(
            self.ask(&fqdn, RecordType::AAAA),
            self.ask(&fqdn, RecordType::A)
        );
        let mut found: Vec<IpAddr> = Vec::new();
        let mut ttl = Duration::MAX;
        for reply in [&v6, &v4] {
            match reply {
                Ok(Reply {
                    answer: Answer::Records(records, kept_for),
                    ..
                }) => {
                    found.extend(records.iter().filter_map(RData::ip_addr));
                    ttl = ttl.min(*kept_for);
                }
                Ok(_) => {}
                // The family that could not be looked up must be asked about again.
                Err(_) => ttl = Duration::ZERO,
            }
        }
        if !found.is_empty() {
            self.known.keep(name, &found, ttl, Instant::now());
            return Ok(found);
        }
        match (v6, v4) {
            (Err(NoReply(text)), _) | (_, Err(NoReply(text))) => Err(Failure::new(
                Finding::DnsFailure,
                format!("{name} cannot be looked up: {text}"),
            )),
            (Ok(Reply { answer, server }), Ok(_)) => {
                let lacking = match answer {
                    Answer::NoName => "does not exist (NXDOMAIN)",
                    Answer::NoData | Answer::Records(..) => "has no A and no AAAA record",
                };
                Err(Failure::new(
                    Finding::DnsNoAddress,
                    format!("{name} {lacking}, says {server}"),
                ))
            }
        }
    }

    /// The TXT records of a name, the strings of each joined, and the server that has them; at least
    /// one.
    pub(crate) async fn texts(&self, name: &str) -> Result<(SocketAddr, Vec<Vec<u8>>), Failure> {
        let fqdn = fully_qualified(name)?;
        let reply = self.ask(&fqdn, RecordType::TXT).await;
        let Reply { server, answer } = reply.map_err(|NoReply(text)| {
            let text = format!("TXT of {name} cannot be looked up: {text}");
            Failure::new(Finding::DnsFailure, text)
        })?;
        let lacking = match answer {
            Answer::NoName => "the name does not exist (NXDOMAIN)",
            Answer::NoData => "the name has no TXT record",
            Answer::Records(records, _) => {
                let texts: Vec<_> = records.iter().filter_map(joined_strings).collect();
                if !texts.is_empty() {
                    return Ok((server, texts));
                }
                "the name has no TXT record"
            }
        };
        Err(Failure::new(
            Finding::DnsNoTxt,
            format!("no TXT record at {name}: {lacking}, says {server}"),
        ))
    }

    /// The CAA records of a name, and the server that says so; perhaps none. The error says why
    /// nobody knows.
    pub(crate) async fn caa(&self, name: &str) -> Result<(SocketAddr, Vec<CaaRecord>), String> {
        let fqdn = fully_qualified(name).map_err(|failure| failure.text)?;
        match self.ask(&fqdn, RecordType::CAA).await {
            Ok(Reply { server, answer }) => {
                let records = match answer {
                    Answer::Records(records, _) => records,
                    Answer::NoData | Answer::NoName => Vec::new(),
                };
                Ok((server, records.into_iter().filter_map(caa_record).collect()))
            }
            Err(NoReply(text)) => Err(text),
        }
    }

    /// How long one look-up may take when a server does not answer.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Asks the servers in turn until one answers. "No such name" is an answer; SERVFAIL is not.
    async fn ask(&self, name: &Name, kind: RecordType) -> Result<Reply, NoReply> {
        let first = self.first.load(Ordering::Relaxed);
        let count = self.servers.len();
        let mut troubles = Vec::new();
        for n in (0..count).map(|offset| (first + offset) % count.max(1)) {
            let Some(server) = self.servers.get(n) else {
                continue;
            };
            match self.ask_one(server, name, kind).await {
                Ok(answer) => {
                    self.first.store(n, Ordering::Relaxed);
                    return Ok(Reply {
                        server: server.address,
                        answer,
                    });
                }
                Err(trouble) => troubles.push(format!("{} {trouble}", server.address)),
            }
        }
        Err(NoReply(troubles.join("; ")))
    }

    async fn ask_one(
        &self,
        server: &Server,
        name: &Name,
        kind: RecordType,
    ) -> Result<Answer, String> {
        let lookup = server.client.lookup(name.clone(), kind);
        let error = match tokio::time::timeout(self.patience, lookup).await {
            Ok(Ok(lookup)) => {
                let records = lookup.answers();
                let ttl = records.iter().map(|record| record.ttl).min();
                let ttl = Duration::from_secs(ttl.unwrap_or(0).into());
                let data = records.iter().map(|record| record.data.clone());
                return Ok(Answer::Records(data.collect(), ttl));
            }
            Ok(Err(error)) => error,
            Err(_) => NetError::Timeout,
        };
        match error {
            NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code, .. })) => {
                match response_code {
                    ResponseCode::NXDomain => Ok(Answer::NoName),
                    ResponseCode::NoError => Ok(Answer::NoData),
                    code => Err(code_in_words(code)),
                }
            }
            NetError::Dns(DnsError::ResponseCode(code)) => Err(code_in_words(code)),
            NetError::Timeout => Err(format!("did not answer within {}", in_words(self.patience))),
            NetError::Truncated => Err("cut its answer off over UDP and over TCP".to_owned()),
            other => {
                let cause = printable(other.to_string().as_bytes(), 100);
                Err(format!("could not be asked: {cause}"))
            }
        }
    }
}

impl Server {
    fn new(
        address: SocketAddr,
        patience: Duration,
        hosts: ResolveHosts,
    ) -> Result<Self, ValidationSetupError> {
        let on_port = |mut connection: ConnectionConfig| {
            connection.port = address.port();
            connection
        };
        let connections = vec![
            on_port(ConnectionConfig::udp()),
            on_port(ConnectionConfig::tcp()),
        ];
        let server = NameServerConfig::new(address.ip(), true, connections);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options(patience, hosts);
        let client = builder
            .build()
            .map_err(|e| ValidationSetupError::Dns(e.to_string()))?;
        Ok(Self { address, client })
    }
}

fn options(patience: Duration, hosts: ResolveHosts) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.cache_size = 0;
    options.use_hosts_file = hosts;
    // Names are fully qualified: nothing is to be tried under a search domain.
    options.ndots = 0;
    options.timeout = patience;
    // A lost datagram is sent again within `timeout` anyway.
    options.attempts = 0;
    // Fits every path without fragments (DNS flag day 2020).
    options.edns_payload_len = 1232;
    options
}

/// The system's resolvers. Where it names none, there is one on this host, as resolv.conf(5) says.
fn system_resolvers() -> Vec<SocketAddr> {
    let local = SocketAddr::from(([127, 0, 0, 1], 53));
    let config = match system_conf::read_system_conf() {
        Ok((config, _)) => config,
        Err(error) => {
            tracing::warn!(%error, "the system names no DNS resolvers, {local} will be asked");
            return vec![local];
        }
    };
    let mut addresses = Vec::new();
    for server in config.name_servers() {
        let port = server.connections.first().map_or(53, |c| c.port);
        let address = SocketAddr::new(server.ip, port);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

fn fully_qualified(name: &str) -> Result<Name, Failure> {
    Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).map_err(|_| {
        let name = printable(name.as_bytes(), 100);
        Failure::new(
            Finding::DnsNoAddress,
            format!("{name} is not a name that DNS can hold"),
        )
    })
}

fn joined_strings(record: &RData) -> Option<Vec<u8>> {
    match record {
        RData::TXT(txt) => Some(txt.txt_data.concat()),
        _ => None,
    }
}

fn caa_record(record: RData) -> Option<CaaRecord> {
    match record {
        RData::CAA(caa) => Some(CaaRecord {
            flags: caa.reserved_flags | u8::from(caa.issuer_critical) << 7,
            tag: caa.tag,
            value: caa.value,
        }),
        _ => None,
    }
}

fn code_in_words(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => {
            "answered SERVFAIL: it could not complete the lookup (broken delegation or DNSSEC?)"
                .to_owned()
        }
        ResponseCode::Refused => {
            "answered REFUSED: it does not serve this server or this zone".to_owned()
        }
        code => format!("answered {code}"),
    }
}
