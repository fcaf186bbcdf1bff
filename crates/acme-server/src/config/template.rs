//! The commented configuration file that `init` and `dev` write: every key with its meaning, its
//! unit and its default.

/// A key that the file shall set instead of showing its default.
pub struct TemplateValue<'a> {
    /// The dotted key, `listen.acme`; `provisioner.` stands for the one provisioner of the file.
    pub key: &'a str,
    /// Its value.
    pub value: toml::Value,
}

/// The text of the file, with these keys set.
#[must_use]
pub fn template(values: &[TemplateValue<'_>]) -> String {
    let mut section = String::new();
    let mut text = String::with_capacity(TEMPLATE.len() + 256);
    for line in TEMPLATE.lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
        }
        let set = key_of(line).and_then(|key| {
            let dotted = if section.is_empty() {
                key.to_owned()
            } else {
                format!("{section}.{key}")
            };
            let set = values.iter().find(|value| value.key == dotted)?;
            Some(format!("{key} = {}", set.value))
        });
        text.push_str(set.as_deref().unwrap_or(line));
        text.push('\n');
    }
    text
}

/// The key that a line sets, or would set without its `#`. Prose has a space after the `#`.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix('#').unwrap_or(line).split_once(" = ")?;
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    key.chars().all(is_key).then_some(key)
}

const TEMPLATE: &str = include_str!("template.toml");

#[cfg(test)]
pub(super) fn uncommented() -> String {
    let bare = |line: &'static str| {
        let commented = line.strip_prefix('#').filter(|_| key_of(line).is_some());
        commented.unwrap_or(line)
    };
    TEMPLATE.lines().map(bare).collect::<Vec<_>>().join("\n")
}
