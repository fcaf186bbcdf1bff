//! Commands of well-known clients, ready to paste.

use std::path::Path;

/// What the commands must name.
pub(super) struct Target<'a> {
    /// The directory's URL.
    pub(super) directory: &'a str,
    /// The file of the root's certificate.
    pub(super) root: &'a Path,
    /// A directory that the clients may write to.
    pub(super) dir: &'a Path,
    /// The port on which a client must answer http-01.
    pub(super) http01_port: u16,
}

/// The name in the examples: every machine has it.
pub(super) const NAME: &str = "localhost";

impl Target<'_> {
    /// certbot as any user: its files go below [`Target::dir`].
    pub(super) fn certbot(&self) -> String {
        let below = |name: &str| quoted(&self.dir.join("certbot").join(name));
        format!(
            "REQUESTS_CA_BUNDLE={} certbot certonly --standalone --http-01-port {} \\\n  \
             --server {} \\\n  \
             --agree-tos --register-unsafely-without-email --non-interactive \\\n  \
             --config-dir {} \\\n  \
             --work-dir {} \\\n  \
             --logs-dir {} \\\n  \
             -d {NAME}",
            quoted(self.root),
            self.http01_port,
            self.directory,
            below("config"),
            below("work"),
            below("logs"),
        )
    }

    /// lego.
    pub(super) fn lego(&self) -> String {
        format!(
            "LEGO_CA_CERTIFICATES={} lego --server {} \\\n  \
             --accept-tos --email you@example.com --path {} \\\n  \
             --http --http.port :{} --domains {NAME} run",
            quoted(self.root),
            self.directory,
            quoted(&self.dir.join("lego")),
            self.http01_port,
        )
    }

    /// curl, to look at the directory.
    pub(super) fn curl(&self) -> String {
        format!("curl --cacert {} {}", quoted(self.root), self.directory)
    }
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_where_a_shell_would_part_them() {
        for (path, shown) in [
            ("/tmp/acme-data/ca", "/tmp/acme-data/ca"),
            ("/tmp/my data", "'/tmp/my data'"),
            ("/tmp/o'neil", r"'/tmp/o'\''neil'"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(Path::new(path)), shown);
        }
    }
}
