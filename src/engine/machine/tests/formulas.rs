//! Back-off and idempotency keys.
