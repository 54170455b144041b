import { CRC32C } from '@google-cloud/storage';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Crc32c } from './crc32c.ts';

const hex = (crc: Crc32c) => Buffer.from(crc.toString(), 'base64').toString('hex');

// RFC 3720, B.4, and the check value of the catalogue of CRCs.
test.each([
  ['32 zeros', Buffer.alloc(32), '8a9136aa'],
  ['32 ones', Buffer.alloc(32, 0xff), '62a8ab43'],
  ['32 rising', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), '46dd794e'],
  ['the digits', Buffer.from('123456789'), 'e3069283'],
  ['nothing', Buffer.alloc(0), '00000000'],
])('the checksum of %s is as published', (_, bytes, expected) => {
  expect(hex(new Crc32c().update(bytes))).toBe(expected);
});

test("in pieces of any length it is what the library's own computes of the whole", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 6 }), (pieces) => {
      const ours = new Crc32c();
      const theirs = new CRC32C();
      for (const piece of pieces) ours.update(piece);
      theirs.update(Buffer.concat(pieces));
      expect(ours.toString()).toBe(theirs.toString());
    }),
  );
});
