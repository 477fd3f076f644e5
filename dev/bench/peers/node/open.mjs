// Streams that check a media file: the hash of a plain file, or the MAC of an encrypted one.
import { createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { Transform } from 'node:stream';

const MAC_BYTES = 10;
const INFO = { image: 'Image', sticker: 'Image', video: 'Video', audio: 'Audio',
  document: 'Document' };

/** Passes a plain file on, and fails at its end unless its hash is the announced one. */
export function checkHash(job) {
  const hash = createHash('sha256');
  return new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const isIt = hash.digest('base64') === job.fileSha256;
      done(isIt ? null : new Error('the bytes differ from the announced hash'));
    },
  });
}

/** Decrypts a file, and fails at its end unless its MAC and the announced hash are right. */
export function openFile(job) {
  const mediaKey = Buffer.from(job.mediaKey, 'base64');
  const keys = Buffer.from(
    hkdfSync('sha256', mediaKey, '', `WhatsApp ${INFO[job.kind]} Keys`, 112));
  const iv = keys.subarray(0, 16);
  const decipher = createDecipheriv('aes-256-cbc', keys.subarray(16, 48), iv);
  const mac = createHmac('sha256', keys.subarray(48, 80)).update(iv);
  const hash = createHash('sha256');
  let tail = Buffer.alloc(0);
  const open = (encrypted) => {
    mac.update(encrypted);
    const plain = decipher.update(encrypted);
    hash.update(plain);
    return plain;
  };
  return new Transform({
    transform(chunk, _encoding, done) {
      const all = tail.length ? Buffer.concat([tail, chunk]) : chunk;
      const end = Math.max(all.length - MAC_BYTES, 0);
      tail = all.subarray(end);
      done(null, open(all.subarray(0, end)));
    },
    flush(done) {
      try {
        if (!timingSafeEqual(mac.digest().subarray(0, MAC_BYTES), tail)) {
          throw new Error('the MAC is wrong');
        }
        const last = decipher.final();
        if (hash.update(last).digest('base64') !== job.fileSha256) {
          throw new Error('the bytes differ from the announced hash');
        }
        done(null, last);
      } catch (error) {
        done(error);
      }
    },
  });
}
