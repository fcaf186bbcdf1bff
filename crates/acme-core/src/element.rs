//! Reads DER an element at a time, so that what nobody knows is passed over and not encoded anew.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

/// One element of DER.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: Tag,
    pub(crate) value: &'a [u8],
    /// Tag, length and value.
    pub(crate) der: &'a [u8],
}

/// The elements that stand one after another; what they hold is not looked at.
pub(crate) fn elements(der: &[u8]) -> Result<Vec<Element<'_>>, der::Error> {
    let mut reader = SliceReader::new(der)?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        let der = reader.tlv_bytes()?;
        let any = AnyRef::from_der(der)?;
        elements.push(Element {
            tag: any.tag(),
            value: any.value(),
            der,
        });
    }
    Ok(elements)
}

/// The elements in one that must have this tag.
pub(crate) fn children<'a>(parent: Element<'a>, tag: Tag) -> Result<Vec<Element<'a>>, der::Error> {
    parent.tag.assert_eq(tag)?;
    elements(parent.value)
}

/// The tag of a `[number]` that holds elements.
pub(crate) const fn tagged(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(number),
    }
}

/// Whether an element is this object identifier. It is compared as it stands, since those that
/// nobody knows may have any length.
pub(crate) fn is(element: Element<'_>, oid: ObjectIdentifier) -> bool {
    element.tag == Tag::ObjectIdentifier && element.value == oid.as_bytes()
}

/// The object identifier that an element is; none when it is another thing or a very long one.
pub(crate) fn oid_of(element: Element<'_>) -> Option<ObjectIdentifier> {
    element.tag.assert_eq(Tag::ObjectIdentifier).ok()?;
    ObjectIdentifier::from_bytes(element.value).ok()
}
