"""Files that are checked while they are read: a plain one, or an encrypted one."""

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7

MAC_BYTES = 10
READ_BYTES = 1024 * 1024
INFO = {"image": "Image", "sticker": "Image", "video": "Video", "audio": "Audio",
        "document": "Document"}


class PlainFile:
    """A plain file. Its end raises an error unless its hash is the announced one."""

    def __init__(self, job, source):
        self.expected = job["fileSha256"]
        self.source = source
        self.hash = hashlib.sha256()
        self.rest = bytearray()
        self.is_over = False

    def next_piece(self):
        """Returns the next plain bytes; none at the end."""
        piece = self.source.read(READ_BYTES)
        if not piece:
            self.check_hash()
        else:
            self.hash.update(piece)
        return piece

    def check_hash(self):
        """Compares the hash with the announced one."""
        if base64.b64encode(self.hash.digest()).decode() != self.expected:
            raise ValueError("the bytes differ from the announced hash")

    def read(self, size=-1):
        """Returns `size` plain bytes, fewer only at the end, as boto3 reads a file."""
        while not self.is_over and (size < 0 or len(self.rest) < size):
            piece = self.next_piece()
            self.is_over = not piece
            self.rest += piece
        if size < 0:
            size = len(self.rest)
        answer = bytes(self.rest[:size])
        del self.rest[:size]
        return answer


class EncryptedFile(PlainFile):
    """An encrypted file. Its end also raises an error unless its MAC is right."""

    def __init__(self, job, source):
        super().__init__(job, source)
        info = f"WhatsApp {INFO[job['kind']]} Keys".encode()
        key = base64.b64decode(job["mediaKey"])
        keys = HKDF(algorithm=SHA256(), length=112, salt=None, info=info).derive(key)
        self.cipher = Cipher(algorithms.AES(keys[16:48]), modes.CBC(keys[:16])).decryptor()
        self.padding = PKCS7(128).unpadder()
        self.mac = HMAC(keys[48:80], SHA256())
        self.mac.update(keys[:16])
        self.tail = b""

    def next_piece(self):
        """Decrypts until there are plain bytes; none at the end."""
        while read := self.source.read(READ_BYTES):
            encrypted = self.tail + read
            encrypted, self.tail = encrypted[:-MAC_BYTES], encrypted[-MAC_BYTES:]
            self.mac.update(encrypted)
            piece = self.padding.update(self.cipher.update(encrypted))
            self.hash.update(piece)
            if piece:
                return piece
        return self.end()

    def end(self):
        """Checks the MAC, once, and then the hash."""
        if self.tail is None:
            return b""
        if not hmac.compare_digest(self.mac.finalize()[:MAC_BYTES], self.tail):
            raise ValueError("the MAC is wrong")
        self.tail = None
        piece = self.padding.update(self.cipher.finalize()) + self.padding.finalize()
        self.hash.update(piece)
        self.check_hash()
        return piece
