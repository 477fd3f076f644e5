// The webhook function in Node.js: checks the secret in the path, and queues the media message.
import { createHash, timingSafeEqual } from 'node:crypto';
import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { run } from './bootstrap.mjs';
import { findInstance } from './instances.mjs';

const KINDS = {
  imageMessage: 'image',
  videoMessage: 'video',
  audioMessage: 'audio',
  documentMessage: 'document',
  stickerMessage: 'sticker',
};

const sqs = new SQSClient();

function isSecret(instance, secret) {
  const hash = createHash('sha256').update(secret).digest();
  const valid = instance?.secret_hashes.L.map((one) => Buffer.from(one.S, 'hex')) ?? [];
  return valid.some((one) => timingSafeEqual(one, hash));
}

function findMedia(event) {
  const content = event.msgContent?.documentWithCaptionMessage?.message ?? event.msgContent ?? {};
  const name = Object.keys(KINDS).find((one) => content[one]);
  return name && { kind: KINDS[name], ...content[name] };
}

async function handle(request) {
  const { instanceId, secret } = request.pathParameters;
  const instance = await findInstance(instanceId);
  if (!isSecret(instance, secret)) return { statusCode: 401, body: '' };
  const text = request.isBase64Encoded
    ? Buffer.from(request.body, 'base64').toString() : request.body;
  const event = JSON.parse(text);
  const media = findMedia(event);
  if (!media) return { statusCode: 200, body: '{"outcome":"ignored"}' };
  const job = {
    tenant: instance.tenant.S,
    instance: instanceId,
    messageId: event.messageId,
    moment: event.moment,
    kind: media.kind,
    mimetype: media.mimetype,
    mediaKey: media.mediaKey,
    directPath: media.directPath,
    fileSha256: media.fileSHA256 ?? media.fileSha256,
    fileEncSha256: media.fileEncSHA256 ?? media.fileEncSha256,
    fileName: media.fileName,
  };
  await sqs.send(new SendMessageCommand({
    QueueUrl: process.env.JOBS_QUEUE_URL,
    MessageBody: JSON.stringify(job),
    MessageGroupId: job.tenant,
  }));
  console.log(JSON.stringify({ instance: instanceId, message: job.messageId, outcome: 'queued' }));
  return { statusCode: 200, body: '{"outcome":"queued"}' };
}

await run(handle);
