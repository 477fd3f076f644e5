//! The sentences of reasons, English and Portuguese side by side.

/// Phrases that introduce a sentence.
pub(super) const INTRODUCTIONS: &[(&str, &str)] = &[
    ("not applicable: ", "não se aplica: "),
    (
        "dropped by an operator; it was parked because: ",
        "descartada por um operador; estava estacionada porque: ",
    ),
    (
        "no source delivers the file within one run: ",
        "nenhuma origem entrega o arquivo dentro de uma execução: ",
    ),
    ("dropped by an operator", "descartada por um operador"),
    // Records of earlier versions.
    (
        "given up by an operator; it was parked because: ",
        "descartada por um operador; estava estacionada porque: ",
    ),
    ("given up by an operator", "descartada por um operador"),
    ("it was parked because: ", "estava estacionada porque: "),
];

/// Every sentence that this project writes into a reason, with `{}` for the values.
pub(super) const SENTENCES: &[(&str, &str)] = &[
    // HTTP requests to an origin.
    ("the HTTP client could not be built", "o cliente HTTP não pôde ser criado"),
    ("the connection failed", "a conexão falhou"),
    ("no answer in time", "não houve resposta a tempo"),
    ("no further bytes in time", "os bytes pararam de chegar"),
    ("no bytes at a useful speed in time", "os bytes chegaram devagar demais"),
    ("no end before the invocation's deadline in time", "não terminou antes do prazo da execução"),
    (
        "at this speed the file takes longer than the strategy's share of the run",
        "nesta velocidade o arquivo leva mais que a parte da execução que cabe à estratégia",
    ),
    (
        "no source delivers the file within one run",
        "nenhuma origem entrega o arquivo dentro de uma execução",
    ),
    ("no free buffer in time", "não houve buffer livre a tempo"),
    (
        "no answer after {} s, so the CDN is asked first",
        "nenhuma resposta depois de {} s, por isso o CDN é consultado antes",
    ),
    ("no room among the batch's media in time", "não houve lugar entre as mídias do lote a tempo"),
    // As earlier versions wrote it.
    (
        "no turn among the instance's media in time",
        "não chegou a vez dela entre as mídias da instância",
    ),
    ("the origin answered {}", "a origem respondeu {}"),
    (
        "the address guard refuses a host that is not configured",
        "o filtro de endereços recusa um host que não está configurado",
    ),
    (
        "the address guard refuses the scheme or port",
        "o filtro de endereços recusa o esquema ou a porta",
    ),
    (
        "the address guard refuses the host's address",
        "o filtro de endereços recusa o endereço do host",
    ),
    // One sentence in two parts, because a reason is split at `; `.
    ("not tried: it failed too often in a row", "não foi tentada: falhou vezes demais seguidas"),
    ("next attempt in {} s", "próxima tentativa em {} s"),
    // W-API.
    ("W-API could not download the content", "a W-API não conseguiu baixar o conteúdo"),
    ("W-API refused the request's fields", "a W-API recusou os campos do pedido"),
    (
        "W-API refused the instance's credentials, or the instance is not connected",
        "a W-API recusou as credenciais da instância, ou a instância não está conectada",
    ),
    (
        "W-API does not know the path or the instance",
        "a W-API não conhece o caminho ou a instância",
    ),
    ("W-API asks to slow down", "a W-API pede para ir mais devagar"),
    ("W-API's gateway failed", "o gateway da W-API falhou"),
    ("W-API answered with an unexpected status", "a W-API respondeu com um status inesperado"),
    (
        "W-API answered with success but without a link",
        "a W-API respondeu com sucesso, mas sem link",
    ),
    ("W-API returned a link to another host", "a W-API devolveu um link para outro host"),
    ("W-API returned a link that has expired", "a W-API devolveu um link vencido"),
    ("W-API has no such endpoint", "a W-API não tem esse endpoint"),
    ("W-API reports that it does not have the file", "a W-API informa que não tem o arquivo"),
    ("W-API answered {} {} with {}", "a W-API respondeu a {} {} com {}"),
    ("W-API did not answer {} {}", "a W-API não respondeu a {} {}"),
    (
        "W-API's answer to {} {} cannot be parsed",
        "a resposta da W-API a {} {} não pôde ser interpretada",
    ),
    (
        "the file link refused the instance's credentials",
        "o link do arquivo recusou as credenciais da instância",
    ),
    ("the W-API base URL takes no paths", "a URL base da W-API não aceita caminhos"),
    ("the instance's token is not available", "o token da instância não está disponível"),
    (
        "the webhook announced no media key or no path",
        "o webhook não trouxe chave ou caminho da mídia",
    ),
    (
        "called without the required fields: nothing was sent",
        "chamado sem os campos obrigatórios: nada foi enviado",
    ),
    // The CDN.
    ("WhatsApp's copy is gone or has expired", "a cópia do WhatsApp sumiu ou venceu"),
    ("the link to WhatsApp's copy has expired", "o link para a cópia do WhatsApp venceu"),
    (
        "WhatsApp's CDN refuses a path without a signature, and the webhook announced no other",
        "o CDN do WhatsApp recusa um caminho sem assinatura, e o webhook não trouxe outro",
    ),
    ("the webhook announced no path on the CDN", "o webhook não trouxe caminho no CDN"),
    (
        "the announced path does not form a URL on any CDN host",
        "o caminho anunciado não forma uma URL em nenhum host do CDN",
    ),
    (
        "the webhook announced an encrypted file without a media key that can be read",
        "o webhook anunciou um arquivo cifrado sem chave que se possa ler",
    ),
    (
        "the file came encrypted, and the webhook announced no media key",
        "o arquivo veio cifrado, e o webhook não trouxe a chave",
    ),
    // The bytes of the file.
    (
        "the body is a web page or an error text, not the file",
        "veio uma página ou um texto de erro, e não o arquivo",
    ),
    (
        "the body ended after {} bytes, not as announced",
        "o conteúdo acabou em {} bytes, e não onde foi anunciado",
    ),
    ("the origin did not resume where it was asked to", "a origem não retomou de onde foi pedido"),
    ("the file is larger than {} bytes", "o arquivo passa de {} bytes"),
    ("the body was empty", "o conteúdo veio vazio"),
    (
        "{} bytes are not an encrypted file, whose length is 10 modulo 16 and at least 26",
        "{} bytes não são um arquivo cifrado, cujo tamanho dá resto 10 na divisão por 16 e é de \
        26 no mínimo",
    ),
    (
        "the encrypted bytes differ from the sender's hash of them",
        "os bytes cifrados não batem com o hash de quem enviou",
    ),
    (
        "the MAC is wrong under the {} keys (transfer proven: {})",
        "o MAC não confere com as chaves de {} (transferência comprovada: {})",
    ),
    (
        "the padding is wrong although the MAC is right",
        "o preenchimento está errado, embora o MAC confira",
    ),
    ("the body is the plain file, not an encrypted one", "veio o arquivo aberto, e não o cifrado"),
    (
        "the bytes are the encrypted file, not the file itself",
        "veio o arquivo cifrado, e não o próprio arquivo",
    ),
    (
        "the bytes differ from the sender's hash of them",
        "os bytes não batem com o hash de quem enviou",
    ),
    ("the cipher refused whole blocks", "a cifra recusou blocos inteiros"),
    // This stack.
    ("{} failed: {} (HTTP {})", "{} falhou: {} (HTTP {})"),
    (
        "another writer was at the same key at the same moment",
        "outra execução gravava a mesma chave no mesmo instante",
    ),
    (
        "each start brought bytes that are proven differently",
        "cada tentativa trouxe bytes com outra prova",
    ),
    (
        "the bytes are proven otherwise than their metadata claims",
        "a prova dos bytes é outra que a dos metadados",
    ),
    ("what would be stored could not be written down", "o que seria guardado não pôde ser anotado"),
    ("the stream ended without a proof", "o conteúdo acabou sem prova"),
    ("the record of the instance is malformed: {}", "o registro da instância está malformado: {}"),
    ("the instance is not registered", "a instância não está cadastrada"),
    (
        "the instance belongs to another tenant than the job says",
        "a instância é de outro tenant que o do job",
    ),
    (
        "it is stored for the tenant to whom the instance belonged before",
        "está guardada para o tenant de quem a instância era antes",
    ),
    (
        "the queue message is not a job that this version understands",
        "a mensagem da fila não é um job que esta versão entenda",
    ),
    (
        "received too often without an end: the function crashed, was throttled or ran out of time",
        "recebida vezes demais sem terminar: a função caiu, foi limitada ou ficou sem tempo",
    ),
    (
        "the token of {} does not open. Give it again: wapi-media token rotate {}",
        "o token de {} não abre. Informe de novo: wapi-media token rotate {}",
    ),
];
