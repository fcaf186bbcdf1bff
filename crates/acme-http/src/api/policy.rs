//! What is decided elsewhere: the policy hook is asked, and its verdict told.

use acme_core::HookQuestion;

use super::Api;
use crate::failure::Failure;

impl Api {
    /// Asks the policy hook, if there is one. Nothing is stored before it has answered.
    pub(super) async fn ask_policy(&self, question: HookQuestion<'_>) -> Result<(), Failure> {
        let Some(hook) = &self.services.policy_hook else {
            return Ok(());
        };
        let verdict = hook.decide(question).await?;
        verdict.into_result().map_err(|problem| {
            tracing::info!(
                order_id = %question.order.id,
                account = %question.account.id,
                reason = problem.detail,
                "the policy hook denies"
            );
            problem.into()
        })
    }
}
