//! The throw-away PostgreSQL comes, goes and comes again.

use acme_chaos::postgres::{Durability, Postgres, Stop};

#[test]
fn it_comes_back_after_every_kind_of_end() {
    let postgres = Postgres::start(Durability::None).unwrap();
    assert!(postgres.is_ready());
    assert!(!postgres.version().unwrap().is_empty());
    for stop in [Stop::Fast, Stop::Immediate] {
        postgres.stop(stop).unwrap();
        assert!(!postgres.is_ready(), "{stop:?}");
        postgres.start_again().unwrap();
        assert!(postgres.is_ready(), "{stop:?}");
    }
    postgres.create_database("another").unwrap();
    let twice = postgres.create_database("another").unwrap_err();
    assert!(twice.to_string().contains("already exists"), "{twice}");
    assert!(postgres.kill_one_backend().is_err(), "nobody is connected");
}
