//! The catalogue: every fixed text of the report in both languages, side by side. A missing
//! translation does not compile.

use media::failure::FailureClass;

use crate::{
    model::{Status, StepId},
    translate::Translate,
};

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
            Self::Hooks => ("W-API's hooks registered here", "Hooks da W-API apontados para cá"),
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
    /// The first line.
    Upper(StepId),
    /// The second line.
    Lower(StepId),
}

impl Translate for ShortName {
    fn in_both_languages(self) -> (&'static str, &'static str) {
        let (Self::Upper(id) | Self::Lower(id)) = self;
        let (english, portuguese) = match id {
            StepId::Connection => (["WhatsApp", "account"], ["Conta do", "WhatsApp"]),
            StepId::Hooks => (["W-API's", "hooks"], ["Hooks", "da W-API"]),
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
            Status::Fail => {
                ("Something does not work and needs attention", "Algo não funciona e pede atenção")
            }
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

/// The other words and phrases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phrase {
    /// The title of the report.
    Diagnosis,
    /// The label of the stack's name.
    Stack,
    /// The label of the region.
    Region,
    /// The label of the instance.
    Instance,
    /// The value if all instances were checked.
    EveryInstance,
    /// The label of the report's time.
    TakenAt,
    /// The label of the root cause.
    Cause,
    /// The label of the root cause's command.
    Command,
    /// The title of the drawing.
    Flow,
    /// The evidence of a step that was not checked.
    NotChecked,
    /// Stored in 24 hours.
    StoredIn24h,
    /// The CDN's share of the stored media.
    ShareOfCdn,
    /// Not stored in 24 hours.
    NotStoredIn24h,
    /// The title of the chart of stored media.
    ChartStored,
    /// The title of the chart of unstored media.
    ChartNotStored,
    /// The title of the chart of webhooks.
    ChartWebhooks,
    /// The title of the table with the charts' numbers.
    Numbers,
    /// The note if no media are unstored.
    NoFailures,
    /// A strategy that was not tried.
    NotTried,
    /// The label of the time of the last webhook.
    LastWebhook,
    /// The value if that time is not known.
    NoWebhook,
    /// The footer of the page.
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
    /// The explanation of the drawing.
    Flow,
    /// Printed after the number of media that expire soon.
    Expiring,
    /// The keys of the test were invented.
    SyntheticKeys,
    /// The keys of the test were real.
    RealKeys,
    /// The note if the last 24 hours could not be read.
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
                ("not stored, expire within 48 h", "não guardadas, vencem em até 48 h")
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
