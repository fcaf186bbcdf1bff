//! TLS to the database, for each `sslmode`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use acme_core::Store as _;
use acme_store::PostgresStore;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::server::Server;

/// Writes two authorities, and a certificate of the first for `localhost`.
fn certificates(dir: &Path) {
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        fs::write(dir.join(name), issuer.pem()).unwrap();
        issuer
    };
    let right = authority("right.crt");
    authority("wrong.crt");
    for (name, host) in [("server", "localhost"), ("client", "postgres")] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, host);
        let certificate = params.signed_by(&key, &right).unwrap();
        fs::write(dir.join(format!("{name}.crt")), certificate.pem()).unwrap();
        let file = dir.join(format!("{name}.key"));
        fs::write(&file, key.serialize_pem()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sslmode_verifies_what_it_says() {
    let mut place = String::new();
    let server = Server::start(
        "-c ssl=on -c ssl_cert_file=../server.crt -c ssl_key_file=../server.key -c ssl_ca_file=../right.crt",
        |dir| {
            certificates(dir);
            place = dir.display().to_string();
        },
    );
    let (right, wrong) = (format!("{place}/right.crt"), format!("{place}/wrong.crt"));
    let by_name = server.url("localhost", "postgres");
    let by_address = server.url("127.0.0.1", "postgres");
    for (url, words, is_good, is_encrypted) in [
        (&by_name, "sslmode=disable".to_owned(), true, false),
        (&by_name, String::new(), true, true),
        (&by_name, "sslmode=prefer".to_owned(), true, true),
        (&by_name, "sslmode=require".to_owned(), true, true),
        (&by_address, "sslmode=require".to_owned(), true, true),
        (
            &by_name,
            format!("sslmode=require&sslrootcert={wrong}"),
            false,
            true,
        ),
        (
            &by_address,
            format!("sslmode=verify-ca&sslrootcert={right}"),
            true,
            true,
        ),
        (
            &by_name,
            format!("sslmode=verify-ca&sslrootcert={wrong}"),
            false,
            true,
        ),
        (
            &by_name,
            format!("sslmode=verify-full&sslrootcert={right}"),
            true,
            true,
        ),
        (
            &by_address,
            format!("sslmode=verify-full&sslrootcert={right}"),
            false,
            true,
        ),
        (
            &by_name,
            format!("sslmode=verify-full&sslrootcert={wrong}"),
            false,
            true,
        ),
        (
            &by_name,
            format!(
                "sslmode=verify-full&sslrootcert={right}&sslcert={place}/client.crt&sslkey={place}/client.key"
            ),
            true,
            true,
        ),
    ] {
        let url = format!("{url}?{words}&application_name=acme_test");
        let connected = PostgresStore::connect(&url).await;
        assert_eq!(connected.is_ok(), is_good, "{words}: {connected:?}");
        let Ok(store) = connected else { continue };
        store.ping().await.unwrap();
        let seen = encrypted(&by_address).await;
        assert_eq!(seen, Some(is_encrypted), "{words}");
        drop(store);
    }
    // A server without TLS: preferred is not required.
    let plain = Server::shared().database().await;
    PostgresStore::connect(&format!("{plain}?sslmode=prefer"))
        .await
        .unwrap();
    PostgresStore::connect(&format!("{plain}?sslmode=require"))
        .await
        .expect_err("the server has no TLS");
}

/// Whether the newest session of the store is encrypted, as the server sees it.
async fn encrypted(url: &str) -> Option<bool> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let question = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'acme_test' ORDER BY backend_start DESC LIMIT 1";
    let row = client.query_opt(question, &[]).await.unwrap();
    row.map(|row| row.get(0))
}
