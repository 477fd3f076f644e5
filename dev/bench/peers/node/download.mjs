// The download function in Node.js: streams each media file of a batch from W-API or the CDN to S3.
import { Readable, pipeline } from 'node:stream';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { run } from './bootstrap.mjs';
import { dynamodb, findInstance } from './instances.mjs';
import { checkHash, openFile } from './open.mjs';

const PART_BYTES = 8 * 1024 * 1024;
const POST_TIMEOUT_MS = 60_000;
const WEB_HEADERS = {
  origin: 'https://web.whatsapp.com',
  referer: 'https://web.whatsapp.com/',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0',
  'accept-encoding': 'identity',
};

const kms = new KMSClient();
const s3 = new S3Client();
const tokens = new Map();

async function readToken(instance) {
  const id = instance.instance.S;
  if (!tokens.has(id)) {
    const sealed = Buffer.from(instance.sealed_token.S, 'base64');
    const command = new DecryptCommand({
      CiphertextBlob: sealed, EncryptionContext: { instance: id } });
    const { Plaintext: plain } = await kms.send(command);
    tokens.set(id, Buffer.from(plain).toString());
  }
  return tokens.get(id);
}

async function get(url, headers) {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return Readable.fromWeb(response.body);
}

/** The end of the pipe; whoever reads it sees an error of either stream. */
function passThrough(source, checked) {
  return pipeline(source, checked, () => {});
}

async function fromWapi(job, instance) {
  const token = await readToken(instance);
  const { mediaKey, directPath, kind: type, mimetype } = job;
  const url = `${process.env.WAPI_BASE_URL}/message/download-media?instanceId=${job.instance}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ mediaKey, directPath, type, mimetype }),
    signal: AbortSignal.timeout(POST_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const { fileLink } = await response.json();
  return passThrough(await get(fileLink), checkHash(job));
}

async function fromCdn(job) {
  const base = process.env.CDN_BASE_URLS.split(',')[0];
  return passThrough(await get(base + job.directPath, WEB_HEADERS), openFile(job));
}

function write(job, values) {
  const names = Object.keys(values);
  return dynamodb.send(new UpdateItemCommand({
    TableName: process.env.MEDIA_TABLE,
    Key: { instance: { S: job.instance }, message: { S: job.messageId } },
    UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(
      names.map((name) => [`:${name}`, { S: String(values[name]) }])),
  }));
}

async function store(job) {
  const instance = await findInstance(job.instance);
  await write(job, { state: 'working', since: Date.now() });
  const strategy = instance.strategies.L[0].S;
  const body = strategy === 'cdn' ? await fromCdn(job) : await fromWapi(job, instance);
  const key = `${job.tenant}/${job.instance}/${job.messageId}`;
  const upload = new Upload({
    client: s3,
    partSize: PART_BYTES,
    queueSize: 2,
    params: { Bucket: process.env.MEDIA_BUCKET, Key: key, Body: body, ContentType: job.mimetype },
  });
  await upload.done();
  await write(job, { state: 'stored', key, strategy, stored_at: Date.now() });
  console.log(JSON.stringify({ message: job.messageId, strategy, outcome: 'stored' }));
}

async function handle(event) {
  const stored = await Promise.allSettled(
    event.Records.map((record) => store(JSON.parse(record.body))));
  const failed = event.Records.filter((_, n) => stored[n].status === 'rejected');
  for (const one of stored) if (one.reason) console.error(one.reason);
  return { batchItemFailures: failed.map((one) => ({ itemIdentifier: one.messageId })) };
}

await run(handle);
