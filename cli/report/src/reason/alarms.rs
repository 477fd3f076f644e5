//! What each alarm means and what to do, in Portuguese.

/// What an alarm says to do, by its name in `template.yaml`.
pub(super) const ALARMS: &[(&str, &str)] = &[
    (
        "ParkedToRepairAlarm",
        "Algo foi estacionado na última hora e espera que uma pessoa corrija a causa. `wapi-media \
        parked list` mostra cada um com a classe, o motivo e o que fazer. Corrija a causa e \
        devolva os jobs à fila: `wapi-media parked redrive`. O alarme se desliga uma hora depois \
        do último; o que está estacionado fica.",
    ),
    (
        "ParkedToResendAlarm",
        "Dez ou mais mídias foram estacionadas na última hora com a classe expired ou corrupt. Veja \
        `wapi-media parked list --class expired` e `wapi-media parked list --class corrupt`. Se as \
        mensagens são antigas, peça que enviem os arquivos de novo; se são novas, o WhatsApp ou a \
        W-API mudou uma resposta: veja se há uma atualização desta stack.",
    ),
    (
        "NothingStoredAlarm",
        "Há uma hora chegam jobs e nenhuma mídia é guardada. `wapi-media doctor` examina o gatilho, \
        a chave, o bucket, a W-API e o CDN, e diz o que fazer. Reentregas e mídias que as regras \
        do tenant deixam de fora não contam.",
    ),
    (
        "OnlyRetriesAlarm",
        "Há meia hora os jobs só são tentados de novo, e nenhuma mídia é guardada. `wapi-media tail \
        --since 1h --outcome retrying --no-follow` mostra o motivo. Nada se perdeu ainda: um job é \
        tentado por pelo menos seis horas. Se a W-API ou o WhatsApp está fora do ar, espere. \
        Senão, use `wapi-media doctor`.",
    ),
    (
        "InFlightAlarm",
        "Mais de 60.000 jobs estão em andamento ou esperam a próxima tentativa, metade do que o SQS \
        permite por fila. Com 120.000, o SQS não entrega jobs novos. `wapi-media tail --since 1h \
        --outcome retrying --no-follow` mostra o motivo. Se a causa for demorar, peça à AWS uma \
        cota maior de mensagens em voo, ou desligue o gatilho até a origem funcionar.",
    ),
    (
        "ExpiringAlarm",
        "Os arquivos de mídias não guardadas devem existir por menos de 48 horas ainda. `wapi-media \
        parked list --expiring-within 48h` mostra as que estão estacionadas, e `wapi-media media \
        find --state retrying --since 14days` as que ainda são tentadas. Corrija a causa agora e \
        devolva-as à fila: `wapi-media parked redrive --expiring-within 48h`.",
    ),
    (
        "WatchErrorsAlarm",
        "Em cada uma de três horas a função watch falhou pelo menos uma vez. Jobs cuja espera \
        acabou podem ser enviados com atraso, e o que vence em breve pode não ser contado. \
        `wapi-media tail --since 3h --no-follow` mostra o erro. AccessDenied ou erro do KMS: \
        publique a stack de novo e confira a política da sua chave. Throttling passa sozinho. Se \
        continuar, use `wapi-media doctor`.",
    ),
    (
        "WatchSilentAlarm",
        "Há duas horas a função watch não conta o que vence em breve nem o que o SQS estacionou. \
        `wapi-media doctor` examina as funções. `aws events list-rules` mostra se a regra com \
        WatchSchedule no nome está desligada; `aws events enable-rule --name NAME` a liga. Em uma \
        stack nova, o alarme fica ligado por uma hora ou mais e se desliga sozinho.",
    ),
    (
        "QueueRefusedAlarm",
        "O SQS não aceitou jobs da função webhook. Nada se perdeu: a tabela de jobs os tem, e a \
        função watch os envia em minutos. Se durar, `wapi-media tail --since 1h --no-follow` \
        mostra o erro do SQS nos avisos da função webhook. AccessDenied ou erro do KMS: publique a \
        stack de novo e confira a política da sua chave. Throttling passa sozinho. \
        NonExistentQueue: alguém apagou a fila.",
    ),
    (
        "DueJobsSilentAlarm",
        "Há 15 minutos a função watch não envia os jobs cuja espera acabou: nenhum job que espera \
        mais que isso é tentado. `wapi-media doctor` examina as funções. `aws events list-rules` \
        mostra se a regra com DueSchedule no nome está desligada; `aws events enable-rule --name \
        NAME` a liga. Em uma stack nova, o alarme fica ligado por alguns minutos e se desliga \
        sozinho.",
    ),
    (
        "DueJobsLateAlarm",
        "Jobs cuja espera acabou são enviados com mais de 15 minutos de atraso: há mais deles do \
        que a função watch consegue enviar. `wapi-media tail --since 1h --no-follow` mostra sent, \
        failed e is_complete de cada minuto. Se failed é 0, é a fila de uma queda que está sendo \
        enviada: espere. Nada se perde. Senão, faça o que diz o DueJobsFailedAlarm.",
    ),
    (
        "DueJobsFailedAlarm",
        "Há 15 minutos a função watch não consegue enviar jobs cuja espera acabou. Enquanto isso \
        eles não são tentados; nada se perde. `aws logs tail \"<output WatchLogs>\" --since 1h \
        --filter-pattern '{ $.level = \"ERROR\" }'` mostra o erro da AWS. AccessDenied ou erro do \
        KMS: publique a stack de novo e confira a política da sua chave. Throttling passa sozinho. \
        NonExistentQueue: alguém apagou a fila; crie-a de novo com o mesmo nome e a mesma \
        configuração.",
    ),
    (
        "JobsLostAlarm",
        "A fila de jobs tinha perdido jobs, e a função watch os enviou de novo. Alguém esvaziou ou \
        apagou a fila, a função download não pôde rodar por sete dias, ou uma função caiu com os \
        jobs dela. O CloudTrail diz quem chamou PurgeQueue ou DeleteQueue; `wapi-media doctor` \
        examina as funções. Se a fila foi esvaziada, use também `wapi-media backfill --instance \
        LITE-AAAAAA-BBBBBB --since 24h` em cada instância: os jobs que nenhuma execução tinha \
        recebido não estão na tabela de jobs.",
    ),
    (
        "FoundByBackfillAlarm",
        "O log da W-API tinha mensagens de mídia de que nada havia aqui. Elas estão na fila agora: \
        nada se perdeu, mas webhooks não chegaram (ou a fila de jobs foi esvaziada). `wapi-media \
        tail --since 2h --no-follow` mostra a instância em que found passa de 0. `wapi-media \
        instance check LITE-AAAAAA-BBBBBB` diz se os hooks dela apontam para cá. Se apontam, veja \
        os outros alarmes desta stack e os 4xx e 5xx no log da API.",
    ),
    (
        "LogUnreadableAlarm",
        "O log de webhooks que a W-API guarda de uma instância não pôde ser lido por um dia. Nada \
        se perde por 30 dias: a próxima leitura que der certo continua de onde a última parou, e \
        os webhooks que chegam são tratados como sempre. `wapi-media tail --since 2h --no-follow` \
        mostra a instância em que unreadable_for_a_day é 1, com o motivo. 401 ou 403: `wapi-media \
        instance check LITE-AAAAAA-BBBBBB`, depois `wapi-media token rotate LITE-AAAAAA-BBBBBB`. \
        Se mais de 1.000 jobs esperam: o `wapi-media doctor` descobre por quê. Outro motivo: \
        pergunte à W-API.",
    ),
    (
        "BackfillErrorsAlarm",
        "Em cada uma de três horas a função backfill falhou pelo menos uma vez, e o que nunca chega \
        aqui não é encontrado em pelo menos uma instância. `wapi-media tail --since 3h \
        --no-follow` mostra o motivo. AccessDenied ou erro do KMS: publique a stack de novo e \
        confira a política da sua chave. Throttling passa sozinho. O log da W-API guarda 30 dias; \
        nada se perde se isso for corrigido antes.",
    ),
    (
        "BackfillSilentAlarm",
        "A função backfill não roda há duas horas, e o que nunca chega aqui não é encontrado. `aws \
        events list-rules` mostra se a regra com BackfillSchedule no nome está desligada; `aws \
        events enable-rule --name NAME` a liga. Se ela deve ficar desligada, publique a stack com \
        AutomaticBackfill=off, que remove este alarme. Em uma stack nova, o alarme fica ligado por \
        alguns minutos e se desliga sozinho.",
    ),
    (
        "JobsNotTakenAlarm",
        "Um job espera há meia hora, embora a função download pegue jobs novos na hora. `wapi-media \
        doctor` examina se o gatilho está ligado e se a função inicia, e diz o que fazer. Os jobs \
        esperam na fila por sete dias. Enquanto mais de 1.000 esperam, a função backfill não lê \
        nenhum log. Este alarme não conta jobs que foram recebidos três vezes ou mais.",
    ),
    (
        "DownloadErrorsAlarm",
        "A função download falhou por inteiro (queda, tempo ou memória). Nada se perde: o SQS \
        entrega os jobs dela de novo depois de cerca de uma hora. `wapi-media tail --since 1h \
        --no-follow` mostra o log dela. Se continuar, use `wapi-media doctor` e veja se há uma \
        atualização desta stack.",
    ),
    (
        "DownloadThrottlesAlarm",
        "A conta não tem mais concorrência para a função download, e cada poll recusado gasta um \
        recebimento. `aws lambda get-account-settings` mostra o limite. Reduza MaximumConcurrency \
        e publique, ou peça à AWS um limite maior.",
    ),
    (
        "WebhookErrorsAlarm",
        "A função webhook falhou e a W-API recebeu 5xx, que ela pode não repetir. `wapi-media tail \
        --since 1h --no-follow` mostra o log da função webhook. A função backfill põe na fila o \
        que faltou, em geral em até 70 minutos. Para já, em cada instância: `wapi-media backfill \
        --instance LITE-AAAAAA-BBBBBB --since 2h`. O log da W-API guarda 30 dias.",
    ),
    (
        "WebhookThrottlesAlarm",
        "A conta não tem mais concorrência para a função webhook e a W-API recebeu 5xx, que ela \
        pode não repetir. Aumente WebhookReservedConcurrency e publique, ou peça à AWS um limite \
        maior para a conta (`aws lambda get-account-settings` o mostra). A função backfill põe na \
        fila o que faltou, em geral em até 70 minutos. Para já, em cada instância: `wapi-media \
        backfill --instance LITE-AAAAAA-BBBBBB --since 2h`.",
    ),
    (
        "WebhookUnavailableAlarm",
        "Um job não pôde ser gravado e a W-API recebeu 503, que ela pode não repetir. `wapi-media \
        tail --since 1h --no-follow` mostra o erro no log da função webhook. AccessDenied ou erro \
        do KMS: publique a stack de novo e confira a política da sua chave. Throttling passa \
        sozinho. A função backfill põe na fila o que faltou, em geral em até 70 minutos. Para já, \
        em cada instância: `wapi-media backfill --instance LITE-AAAAAA-BBBBBB --since 2h`.",
    ),
    (
        "WebhookRefusedAlarm",
        "Muitos webhooks vieram com segredo errado ou de instância desconhecida, e receberam 401. \
        Compare `wapi-media instance list` com as suas instâncias na W-API. Uma que falta aqui: \
        `wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme`. Uma com o segredo errado: \
        `wapi-media webhook register LITE-AAAAAA-BBBBBB`. Se todas estão certas, alguém tenta \
        adivinhar segredos, e nenhum foi aceito.",
    ),
    (
        "WebhookMisdirectedAlarm",
        "Um webhook nomeia outra instância que a da URL: a URL foi cadastrada na W-API na instância \
        errada, e as mídias dela não são guardadas. `wapi-media tail --since 1h --outcome refused \
        --no-follow` diz a instância da URL. Compare com `wapi-media webhook show \
        LITE-AAAAAA-BBBBBB`, defina os hooks da outra instância com `wapi-media webhook register \
        LITE-AAAAAA-BBBBBB` e envie de novo o que faltou com `wapi-media backfill --instance \
        LITE-AAAAAA-BBBBBB --since 24h`.",
    ),
    (
        "WebhookUnreadAlarm",
        "Um webhook que veio com o segredo certo não pôde ser lido, no todo ou em parte. O log da \
        função webhook diz o motivo. O que recebeu 200 está guardado e estacionado: `wapi-media \
        parked list --class unread`. O que recebeu 400 não tinha nada, e o que recebeu 413 era \
        grande demais para ser guardado; o log da própria W-API o tem por 30 dias. Depois de uma \
        atualização da stack, `wapi-media parked redrive --class unread` lê de novo o que está \
        estacionado, e `wapi-media backfill --instance LITE-AAAAAA-BBBBBB --since 24h` envia o que \
        só está no log da W-API. Se houver um relay entre a W-API e esta stack, veja o que ele \
        altera.",
    ),
    (
        "WebhookRateLimitedAlarm",
        "Vieram webhooks além de WebhookRateLimit e WebhookBurstLimit, e receberam 429, que a W-API \
        pode não repetir. Se o WebhookRefusedAlarm também está ligado, são remetentes \
        desconhecidos; se for o movimento normal, aumente os limites e publique. A função backfill \
        põe na fila o que faltou, em geral em até 70 minutos. Para já, em cada instância: \
        `wapi-media backfill --instance LITE-AAAAAA-BBBBBB --since 2h`.",
    ),
    (
        "UnauthorizedAlarm",
        "A W-API recusa o token de uma instância, ou a instância não está conectada. As mídias \
        ainda podem vir do CDN do WhatsApp. `wapi-media tail --since 1h --no-follow` mostra a \
        instância em que unauthorized passa de 0. `wapi-media instance check LITE-AAAAAA-BBBBBB` \
        diz qual dos dois é: reconecte a instância na W-API, ou cadastre o token atual com \
        `wapi-media token rotate LITE-AAAAAA-BBBBBB`. Depois devolva à fila o que está \
        estacionado: `wapi-media parked redrive --class instance`.",
    ),
    (
        "HashContradictedAlarm",
        "Foi guardado um arquivo cujo MAC confere e cujo SHA-256 anunciado não. Alguns clientes do \
        WhatsApp recusam arquivos assim. `wapi-media tail --since 1h --outcome stored --no-follow` \
        mostra qual, onde integrity é mac-sha256-mismatch. Confira o arquivo, e peça que enviem de \
        novo se não for o esperado.",
    ),
    (
        "MalwareFoundAlarm",
        "O GuardDuty encontrou malware em um arquivo guardado na última hora. Ninguém consegue lê-lo, \
        e nada precisa ser feito na hora. `wapi-media media scans --verdict threat --since 2h` \
        mostra qual é; `wapi-media media erase --instance LITE-AAAAAA-BBBBBB --message \
        3EB0AAAAAAAAAAAAAAAA` o apaga.",
    ),
    (
        "MalwareScanFailedAlarm",
        "O GuardDuty não conseguiu examinar um arquivo guardado na última hora, e por isso ninguém \
        consegue lê-lo. `wapi-media media scans --verdict failed --since 2h` mostra qual é, e \
        `wapi-media media show LITE-AAAAAA-BBBBBB 3EB0AAAAAAAAAAAAAAAA` mostra o motivo. Envie o \
        arquivo de novo ao exame, como diz docs/pt-BR/operating.md.",
    ),
    (
        "MalwareScanMissingAlarm",
        "Em cada uma das últimas três horas foram guardados arquivos, e nenhum exame terminou: \
        ninguém consegue ler os arquivos novos. \
        `aws guardduty list-malware-protection-plans` diz o que falta. Nada está perdido; depois, envie ao exame os arquivos desse período.",
    ),
    (
        "ReceiverPausedAlarm",
        "Um receptor respondeu 410, ou falhou por três dias, e está em pausa: não recebe webhooks. \
        O que chega para ele fica guardado por três dias. `wapi-media receiver list` diz qual é. \
        Conserte a aplicação e depois use `wapi-media receiver resume rcv_aaaaaaaaaaaaaaaa \
        --tenant acme`; ou, se ela não volta mais, remova o receptor.",
    ),
    (
        "DeliveriesWaitAlarm",
        "Um webhook espera há uma hora por um receptor, porque o receptor falha. Outros receptores \
        e as mídias não são afetados, e nada se perde por três dias. `wapi-media receiver \
        deliveries --tenant acme` mostra quantos esperam e o que o receptor respondeu. Conserte a \
        aplicação; o que espera é enviado sozinho.",
    ),
    (
        "DeliveriesNotTakenAlarm",
        "Um webhook espera há meia hora por um receptor, embora a função deliver pegue os novos na \
        hora. `wapi-media doctor` verifica se o gatilho está ativo e se a função inicia, e diz o \
        que fazer. A fila guarda webhooks por quatro dias, mas os receptores não recebem nenhum \
        com mais de três. As mídias não são afetadas. Este alarme não conta entregas recebidas \
        três vezes ou mais.",
    ),
    (
        "DeliveriesUnavailableAlarm",
        "Há um quarto de hora a AWS recusa uma chamada de que a função deliver precisa, e webhooks \
        não chegam a um receptor: uma chave desativada, uma política, ou uma falha da AWS. \
        `wapi-media tail --since 1h --no-follow` mostra a chamada e o receptor. Nada se perde por \
        três dias; quando a AWS voltar a permitir a chamada, as entregas continuam sozinhas.",
    ),
    (
        "DeliveriesLostAlarm",
        "Um webhook não chega a um receptor: o receptor falhou por três dias, ou outra stack já \
        tinha repassado o webhook. A mídia dele é guardada mesmo assim. `wapi-media tail --since \
        1h --no-follow` mostra a instância em que not_passed_on passa de 0, e o receptor em que o \
        resultado é expired. O webhook fica no log da W-API por 30 dias: `wapi-media receiver \
        resume rcv_aaaaaaaaaaaaaaaa --tenant acme --since 10d` repassa o que foi abandonado, e com \
        `--until 0s` também o de hoje.",
    ),
    (
        "DeliverErrorsAlarm",
        "A função deliver falhou por inteiro (queda, tempo ou memória). Nada se perde: o SQS entrega \
        os webhooks de novo depois de alguns minutos. `wapi-media tail --since 1h --no-follow` \
        mostra o log dela. Se continuar, veja se há uma atualização desta stack.",
    ),
    (
        "EventsLateAlarm",
        "Os eventos de mídia estão mais de dez minutos atrasados: a função events falha, ou a fila \
        de entregas e o barramento não os aceitam. Os arquivos são guardados mesmo assim, e nada \
        se perde por 23 horas; depois, eventos se perdem. `wapi-media tail --since 1h \
        --no-follow` mostra por quê: linhas com `unpublished`.",
    ),
    (
        "ApiServerErrorsAlarm",
        "A API respondeu 5xx. Se nenhum outro alarme desta stack está ligado, a API não conseguiu \
        nem chegar à função webhook: `wapi-media doctor` examina as duas. A função backfill põe na \
        fila o que faltou, em geral em até 70 minutos. Para já, em cada instância: `wapi-media \
        backfill --instance LITE-AAAAAA-BBBBBB --since 2h`.",
    ),
];
