//! Devices in certificates and requests: PermanentIdentifier ([RFC 4043 § 2]) and HardwareModuleName
//! ([RFC 4108 § 5]), both as `otherName` of a subjectAltName.
//!
//! [RFC 4043 § 2]: https://www.rfc-editor.org/rfc/rfc4043#section-2
//! [RFC 4108 § 5]: https://www.rfc-editor.org/rfc/rfc4108#section-5

use acme_types::{DeviceIdentifierError, HardwareModule, Identifier, PermanentIdentifier};
use der::Tag;
use der::asn1::ObjectIdentifier;

use crate::asn1;
use crate::element::{Element, children, elements, is, oid_of, tagged};

const PERMANENT_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.3");
const HARDWARE_MODULE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.4");

/// The `otherName` that stands for a device in a certificate: its type, and the DER of its value.
/// None for what is no device.
#[must_use]
pub fn device_other_name(identifier: &Identifier) -> Option<(ObjectIdentifier, Vec<u8>)> {
    match identifier {
        Identifier::Dns(_) | Identifier::Ip(_) => None,
        Identifier::PermanentIdentifier(device) => {
            let value = asn1::tlv(asn1::UTF8_STRING, &[device.value().as_bytes()]);
            let assigner = device.assigner().map(asn1::oid).unwrap_or_default();
            let der = asn1::tlv(asn1::SEQUENCE, &[&value, &assigner]);
            Some((PERMANENT_IDENTIFIER, der))
        }
        Identifier::HardwareModule(module) => {
            let serial = asn1::tlv(asn1::OCTET_STRING, &[module.serial().as_bytes()]);
            let der = asn1::tlv(asn1::SEQUENCE, &[&asn1::oid(module.hardware()), &serial]);
            Some((HARDWARE_MODULE_NAME, der))
        }
    }
}

/// Why an `otherName` is read as no device.
pub(crate) enum NoDevice {
    /// It is of another type.
    AnotherType,
    /// It is one that cannot be read, or has no identity that an order could name.
    Unreadable(String),
}

/// Reads the value of an `otherName`.
pub(crate) fn device(other_name: &[u8]) -> Result<Identifier, NoDevice> {
    let unreadable = |why: &dyn std::fmt::Display| NoDevice::Unreadable(why.to_string());
    let fields = elements(other_name).map_err(|error| unreadable(&error))?;
    let [kind, value] = fields[..] else {
        return Err(unreadable(&"it has not two parts"));
    };
    let read: fn(Element<'_>) -> Result<Identifier, Broken> = if is(kind, PERMANENT_IDENTIFIER) {
        permanent_identifier
    } else if is(kind, HARDWARE_MODULE_NAME) {
        hardware_module
    } else {
        return Err(NoDevice::AnotherType);
    };
    let inner = children(value, tagged(0)).map_err(|error| unreadable(&error))?;
    let [inner] = inner[..] else {
        return Err(unreadable(&"it has not one value"));
    };
    read(inner).map_err(|error| unreadable(&error))
}

fn permanent_identifier(value: Element<'_>) -> Result<Identifier, Broken> {
    let (value, assigner) = match children(value, Tag::Sequence)?[..] {
        [value] => (value, None),
        [value, assigner] => (value, Some(oid_of(assigner).ok_or(Broken::Oid)?)),
        _ => return Err(Broken::Form),
    };
    value.tag.assert_eq(Tag::Utf8String)?;
    let value = std::str::from_utf8(value.value)?;
    let device = PermanentIdentifier::new(value, assigner)?;
    Ok(Identifier::PermanentIdentifier(device))
}

fn hardware_module(value: Element<'_>) -> Result<Identifier, Broken> {
    let [hardware, serial] = children(value, Tag::Sequence)?[..] else {
        return Err(Broken::Form);
    };
    serial.tag.assert_eq(Tag::OctetString)?;
    let serial = std::str::from_utf8(serial.value)?;
    let module = HardwareModule::new(serial, oid_of(hardware).ok_or(Broken::Oid)?)?;
    Ok(Identifier::HardwareModule(module))
}

/// What is wrong with the name of a device.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("it has not the parts of one")]
    Form,
    #[error("it has an object identifier that cannot be read")]
    Oid,
    #[error(transparent)]
    Der(#[from] der::Error),
    #[error("it is not UTF-8")]
    Text(#[from] std::str::Utf8Error),
    #[error(transparent)]
    Identifier(#[from] DeviceIdentifierError),
}

#[cfg(test)]
mod tests {
    use acme_types::RawIdentifier;

    use super::*;

    fn identifier(kind: &str, value: &str) -> Identifier {
        let raw = RawIdentifier {
            kind: kind.to_owned(),
            value: value.to_owned(),
        };
        raw.try_into().unwrap()
    }

    #[test]
    fn devices_are_written_and_read_back_octet_by_octet() {
        for (kind, value) in [
            ("permanent-identifier", "C02X"),
            ("permanent-identifier", "Gerät 7/1.2.840.113635"),
            ("hardware-module", "ABCD/1.2.3.4"),
        ] {
            let device_name = identifier(kind, value);
            let (oid, der) = device_other_name(&device_name).unwrap();
            let other_name = [asn1::oid(oid), asn1::tlv(asn1::CONTEXT_0, &[&der])].concat();
            let read = device(&other_name);
            assert!(matches!(read, Ok(read) if read == device_name), "{value}");
            // Whatever is cut off or changed is never read as the same device.
            for end in 0..other_name.len() {
                assert!(device(&other_name[..end]).is_err());
            }
            for at in 0..other_name.len() {
                let mut broken = other_name.clone();
                broken[at] ^= 1;
                assert!(!matches!(device(&broken), Ok(read) if read == device_name));
            }
        }
        assert!(device_other_name(&identifier("dns", "a.test")).is_none());
    }
}
