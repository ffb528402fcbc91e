//! `connections.yaml`: systems, credentials by reference, limits.

use super::read::{Keyed, Layered, Spanned, model, words};
use super::values::{Count, Duration, Rate, Referable, Secret, Word};

model! {
    /// The systems that a project speaks to.
    pub struct ConnectionsFile: "connections.yaml" {
        /// Address under which the provider reaches our webhooks.
        public_url: Option<Spanned<Referable>>,
        /// Each by a name of one's own; flows use the name.
        connections: Keyed<Layered<Connection>>,
    }

    /// What comes in: one endpoint and one secret for all kinds of events.
    pub struct Webhook: "`webhook`" {
        /// Path of the endpoint, such as `/hooks/stripe`.
        path: Spanned<Word>,
        /// How many deliveries are taken in a time; more are told to come again.
        rate: Option<Spanned<Rate>>,
        /// The provider's id of this webhook.
        id: Option<Spanned<Referable>>,
        /// How a signature is verified.
        verify: Option<Spanned<Verify>>,
        /// The shared secret.
        secret: Option<Spanned<Secret>>,
        /// The secrets that sign, several while one is being replaced.
        secrets: Vec<Spanned<Secret>> = vec![],
        /// How old a signature may be.
        tolerance: Option<Spanned<Duration>>,
        /// Where the secret stands in a request: `header.NAME` or `query.NAME`.
        place as "in": Option<Spanned<Word>>,
        /// A signature over the body.
        hmac: Option<Hmac>,
        /// JSONPath of the event's id in the body.
        event_id: Option<Spanned<Word>>,
    }

    /// A signature over the body with a shared secret.
    pub struct Hmac: "`hmac`" {
        /// Header that holds the signature.
        header: Spanned<Word>,
        /// Hash function.
        algorithm: Spanned<Algorithm>,
        /// How the signature is written.
        encoding: Spanned<Encoding>,
        /// The shared secret.
        secret: Spanned<Secret>,
    }

    /// How much of the system may be used at once.
    pub struct Limits: "`limits`" {
        /// How many requests may be under way at the same time.
        concurrency: Option<Spanned<Count>>,
        /// How many requests may be sent in a time.
        rate: Option<Spanned<Rate>>,
        /// How long one request may take.
        timeout: Option<Spanned<Duration>>,
        /// How long the system may still be working after a request without an answer.
        settle: Option<Spanned<Duration>>,
    }

    /// When a system that fails is left alone.
    pub struct Circuit: "`circuit`" {
        /// After how many failures.
        open_after: Option<Spanned<Count>>,
        /// Within which time they count.
        within: Option<Spanned<Duration>>,
        /// How often it is then tried again.
        probe_every: Option<Spanned<Duration>>,
    }
}

words! {
    /// How PayPal's signature is verified.
    pub enum Verify {
        /// Here, with the certificate.
        Local = "local",
        /// By asking PayPal.
        Postback = "postback",
    }

    /// Hash function of a signature.
    pub enum Algorithm {
        Sha256 = "sha256",
        Sha512 = "sha512",
    }

    /// How a signature is written.
    pub enum Encoding {
        Hex = "hex",
        Base64 = "base64",
    }
}

model! {
    /// One system with its credentials. The keys that only some systems have (`client_id`, `base_url`, `company`) are the
    /// catalogue's to judge: [`read`](super::read::read) those that it calls secret as `Spanned<Secret>`, the others as
    /// `Spanned<Referable>`.
    pub struct Connection: "a connection" + params {
        /// Which system it is.
        system: Spanned<Word>,
        /// What comes in: one endpoint and one secret for all kinds of events.
        webhook: Option<Webhook>,
        /// How much of the system may be used at once.
        limits: Option<Limits>,
        /// When a system that fails is left alone.
        circuit: Option<Circuit>,
    }
}
