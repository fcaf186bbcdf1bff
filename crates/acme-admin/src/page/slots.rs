//! *Slots*: who does the work.

use maud::html;

use super::shell::{badge, page, time};
use crate::answer::Outcome;
use crate::desk::Desk;
use crate::request::Asked;
use crate::wire::ShownSlot;

impl Desk {
    pub(crate) async fn slots_page(&self, asked: &Asked<'_>) -> Outcome {
        let leases = self.services.store.leases().await?;
        let body = html! {
            p.soft {
                "A slot is the number of a replica. What it was trying goes on under the process that holds its lease; \
                 when the lease runs out, the other slots take it over."
            }
            table {
                thead { tr {
                    th scope="col" { "Slot" } th scope="col" { "Lease" } th scope="col" { "Times taken" }
                    th scope="col" { "Process" } th scope="col" { "Runs out" }
                } }
                tbody {
                    @for lease in &leases {
                        @let shown = ShownSlot::new(lease, asked.now);
                        tr {
                            td data-name="Slot" { (shown.slot) }
                            td data-name="Lease" { (badge(if shown.held { "held" } else { "free" })) }
                            td data-name="Times taken" { (shown.epoch) }
                            td data-name="Process" { code { @if shown.holder.is_empty() { "handed back" } @else { (shown.holder) } } }
                            td data-name="Runs out" { (time(lease.expires_at, asked.now)) }
                        }
                    }
                }
            }
        };
        Ok(page(asked, "/slots", "Slots", &body))
    }
}
