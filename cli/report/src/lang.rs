//! The report's two languages: every fixed word in both.

use std::str::FromStr;

use crate::model::{Status, StepId};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Brazilian Portuguese.
    PtBr,
}

/// A text names no language that the report is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a language is one of en, pt-BR")]
pub struct UnknownLang;

impl FromStr for Lang {
    type Err = UnknownLang;
    fn from_str(text: &str) -> Result<Self, UnknownLang> {
        match text.to_ascii_lowercase().as_str() {
            "en" => Ok(Self::En),
            "pt-br" | "pt" => Ok(Self::PtBr),
            _ => Err(UnknownLang),
        }
    }
}

/// Everything that is written on every report.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Label {
    Title,
    Healthy,
    Findings,
    RootCause,
    WhatToDo,
    Flow,
    Endpoints,
    Instances,
    Folders,
    Failures,
    NoFailures,
    Controlled,
    Synthetic,
    Settings,
    LastDay,
    StoredBy,
    NotStored,
    Retrying,
    Parked,
    Expiring,
    Stack,
    Region,
    Taken,
    Instance,
    Tenant,
    Kind,
    Files,
    Records,
    Class,
    Count,
    LastReason,
    When,
    Call,
    Answer,
    Time,
    Note,
    Message,
    Strategy,
    Bytes,
    Step,
    Evidence,
    Check,
    Value,
    NoSecret,
}

impl Label {
    pub(crate) fn of(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en(),
            Lang::PtBr => self.pt_br(),
        }
    }

    fn en(self) -> &'static str {
        match self {
            Self::Title => "Diagnosis of the media pipeline",
            Self::Healthy => "Everything is well.",
            Self::Findings => "Something needs a person.",
            Self::RootCause => "Root cause",
            Self::WhatToDo => "what to do",
            Self::Flow => "The flow, step by step",
            Self::Endpoints => "W-API's endpoints",
            Self::Instances => "Instances",
            Self::Folders => "Folders: files against records",
            Self::Failures => "Media that are not stored",
            Self::NoFailures => "There are none.",
            Self::Controlled => "Controlled test: one medium by every strategy",
            Self::Synthetic => {
                "No real medium was found to try with, so the key is invented. W-API answers an invented key with 500 however well it is: this says nothing against it."
            }
            Self::Settings => "Settings and alarms",
            Self::LastDay => "The last 24 hours",
            Self::StoredBy => "Stored, by strategy",
            Self::NotStored => "Not stored yet",
            Self::Retrying => "retried",
            Self::Parked => "parked",
            Self::Expiring => "Media that are not stored and expire within 48 hours",
            Self::Stack => "stack",
            Self::Region => "region",
            Self::Taken => "examined",
            Self::Instance => "instance",
            Self::Tenant => "tenant",
            Self::Kind => "kind",
            Self::Files => "files",
            Self::Records => "records",
            Self::Class => "class",
            Self::Count => "media",
            Self::LastReason => "latest reason",
            Self::When => "when",
            Self::Call => "call",
            Self::Answer => "answer",
            Self::Time => "time",
            Self::Note => "note",
            Self::Message => "message",
            Self::Strategy => "strategy",
            Self::Bytes => "bytes",
            Self::Step => "step",
            Self::Evidence => "evidence",
            Self::Check => "check",
            Self::Value => "value",
            Self::NoSecret => "No token, key, link or telephone number is in this report.",
        }
    }

    fn pt_br(self) -> &'static str {
        match self {
            Self::Title => "Diagnóstico do caminho das mídias",
            Self::Healthy => "Está tudo bem.",
            Self::Findings => "Algo precisa de uma pessoa.",
            Self::RootCause => "Causa",
            Self::WhatToDo => "o que fazer",
            Self::Flow => "O caminho, passo a passo",
            Self::Endpoints => "Endpoints da W-API",
            Self::Instances => "Instâncias",
            Self::Folders => "Pastas: arquivos e registros",
            Self::Failures => "Mídias que não estão guardadas",
            Self::NoFailures => "Não há nenhuma.",
            Self::Controlled => "Teste controlado: uma mídia por todas as estratégias",
            Self::Synthetic => {
                "Não havia mídia real para testar, então a chave é inventada. A W-API responde 500 a uma chave inventada por melhor que esteja: isto não diz nada contra ela."
            }
            Self::Settings => "Configurações e alarmes",
            Self::LastDay => "As últimas 24 horas",
            Self::StoredBy => "Guardadas, por estratégia",
            Self::NotStored => "Ainda não guardadas",
            Self::Retrying => "em nova tentativa",
            Self::Parked => "estacionadas",
            Self::Expiring => "Mídias não guardadas que vencem em 48 horas",
            Self::Stack => "stack",
            Self::Region => "região",
            Self::Taken => "examinado",
            Self::Instance => "instância",
            Self::Tenant => "cliente",
            Self::Kind => "tipo",
            Self::Files => "arquivos",
            Self::Records => "registros",
            Self::Class => "classe",
            Self::Count => "mídias",
            Self::LastReason => "último motivo",
            Self::When => "quando",
            Self::Call => "chamada",
            Self::Answer => "resposta",
            Self::Time => "tempo",
            Self::Note => "observação",
            Self::Message => "mensagem",
            Self::Strategy => "estratégia",
            Self::Bytes => "bytes",
            Self::Step => "passo",
            Self::Evidence => "evidência",
            Self::Check => "verificação",
            Self::Value => "valor",
            Self::NoSecret => {
                "Este relatório não contém token, chave, link nem número de telefone."
            }
        }
    }
}

impl Status {
    /// The word on the report.
    pub(crate) fn word(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Ok, _) => "OK",
            (Self::Unknown, Lang::En) => "NOT CHECKED",
            (Self::Unknown, Lang::PtBr) => "NÃO VERIFICADO",
            (Self::Warn, Lang::En) => "WARN",
            (Self::Warn, Lang::PtBr) => "ATENÇÃO",
            (Self::Fail, Lang::En) => "FAIL",
            (Self::Fail, Lang::PtBr) => "FALHA",
        }
    }

    /// The class in the page's style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl StepId {
    /// The name on the report.
    pub(crate) fn name(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Connection, Lang::En) => "WhatsApp account",
            (Self::Connection, Lang::PtBr) => "Conta do WhatsApp",
            (Self::Hooks, _) => "Webhooks",
            (Self::Api, Lang::En) => "API and webhook function",
            (Self::Api, Lang::PtBr) => "API e função de webhook",
            (Self::JobsQueue, Lang::En) => "Queue of jobs",
            (Self::JobsQueue, Lang::PtBr) => "Fila de tarefas",
            (Self::DownloadFunction, Lang::En) => "Download function",
            (Self::DownloadFunction, Lang::PtBr) => "Função de download",
            (Self::WapiDownload, Lang::En) => "W-API's download",
            (Self::WapiDownload, Lang::PtBr) => "Download da W-API",
            (Self::Cdn, Lang::En) => "WhatsApp's CDN",
            (Self::Cdn, Lang::PtBr) => "CDN do WhatsApp",
            (Self::Bucket, Lang::En) => "Files in the bucket",
            (Self::Bucket, Lang::PtBr) => "Arquivos no bucket",
            (Self::Records, Lang::En) => "Records, parked jobs",
            (Self::Records, Lang::PtBr) => "Registros e estacionadas",
        }
    }
}
