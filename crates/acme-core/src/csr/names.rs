//! The names that a request asks for: its common names and those of its subjectAltName.

use std::net::IpAddr;

use acme_types::{DnsName, Identifier, Problem};
use const_oid::db::{rfc4519, rfc5912};
use der::{Tag, TagNumber};

use super::bad;
use crate::device_name::{NoDevice, device};
use crate::element::{Element, children, elements, is};
use crate::printable;

/// Most characters of a foreign name in a detail.
const SHOWN: usize = 100;

/// The identifiers of subject and attributes, sorted, each once. `ordered` are those of the order
/// that the request is for.
pub(super) fn identifiers(
    subject: &[u8],
    attributes: &[u8],
    ordered: &[Identifier],
) -> Result<Vec<Identifier>, Problem> {
    let unreadable = |e: der::Error| bad(format!("its names cannot be read: {e}"));
    let mut identifiers = Vec::new();
    for general_name in general_names(attributes).map_err(unreadable)? {
        identifiers.push(identifier(general_name)?);
    }
    for common_name in common_names(subject).map_err(unreadable)? {
        let identifier = match ordered.iter().find(|one| is_identity(common_name, one)) {
            Some(device) => Some(device.clone()),
            None => common_identifier(common_name, &identifiers)?,
        };
        identifiers.extend(identifier);
    }
    if identifiers.is_empty() {
        return Err(bad(
            "it has no name; put the order's identifiers into subjectAltName",
        ));
    }
    identifiers.sort();
    identifiers.dedup();
    Ok(identifiers)
}

/// The entries of every subjectAltName among the requested extensions.
fn general_names(attributes: &[u8]) -> Result<Vec<Element<'_>>, der::Error> {
    let mut names = Vec::new();
    for attribute in elements(attributes)? {
        let [kind, values] = children(attribute, Tag::Sequence)?[..] else {
            return Err(Tag::Sequence.length_error().into());
        };
        if !is(kind, rfc5912::ID_EXTENSION_REQ) {
            continue;
        }
        for extensions in children(values, Tag::Set)? {
            for extension in children(extensions, Tag::Sequence)? {
                // Kind and value, perhaps with a critical flag between them.
                let fields = children(extension, Tag::Sequence)?;
                let ([kind, value] | [kind, _, value]) = fields[..] else {
                    return Err(Tag::Sequence.length_error().into());
                };
                if is(kind, rfc5912::ID_CE_SUBJECT_ALT_NAME) {
                    for general_names in children(value, Tag::OctetString)? {
                        names.extend(children(general_names, Tag::Sequence)?);
                    }
                }
            }
        }
    }
    Ok(names)
}

/// The values of every common name of the subject.
fn common_names(subject: &[u8]) -> Result<Vec<Element<'_>>, der::Error> {
    let mut names = Vec::new();
    for rdn in elements(subject)? {
        for attribute in children(rdn, Tag::Set)? {
            let [kind, value] = children(attribute, Tag::Sequence)?[..] else {
                return Err(Tag::Sequence.length_error().into());
            };
            if is(kind, rfc4519::COMMON_NAME) {
                names.push(value);
            }
        }
    }
    Ok(names)
}

fn identifier(general_name: Element<'_>) -> Result<Identifier, Problem> {
    let Tag::ContextSpecific {
        number: TagNumber(number),
        ..
    } = general_name.tag
    else {
        return Err(bad("its subjectAltName is not a list of names"));
    };
    let kind = match number {
        2 => return dns_name(general_name.value).map(Identifier::Dns),
        7 => return ip_address(general_name.value).map(Identifier::Ip),
        0 => match device(general_name.value) {
            Ok(device) => return Ok(device),
            Err(NoDevice::AnotherType) => "other name",
            Err(NoDevice::Unreadable(why)) => {
                return Err(bad(format!("a device in its subjectAltName: {why}")));
            }
        },
        1 => "email address",
        3 => "X.400 address",
        4 => "directory name",
        5 => "EDI party name",
        6 => "URI",
        8 => "registered id",
        _ => "name of an unknown kind",
    };
    Err(bad(format!(
        "its subjectAltName holds an entry of kind {kind}; only DNS names, IP addresses, permanent identifiers and hardware modules are issued for"
    )))
}

fn dns_name(value: &[u8]) -> Result<DnsName, Problem> {
    let refuse = |why: &dyn std::fmt::Display| {
        let name = printable(value, SHOWN);
        bad(format!("the name {name:?} in its subjectAltName: {why}"))
    };
    let name = std::str::from_utf8(value).map_err(|e| refuse(&e))?;
    name.parse().map_err(|e| refuse(&e))
}

fn ip_address(value: &[u8]) -> Result<IpAddr, Problem> {
    let v4: Result<[u8; 4], _> = value.try_into();
    let v6: Result<[u8; 16], _> = value.try_into();
    v4.map(IpAddr::from)
        .or_else(|_| v6.map(IpAddr::from))
        .map_err(|_| bad("an IP address in its subjectAltName is not 4 or 16 octets long"))
}

/// What a common name asks for beside the names of subjectAltName. An address in it repeats one
/// that stands where it belongs, or is refused; an empty one says nothing.
fn common_identifier(
    value: Element<'_>,
    alternative: &[Identifier],
) -> Result<Option<Identifier>, Problem> {
    let Some(name) = text(value) else {
        return Err(bad("its common name is not a text that can be read"));
    };
    if name.is_empty() {
        return Ok(None);
    }
    let refuse = |why: &dyn std::fmt::Display| {
        let name = printable(name.as_bytes(), SHOWN);
        bad(format!("the common name {name:?}: {why}"))
    };
    if let Ok(ip) = name.parse() {
        return if alternative.contains(&Identifier::Ip(ip)) {
            Ok(None)
        } else {
            Err(refuse(
                &"an address must stand in subjectAltName as iPAddress",
            ))
        };
    }
    match name.parse() {
        Ok(name) => Ok(Some(Identifier::Dns(name))),
        Err(why) => Err(refuse(&format_args!(
            "it must be one of the order's names, or be left out ({why})"
        ))),
    }
}

/// Whether a common name is the identity of this device.
fn is_identity(common_name: Element<'_>, identifier: &Identifier) -> bool {
    match identifier {
        Identifier::PermanentIdentifier(device) => {
            text(common_name).is_some_and(|name| name == device.value())
        }
        Identifier::HardwareModule(_) | Identifier::Dns(_) | Identifier::Ip(_) => false,
    }
}

/// The text of a DirectoryString ([RFC 5280 § 4.1.2.4](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.4)).
fn text(value: Element<'_>) -> Option<String> {
    match value.tag {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::TeletexString => {
            String::from_utf8(value.value.to_vec()).ok()
        }
        Tag::BmpString => {
            let (units, []) = value.value.as_chunks::<2>() else {
                return None;
            };
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        _ => None,
    }
}
