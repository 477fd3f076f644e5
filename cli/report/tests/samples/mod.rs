//! Two invented diagnoses in both languages: a healthy stack, and one whose W-API delivers nothing.

use media::strategy::Strategy;
use report::{
    ControlledTest, Endpoint, FailureCount, Folder, Hour, InstanceCheck, Lang, Report, RootCause,
    Setting, Status, Step, StepId, TestRow,
};

/// The time of the invented diagnoses.
const TAKEN_AT: i64 = 1_790_000_000;
const HOUR: i64 = 60 * 60;
/// W-API's real answer when it cannot deliver a media file.
const REFUSED: &str = r#"{"error":true,"message":"Falha ao fazer o download do conteúdo"}"#;
const PRO: &str = "AAAAAA-BBBBBB-CCCCCC";
const LITE: &str = "LITE-AAAAAA-BBBBBB";

fn say(lang: Lang, english: &str, portuguese: &str) -> String {
    match lang {
        Lang::En => english.to_owned(),
        Lang::PtBr => portuguese.to_owned(),
    }
}

/// Everything works, and W-API delivers most media.
pub(crate) fn healthy(lang: Lang) -> Report {
    Report {
        stack: "wapi-media".to_owned(),
        region: "sa-east-1".to_owned(),
        taken_at: TAKEN_AT,
        instance: None,
        root_cause: None,
        steps: steps(lang),
        endpoints: endpoints(lang, Status::Ok),
        instances: vec![instance(lang, LITE, true), instance(lang, PRO, true)],
        folders: folders(),
        failures: Vec::new(),
        controlled: Some(ControlledTest {
            synthetic_keys: false,
            rows: vec![
                row(Strategy::Wapi, Status::Ok, 200, 812, 245_310, ""),
                row(Strategy::WapiAlternate, Status::Warn, 404, 143, 0, ""),
                row(Strategy::Cdn, Status::Ok, 200, 388, 245_310, ""),
            ],
        }),
        settings: settings(lang, true),
        expiring: 0,
        hours: hours(|n| {
            let busy = busy(n);
            let (wapi, cdn) = (busy - busy / 9, busy / 9);
            (wapi, cdn, 0, 0)
        }),
    }
}

/// W-API's download endpoint fails, and WhatsApp's CDN delivers the media.
pub(crate) fn sick(lang: Lang) -> Report {
    let mut report = healthy(lang);
    report.instance = Some(LITE.to_owned());
    report.root_cause = Some(RootCause {
        sentence: say(
            lang,
            "W-API's download endpoint answers 500 “Falha ao fazer o download do conteúdo”, so \
            every media is taken from WhatsApp's CDN; what the CDN no longer has is parked.",
            "O endpoint de download da W-API responde 500 “Falha ao fazer o download do \
            conteúdo”; por isso toda mídia vem do CDN do WhatsApp, e o que o CDN já não tem fica \
            estacionado.",
        ),
        command: Some(format!("wapi-media doctor --instance {LITE} --bundle evidence.json")),
    });
    ail(&mut report, lang);
    report.endpoints = endpoints(lang, Status::Fail);
    report.instances = vec![instance(lang, LITE, false)];
    report.failures = failures();
    report.controlled = Some(ControlledTest {
        synthetic_keys: false,
        rows: vec![
            row(Strategy::Wapi, Status::Fail, 500, 2_413, 0, REFUSED),
            row(Strategy::WapiAlternate, Status::Warn, 404, 151, 0, ""),
            row(Strategy::Cdn, Status::Ok, 200, 402, 245_310, ""),
        ],
    });
    if let Some(folder) = report.folders.last_mut() {
        folder.objects = 0;
        folder.status = Status::Fail;
    }
    report.settings = settings(lang, false);
    report.expiring = 7;
    report.hours = hours(|n| {
        let busy = busy(n);
        match n {
            0..10 => (busy - busy / 9, busy / 9, 0, 0),
            10..12 => (busy / 3, busy / 2, busy / 6, 0),
            _ => (0, busy - busy / 7, busy / 7, busy / 20),
        }
    });
    report
}

/// The steps of the sick report.
fn ail(report: &mut Report, lang: Lang) {
    let mut change = |id, status, evidence: String, remedy: Option<String>| {
        for step in report.steps.iter_mut().filter(|step| step.id == id) {
            step.status = status;
            step.evidence.clone_from(&evidence);
            step.remedy.clone_from(&remedy);
        }
    };
    let evidence = say(
        lang,
        "5 of 6 hooks point here; chat-presence has no URL",
        "5 de 6 hooks apontam para cá; chat-presence está sem URL",
    );
    let remedy = format!("wapi-media webhook register {LITE} --all");
    change(StepId::Hooks, Status::Warn, evidence, Some(remedy));
    let evidence = say(
        lang,
        "500 after 2,413 ms: Falha ao fazer o download do conteúdo; 592 of 1,018 media stored in \
        24 h came this way, none in the last 12",
        "500 após 2.413 ms: Falha ao fazer o download do conteúdo; 592 de 1.018 mídias guardadas \
        em 24 h vieram por aqui, nenhuma nas últimas 12",
    );
    let remedy = say(
        lang,
        "send the evidence to W-API's support: wapi-media doctor --bundle evidence.json",
        "enviar as evidências ao suporte da W-API: wapi-media doctor --bundle evidence.json",
    );
    change(StepId::WapiDownload, Status::Fail, evidence, Some(remedy));
    let evidence = say(
        lang,
        "acme/LITE-AAAAAA-BBBBBB, sticker: 12 records say stored, 0 files exist",
        "acme/LITE-AAAAAA-BBBBBB, sticker: 12 registros dizem guardada, 0 arquivos existem",
    );
    let remedy =
        say(lang, "see the bucket's lifecycle rules", "ver as regras de ciclo de vida do bucket");
    change(StepId::Bucket, Status::Fail, evidence, Some(remedy));
    let evidence = say(
        lang,
        "14 media are parked, the oldest for 5 h",
        "14 mídias estacionadas, a mais antiga há 5 h",
    );
    let remedy = "wapi-media parked list --expiring-within 48h".to_owned();
    change(StepId::Records, Status::Warn, evidence, Some(remedy));
    let evidence = say(
        lang,
        "access denied: lambda:GetEventSourceMapping",
        "acesso negado: lambda:GetEventSourceMapping",
    );
    change(StepId::DownloadFunction, Status::Unknown, evidence, None);
}

fn steps(lang: Lang) -> Vec<Step> {
    let evidence = |id| match id {
        StepId::Connection => {
            say(lang, "connected, as 5500900000001", "conectada, como 5500900000001")
        }
        StepId::Hooks => say(lang, "6 of 6 hooks point here", "6 de 6 hooks apontam para cá"),
        StepId::Api => say(
            lang,
            "the API answers in 41 ms; the webhook function is Active",
            "a API responde em 41 ms; a função webhook está Active",
        ),
        StepId::JobsQueue => say(
            lang,
            "3 jobs wait, 12 are being worked on or wait for a retry",
            "3 jobs esperam, 12 estão em trabalho ou aguardam nova tentativa",
        ),
        StepId::DownloadFunction => say(
            lang,
            "the function is Active, its trigger Enabled",
            "a função está Active, o gatilho Enabled",
        ),
        StepId::WapiDownload => say(
            lang,
            "a real media file came in 812 ms; 965 of 1,076 media stored in 24 h came this way",
            "uma mídia real veio em 812 ms; 965 de 1.076 mídias guardadas em 24 h vieram por aqui",
        ),
        StepId::Cdn => say(
            lang,
            "a real media file came in 388 ms; the CDN's answer was decrypted and proven",
            "uma mídia real veio em 388 ms; a resposta do CDN foi decifrada e comprovada",
        ),
        StepId::Bucket => say(
            lang,
            "4,310 files, as many as the records say",
            "4.310 arquivos, tantos quantos os registros dizem",
        ),
        StepId::Records => {
            say(lang, "nothing is parked and nothing waits", "nada estacionado e nada à espera")
        }
    };
    let well = |id| Step { id, status: Status::Ok, evidence: evidence(id), remedy: None };
    StepId::ALL.into_iter().map(well).collect()
}

fn endpoints(lang: Lang, download: Status) -> Vec<Endpoint> {
    let dry = say(
        lang,
        "asked without its fields: nothing was sent",
        "consultado sem os campos: nada foi enviado",
    );
    let late = say(lang, "no answer in 10 s", "sem resposta em 10 s");
    let gave = match download {
        Status::Ok => (Some(200), Some(812), ""),
        Status::Unknown | Status::Warn | Status::Fail => (Some(500), Some(2_413), REFUSED),
    };
    let (ok, warn, unknown) = (Status::Ok, Status::Warn, Status::Unknown);
    let quick = |ms| (Some(200), Some(ms), "");
    let asked = [
        ("GET /instance/status-instance", ok, quick(96)),
        ("GET /instance/fetch-instance", ok, quick(104)),
        ("POST /message/send-text", ok, (Some(400), Some(88), &*dry)),
        ("POST /message/download-media", download, gave),
        ("POST /media/download", warn, (Some(404), Some(143), "")),
        ("GET /webhook/fetch-webhook-logs", unknown, (None, None, &late)),
    ];
    let endpoint = |(line, status, (http_status, latency_ms, note)): (&str, _, (_, _, &str))| {
        let (method, path) = line.split_once(' ').unwrap_or_default();
        Endpoint {
            method: method.to_owned(),
            path: path.to_owned(),
            status,
            http_status,
            latency_ms,
            note: note.to_owned(),
        }
    };
    asked.map(endpoint).into_iter().collect()
}

fn instance(lang: Lang, id: &str, is_well: bool) -> InstanceCheck {
    let check = |name: String, status, value: String, remedy: Option<String>| Setting {
        name,
        status,
        value,
        expected: None,
        remedy,
    };
    let ok = |name: String, value: String| check(name, Status::Ok, value, None);
    let token = say(lang, "W-API takes the token", "a W-API aceita o token");
    let own = say(
        lang,
        "no other tenant has this instance, token or account",
        "nenhum outro tenant tem esta instância, este token ou esta conta",
    );
    let hooks = match is_well {
        true => ok(
            say(lang, "hooks", "hooks"),
            say(lang, "6 of 6 point here", "6 de 6 apontam para cá"),
        ),
        false => check(
            say(lang, "hooks", "hooks"),
            Status::Warn,
            say(
                lang,
                "5 of 6 point here; chat-presence has no URL",
                "5 de 6 apontam para cá; chat-presence está sem URL",
            ),
            Some(format!("wapi-media webhook register {id} --all")),
        ),
    };
    InstanceCheck {
        tenant: "acme".to_owned(),
        instance: id.to_owned(),
        status: hooks.status,
        last_webhook_at: Some(TAKEN_AT - 37),
        checks: vec![
            ok(say(lang, "token", "token"), token),
            ok(say(lang, "tenant", "tenant"), own),
            hooks,
        ],
    }
}

fn folders() -> Vec<Folder> {
    let kinds =
        [("image", 2_118), ("video", 196), ("audio", 1_644), ("document", 340), ("sticker", 12)];
    let folder = |(kind, count): (&str, u64)| Folder {
        tenant: "acme".to_owned(),
        instance: LITE.to_owned(),
        kind: kind.to_owned(),
        objects: count,
        records: count,
        status: Status::Ok,
    };
    kinds.map(folder).into_iter().collect()
}

fn failures() -> Vec<FailureCount> {
    let one = |class: &str, count, last_reason: &str, ago| FailureCount {
        class: class.to_owned(),
        count,
        last_reason: last_reason.to_owned(),
        last_at: TAKEN_AT - ago,
    };
    vec![
        one("transient", 56, &format!("wapi: 500 {REFUSED}"), 95),
        one("expired", 14, "cdn: 410; wapi: 500", 1_860),
    ]
}

fn settings(lang: Lang, is_well: bool) -> Vec<Setting> {
    let one = |name: String, value: &str, expected: &str| Setting {
        name,
        status: Status::Ok,
        value: value.to_owned(),
        expected: Some(expected.to_owned()),
        remedy: None,
    };
    let queue = say(lang, "jobs queue", "fila de jobs");
    let trigger = say(lang, "trigger", "gatilho");
    let topic = say(lang, "who is told of alarms", "quem é avisado pelos alarmes");
    let mut settings = vec![
        one(format!("{queue}: VisibilityTimeout"), "3630", "3630"),
        one(format!("{queue}: maxReceiveCount"), "140", "140"),
        one(format!("{trigger}: ReportBatchItemFailures"), "true", "true"),
        one(topic, "1", "≥ 1"),
    ];
    if let (Some(told), false) = (settings.last_mut(), is_well) {
        told.value = "0".to_owned();
        told.status = Status::Warn;
        told.remedy = Some(
            "aws sns subscribe --protocol email --notification-endpoint you@example.com".to_owned(),
        );
    }
    settings
}

fn row(
    strategy: Strategy,
    status: Status,
    http_status: u16,
    latency_ms: u64,
    bytes: u64,
    note: &str,
) -> TestRow {
    TestRow {
        message_id: "3EB0AAAAAAAAAAAAAAAAAA".to_owned(),
        strategy,
        status,
        http_status: Some(http_status),
        latency_ms,
        bytes,
        note: note.to_owned(),
    }
}

/// The number of media in an hour: few at night, many at noon and in the afternoon.
fn busy(n: u64) -> u64 {
    let day =
        [38, 52, 61, 70, 66, 58, 81, 92, 74, 49, 33, 21, 12, 6, 3, 2, 1, 2, 9, 27, 55, 78, 96, 90];
    let n = usize::try_from(n).unwrap_or_default();
    day.get(n).copied().unwrap_or_default()
}

/// 24 hours of counts: stored by W-API, stored by the CDN, retrying, parked.
fn hours(of: impl Fn(u64) -> (u64, u64, u64, u64)) -> Vec<Hour> {
    let first = TAKEN_AT.div_euclid(HOUR) * HOUR - 23 * HOUR;
    let hour = |(n, at)| {
        let (wapi, cdn, retrying, parked) = of(n);
        Hour {
            at: first + at * HOUR,
            wapi,
            wapi_alternate: 0,
            cdn,
            retrying,
            parked,
            webhooks: Some(busy(n) * 5 / 2 + 4),
        }
    };
    (0_u64..).zip(0_i64..24).map(hour).collect()
}
