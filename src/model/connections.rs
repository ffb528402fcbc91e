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

    /// How requests show who sends them: one of these.
    pub struct Auth: "`auth`" {
        /// A token: `Authorization: Bearer …`.
        bearer: Option<Spanned<Secret>>,
        /// User and password: `Authorization: Basic …`.
        basic: Option<Basic>,
        /// A key in a header of its own.
        header: Option<ApiKey>,
        /// A key in the query.
        query: Option<ApiKey>,
        /// A token that is asked for with the client's credentials, and asked for again before it expires.
        oauth2: Option<OAuth2>,
    }

    /// A user and a password.
    pub struct Basic: "`basic`" {
        /// The user's name.
        user: Spanned<Referable>,
        /// Its password.
        password: Spanned<Secret>,
    }

    /// A key of the API.
    pub struct ApiKey: "an API key" {
        /// Of the header or of the query's parameter.
        name: Spanned<Word>,
        /// The key itself.
        value: Spanned<Secret>,
    }

    /// OAuth2 client credentials.
    pub struct OAuth2: "`oauth2`" {
        /// Where tokens are given.
        url: Spanned<Referable>,
        /// Who asks.
        client_id: Spanned<Referable>,
        /// The client's secret.
        client_secret: Spanned<Secret>,
        /// What the token is for.
        scope: Option<Spanned<Referable>>,
        /// Whether id and secret stand in the request's body (unless written) or in its `Authorization`.
        credentials: Option<Spanned<Credentials>>,
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

    /// Where a client's id and secret stand in a token request.
    pub enum Credentials {
        Body = "body",
        Basic = "basic",
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
        /// How requests show who sends them, where the system leaves it open.
        auth: Option<Auth>,
        /// What comes in: one endpoint and one secret for all kinds of events.
        webhook: Option<Webhook>,
        /// How much of the system may be used at once.
        limits: Option<Limits>,
        /// When a system that fails is left alone.
        circuit: Option<Circuit>,
        /// The proxy through which requests go, such as `http://proxy.example:3128`.
        proxy: Option<Spanned<Referable>>,
        /// A file with the certificates of an authority of one's own, in PEM: `file://PATH`.
        ca: Option<Spanned<Referable>>,
    }
}
