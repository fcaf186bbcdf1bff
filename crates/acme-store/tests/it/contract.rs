//! The contract of core's `Store` port, which every engine must keep.

pub(crate) mod accounts;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod authorizations;
pub(crate) mod blocked_keys;
pub(crate) mod certificates;
pub(crate) mod devices;
pub(crate) mod finalize;
pub(crate) mod leases;
pub(crate) mod lists;
pub(crate) mod nonces;
pub(crate) mod operators;
pub(crate) mod orders;
pub(crate) mod prune;
pub(crate) mod races;
pub(crate) mod records;
pub(crate) mod renewals;
pub(crate) mod replicas;
pub(crate) mod revocations;
pub(crate) mod standing;
pub(crate) mod validation;

/// Runs the whole contract on an engine; `$open` gives a store and what must outlive it.
macro_rules! contract {
    ($open:path) => {
        contract! { $open;
            leases: [
                epochs_grow_with_each_take,
                a_live_lease_is_held_and_a_dead_one_is_free,
                renewal_is_fenced_by_the_epoch,
                a_lease_that_was_handed_back_is_free_at_once,
                every_worker_act_is_fenced,
                leases_are_listed_by_slot,
            ],
            nonces: [
                a_nonce_is_good_once,
                a_nonce_of_an_unknown_epoch_is_refused,
                a_nonce_that_ran_out_is_refused_and_forgotten,
                an_older_epochs_nonces_stay_good,
                the_key_is_drawn_once,
            ],
            accounts: [
                an_account_comes_back_as_it_went,
                a_key_has_one_account_at_a_provisioner,
                an_account_is_updated_while_it_is_valid,
                a_key_for_external_accounts_comes_back_as_it_went,
                a_key_for_external_accounts_makes_no_more_than_it_may,
                a_key_is_changed_unless_it_is_in_use,
                deactivation_ends_what_is_pending,
                deactivation_leaves_others_alone,
            ],
            orders: [
                an_order_comes_back_as_it_went,
                an_ended_account_opens_no_order,
                an_order_that_is_not_there,
                an_order_is_being_tried_while_a_challenge_is,
                an_order_is_ready_when_all_its_authorizations_are_valid,
                an_authorization_shows_the_newest_attempts_of_each_challenge,
                an_authorization_serves_several_orders,
                a_given_up_authorization_takes_its_orders_with_it,
                a_valid_authorization_can_be_given_up,
                a_settled_authorization_is_returned_as_it_is,
                another_accounts_authorization_is_not_found,
            ],
            validation: [
                a_request_starts_at_once_and_claims,
                a_request_that_does_not_claim_leaves_it_due,
                another_accounts_challenge_is_not_found,
                a_settled_challenge_is_returned_as_it_is,
                a_request_on_an_expired_authorization_changes_nothing,
                a_request_while_an_attempt_is_made_does_not_claim,
                a_request_starts_a_new_window,
                a_poll_only_reads_while_the_window_lasts,
                a_poll_arms_a_window_that_has_ended,
                the_view_shows_the_newest_attempts_first,
            ],
            attempts: [
                what_is_due_is_claimed_once,
                the_most_overdue_come_first,
                the_next_due_time_is_told,
                a_claim_knows_what_to_probe,
                a_failure_is_tried_again_on_schedule,
                a_proof_makes_all_valid,
                a_contradiction_makes_all_invalid,
                an_exhausted_window_stays_processing,
                an_exhausted_window_may_be_invalid,
                siblings_stop_when_one_is_valid,
                a_claim_is_recorded_once,
                a_lost_claim_is_due_again_and_not_counted,
                a_claim_that_was_lost_to_another_is_superseded,
                a_claim_that_was_put_off_comes_back,
                a_record_after_deactivation_changes_nothing,
                expired_challenges_end,
                a_proof_that_comes_too_late_is_not_valid,
                attempts_are_told_oldest_first,
            ],
            devices: [
                a_proof_that_comes_along_settles_all_at_once,
                a_proof_that_is_refused_ends_all_at_once,
                a_request_without_its_proof_starts_nothing,
            ],
            finalize: [
                a_ready_order_is_finalized,
                an_order_that_is_not_ready_is_not_finalized,
                an_expired_order_is_not_finalized,
                completing_again_changes_nothing,
                a_refusal_ends_the_order,
                a_serial_number_is_never_used_twice,
                unsigned_certificates_are_found_by_their_slot,
                an_order_that_is_not_there,
            ],
            certificates: [
                a_certificate_comes_back_as_it_went,
                a_form_that_is_not_part_of_the_certificate_is_kept,
                a_certificate_is_found_by_its_serial_number,
                a_certificate_is_revoked_once,
                what_was_not_signed_cannot_be_revoked,
                an_issuer_is_kept_once,
            ],
            lists: [
                accounts_by_page,
                orders_by_page,
                orders_that_ended_are_not_listed,
                certificates_by_page_and_filter,
                a_rare_match_is_found_across_pages,
                processing_challenges_the_next_due_first,
                a_strange_place_is_an_empty_page,
            ],
            prune: [
                what_ended_stays_for_its_retention,
                pruning_goes_in_batches,
                what_is_being_finalized_stays,
                an_authorization_stays_while_an_order_names_it,
                certificates_have_their_own_retention,
            ],
            standing: [
                what_is_waiting_is_counted,
                a_window_that_has_ended_is_counted,
            ],
            authorizations: [
                a_valid_authorization_is_found_and_lives_on,
                an_order_rests_on_what_its_account_has,
                an_authorization_comes_before_its_order,
                an_account_has_not_too_many_pending_authorizations,
                the_oldest_of_too_many_orders_is_superseded,
            ],
            blocked_keys: [
                a_compromised_key_is_blocked_for_ever,
            ],
            renewals: [
                a_mark_for_early_renewal_comes_and_goes,
                a_later_replacement_supersedes_an_unfinished_one,
                a_certificate_is_replaced_once,
                what_is_gone_is_not_replaced,
                one_of_two_replacements_goes_on,
            ],
            revocations: [
                the_log_is_read_on_from_where_it_was_read,
                a_list_never_goes_back,
                pruned_entries_leave_the_count,
            ],
            replicas: [
                ownership_follows_the_last_request,
                a_new_epoch_frees_what_the_old_one_was_making,
                the_living_adopt_what_the_dead_own,
                adoption_waits_for_the_attempt_in_flight,
                adoption_goes_in_batches_and_takes_orders,
                nobody_adopts_from_the_living,
            ],
            races: [
                one_of_two_begins_to_finalize,
                one_of_two_spends_a_nonce,
                claims_are_disjoint,
                one_of_two_requests_claims,
                one_of_two_makes_the_account,
                one_of_two_changes_the_key,
                one_of_two_has_the_last_use_of_an_external_key,
                no_order_outlives_its_account,
                two_authorizations_at_once_make_the_order_ready,
                one_of_two_takes_the_lease,
                one_of_two_revokes,
            ],
            audit: [
                each_act_leaves_an_entry,
                what_changes_nothing_leaves_nothing,
                many_writers_keep_the_chains_whole,
                a_pruned_trail_is_still_whole,
                the_trail_goes_by_pages,
            ],
            operators: [
                an_operator_is_known_by_a_proof_until_it_ends,
                a_name_is_one_operators_at_a_time,
                a_revoked_operator_is_known_by_nothing,
                a_link_begins_one_session,
                a_link_that_ran_out_begins_nothing,
                one_of_two_uses_a_link,
                proofs_that_ran_out_are_pruned,
            ],
            records: [
                every_order_is_listed_once,
                authorizations_are_found_by_name,
                the_first_certificate_to_end_comes_first,
                accounts_are_listed_by_status,
            ],
        }
    };
    ($open:path; $($module:ident: [$($case:ident,)*],)*) => {$(
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let (store, _keep) = $open().await;
                    let world = crate::world::World::new(store);
                    crate::contract::$module::$case(world).await;
                }
            )*
        }
    )*};
}
