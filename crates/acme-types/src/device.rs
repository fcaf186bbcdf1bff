//! Identifiers of devices: permanent identifiers ([RFC 4043]) and hardware modules ([RFC 4108 § 5]), in
//! the text that [draft-ietf-acme-device-attest] gives them.
//!
//! [RFC 4043]: https://www.rfc-editor.org/rfc/rfc4043
//! [RFC 4108 § 5]: https://www.rfc-editor.org/rfc/rfc4108#section-5
//! [draft-ietf-acme-device-attest]: https://datatracker.ietf.org/doc/draft-ietf-acme-device-attest/

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;

/// Most octets of a device's own part of an identifier.
const MAX_VALUE: usize = 200;

/// The identity that its maker gave a device, often a serial number, and perhaps who assigns such
/// identities. As text `VALUE` or `VALUE/1.2.3.4`; compared octet by octet.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PermanentIdentifier {
    value: Box<str>,
    assigner: Option<ObjectIdentifier>,
}

impl PermanentIdentifier {
    /// An identifier of its parts.
    ///
    /// # Errors
    /// The value is empty, too long, or has a character that it may not have.
    pub fn new(
        value: &str,
        assigner: Option<ObjectIdentifier>,
    ) -> Result<Self, DeviceIdentifierError> {
        check_value(value)?;
        let value = value.into();
        Ok(Self { value, assigner })
    }

    /// The identity, without its assigner.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Who assigns such identities.
    #[must_use]
    pub const fn assigner(&self) -> Option<ObjectIdentifier> {
        self.assigner
    }
}

impl FromStr for PermanentIdentifier {
    type Err = DeviceIdentifierError;

    fn from_str(text: &str) -> Result<Self, DeviceIdentifierError> {
        match text.split_once('/') {
            None => Self::new(text, None),
            Some((value, assigner)) => Self::new(value, Some(dotted(assigner)?)),
        }
    }
}

impl fmt::Display for PermanentIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.assigner {
            None => f.write_str(&self.value),
            Some(assigner) => write!(f, "{}/{assigner}", self.value),
        }
    }
}

/// The hardware that keeps a key: its serial number, and what kind of hardware it is. As text
/// `SERIAL/1.2.3.4`; compared octet by octet.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HardwareModule {
    serial: Box<str>,
    hardware: ObjectIdentifier,
}

impl HardwareModule {
    /// An identifier of its parts.
    ///
    /// # Errors
    /// The serial number is empty, too long, or has a character that it may not have.
    pub fn new(serial: &str, hardware: ObjectIdentifier) -> Result<Self, DeviceIdentifierError> {
        check_value(serial)?;
        let serial = serial.into();
        Ok(Self { serial, hardware })
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The kind of hardware.
    #[must_use]
    pub const fn hardware(&self) -> ObjectIdentifier {
        self.hardware
    }
}

impl FromStr for HardwareModule {
    type Err = DeviceIdentifierError;

    fn from_str(text: &str) -> Result<Self, DeviceIdentifierError> {
        let (serial, hardware) = text
            .split_once('/')
            .ok_or(DeviceIdentifierError::NoHardware)?;
        Self::new(serial, dotted(hardware)?)
    }
}

impl fmt::Display for HardwareModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.serial, self.hardware)
    }
}

/// The object identifier of a text that is written in its one way: `1.02` is not.
fn dotted(text: &str) -> Result<ObjectIdentifier, DeviceIdentifierError> {
    ObjectIdentifier::new(text)
        .ok()
        .filter(|oid| oid.to_string() == text)
        .ok_or(DeviceIdentifierError::Oid)
}

fn check_value(value: &str) -> Result<(), DeviceIdentifierError> {
    if value.is_empty() {
        return Err(DeviceIdentifierError::Empty);
    }
    if value.len() > MAX_VALUE {
        return Err(DeviceIdentifierError::TooLong);
    }
    // The draft forbids the slash. Control characters are in no maker's numbers, and would be shown
    // to people in logs and errors.
    if value.chars().any(|c| c == '/' || c.is_control()) {
        return Err(DeviceIdentifierError::Character);
    }
    Ok(())
}

/// Why a text is not the identifier of a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceIdentifierError {
    /// The device's own part is empty.
    #[error("the identity of the device is empty")]
    Empty,
    /// The device's own part has more octets than are taken.
    #[error("the identity of the device is longer than {MAX_VALUE} octets")]
    TooLong,
    /// A slash or a control character in the device's own part.
    #[error("the identity of the device has a slash or a control character")]
    Character,
    /// What stands after the slash.
    #[error("what stands after the slash is not an object identifier as 1.2.3.4")]
    Oid,
    /// A hardware module without its kind.
    #[error("a hardware module is written as SERIAL/1.2.3.4, with the kind of hardware")]
    NoHardware,
}
