//! Every route, by what it is about.

mod accounts;
mod audit;
mod authorizations;
mod certificates;
mod keys;
mod orders;
mod pages;
mod process;
mod slots;
mod who;

pub(crate) use authorizations::identifier;

use crate::table::Route;

/// The tables, in the order in which they are looked through.
pub(crate) static TABLES: &[&[Route]] = &[
    who::ROUTES,
    accounts::ROUTES,
    orders::ROUTES,
    authorizations::ROUTES,
    certificates::ROUTES,
    keys::ROUTES,
    slots::ROUTES,
    audit::ROUTES,
    process::ROUTES,
    pages::ROUTES,
];
