// A receiver in Express: takes W-API's webhooks and media events, each once, and shows pictures.

import express from "express";
import { Webhook } from "standardwebhooks";

import { doOnce, forgetOldWebhooks, listFiles, noteWapiWebhook, saveIfLater } from "./store.js";

// What `wapi-media receiver add` printed: whsec_… Without it, the application does not start.
const webhook = new Webhook(process.env.WAPI_MEDIA_SECRET);
const app = express();

// The bytes as they came: a parsed body cannot be verified. So this route stands before any
// `app.use(express.json())`. A webhook has up to 6 MiB; by default, Express refuses 100 KB.
const rawBody = express.raw({ type: () => true, limit: "6mb" });

app.post("/webhook/receive/", rawBody, (request, response) => {
  const body = request.body ?? Buffer.alloc(0);
  try {
    webhook.verify(body, request.headers, { jsonParse: false });
  } catch {
    response.status(401).send("the signature is wrong");
    return;
  }
  doOnce(request.get("webhook-id"), () => handle(parse(body)));
  response.sendStatus(204);
  // The answer is on its way. What takes long belongs here, or into a queue.
  forgetOldWebhooks();
});

/** The object in the body. What is no JSON will never be, so that it is not worth a 500. */
function parse(body) {
  try {
    return JSON.parse(body.toString()) ?? {};
  } catch {
    console.warn(`a webhook of ${body.length} bytes is not JSON`);
    return {};
  }
}

/** Does the work of one webhook. An unknown type is no error: later versions may add some. */
function handle(event) {
  const type = String(event.type);
  if (type === "media.stored") {
    saveFile(event);
  } else if (type === "media.erased") {
    // If you made a copy of the file, remove it here too.
    saveIfLater({ fileId: event.data.file_id, toldAt: Date.parse(event.timestamp), isErased: 1 });
  } else if (event.schema_version === undefined) {
    // What W-API posted, byte for byte. This stands for your own work with it.
    noteWapiWebhook(String(event.event));
  }
}

/** Keeps the link of a stored file. There is none if the tenant has no links. */
function saveFile({ timestamp, data }) {
  saveIfLater({
    fileId: data.file_id,
    toldAt: Date.parse(timestamp),
    isErased: 0,
    kind: data.kind,
    sentAt: Date.parse(data.moment),
    link: data.link?.url,
    linkEndsAt: data.link?.ends_at && Date.parse(data.link.ends_at),
  });
}

app.get("/", (request, response) => {
  const { files, webhooks } = listFiles();
  response.send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>Pictures</title>
<h1>Pictures</h1>
<p>Webhooks of W-API: ${webhooks}</p>
${files.map(showFile).join("\n") || "<p>No file has arrived yet.</p>"}
</html>`);
});

/** A file on the page. Whoever has its link can open it, so no other site may learn it. */
function showFile({ kind, link }) {
  if (kind === "image" || kind === "sticker") {
    const style = 'referrerpolicy="no-referrer" loading="lazy" width="240" alt=""';
    return `<img src="${escapeHtml(link)}" ${style}>`;
  }
  return `<a href="${escapeHtml(link)}" referrerpolicy="no-referrer">${escapeHtml(kind)}</a>`;
}

function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}

const port = Number(process.env.PORT ?? 3000);
app.listen(port, "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(`http://127.0.0.1:${port}/`);
});
