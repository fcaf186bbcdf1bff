//! The validator: which settings rule a probe, and the one deadline around it.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use acme_core::{CaaCheck, Finding, Observation, Probe, Validator};
use acme_types::{ChallengeKind, ProvisionerName};
use async_trait::async_trait;
use hyper::header::HeaderValue;
use tokio::time::timeout_at;

use crate::dns::Resolver;
use crate::network::Reach;
use crate::progress::{Failure, Outcome, Progress};
use crate::tls::TlsClients;
use crate::{
    ValidationConfig, ValidationSetupError, caa, dns_account01, dns_persist01, dns01, http01,
    tlsalpn01,
};

/// Looks for proofs on the network, by http-01, dns-01 and those like it, and
/// tls-alpn-01.
///
/// A probe runs wholly within the future that [`Validator::probe`] returns: it ends at the
/// configured time-out, and dropping the future ends it at once. Only connections to resolvers
/// outlive a probe; they end with the validator. It must be used within one tokio runtime that has
/// its time and network drivers enabled.
pub struct NetworkValidator {
    tls: TlsClients,
    default: Settings,
    provisioners: HashMap<ProvisionerName, Settings>,
}

/// A configuration made ready for use.
pub(crate) struct Settings {
    pub(crate) resolver: Resolver,
    pub(crate) reach: Reach,
    pub(crate) tls: TlsClients,
    pub(crate) user_agent: HeaderValue,
    pub(crate) http01_port: u16,
    pub(crate) tlsalpn01_port: u16,
    /// The ports to which a redirection may lead.
    pub(crate) redirect_ports: Vec<u16>,
    timeout: Duration,
}

impl NetworkValidator {
    /// A validator whose settings rule all provisioners that have none of their own.
    ///
    /// # Errors
    /// A value out of its bounds, or a library that refuses its set-up.
    pub fn new(config: &ValidationConfig) -> Result<Self, ValidationSetupError> {
        let tls = TlsClients::new()?;
        Ok(Self {
            default: Settings::new(config, &tls)?,
            provisioners: HashMap::new(),
            tls,
        })
    }

    /// The same, with a provisioner that has its own settings.
    ///
    /// # Errors
    /// As [`NetworkValidator::new`].
    pub fn with_provisioner(
        mut self,
        name: ProvisionerName,
        config: &ValidationConfig,
    ) -> Result<Self, ValidationSetupError> {
        let settings = Settings::new(config, &self.tls)?;
        self.provisioners.insert(name, settings);
        Ok(self)
    }

    fn settings(&self, provisioner: &ProvisionerName) -> &Settings {
        self.provisioners.get(provisioner).unwrap_or(&self.default)
    }
}

impl Settings {
    fn new(config: &ValidationConfig, tls: &TlsClients) -> Result<Self, ValidationSetupError> {
        let user_agent = config.check()?;
        let mut redirect_ports = vec![80, 443];
        for port in [config.http01_port, config.https_port] {
            if !redirect_ports.contains(&port) {
                redirect_ports.push(port);
            }
        }
        Ok(Self {
            resolver: Resolver::new(config)?,
            reach: Reach {
                deny: config.deny_networks.clone(),
                allow: config.allow_networks.clone(),
            },
            tls: tls.clone(),
            user_agent,
            http01_port: config.http01_port,
            tlsalpn01_port: config.tlsalpn01_port,
            redirect_ports,
            timeout: config.timeout,
        })
    }

    async fn attempt(&self, progress: &mut Progress, probe: &Probe) -> Outcome {
        let proof = self.look(progress, probe).await?;
        let Some(check) = probe.caa_check() else {
            return Ok(proof);
        };
        progress.note(proof);
        caa::check(&self.resolver, progress, &check).await
    }

    /// Looks for the proof. What contradicts it ends a challenge for good, so it is looked at again
    /// when an address was not looked up for this attempt: the name may have moved.
    async fn look(&self, progress: &mut Progress, probe: &Probe) -> Outcome {
        let outcome = self.look_once(progress, probe).await;
        match &outcome {
            Err(failure) if failure.finding.may_contradict() && progress.rests_on_memory() => {
                for name in progress.begin_anew() {
                    self.resolver.forget(&name);
                }
                self.look_once(progress, probe).await
            }
            _ => outcome,
        }
    }

    async fn look_once(&self, progress: &mut Progress, probe: &Probe) -> Outcome {
        match probe.kind {
            ChallengeKind::Http01 => http01::probe(self, progress, probe).await,
            ChallengeKind::Dns01 => dns01::probe(&self.resolver, progress, probe).await,
            ChallengeKind::TlsAlpn01 => tlsalpn01::probe(self, progress, probe).await,
            ChallengeKind::DnsAccount01 => {
                dns_account01::probe(&self.resolver, progress, probe).await
            }
            ChallengeKind::DnsPersist01 => {
                dns_persist01::probe(&self.resolver, progress, probe).await
            }
            ChallengeKind::DeviceAttest01 => Err(Failure::new(
                Finding::Internal,
                "the proof of this challenge comes with the request; there is nothing to look up",
            )),
        }
    }
}

#[async_trait]
impl Validator for NetworkValidator {
    async fn probe(&self, probe: &Probe) -> Observation {
        let settings = self.settings(&probe.provisioner);
        let mut progress = Progress::start(settings.timeout);
        let deadline = progress.deadline();
        let ended = timeout_at(deadline, settings.attempt(&mut progress, probe)).await;
        let outcome = ended.unwrap_or_else(|_| Err(progress.timed_out()));
        let observation = progress.conclude(outcome);
        tracing::debug!(
            challenge.kind = %probe.kind,
            identifier = %probe.identifier,
            finding = observation.finding.as_str(),
            phase = observation.phase.as_str(),
            duration_ms = u64::try_from(observation.took.as_millis()).unwrap_or(u64::MAX),
            "probed: {}",
            observation.detail
        );
        observation
    }

    async fn check_caa(&self, check: &CaaCheck) -> Observation {
        let settings = self.settings(&check.provisioner);
        let mut progress = Progress::start(settings.timeout);
        let deadline = progress.deadline();
        let looking = caa::check(&settings.resolver, &mut progress, check);
        let ended = timeout_at(deadline, looking).await;
        let outcome = ended.unwrap_or_else(|_| Err(progress.timed_out()));
        progress.conclude(outcome)
    }
}

impl fmt::Debug for NetworkValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkValidator")
            .field("provisioners", &self.provisioners.keys())
            .finish_non_exhaustive()
    }
}
