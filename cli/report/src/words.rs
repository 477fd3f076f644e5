//! The catalogue: every fixed text of the report in both languages, side by side. A missing
//! translation does not compile.

use media::failure::FailureClass;

use crate::{
    lang::Lang,
    model::{Status, StepId},
};

/// A fixed text in both languages.
pub(crate) trait Translate: Copy {
    /// The text in English and in Brazilian Portuguese.
    fn in_both_languages(self) -> (&'static str, &'static str);

    /// The text in `lang`.
    fn in_language(self, lang: Lang) -> &'static str {
        let (english, portuguese) = self.in_both_languages();
        match lang {
            Lang::En => english,
            Lang::PtBr => portuguese,
        }
    }
}

impl Translate for Status {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        match self {
            Self::Ok => ("ok", "ok"),
            Self::Unknown => ("not checked", "não verificado"),
            Self::Warn => ("attention", "atenção"),
            Self::Fail => ("failing", "falha"),
        }
    }
}

impl Translate for StepId {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        match self {
            Self::Connection => {
                ("WhatsApp account connected to W-API", "Conta do WhatsApp conectada à W-API")
            }
            Self::Hooks => ("W-API's hooks registered here", "Webhooks da W-API cadastrados aqui"),
            Self::Api => ("API Gateway and webhook function", "API Gateway e função webhook"),
            Self::JobsQueue => ("Jobs queue", "Fila de jobs"),
            Self::DownloadFunction => ("Download function", "Função download"),
            Self::WapiDownload => ("W-API's download endpoint", "Endpoint de download da W-API"),
            Self::Cdn => ("WhatsApp's CDN", "CDN do WhatsApp"),
            Self::Bucket => ("S3 bucket", "Bucket S3"),
            Self::Records => ("Records and parked queue", "Registros e fila de estacionados"),
        }
    }
}

/// A step's name on two short lines.
#[derive(Clone, Copy)]
pub(crate) enum ShortName {
    /// The upper one.
    Upper(StepId),
    /// The lower one.
    Lower(StepId),
}

impl Translate for ShortName {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        let (Self::Upper(id) | Self::Lower(id)) = self;
        let (english, portuguese) = match id {
            StepId::Connection => (["WhatsApp", "account"], ["Conta do", "WhatsApp"]),
            StepId::Hooks => (["W-API's", "hooks"], ["Webhooks", "da W-API"]),
            StepId::Api => (["API Gateway", "+ webhook"], ["API Gateway", "+ webhook"]),
            StepId::JobsQueue => (["Jobs", "queue"], ["Fila de", "jobs"]),
            StepId::DownloadFunction => (["Download", "function"], ["Função", "download"]),
            StepId::WapiDownload => (["W-API's", "download"], ["Download", "da W-API"]),
            StepId::Cdn => (["WhatsApp's", "CDN"], ["CDN do", "WhatsApp"]),
            StepId::Bucket => (["S3", "bucket"], ["Bucket", "S3"]),
            StepId::Records => (["Records and", "parked queue"], ["Registros e", "estacionados"]),
        };
        let ([english_upper, english_lower], [upper, lower]) = (english, portuguese);
        match self {
            Self::Upper(_) => (english_upper, upper),
            Self::Lower(_) => (english_lower, lower),
        }
    }
}

/// The verdict in one line.
#[derive(Clone, Copy)]
pub(crate) struct Headline(pub(crate) Status);

impl Translate for Headline {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        match self.0 {
            Status::Ok => (
                "Everything works: media arrive and are stored",
                "Tudo funciona: as mídias chegam e são guardadas",
            ),
            Status::Unknown => (
                "Nothing is known to be wrong, but not everything could be checked",
                "Nenhum problema conhecido, mas nem tudo pôde ser verificado",
            ),
            Status::Warn => {
                ("It works, and something needs attention", "Funciona, e algo pede atenção")
            }
            Status::Fail => (
                "Something does not work and needs a person",
                "Algo não funciona e precisa de uma pessoa",
            ),
        }
    }
}

impl Translate for FailureClass {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        match self {
            Self::Transient => (
                "An origin or the network did not deliver it in time",
                "Uma origem ou a rede não a entregou a tempo",
            ),
            Self::Instance => (
                "W-API refused the token, or the instance is not connected",
                "A W-API recusou o token, ou a instância não está conectada",
            ),
            Self::Refused => ("Larger than what is allowed", "Maior do que o permitido"),
            Self::Expired => (
                "Gone from WhatsApp's CDN, and W-API does not have it either",
                "Já saiu do CDN do WhatsApp, e a W-API também não a tem",
            ),
            Self::Corrupt => ("The key does not decrypt the file", "A chave não decifra o arquivo"),
            Self::Unread => (
                "A webhook that could not be read; its body is kept",
                "Webhook que não se conseguiu ler; o corpo está guardado",
            ),
            Self::Poison => (
                "Not a job of a known version, or its instance is not registered",
                "Job que não se entende, ou de instância não cadastrada",
            ),
        }
    }
}

/// The parts of the report that are tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// The nine steps.
    Steps,
    /// The last 24 hours.
    Hours,
    /// W-API's endpoints.
    Endpoints,
    /// The strategies beside each other.
    Controlled,
    /// The instances.
    Instances,
    /// The bucket and the records.
    Folders,
    /// What is not stored.
    Failures,
    /// What is configured.
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
                "What was found at each of the nine steps, and what to do where something is wrong.",
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
                "What W-API says of each registered instance, and whether its webhooks arrive here.",
                "O que a W-API diz de cada instância cadastrada, e se os webhooks dela chegam \
                aqui.",
            ),
            Section::Folders => (
                "The objects in the bucket, compared with the records that say stored.",
                "Os objetos no bucket, comparados com os registros que dizem que a mídia está \
                guardada.",
            ),
            Section::Failures => (
                "Media that wait for another attempt or for a person, by the class of their failure.",
                "Mídias que esperam outra tentativa ou uma pessoa, pela classe da falha.",
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
    /// How it is.
    Status,
    /// A step's number and name.
    Step,
    /// What was seen.
    Evidence,
    /// What is counted.
    Counted,
    /// How many.
    Count,
    /// Counted in 24 hours.
    Total,
    /// Hour by hour.
    PerHour,
    /// An hour of the day.
    Hour,
    /// W-API's link.
    Wapi,
    /// W-API's older endpoint.
    WapiAlternate,
    /// WhatsApp's CDN.
    Cdn,
    /// Media that wait for another try.
    Retrying,
    /// Media parked.
    Parked,
    /// Webhooks received.
    Webhooks,
    /// Method and path.
    Endpoint,
    /// The HTTP status.
    Http,
    /// How long it took.
    Latency,
    /// What it says.
    Note,
    /// A message's id.
    Message,
    /// Whose.
    Tenant,
    /// Which instance.
    Instance,
    /// What was checked.
    Check,
    /// The kind of media.
    Kind,
    /// In the bucket.
    Objects,
    /// In the records.
    Records,
    /// The class of a failure, and what it means.
    Class,
    /// The last reason.
    LastReason,
    /// The last time.
    LastAt,
    /// What is configured.
    Setting,
    /// To what.
    Value,
    /// To what it should be.
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
            Self::Wapi => ("wapi", "wapi"),
            Self::WapiAlternate => ("wapi_alternate", "wapi_alternate"),
            Self::Cdn => ("cdn", "cdn"),
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

/// The other words and phrases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phrase {
    /// What the whole is.
    Diagnosis,
    /// Before the stack's name.
    Stack,
    /// Before the region.
    Region,
    /// Before the instance.
    Instance,
    /// Instead of one instance.
    EveryInstance,
    /// Before the time.
    TakenAt,
    /// Before the root cause.
    Cause,
    /// Before the command that goes with it.
    Command,
    /// Above the drawn way.
    Flow,
    /// Of a step that nobody looked at.
    NotChecked,
    /// Stored in 24 hours.
    StoredIn24h,
    /// The CDN's share of them.
    ShareOfCdn,
    /// Not stored in 24 hours.
    NotStoredIn24h,
    /// Stored per hour.
    ChartStored,
    /// Not stored per hour.
    ChartNotStored,
    /// Webhooks per hour.
    ChartWebhooks,
    /// The same as numbers.
    Numbers,
    /// No failure was counted.
    NoFailures,
    /// A strategy that was not tried.
    NotTried,
    /// Before the time of the last webhook.
    LastWebhook,
    /// Instead of that time.
    NoWebhook,
    /// Who made the report.
    MadeBy,
}

impl Translate for Phrase {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        match self {
            Self::Diagnosis => ("Diagnosis", "Diagnóstico"),
            Self::Stack => ("Stack", "Stack"),
            Self::Region => ("Region", "Região"),
            Self::Instance => ("Instance", "Instância"),
            Self::EveryInstance => ("all", "todas"),
            Self::TakenAt => ("Taken at", "Feito em"),
            Self::Cause => ("Root cause", "Causa raiz"),
            Self::Command => ("What to run", "O que executar"),
            Self::Flow => ("The path of a media file", "O caminho de uma mídia"),
            Self::NotChecked => ("was not checked", "não foi verificado"),
            Self::StoredIn24h => ("stored in 24 h", "guardadas em 24 h"),
            Self::ShareOfCdn => ("of them from WhatsApp's CDN", "delas pelo CDN do WhatsApp"),
            Self::NotStoredIn24h => ("not stored in 24 h", "não guardadas em 24 h"),
            Self::ChartStored => ("Stored, by strategy", "Guardadas, por estratégia"),
            Self::ChartNotStored => ("Not stored", "Não guardadas"),
            Self::ChartWebhooks => ("Received", "Recebidos"),
            Self::Numbers => ("The same in numbers", "Os mesmos dados em números"),
            Self::NoFailures => {
                ("No media waits or is parked.", "Nenhuma mídia espera ou está estacionada.")
            }
            Self::NotTried => ("not tried", "não tentada"),
            Self::LastWebhook => ("last webhook", "último webhook"),
            Self::NoWebhook => ("no webhook known", "nenhum webhook conhecido"),
            Self::MadeBy => ("Made by wapi-media doctor", "Feito por wapi-media doctor"),
        }
    }
}

/// The full sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sentence {
    /// Below the title of the drawn way.
    Flow,
    /// Not stored and soon gone, after their number.
    Expiring,
    /// The keys of the test were invented.
    SyntheticKeys,
    /// The keys of the test were real.
    RealKeys,
    /// The hours are missing.
    NoHours,
}

impl Translate for Sentence {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        match self {
            Self::Flow => (
                "The download function asks W-API first, then WhatsApp's CDN. Either is enough.",
                "A função download pede primeiro à W-API, depois ao CDN do WhatsApp. Basta um dos \
                dois.",
            ),
            Self::Expiring => {
                ("not stored, expire within 48 h", "não guardadas, expiram em até 48 h")
            }
            Self::SyntheticKeys => (
                "The keys were invented: no strategy can fetch a file, and only its answer counts.",
                "As chaves são inventadas: nenhuma estratégia traz o arquivo, e só conta como ela \
                responde.",
            ),
            Self::RealKeys => (
                "The media are real: a file that one strategy cannot fetch, another may.",
                "As mídias são reais: o que uma estratégia não traz, outra pode trazer.",
            ),
            Self::NoHours => (
                "The last 24 hours could not be read.",
                "As últimas 24 horas não puderam ser lidas.",
            ),
        }
    }
}
