// Code node "Verify": checks the signature over the bytes as they came, and only then reads them.
const { Webhook } = require('standardwebhooks');

// Without these two, the execution fails, and no webhook is believed: see the README.
const webhook = new Webhook($env.WAPI_MEDIA_SECRET);
const { headers } = $input.first().json;
const body = await this.helpers.getBinaryDataBuffer(0, 'data');

try {
  webhook.verify(body.toString(), headers, { jsonParse: false });
} catch {
  return [{ json: { isSigned: false } }];
}

let event = {};
try {
  event = JSON.parse(body.toString()) ?? {};
} catch {
  // What is no JSON will never be, so that it is not worth an error.
}
const webhookId = headers['webhook-id'];
return [{ json: { isSigned: true, webhookId, type: String(event.type), event } }];
