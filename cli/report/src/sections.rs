//! The catalogue of the tables: their titles, explanations and column headers in both languages.

use media::strategy::Strategy;

use crate::translate::Translate;

/// The parts of the report that are tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// The nine steps.
    Steps,
    /// The last 24 hours.
    Hours,
    /// W-API's endpoints.
    Endpoints,
    /// The strategies side by side.
    Controlled,
    /// The instances.
    Instances,
    /// The bucket and the records.
    Folders,
    /// Unstored media.
    Failures,
    /// The settings.
    Settings,
}

impl Translate for Section {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        match self {
            Self::Steps => ("Step by step", "Passo a passo"),
            Self::Hours => ("The last 24 hours", "As últimas 24 horas"),
            Self::Endpoints => ("W-API's endpoints", "Endpoints da W-API"),
            Self::Controlled => ("Strategies side by side", "Estratégias lado a lado"),
            Self::Instances => ("Instances", "Instâncias"),
            Self::Folders => ("Bucket and records", "Bucket e registros"),
            Self::Failures => ("Media not stored", "Mídias não guardadas"),
            Self::Settings => ("Settings", "Configuração"),
        }
    }
}

/// What a section shows, in one sentence.
#[derive(Clone, Copy)]
pub(crate) struct Explanation(pub(crate) Section);

impl Translate for Explanation {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        match self.0 {
            Section::Steps => (
                "What was found at each of the nine steps, and what to do where something is \
                wrong.",
                "O que foi visto em cada um dos nove passos, e o que fazer onde algo está errado.",
            ),
            Section::Hours => (
                "What was stored and by which strategy, and what was not stored.",
                "O que foi guardado e por qual estratégia, e o que não foi guardado.",
            ),
            Section::Endpoints => (
                "What each endpoint answered during this diagnosis.",
                "O que cada endpoint respondeu durante este diagnóstico.",
            ),
            Section::Controlled => (
                "The same media file fetched by every strategy, side by side.",
                "A mesma mídia pedida a cada estratégia, uma ao lado da outra.",
            ),
            Section::Instances => (
                "What W-API says of each registered instance, and whether its webhooks arrive \
                here.",
                "O que a W-API diz de cada instância cadastrada, e se os webhooks dela chegam \
                aqui.",
            ),
            Section::Folders => (
                "The objects in the bucket, compared with the records that say stored.",
                "Os objetos no bucket, comparados com os registros que dizem que a mídia está \
                guardada.",
            ),
            Section::Failures => (
                "Media that wait for a retry or for an operator, by the class of their failure.",
                "Mídias que esperam nova tentativa ou um operador, pela classe da falha.",
            ),
            Section::Settings => (
                "What is configured in AWS, and what to change.",
                "O que está configurado na AWS, e o que mudar.",
            ),
        }
    }
}

/// The headers of the tables' columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// The status.
    Status,
    /// A step's number and name.
    Step,
    /// The evidence of a step.
    Evidence,
    /// The name of an hourly count.
    Counted,
    /// The number of media.
    Count,
    /// The sum of 24 hours.
    Total,
    /// The bars of the hours.
    PerHour,
    /// An hour of the day.
    Hour,
    /// Media stored by one strategy.
    Strategy(Strategy),
    /// Media that wait for another attempt.
    Retrying,
    /// Parked media.
    Parked,
    /// Webhooks received.
    Webhooks,
    /// Method and path.
    Endpoint,
    /// The HTTP status.
    Http,
    /// The duration of a request.
    Latency,
    /// The excerpt of an answer.
    Note,
    /// A message's id.
    Message,
    /// The tenant.
    Tenant,
    /// The instance.
    Instance,
    /// The name of a check.
    Check,
    /// The kind of media.
    Kind,
    /// The objects in the bucket.
    Objects,
    /// The records that say stored.
    Records,
    /// The class of a failure, and what it means.
    Class,
    /// The reason of the latest failure.
    LastReason,
    /// The time of the latest failure.
    LastAt,
    /// The name of a setting.
    Setting,
    /// The value of a setting.
    Value,
    /// The right value of a setting.
    Expected,
}

impl Translate for Column {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        match self {
            Self::Status => ("Status", "Situação"),
            Self::Step => ("Step", "Passo"),
            Self::Evidence => ("What was found", "O que foi visto"),
            Self::Counted => ("What", "O quê"),
            Self::Count => ("Media", "Mídias"),
            Self::Total => ("In 24 h", "Em 24 h"),
            Self::PerHour => ("Hour by hour", "Hora a hora"),
            Self::Hour => ("Hour", "Hora"),
            Self::Strategy(strategy) => (strategy.as_str(), strategy.as_str()),
            Self::Retrying => ("waiting to retry", "aguardando nova tentativa"),
            Self::Parked => ("parked", "estacionadas"),
            Self::Webhooks => ("webhooks", "webhooks"),
            Self::Endpoint => ("Endpoint", "Endpoint"),
            Self::Http => ("HTTP", "HTTP"),
            Self::Latency => ("Took", "Levou"),
            Self::Note => ("Answer", "Resposta"),
            Self::Message => ("Message", "Mensagem"),
            Self::Tenant => ("Tenant", "Tenant"),
            Self::Instance => ("Instance", "Instância"),
            Self::Check => ("Check", "Verificação"),
            Self::Kind => ("Kind", "Tipo"),
            Self::Objects => ("In the bucket", "No bucket"),
            Self::Records => ("Recorded as stored", "Registradas como guardadas"),
            Self::Class => ("Class", "Classe"),
            Self::LastReason => ("Last reason", "Último motivo"),
            Self::LastAt => ("Last at", "Última em"),
            Self::Setting => ("Setting", "Item"),
            Self::Value => ("Is", "Está"),
            Self::Expected => ("Should be", "Deveria estar"),
        }
    }
}
